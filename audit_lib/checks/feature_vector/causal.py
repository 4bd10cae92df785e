from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Location, Severity
from audit_lib.probes.code.columns_made import where_made
from audit_lib.probes.market.measured import (
    CUTS,
    feature_policy,
    influence_evidence,
    influence_of,
    reach,
    research_only,
    unjudged,
    witness_evidence,
)
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.files_read import MEND, undeclared

HOOK = "features.build"


class FeaturesReadNoFuture(Check):
    """A feature that the model may use reads no bar after its own.

    What it checks
        The measured look-ahead of every feature column is 0, unless the type policy says
        `RESEARCH_ONLY` and the version does not require the column.
    Why it matters
        A feature that knows tomorrow makes every backtest and every holdout metric worthless, and
        live it either cannot be computed or means something else.
    How
        Builds the features on the sample panel and on copies in which bars after a cut are
        altered, removed or blanked, cuts placed at period ends, gaps, changes of regime, rare
        values and seeded bars, dealt so that each time of day (each weekday) comes before any
        comes again. A row at or before the cut that changes reads the future;
        the distance to the first changed bar is the look-ahead. The number of builds is fixed.
    Limitations
        Only what the panel carries is perturbed. Data files that the builder reads are named, and
        are a gap unless `files` in `subject.yaml` says when what stands in them is known; what
        compiled code other than pandas opens is not seen. A column that nothing in the panel
        moves is named as not judged. A look-ahead on fewer than about one bar in ten, away from
        ends of periods, gaps, rare values and a time of day, may be missed; so are one in four
        that stand at one time of a day of half-hours: raise `cuts`.
    Remediation
        Compute the column from bars up to its own, and fit scalers, ranks and components on
        earlier bars only.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kaufman et al.
        (2012), Leakage in Data Mining, ACM TKDD 6(4); Chen et al. (2018), Metamorphic Testing,
        ACM Computing Surveys 51(1).
    """

    code = "FEA101"
    severity = Severity.CRITICAL
    needs = ("features.panel", HOOK)

    cuts: int = Field(CUTS, ge=8, description="ordinary cuts, each tried twice; fewer are faster")

    def run(self, subject: Subject) -> Answers:
        """Measure the windows and compare them with the policy."""
        influence = influence_of(subject, HOOK)
        policy, apart = feature_policy(subject), research_only(subject)
        needed = set(samples.required(subject)) if subject.has("predictor.required") else set()
        judged = [c for c in influence.columns if c not in apart]
        yield influence_evidence(influence, "influence", "Bars that each feature reads")
        leaking = [c for c in influence.leaking() if c.column in judged]
        if leaking:
            yield witness_evidence(leaking, "witnesses")
        for column in leaking:
            kind = policy.get(column.column, "no declared type")
            role = ", and the version requires it" if column.column in needed else ""
            place = where_made(subject, column.column, HOOK)
            yield self.finding(
                place,
                f"feature {column.column!r} ({kind}{role}) reads {reach(column)}",
                measured=f"look-ahead {column.look_ahead} bars",
                expected="look-ahead 0 bars",
                related=subject.where(HOOK),
                key=column.column,
                cause=_of_one_estimator(place) if column.whole_future else "",
                evidence=("influence", "witnesses"),
            )
        yield Examined(len(judged), "feature columns")
        wanted = [c for c in judged if not needed or c in needed]
        for path in undeclared(subject, HOOK):
            yield Gap(path, f"{HOOK} reads it, and no probe moves what it holds; {MEND}")
        for name in samples.still(samples.built(subject)):
            if name in judged and (not needed or name in needed):
                yield Gap(name, "holds one value in all rows of the sample")
        yield from unjudged(influence, HOOK, [*wanted, *sorted(needed - set(influence.columns))])


def _of_one_estimator(place: Location) -> str:
    """The class whose columns all read the whole sample: it was fitted on it; '' for a function.

    Where only the hook is known, its columns are taken for those of one.
    """
    if place.base == "parameters":
        return "made in one place that reads the whole sample"
    cls, _, method = place.symbol.partition(".")
    return f"{cls} of {place.path} reads the whole sample" if method else ""
