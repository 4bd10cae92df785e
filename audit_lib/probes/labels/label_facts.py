"""What a subject says about its labels, where it says it, and what was measured."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.host import HookError
from audit_lib.model import Location
from audit_lib.probes.labels.alignment import Offsets, bar_offsets
from audit_lib.probes.market.influence import manageable
from audit_lib.probes.market.measured import influence_of
from audit_lib.probes.market.responses import RowsDifferError
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, mapping
from audit_lib.subject.subject import Subject

HOOK = "targets.build"


@dataclass(frozen=True)
class Declared:
    """One statement about a label.

    Attributes:
        label: name of the column.
        facts: what is said: ``horizon``, ``kind``, ``thresholds``.
        location: where.
        source: in a word: ``code`` or ``metadata``.
    """

    label: str
    facts: dict[str, Any]
    location: Location
    source: str


def declared_labels(subject: Subject) -> list[Declared]:
    """Statements of the code (``targets.declared``) and of the version's metadata.

    Raises:
        NotAssessed: there is neither.
    """
    labels = []
    for name, facts in samples.declared_targets(subject).items():
        labels.append(Declared(name, dict(facts), subject.where("targets.declared"), "code"))
    labels += _from_metadata(subject)
    if not labels:
        raise NotAssessed(
            "nothing declares the labels: no hook targets.declared answers, and the metadata "
            "holds none (artifacts.fields.targets)"
        )
    return labels


def measured_horizons(subject: Subject) -> dict[str, int]:
    """Bars from the decision to the last price, by label, as measured.

    Raises:
        NotAssessed: the labels cannot be built or measured.
    """
    influence = influence_of(subject, HOOK)
    return {n: c.look_ahead for n, c in influence.columns.items() if not c.empty and c.reacts}


def label_offsets(subject: Subject) -> Offsets:
    """Bars ahead of a row whose values move each label, by column and field.

    Raises:
        NotAssessed: the labels cannot be built, or not bar by bar.
    """

    def drive() -> Offsets:
        panel = manageable(samples.panel(subject))
        try:
            return bar_offsets(subject.hook(HOOK), panel)
        except (HookError, RowsDifferError) as error:
            raise NotAssessed(f"cannot be driven bar by bar: {error}") from None

    return samples.once(subject, "label offsets", drive)


def horizons_of(subject: Subject) -> dict[str, int]:
    """Horizon of each label in bars, measured where it can be, else declared."""
    bars_of: dict[str, int] = {}
    with suppress(NotAssessed):
        for declared in declared_labels(subject):
            if isinstance(declared.facts.get("horizon"), int):
                bars_of[declared.label] = int(declared.facts["horizon"])
    with suppress(NotAssessed):
        bars_of |= {label: bars for label, bars in measured_horizons(subject).items() if bars}
    return bars_of


def horizon_of(subject: Subject) -> tuple[int, str]:
    """The longest horizon, measured where it can be, else declared; and how it is known.

    Raises:
        NotAssessed: it is neither measured nor declared.
    """
    try:
        measured = measured_horizons(subject)
        if any(measured.values()):
            return max(measured.values()), "measured"
    except NotAssessed:
        pass
    bars = []
    try:
        for statement in declared_labels(subject):
            if isinstance(statement.facts.get("horizon"), int):
                bars.append(int(statement.facts["horizon"]))
    except NotAssessed:
        pass
    if subject.has("splits.declared"):
        reply = ask(subject.hook("splits.declared"), into=mapping)
        if reply.answered and isinstance(reply.got.get("horizon"), int):
            bars.append(int(reply.got["horizon"]))
    if not bars:
        raise NotAssessed("the labels' horizon is neither measured (targets.build) nor declared")
    return max(bars), "declared"


def _from_metadata(subject: Subject) -> list[Declared]:
    artifacts = subject.parameters.artifacts
    if artifacts is None:
        return []
    try:
        document = subject.metadata
    except (NotAssessed, NotApplicable):
        return []
    pointer = artifacts.fields.targets
    data = document.get(pointer)
    if not isinstance(data, dict):
        return []
    return [
        Declared(str(n), facts, document.location(pointer, str(n)), "metadata")
        for n, facts in data.items()
        if isinstance(facts, dict)
    ]
