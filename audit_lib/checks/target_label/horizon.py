from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.labels.label_facts import HOOK, Declared, declared_labels
from audit_lib.probes.labels.label_reach import ENDS, label_reach
from audit_lib.probes.market.influence import InfluenceMap
from audit_lib.probes.market.measured import CUTS, influence_evidence, influence_of, unjudged


class HorizonIsAsDeclared(Check):
    """A label reads exactly as many bars ahead as its declared horizon says.

    What it checks
        The measured look-ahead of every label equals the horizon that the code and the version's
        metadata declare, and ends inside the data. Where `targets.ends` states an end for each
        row, no label reads beyond its own.
    Why it matters
        Purge, embargo and the overlap of samples are set from the declared horizon. Where a label
        reads further, the training set of every fold knows part of its test period.
    How
        Builds the labels on the sample panel and on copies altered after a cut; the earliest row
        that changes tells the last bar a label reads. Compares with `targets.declared` and with
        the targets in the version's metadata.
    Limitations
        A label that looks ahead a varying number of bars (a barrier) is measured by its longest
        reach on the sample.
    Remediation
        Declare the number of bars from the decision to the last price that the label reads,
        delays of the entry included.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, sections 3.2 and 7.4.
    """

    code = "TGT001"
    severity = Severity.HIGH
    needs = ("features.panel", HOOK)
    cites = ("horizons",)

    cuts: int = Field(CUTS, ge=8, description="ordinary cuts, each tried twice; fewer are faster")

    def run(self, subject: Subject) -> Answers:
        """Compare the measured look-ahead with every declaration."""
        statements = declared_labels(subject)
        influence = influence_of(subject, HOOK)
        yield influence_evidence(
            influence, "horizons", "Bars that each label reads", _allowed(statements, influence)
        )
        gaps = {g.what: g for g in unjudged(influence, HOOK, {s.label for s in statements})}
        yield from gaps.values()
        compared = 0
        for own in statements:
            declared = own.facts.get("horizon")
            if own.label in gaps or not isinstance(declared, int):
                continue
            compared += 1
            column = influence.columns[own.label]
            if column.look_ahead == declared and not column.whole_future:
                continue
            far = "the whole sample" if column.whole_future else f"{column.look_ahead} bars ahead"
            yield self.finding(
                own.location,
                f"label {own.label!r} reads {far}; the {own.source} declares {declared}",
                measured=column.look_ahead,
                expected=declared,
                key=own.label,
            )
        yield from self._ends(subject)
        for name in influence.columns:
            if name not in {s.label for s in statements}:
                yield Gap(name, "no horizon is declared for this label")
        yield Examined(compared, "declared horizons")

    def _ends(self, subject: Subject) -> Answers:
        """Rows that read bars after the end which ``targets.ends`` states for them."""
        if not subject.has(ENDS):
            return
        reach = label_reach(subject)
        assert reach.stated is not None
        cuts = [int(share * len(reach.calendar)) for share in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)]
        stated = late = 0
        for cut, reads in zip(cuts, reach.measured(cuts), strict=True):
            ends = reads & (reach.stated >= 0)
            stated += int(ends.sum())
            late += int((ends & (reach.stated <= cut)).sum())
        yield Examined(stated, "labels with a stated end")
        if late:
            yield self.departs(
                f"{late} of {stated} labels read bars after the end that is stated for them",
                hook=ENDS,
                measured=f"{late} of {stated}",
                expected=0,
                key="ends",
            )


def _allowed(statements: list[Declared], influence: InfluenceMap) -> dict[str, int]:
    """Bars ahead that each label may read: the shortest declared horizon, else the measured one."""
    allowed: dict[str, int] = {}
    for statement in statements:
        bars = statement.facts.get("horizon")
        if isinstance(bars, int):
            allowed[statement.label] = min(bars, allowed.get(statement.label, bars))
    return {n: allowed.get(n, c.look_ahead) for n, c in influence.columns.items()}
