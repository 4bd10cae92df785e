from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.labels.folds import RecordedFold, recorded_folds
from audit_lib.probes.training.recorded_metrics import (
    Pair,
    beside,
    fold_metrics,
    incredible,
    independent,
    metrics_unseen,
    skill,
)


class SkillSurvivesOutOfSample(Check):
    """What a version scored out of sample is not worse than guessing, nor too good to be true.

    What it checks
        Over the recorded folds, the skill of each metric that has a known value for guessing is
        not significantly below 0 out of sample, and out of sample is not significantly better
        than in sample. No metric is so good out of sample that no market is known to allow it: an
        area under the curve or a balanced accuracy of 0.95, a Sharpe ratio of 6, a correlation of
        0.9.
    Why it matters
        A model that is reliably worse than guessing on unseen data fits noise that reverses. One
        that is reliably better on unseen than on its own rows has seen them some other way.
    How
        Reads in-sample and out-of-sample metrics of the fold table. One-sided t tests over the
        folds, at 1 % divided by the number of tests (Bonferroni), need at least `least` folds with
        test periods of their own: folds that overlap (other seeds, combinatorial paths) count as
        one, at their mean. What guessing gives is 0.5 for an area under the curve and 0 for
        correlations, returns and ratios; of accuracies and hit rates it depends on the classes.
        The gap itself is shown, and informs only: trees always fit their own rows better.
    Limitations
        Few folds have little power: where chance could hide a skill that is as far below guessing
        as it is above in sample (times `must_see`), the check says what it could have seen instead
        of passing. Expanding folds share train rows, so their in-sample values are not
        independent.
    Remediation
        Fit less: fewer features, stronger regularisation, longer folds; or look for the leak.
    Sources
        Bailey et al. (2014), Pseudo-Mathematics and Financial Charlatanism, Notices of the AMS
        61(5); Dunn (1961), Multiple Comparisons Among Means, JASA 56.
    """

    code = "SPL006"
    severity = Severity.MEDIUM
    reads = Reads.ARTIFACTS

    level: float = Field(0.01, gt=0, lt=0.5, description="family-wise error")
    least: int = Field(4, ge=3, description="folds needed")
    must_see: float = Field(
        1.0, gt=0, description="skill below guessing that folds must show, in skills in sample"
    )

    def run(self, subject: Subject) -> Answers:
        """Test every metric over the folds."""
        folds = recorded_folds(subject)
        pairs = fold_metrics(folds)
        yield from _beside_champion(subject, folds)
        yield from self._incredible(folds, pairs)
        tested = {m: v for m, v in _skills(folds, pairs).items() if len(v) >= self.least}
        if not tested:
            raise NotAssessed(
                f"no metric with a known value for guessing is recorded in and out of sample for "
                f"{self.least} folds with test periods of their own ({len(folds)} folds, "
                f"{len(set(independent(folds).values()))} such periods, {len(pairs)} pairs)"
            )
        place = folds[0].location
        rows = [
            (f"{p.metric}, fold {p.fold}", v, side)
            for p in pairs
            if p.metric in tested
            for v, side in ((p.inside, "in sample"), (p.outside, "out of sample"))
        ]
        bound = self.level / (2 * len(tested))
        note = f"{len(folds)} folds; tests at {bound:.2g} each"
        heads = ("label", "value", "group")
        yield Evidence("gap", "In and out of sample", heads, tuple(rows), View.BARS, note)
        for metric, values in tested.items():
            in_sample, unseen = values.mean(axis=0)
            tested_for = self.departures(values, np.inf)
            for key, p in tested_for:
                yield Margin(f"p value of skill {key}, {metric}", p, bound, least=True)
            departures = [(key, p) for key, p in tested_for if p < bound]
            if not departures and (reach := self.blind(values, bound)):
                yield Gap(
                    metric,
                    f"could have seen only a skill below {-reach:.3g} in {len(values)} folds; "
                    f"it is {in_sample:.3g} in, {unseen:.3g} out of sample",
                )
            for key, p_value in departures:
                yield self.finding(
                    place,
                    f"{metric!r} is {key} in {len(values)} folds: skill {in_sample:.4f} in, "
                    f"{unseen:.4f} out of sample (p {p_value:.1g})",
                    measured=float(unseen),
                    expected=f"0 to {in_sample:.4g}",
                    key=f"{metric} {key}",
                    evidence=("gap",),
                )
        yield Examined(sum(map(len, tested.values())), "pairs of metrics")

    def _incredible(self, folds: list[RecordedFold], pairs: list[Pair]) -> Answers:
        """Metrics whose mean out of sample is too good to be true."""
        for metric in dict.fromkeys(p.metric for p in pairs):
            most = incredible(metric)
            mean = float(np.mean([p.outside for p in pairs if p.metric == metric]))
            if most is not None:
                yield Margin(f"mean out of sample, {metric}", mean, most)
            if most is not None and mean >= most:
                yield self.finding(
                    folds[0].location,
                    f"{metric!r} is {mean:.4g} out of sample, too good to be true",
                    measured=mean,
                    expected=f"below {most:g}",
                    key=f"{metric} too good",
                )

    def departures(self, values: Floats, bound: float) -> list[tuple[str, float]]:
        """What is wrong with the skills (folds, 2) of one metric, and its p value."""
        from scipy import stats

        in_sample, unseen = values[:, 0], values[:, 1]
        below = stats.ttest_1samp(unseen, 0.0, alternative="less").pvalue
        better = stats.ttest_rel(unseen, in_sample, alternative="greater").pvalue
        tests = (
            ("worse than guessing out of sample", float(below)),
            ("better out of sample than in sample", float(better)),
        )
        return [(key, p_value) for key, p_value in tests if p_value < bound]

    def blind(self, values: Floats, bound: float) -> float:
        """How far below guessing a skill is seen in half of all cases, where that is too far; or 0.

        Folds that are evidently above the skill that must be seen are not blind, however few.
        """
        from scipy import stats

        in_sample, unseen = values.mean(axis=0)
        error = values[:, 1].std(ddof=1) / np.sqrt(len(values))
        reach = float(stats.t.isf(bound, len(values) - 1) * error)
        return reach if unseen - reach < -self.must_see * max(in_sample, 0.0) else 0.0


def _beside_champion(subject: Subject, folds: list[RecordedFold]) -> Iterator[Evidence]:
    """What this version and the one champion both recorded; nothing for the champion itself."""
    with suppress(NotAssessed):
        champions = {c for c in subject.pointed("champion").values() if c} - {subject.version}
        if len(champions) == 1:
            champion = champions.pop()
            theirs = metrics_unseen(recorded_folds(subject.at(champion)))
            table = beside(metrics_unseen(folds), theirs, (subject.version, f"champion {champion}"))
            if table.rows:
                yield table


def _skills(folds: list[RecordedFold], pairs: list[Pair]) -> dict[str, Floats]:
    """Skill in and out of sample by metric, one row for each test period of its own."""
    groups = independent(folds)
    by_metric: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for pair in pairs:
        inside, outside = skill(pair.metric, pair.inside), skill(pair.metric, pair.outside)
        if inside is not None and outside is not None:
            by_period = by_metric.setdefault(pair.metric, {})
            by_period.setdefault(groups[pair.fold], []).append((inside, outside))
    return {
        metric: np.array([np.mean(values, axis=0) for values in by_period.values()])
        for metric, by_period in by_metric.items()
    }
