"""Statements that what was learned must meet, as checks of this room."""

from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import ConfigDict

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain.attribution import Attributed, Line
from audit_lib.explain.conditions import Learned
from audit_lib.explain.existing import (
    AGREED,
    Folder,
    FolderMismatch,
    departures,
    ranks_differ,
    stands_out,
)
from audit_lib.explain.rows import Rows
from audit_lib.model import Contract, Evidence, Examined, Gap, Location, Severity, Task
from audit_lib.subject.checkpoint_fields import numbers_in

#: sums of contributions may depart by that much of the spread of the answers
ADDITIVE = 1e-6
#: a factor must have that share of all importance for its direction to be held against a prior
MATTERS = 0.02


@dataclass(frozen=True)
class Observations:
    """What the checks of this room judge."""

    rows: Rows
    answers: dict[str, Floats]
    """what each head answers to these rows"""
    sample: Rows
    heads: tuple[Attributed, ...]
    learned: tuple[Learned, ...]
    together: tuple[tuple[str, ...], ...] = ()
    hooks: dict[str, str] = field(default_factory=dict)
    """head to the hook that answers it"""
    pictures: tuple[Evidence, ...] = ()
    tables: dict[str, bytes] = field(default_factory=dict)
    """files that are made already, by name, or by head for its attribution"""
    lines: dict[str, list[Line]] = field(default_factory=dict)
    """head to what each factor does over all rows, in each regime, in each period"""

    @property
    def columns(self) -> list[str]:
        """Factors, in the order of the columns."""
        return self.sample.columns


