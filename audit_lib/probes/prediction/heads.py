"""The heads of a version: what its checkpoint calls them, what kind they are, what they learnt."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.hooks import TargetSpec
from audit_lib.model import Location
from audit_lib.probes.questions.samples import declared_targets
from audit_lib.subject.pointers import pointer_to
from audit_lib.subject.subject import Subject


class HeadKind(StrEnum):
    """What values a head may take."""

    PROBABILITY = "probability"
    POSITIVE = "positive"
    REAL = "real"
    OTHER = "other"
    """declared to be nothing of these: a code, or what is worked out of heads"""
    UNKNOWN = "unknown"


#: words found in a head's ``kind`` or ``unit``, or in its label's kind, and what they mean
_WORDS = {
    HeadKind.PROBABILITY: (
        "probab",
        "direction",
        "class",
        "logistic",
        "sigmoid",
        "binary",
        "proba",
    ),
    HeadKind.POSITIVE: ("volat", "variance", "positive", "exponential", "softplus"),
    HeadKind.REAL: ("return", "regress", "identity", "linear", "real", "score", "excess"),
}

_CLASSES = re.compile(r"direction|class|sign", re.I)


@dataclass(frozen=True)
class Head:
    """One head as the checkpoint declares it.

    Attributes:
        name: its name.
        kind: what values it may take.
        label: the label it learnt; '' where nothing says so.
        position: the output it reads; None where the checkpoint does not say.
        location: where it is declared.
    """

    name: str
    kind: HeadKind
    label: str
    position: int | None
    location: Location
    classes: bool = False
    """it may answer classes where a probability could stand: its kind says direction or class"""


def declared_heads(subject: Subject) -> list[Head]:
    """Heads of the checkpoint; what it does not say of them, the parameters (``heads``) do.

    And those that only the parameters declare: columns that are worked out of heads, or a head
    that is published under another name, whose ``output`` is the head's place.

    Raises:
        NotAssessed: neither declares any.
    """
    given = subject.parameters.heads
    targets = declared_targets(subject) if given else {}
    declared = {
        name: Head(
            name,
            HeadKind(facts.kind),
            facts.label or (name if name in targets else ""),
            facts.output,
            Location("subject.yaml", base="parameters", pointer=pointer_to("heads", name)),
        )
        for name, facts in given.items()
    }
    try:
        stored = stored_heads(subject)
    except (NotAssessed, NotApplicable):
        if not given:
            raise
        return list(declared.values())
    own = {head.name for head in stored}
    beyond = [head for name, head in declared.items() if name not in own]
    renamed = {head.position for head in beyond} - {None}
    named = [
        h for i, h in enumerate(stored) if (i if h.position is None else h.position) not in renamed
    ]
    return [*(_completed(head, declared.get(head.name)) for head in named), *beyond]


def _completed(head: Head, declared: Head | None) -> Head:
    """The head of a checkpoint, with what only the parameters say of it."""
    if declared is None:
        return head
    return replace(
        head,
        kind=declared.kind if head.kind is HeadKind.UNKNOWN else head.kind,
        label=head.label or declared.label,
        position=declared.position if head.position is None else head.position,
    )


def stored_heads(subject: Subject) -> list[Head]:
    """Heads of the checkpoint, in its order.

    A mapping of name to facts, a list of mappings with a ``name``, and a list of names are read.

    Raises:
        NotAssessed: the checkpoint declares none in any of these forms.
    """
    pointer, metadata = subject.layout.fields.heads, subject.metadata
    raw = metadata.get(pointer)
    targets = declared_targets(subject)
    heads = []
    for token, name, facts in _entries(raw):
        label = _label(name, facts, targets)
        heads.append(
            Head(
                name,
                _kind(facts, targets.get(label, {})),
                label,
                _position(facts),
                metadata.location(pointer, token),
                bool(_CLASSES.search(str(facts.get("kind", facts.get("type", ""))))),
            )
        )
    if not heads:
        raise NotAssessed(f"the checkpoint names no heads at {metadata.location(pointer)}")
    return heads


def _entries(raw: Any) -> list[tuple[str, str, dict[str, Any]]]:
    if isinstance(raw, dict):
        return [(str(k), str(k), v if isinstance(v, dict) else {"kind": v}) for k, v in raw.items()]
    if not isinstance(raw, list):
        return []
    entries = []
    for i, entry in enumerate(raw):
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            entries.append((str(i), entry["name"], entry))
        elif isinstance(entry, str):
            entries.append((str(i), entry, {}))
    return entries


def _label(name: str, facts: dict[str, Any], targets: dict[str, TargetSpec]) -> str:
    for key in ("label", "target", "target_col", "trained_on"):
        if isinstance(facts.get(key), str):
            return str(facts[key])
    return name if name in targets else ""


def _kind(facts: dict[str, Any], target: TargetSpec) -> HeadKind:
    kinds = [facts.get("kind"), facts.get("type"), facts.get("unit"), target.get("kind")]
    for text in (str(s).lower() for s in kinds if s is not None):
        for kind, words in _WORDS.items():
            if any(word in text for word in words):
                return kind
    return HeadKind.UNKNOWN


def _position(facts: dict[str, Any]) -> int | None:
    for key in ("output", "index", "position", "column"):
        value = facts.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None
