import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field as Option

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Location, Severity
from audit_lib.probes.code.keyflow import (
    ANY,
    Flow,
    Path,
    Use,
    by_path,
    forgotten,
    key_flow,
    overlaps,
    within,
)
from audit_lib.subject.code import code_of
from audit_lib.subject.pointers import pointer_to, split_reference

_WILD = re.compile(r"[*?\[\]{}]+")


class MetadataKeysAreWrittenAndRead(Check):
    """The metadata fields that the code reads are those that the code writes.

    What it checks
        For the metadata document: fields that are read and never written, by subscript (fails) or
        with a default (always the default); fields that are read at another place than they are
        written; fields that this version lacks and a reader needs or defaults. Fields that are
        written and never read are listed.
    Why it matters
        Writer and reader are two functions in two files that agree by spelling. A renamed key with
        a default on the other side changes imputation, clipping or scaling for every prediction,
        without an error.
    How
        Follows what `json.load` returns near the name of the file forwards through variables,
        attributes, parameters and returns, and what `json.dump` is given backwards to dictionary
        displays and stores, by syntax alone.
    Limitations
        Where a value escapes (passed to a library, keys made at run time) anything below counts as
        read or written. Fields read by people or other programs count as not read.
    Remediation
        Give writer and reader one definition of the document, and read required fields by
        subscript.
    Sources
        The audit plan's checkpoint contract; RFC 6901 for the pointers.
    """

    code = "DOC002"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True
    cites = ("fields",)

    name: str = Option(
        "", description="telling part of the file name; that of `artifacts.metadata` if empty"
    )

    def run(self, subject: Subject) -> Answers:
        """Compare reads with writes, and both with the version's own metadata."""
        name = self.name or _telling(subject)
        flow = key_flow(code_of(subject.source), name)
        if not flow.dumped or not flow.loaded:
            what = "writes" if not flow.dumped else "reads"
            raise NotAssessed(f"no code was found that {what} {name}")
        if () in flow.open_writes:
            yield Gap(name, "part of what is written could not be followed")
        data = None
        with suppress(NotAssessed):
            data = subject.metadata.data
        written = {u.path for u in flow.writes}
        yield from self._never_written(flow, written, name)
        if isinstance(data, Mapping):
            yield from self._absent_here(subject, flow, written, data)
        yield from self._never_read(flow, name)
        yield from self._writers(flow, name)
        yield _table(flow, data)
        yield Examined(len({u.path for u in flow.reads}), "fields read")
        yield Examined(len(written), "fields written")

    def _never_written(self, flow: Flow, written: set[Path], name: str) -> Answers:
        for path, uses in by_path(flow.reads).items():
            parent = path[:-1]
            if path[-1] == ANY or _is_written(path, flow, written):
                continue
            if parent and not _is_written(parent, flow, written):
                continue  # told of the parent
            required = [u for u in uses if u.required and not within(path, flow.tested)]
            use = (required or uses)[0]
            elsewhere = sorted({pointer_to(*w) for w in written if w[-1] == path[-1]})
            hint = f"; a field of that name is written at {elsewhere[0]}" if elsewhere else ""
            default = next((u.default for u in uses if u.default), "")
            text = f"reads {pointer_to(*path)} of {name}"
            if required or not default:
                text += f", which nothing writes{hint}"
            else:
                text += f" with default {default}, and nothing writes it, so the default always "
                text += f"holds{hint}"
            yield self.finding(
                use.location,
                text,
                measured="never written",
                expected=elsewhere[0] if elsewhere else "written",
                key=pointer_to(*path),
                severity=self.severity if required else Severity.MEDIUM,
            )

    def _writers(self, flow: Flow, name: str) -> Answers:
        """A writer that leaves out what a reader needs and another writer writes."""
        for dump, other, use in forgotten(flow):
            yield self.finding(
                dump.location,
                f"writes {name} without {pointer_to(*use.path)}, which {use.location} needs and "
                f"{other.location} writes",
                measured="left out",
                expected="the keys that every writer writes",
                key=f"{pointer_to(*use.path)} of {dump.location.symbol}",
                cause=f"a writer of {name} leaves keys out",
                related=use.location,
            )

    def _absent_here(
        self, subject: Subject, flow: Flow, written: set[Path], data: Mapping[str, Any]
    ) -> Answers:
        lacking: dict[object, list[tuple[str, Use]]] = {}
        for path, uses in by_path(flow.reads).items():
            if path[-1] == ANY or not _is_written(path, flow, written):
                continue
            asked = within(path, flow.tested)
            required = [u for u in uses if u.required and not asked]
            use = (required or uses)[0]
            reader = (use.location.path, use.location.symbol)
            for pointer in _missing(data, path) if required or not asked else ():
                lacking.setdefault(pointer if required else reader, []).append((pointer, use))
        for lacks in lacking.values():
            pointer, use = lacks[0]
            instead = f"takes {use.default or 'None'} instead, without a word"
            more = f"; so it is with {', '.join(p for p, _ in lacks[1:7])}" if lacks[1:] else ""
            yield self.finding(
                subject.metadata.location(pointer),
                f"version {subject.version} lacks {pointer}: {use.location} "
                f"{'fails' if use.required else instead}{more}",
                measured="absent",
                expected="present",
                key=pointer if use.required or not more else f"read by {use.location.symbol}",
                severity=self.severity if use.required else Severity.MEDIUM,
            )

    def _never_read(self, flow: Flow, name: str) -> Answers:
        read = {u.path[:n] for u in flow.reads for n in range(1, len(u.path) + 1)}
        unread: dict[Path, Use] = {}
        for use in flow.writes:
            path = use.path
            if path[-1] == ANY or any(overlaps(path, r) for r in read | flow.tested):
                continue
            if within(path, flow.open_reads) or within(path[:-1], unread):
                continue
            unread.setdefault(path, use)
        top = {
            p: u for p, u in unread.items() if not any(p[:n] in unread for n in range(1, len(p)))
        }
        if top:
            use = next(iter(top.values()))
            yield self.finding(
                Location(use.location.path, line=use.location.line, symbol=use.location.symbol),
                f"{len(top)} fields of {name} are written and never read by the code: "
                + ", ".join(pointer_to(*path) for path in sorted(top)),
                measured=f"{len(top)} fields",
                expected="read, or known to be for people",
                key="never read",
                severity=Severity.INFO,
            )