class _Explained(Check):
    """A check of what was explained before it is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    contract: ClassVar[Contract] = Contract.INTERPRETATION
    task: ClassVar[Task] = Task.T3
    seen: Observations


class ContributionsSum(_Explained):
    """Contributions of the factors sum to what the head answers.

    What it checks
        Base and contributions of every explained row against the answer itself; of trees, against
        the sum of the trees.
    Why it matters
        Figures that do not sum explain another function than the one that trades.
    How
        Trees by shap on the model's text; other heads by walks that end at the row itself, asked
        about once more. A departure above a millionth of the spread of answers is a finding.
    Limitations
        Of trees, the counts in the model's text are used as they stand.
    Remediation
        Make the answer depend on its inputs alone; store the counts that training saw.
    Sources
        Lundberg and Lee 2017, local accuracy.
    """

    code = "EXP001"
    severity = Severity.HIGH

    def run(self, subject: Subject) -> Answers:
        """Compare sums with answers."""
        yield from self.seen.pictures
        for head in self.seen.heads:
            parts = head.contributions
            yield Examined(len(head.answered), f"rows of {head.name}")
            if parts.error > ADDITIVE:
                yield self.finding(
                    subject.where(self.seen.hooks[head.name]),
                    f"contributions to {head.name} do not sum to {parts.unit}",
                    measured=f"off by {parts.error:.3g} of the spread of answers",
                    expected=f"at most {ADDITIVE:g}",
                    key=head.name,
                    cause="contributions do not sum",
                )


class RecordedImportancesAgree(_Explained):
    """Importances that a version records rank its factors as measured.

    What it checks
        Names, sums and ranks of `explain.importances` against what each factor contributes.
    Why it matters
        Recorded importances decide which factors are kept, and reviewers believe them.
    How
        Rank correlation with an interval over factors; a finding where its upper end is below 0.2,
        where a factor that contributes nothing to any head is recorded above the middle, or where
        heads record in units that are a hundred times apart.
    Limitations
        Gain, splits and contributions measure different things; that they differ is no finding.
    Remediation
        Record importances of the model that is stored, by name, in one unit.
    Sources
        Strobl et al. 2007 on biased importances.
    """

    code = "EXP002"
    severity = Severity.MEDIUM

    def run(self, subject: Subject) -> Answers:
        """Hold the record against the measurement."""
        reference = subject.parameters.explain.importances
        if reference is None:
            raise NotApplicable("the subject names no recorded importances (explain.importances)")
        metadata = subject.metadata
        where, recorded = metadata.location(reference), metadata.get(reference)
        by_head = _by_head(recorded, [h.name for h in self.seen.heads])
        if not by_head:
            raise NotAssessed(f"{where} holds no mapping of factors to numbers")
        columns = self.seen.columns
        dead = {c for i, c in enumerate(columns) if all(h.idle(i) for h in self.seen.heads)}
        rows = []
        for name, record in by_head.items():
            yield Examined(len(record), f"importances of {name}")
            unknown = sorted(set(record) - set(columns))
            if unknown:
                yield self.finding(
                    where,
                    f"an importance is recorded of {unknown[0]!r}, which the model does not read",
                    measured=f"{len(unknown)} of {len(record)} names",
                    expected="names of the model's factors",
                    key=f"{name} names",
                )
            middle = stands_out(record.values())
            idle = sorted(c for c in dead & set(record) if record[c] > middle)
            if idle:
                yield self.finding(
                    where,
                    f"importance without support: {idle[0]!r} contributes nothing to any head",
                    measured=f"recorded {record[idle[0]]:g}, above the middle of {middle:g}",
                    expected="nothing recorded for what does nothing",
                    key=f"{name} support",
                )
            head = next((h for h in self.seen.heads if h.name == name), self.seen.heads[0])
            sizes = zip(columns, head.sizes, strict=True)
            rows += [(name, c, record[c], size.value) for c, size in sizes if c in record]
            if measured := ranks_differ(record, columns, head):
                yield self.finding(
                    where,
                    f"recorded importances of {name} do not rank factors as they contribute",
                    measured=measured,
                    expected=AGREED,
                    key=f"{name} ranks",
                )
        sums = [s for s in (sum(map(abs, r.values())) for r in by_head.values()) if s > 0]
        if len(sums) > 1 and max(sums) > 100 * min(sums):
            yield self.finding(
                where,
                "heads record importances in different units",
                measured=f"sums from {min(sums):g} to {max(sums):g}",
                expected="one unit",
                key="units",
            )
        titled = ("head", "factor", "recorded", "measured")
        yield Evidence("importances", "Recorded and measured importances", titled, tuple(rows))


class PriorsHold(_Explained):
    """No factor moves a head against a declared prior.

    What it checks
        The direction of each factor in `explain.priors` against its contributions.
    Why it matters
        A sign that economics forbids is most often a leak, a bad join or noise.
    How
        Rank correlation of values and contributions; a finding where its whole interval lies on the
        other side and the factor has at least 2 % of the importance.
    Limitations
        Direction on the rows at hand; a factor may turn where no row is.
    Remediation
        Constrain the model, or correct the factor or the prior.
    Sources
        Monotone constraints, as LightGBM documents them.
    """

    code = "EXP003"
    severity = Severity.MEDIUM

    def run(self, subject: Subject) -> Answers:
        """Hold directions against priors."""
        priors = subject.parameters.explain.priors
        if not priors:
            raise NotApplicable("the subject declares no prior (explain.priors)")
        for name, prior in priors.items():
            head_name, _, factor = name.rpartition("/")
            heads = [h for h in self.seen.heads if not head_name or h.name == head_name]
            if factor not in self.seen.columns or not heads:
                yield Gap(f"prior {name}", "no head or factor of that name")
                continue
            at = self.seen.columns.index(factor)
            for head in heads:
                yield Examined(1, "priors")
                way, total = head.directions[at], sum(s.value for s in head.sizes) or 1.0
                against = way.high < 0 if prior == "increasing" else way.low > 0
                if against and head.sizes[at].value / total >= MATTERS:
                    yield self.finding(
                        Location(
                            "subject.yaml", base="parameters", pointer=f"/explain/priors/{name}"
                        ),
                        f"{head.name} moves against its declared prior in {factor}",
                        measured=f"rank correlation {way.low:.2f} to {way.high:.2f}",
                        expected=prior,
                        key=f"{head.name} {factor}",
                    )


class LearnedConditionsHold(_Explained):
    """A folder of learned conditions that the subject keeps is of this version, and true.

    What it checks
        `explain.learned_conditions`: version, factors and their ranges, each rule on the rows at
        hand, and importances.
    Why it matters
        Rules of another model, or that never fire, are read as what this one does.
    How
        A rule must name factors that the model reads, fire, not hold of all rows, tell more than
        holds anyway, and have the precision that it states, within the interval that is measured
        here and 0.1 beyond. Importances must rank factors as they contribute, and each factor must
        take some value here that it usually took there.
    Limitations
        Only the form that this workbook writes is read.
    Remediation
        Write the folder anew for each version.
    Sources
        The JSON Schemas under docs/schema.
    """

    code = "EXP004"
    severity = Severity.MEDIUM

    def run(self, subject: Subject) -> Answers:
        """Read the folder and try its rules."""
        folder = Folder.of(subject)
        for what in departures(folder, self.seen.rows, self.seen.answers, self.seen.heads, subject):
            yield self.finding(**vars(what)) if isinstance(what, FolderMismatch) else what


CHECKS = (ContributionsSum, RecordedImportancesAgree, PriorsHold, LearnedConditionsHold)


def _by_head(recorded: object, heads: list[str]) -> dict[str, dict[str, float]]:
    """Importances by head, from a mapping of factors, or of heads to such mappings."""
    plain = numbers_in(recorded) if isinstance(recorded, dict) else None
    if plain:
        return {heads[0] if heads else "": plain}
    if not isinstance(recorded, dict):
        return {}
    inner = {str(k): numbers_in(v) for k, v in recorded.items() if isinstance(v, dict)}
    return {k: v for k, v in inner.items() if v}
