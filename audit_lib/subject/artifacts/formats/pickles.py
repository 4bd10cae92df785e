"""Pickle and joblib files: every stream in them, read by an interpreter that calls nothing."""

import io
from collections.abc import Callable
from contextlib import suppress

from audit_lib.subject.artifacts.artifact import Format, Safety
from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.formats import estimators
from audit_lib.subject.artifacts.judge.machine import Machine, Scan
from audit_lib.subject.artifacts.judge.opcodes import HANDLERS
from audit_lib.subject.artifacts.judge.trust import of_a_library
from audit_lib.subject.artifacts.judge.values import Value
from audit_lib.subject.artifacts.judge.view import array_infos
from audit_lib.subject.artifacts.source import Source
from audit_lib.subject.artifacts.streams import Stream

_MOST_STREAMS = 1000


def read_pickle(source: Source, draft: Draft) -> None:
    """Read an uncompressed pickle or joblib file."""

    def reopen() -> Stream:
        source.handle.seek(0)
        return Stream(source.handle, source.size)

    read_streams(reopen, draft)


def read_streams(reopen: Callable[[], Stream], draft: Draft) -> None:
    """Read all pickles of a stream.

    Args:
        reopen: gives the stream from its beginning; called again for a second reading.
        draft: what is found; ``format`` becomes pickle or joblib.
    """
    draft.format, draft.executable = Format.PICKLE, True
    scan = Scan(draft, kept=draft.budget.kept_bytes)
    stream = reopen()
    value, wrapped = _first(stream, scan)
    if wrapped:
        draft.format = Format.JOBLIB
        _second_reading(reopen(), draft)
    estimators.take(draft, value)
    draft.arrays.extend(array_infos(scan.arrays))
    nested_pickles(scan)


def _first(stream: Stream, scan: Scan) -> tuple[Value, int]:
    """Value of the first pickle and how many joblib arrays there are; the others are judged."""
    machine = Machine(stream, scan)
    try:
        value = machine.run()
    except Undecodable as error:
        unreadable(error, scan)
        return machine.stack[-1] if machine.stack else None, machine.wrapped_arrays
    wrapped = machine.wrapped_arrays
    if "protocol" not in scan.draft.written_by:
        scan.draft.wrote("protocol", "0 or 1")
    return value, wrapped + _others(stream, scan)


def _others(stream: Stream, scan: Scan) -> int:
    """Judge the pickles that follow the first; says how many arrays they hold."""
    wrapped = 0
    for number in range(2, _MOST_STREAMS):
        try:
            if stream.ended():
                return wrapped
        except Undecodable as error:
            unreadable(error, scan)
            return wrapped
        begin = stream.tell()
        machine = Machine(stream, scan)
        scan.where = f"pickle {number}"
        try:
            machine.run()
            scan.draft.problem(f"holds pickle {number} at byte {begin}, which most readers ignore")
        except OverBudget as error:
            unreadable(error, scan)
            return wrapped + machine.wrapped_arrays
        except Undecodable:
            scan.where = ""
            scan.refuse("bytes behind the pickle that are no pickle", begin)
            return wrapped + machine.wrapped_arrays
        scan.where = ""
        wrapped += machine.wrapped_arrays
    scan.refuse(f"more than {_MOST_STREAMS} pickles in one file", stream.tell())
    return wrapped


def unreadable(error: Undecodable, scan: Scan) -> None:
    """Note that a pickle could not be read to its end; undecided is refused."""
    scan.draft.problem(f"{scan.where}: {error}" if scan.where else str(error))
    scan.refuse(f"cannot be read to its end: {error}", 0)


def _second_reading(stream: Stream, draft: Draft) -> None:
    """What ``pickle.load`` would do with a file that is meant for ``joblib.load``."""
    other = Draft(draft.budget, draft.trusted, opcodes=draft.opcodes)
    scan = Scan(other, where="read by pickle.load", kept=draft.budget.kept_bytes, second=True)
    with suppress(Undecodable):
        Machine(stream, scan, joblib=False).run()
    reasons = {(reason.global_name, reason.offset) for reason in draft.reasons}
    for reason in other.reasons:
        if (reason.global_name, reason.offset) not in reasons:
            draft.reasons.setdefault(reason)
    draft.globals |= other.globals


def nested_pickles(scan: Scan) -> None:
    """Judge constants that are pickles themselves, and those within them."""
    waiting = [(offset, data, 1) for offset, data in scan.nested]
    while waiting:
        offset, data, depth = waiting.pop(0)
        if depth > scan.draft.budget.depth:
            scan.refuse("pickles nested deeper than the budget allows", offset)
            return
        other = Draft(scan.draft.budget, scan.draft.trusted, opcodes=scan.draft.opcodes)
        inner = Scan(other, where=f"bytes at {offset}", kept=scan.kept, second=True)
        stream = Stream(io.BytesIO(data), len(data))
        try:
            Machine(stream, inner).run()
        except OverBudget as error:
            unreadable(error, scan)
            return
        except Undecodable:
            continue  # bytes that only began like a pickle
        finally:
            scan.draft.opcodes = other.opcodes
        for reason in other.reasons:
            scan.draft.reasons.setdefault(reason)
        scan.draft.globals |= other.globals
        waiting.extend((o, d, depth + 1) for o, d in inner.nested)


def looks_like_pickle(source: Source, draft: Draft, *, magic: bool = False) -> bool:
    """True if the bytes are a pickle though they do not begin like one (protocols 0 and 1).

    They are where they run to a STOP, or call something they name before they fail.

    Args:
        source: the file.
        draft: its budget.
        magic: they begin like another format, so only what is certain to run counts.
    """
    if not source.head or HANDLERS[source.head[0]] is None:
        return False
    trial = Draft(draft.budget, draft.trusted)
    scan = Scan(trial, kept=1 << 20, second=magic)
    source.handle.seek(0)
    machine = Machine(Stream(source.handle, source.size), scan)
    try:
        machine.run()
    except OverBudget:
        return True
    except Undecodable:
        # Not every text that begins with "cos" and a newline names something of os.
        harmful = any(
            (reason.safety is Safety.UNSAFE or of_a_library(reason.global_name))
            and all(part.isidentifier() for part in reason.global_name.split("."))
            for reason in trial.reasons
        )
        return machine.calls > 0 or harmful
    return source.size > 1
