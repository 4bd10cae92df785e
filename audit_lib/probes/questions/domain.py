"""The closed domain: odd inputs get a value that may be used, or a refusal, and nothing else.

What came back from an odd question is put into one of four words.  ``refused`` and ``undefined``
(NaN, or no answer where NaN stands for it) are honest; ``answered`` is a finding where the input
cannot have an answer; ``crashed`` costs the caller a traceback instead of a reason.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np

from audit_lib.arrays import Floats
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Scalar, Severity
from audit_lib.probes.questions.asking import Reply, reasons

T = TypeVar("T")


class Reaction(StrEnum):
    """What a hook did with an odd input."""

    REFUSED = "refused"
    UNDEFINED = "undefined"
    ANSWERED = "answered"
    CRASHED = "crashed"


def reaction(reply: Reply[Any]) -> Reaction:
    """The word for a reply; an answer that holds no finite number is ``undefined``."""
    if reply.refusal is not None:
        return Reaction.REFUSED
    if reply.failure is not None:
        return Reaction.CRASHED
    value = reply.value
    if value is None:
        return Reaction.UNDEFINED
    numbers = _numbers(value)
    if numbers is not None and not np.isfinite(numbers).any():
        return Reaction.UNDEFINED
    return Reaction.ANSWERED


def control(hook: str, replies: Sequence[Reply[Any]]) -> bool:
    """Whether an ordinary question gets a definite answer, so that odd ones can tell something.

    Args:
        hook: full name of the hook, for the message.
        replies: what came back from ordinary questions, at least one.

    Raises:
        NotAssessed: every ordinary question fails: the hook is at fault, not the odd input.
    """
    if all(reply.failure is not None for reply in replies):
        raise NotAssessed(f"{hook} fails on ordinary input too: {reasons(replies)}")
    return any(reaction(reply) is Reaction.ANSWERED for reply in replies)


def _numbers(value: Any) -> Floats | None:
    if isinstance(value, (bool, np.bool_)):
        return None
    if hasattr(value, "select_dtypes"):
        value = value.select_dtypes("number").to_numpy()
    try:
        return np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError):
        return None


def problems(
    replies: Iterable[tuple[str, Reply[T]]], wrong: Callable[[str, T], str], *, raised: bool = False
) -> Iterator[tuple[str, str, Severity | None]]:
    """Of odd inputs, those that got no honest answer: the input, what is wrong, and how bad it is.

    A refusal is honest; a crash is ``LOW``; ``wrong`` says of an input and its answer what is wrong
    with it, or ``""``, and that is as bad as the check says (None).  With ``raised``, what somebody
    raised on purpose is honest too.
    """
    for name, reply in replies:
        if raised and on_purpose(reply):
            continue
        if reply.failure is not None:
            yield name, f"ends in a crash: {reply.why}", Severity.LOW
        elif reply.answered and (problem := wrong(name, reply.got)):
            yield name, problem, None


def reactions(
    name: str,
    title: str,
    replies: Iterable[tuple[str, Reply[T]]],
    show: Callable[[T], Scalar] | None = None,
    note: str = "",
) -> Evidence:
    """The table of what became of odd inputs."""
    rows = tuple(reaction_row(what, reply, show) for what, reply in replies)
    return Evidence(name, title, REACTION_COLUMNS, rows, note=note)


def reaction_row(
    name: str, reply: Reply[T], show: Callable[[T], Scalar] | None = None
) -> tuple[Scalar, ...]:
    """A table row: input, reaction, and what was said or answered."""
    if not reply.answered:
        return (name, reaction(reply).value, reply.why)
    shown: Scalar = show(reply.got) if show else str(reply.value)
    return (name, reaction(reply).value, shown)


def kind_of(failure: str) -> str:
    """The kind of error that a failure names, such as ``TypeError``; its first words otherwise."""
    named = re.search(r"\b\w*(?:Error|Exception|Warning)\b", failure)
    return named.group(0) if named else failure[:40]


_BY_ACCIDENT = re.compile(
    r"(Key|Type|Attribute|Index|Name|ZeroDivision|Memory|Recursion|UnboundLocal|OS)Error$"
)


def on_purpose(reply: Reply[Any]) -> bool:
    """True where the call ended in an exception that somebody raised because of what was given.

    Libraries refuse what they cannot use with a ``ValueError`` or an error of their own; what
    Python raises by itself, a crash or a time-out is an accident.
    """
    raised = re.match(r"raised (\w+)", reply.failure or "")
    return raised is not None and not _BY_ACCIDENT.match(raised.group(1))


REACTION_COLUMNS = ("input", "reaction", "said")


def quantile_mix(values: Sequence[float] | Floats, count: int) -> list[float]:
    """``count`` values spread over the quantiles of finite ``values``, each once, ascending."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return []
    return sorted({float(v) for v in np.quantile(finite, np.linspace(0, 1, count))})


def plain(value: float) -> Scalar:
    """A float that JSON can hold: NaN and infinities become text."""
    return float(value) if np.isfinite(value) else str(float(value))
