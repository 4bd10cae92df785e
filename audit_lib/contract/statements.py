"""One statement of a contract, and the places that it may come from."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.probes.code.constants import UNKNOWN
from audit_lib.probes.code.counterparts import Truth
from audit_lib.probes.questions.asking import ask
from audit_lib.subject.checkpoint_fields import field
from audit_lib.subject.subject import Subject


@dataclass(frozen=True)
class Statement:
    """What the contract says at a place, and where that comes from.

    Attributes:
        pointer: JSON pointer in the contract.
        value: JSON data.
        source: origin, in words.
    """

    pointer: str
    value: Any
    source: str


def hooked(subject: Subject, hook: str, pointer: str) -> Statement:
    """What a hook without arguments answers.

    Raises:
        NotAssessed: no such hook, or it did not answer.
        NotApplicable: the subject has no such surface.
    """
    reply = ask(subject.hook(hook), into=lambda raw: raw).needed(hook)
    return Statement(pointer, reply, f"hook {hook}")


def stored(subject: Subject, name: str, pointer: str) -> Statement:
    """What the metadata holds at ``artifacts.fields.<name>``.

    Raises:
        NotAssessed: no metadata, or nothing is there.
    """
    recorded = field(subject, name)
    if recorded.empty:
        raise NotAssessed(f"the metadata has nothing at artifacts.fields.{name}")
    return Statement(pointer, recorded.value, f"{recorded.location.path} {recorded.pointer}")


def bound(subject: Subject, bindings: Mapping[str, str]) -> Iterator[Statement]:
    """What the bindings of the contract document lead to.

    Raises:
        NotAssessed: some lead nowhere; those that lead somewhere came before.
    """
    truth = Truth(subject)
    lost = []
    for pointer, target in bindings.items():
        where, value = truth.bound(target)
        if value is UNKNOWN:
            lost.append(f"{pointer} ({target})")
        else:
            yield Statement(pointer, value, where)
    if lost:
        raise NotAssessed(f"options.DOC001.bindings lead to no plain value: {', '.join(lost)}")


def plain(value: Any) -> Any:
    """JSON data for what a hook or an artifact gave: arrays as lists, no number that JSON lacks."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=repr)
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, pandas' columns
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def joined(*places: Callable[[], Statement]) -> Statement:
    """The first place that has an answer.

    Raises:
        NotAssessed: none has; the message holds every reason.
    """
    why = []
    for place in places:
        try:
            return place()
        except (NotAssessed, NotApplicable) as error:
            why.append(str(error).splitlines()[0].removesuffix("; write:"))
    raise NotAssessed("; ".join(why))