def _telling(subject: Subject) -> str:
    file, _ = split_reference(subject.layout.metadata or "")
    pieces = _WILD.split(PurePosixPath(file).name)
    longest = max(pieces, key=len)
    if len(longest.partition(".")[0].strip("_-")) < 3:
        raise NotAssessed(f"artifacts.metadata {subject.layout.metadata!r} holds no telling name")
    return longest


def _is_written(path: Path, flow: Flow, written: set[Path]) -> bool:
    return any(overlaps(path, w) for w in written) or within(path, flow.open_writes)


def _missing(data: Any, path: Path) -> list[str]:
    """Pointers of the places that a path leads to and that are not there."""
    places: list[tuple[str, Any]] = [("", data)]
    for key in path[:-1]:
        inner: list[tuple[str, Any]] = []
        for pointer, value in places:
            if isinstance(value, Mapping):
                keys = list(value) if key == ANY else [key] if key in value else []
                inner += [(pointer + pointer_to(str(k)), value[k]) for k in keys]
            elif isinstance(value, list) and key == ANY:
                inner += [(f"{pointer}/{i}", v) for i, v in enumerate(value)]
        places = inner
    last = path[-1]
    return [
        pointer + pointer_to(last)
        for pointer, value in places
        if isinstance(value, Mapping) and last not in value
    ]


def _table(flow: Flow, data: Any) -> Evidence:
    paths = sorted({u.path for u in flow.reads} | {u.path for u in flow.writes})
    rows = []
    for path in paths:
        reads = sorted({str(u.location) for u in flow.reads if u.path == path})
        writes = sorted({str(u.location) for u in flow.writes if u.path == path})
        defaults = sorted({u.default for u in flow.reads if u.path == path and u.default})
        absent = isinstance(data, Mapping) and path[-1] != ANY and bool(_missing(data, path))
        rows.append(
            (pointer_to(*path), ", ".join(writes), ", ".join(reads), ", ".join(defaults),
             "absent" if absent else "")
        )  # fmt: skip
    return Evidence(
        "fields",
        "Fields of the metadata: where they are written and read",
        ("field", "written at", "read at", "defaults", "in this version"),
        tuple(rows),
    )
