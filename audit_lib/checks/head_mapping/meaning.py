from contextlib import suppress
from itertools import combinations

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.special import stdtrit

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.labels.label_facts import horizon_of
from audit_lib.probes.prediction.heads import Head, HeadKind, declared_heads
from audit_lib.probes.questions.samples import labels, predictions
from audit_lib.probes.statistics.clusters import dates_of
from audit_lib.probes.statistics.correlation import RankCorrelations, rank_correlations

ALIKE = 0.5  # rank correlation of two labels from which their heads cannot be told apart
SAME = 0.98  # rank correlation of two heads from which they are one


class HeadsMeanWhatTheySay(Check):
    """Each head follows the label it is named for, more than another head's, and in its unit.

    What it checks
        Exchanging two heads does not fit their realised labels better than the names do; two
        heads with different labels are not one and the same; no head runs against its own label;
        and a head has the size of its label.
    Why it matters
        Two outputs that are swapped between training and serving keep every type, range and
        shape. Only what came true afterwards tells volatility from direction.
    How
        Rank-correlates every head with every realised label over the sample. The fit of a pair of
        names is the sum of both correlations; it is compared with the fit of the exchanged names.
        Errors come from a bootstrap over blocks of dates; a finding needs as many of them as
        keep the rate of false alarms over all pairs and heads below `alpha` (Bonferroni, Student's
        t with one degree of freedom less than there are blocks); from twelve blocks up to twice
        that was measured.
    Limitations
        Pairs whose labels are themselves alike (rank correlation of 0.5 and more, as a return and
        its direction) cannot be told apart and are left out. Where both fits lie within two
        standard errors, power is too low, and the pair is a gap; so is a head whose correlation
        with its label lies there while one of `-must_see` would be missed in half of all samples,
        and a head or label that never changes. So heads without skill are never passed: nothing
        tells them apart. Heads that follow their labels by 0.2 pass from about 240 dates on, most
        of those that follow by 0.1 do not.
    Remediation
        Look up outputs by the names stored with the model, in training order.
    Sources
        Kuensch (1989), The Jackknife and the Bootstrap for General Stationary Observations.
    """

    code = "HED004"
    severity = Severity.CRITICAL
    needs = ("predictor.predict", "predictor.required", "targets.build")
    cites = ("meaning",)

    seed: int = Field(12, description="of everything random")
    block: int = Field(
        20, ge=1, description="dates in a block; the labels' horizon where that is longer"
    )
    draws: int = Field(400, ge=100, description="bootstrap draws")
    alpha: float = Field(0.001, gt=0, lt=0.1, description="family-wise rate of false alarms")
    blocks: int = Field(12, ge=4, description="fewest blocks of dates that tell")
    must_see: float = Field(
        0.1, gt=0, description="rank correlation that must be seen where a head runs against it"
    )

    def run(self, subject: Subject) -> Answers:
        """Correlate, then compare the names with every exchange of two."""
        heads, predicted, realised, dates = self._matched(subject)
        block = self.block
        with suppress(NotAssessed):
            block = max(block, horizon_of(subject)[0])
        ranks = rank_correlations(
            predicted, realised, dates, block=block, draws=self.draws, seed=self.seed
        )
        if ranks.blocks < self.blocks:
            raise NotAssessed(f"{ranks.blocks} blocks of dates are too few ({self.blocks})")
        yield Examined(ranks.samples, f"rows of {len(heads)} heads")
        yield Evidence(
            "meaning",
            "Rank correlation of heads with realised labels",
            ("row", "column", "value"),
            tuple((h, la, ranks.at(h, la)) for h in ranks.rows for la in ranks.columns),
            View.HEATMAP,
            f"rows: heads; columns: labels; {ranks.samples} rows, {ranks.blocks} blocks of dates",
        )
        among = realised.corr(method="spearman")
        heads_among = predicted.corr(method="spearman")
        still = [h for h in heads if _still(predicted[h.name]) or _still(realised[h.label])]
        yield from (
            Gap(f"meaning of {h.name}", "it or its label is the same in every row") for h in still
        )
        moving = [h for h in heads if h not in still]
        pairs = list(combinations(moving, 2))
        z = self.deviates(len(pairs) + len(moving), ranks.blocks)
        for one, other in pairs:
            if one.label == other.label:
                continue
            alike = float(among.loc[one.label, other.label])  # type: ignore[arg-type]
            if abs(alike) < ALIKE:
                same = float(heads_among.loc[one.name, other.name])  # type: ignore[arg-type]
                yield from self._pair(one, other, ranks, same, z)
        for head in moving:
            yield from self._against(head, ranks, z)
        for head in heads:
            yield from self._size(head, predicted[head.name], realised[head.label])

    def deviates(self, tests: int, blocks: int) -> float:
        """Standard errors from few blocks that a finding needs, for ``alpha`` over all tests."""
        biased = np.sqrt(blocks / (blocks - 1))  # a bootstrap's variance is that much too small
        return float(-stdtrit(blocks - 1, self.alpha / max(1, tests)) * biased)

    def _matched(self, subject: Subject) -> tuple[list[Head], pd.DataFrame, pd.DataFrame, pd.Index]:
        predicted, realised = predictions(subject), labels(subject)
        heads = [h for h in declared_heads(subject) if h.name in predicted and h.label in realised]
        if not heads:
            raise NotAssessed("no head of the checkpoint names a label that targets.build makes")
        wanted = list(dict.fromkeys(h.label for h in heads))
        shared = predicted.index.intersection(realised.index)
        a = predicted.loc[shared, [h.name for h in heads]].astype(np.float64)
        b = realised.loc[shared, wanted].astype(np.float64)
        keep = np.isfinite(a.to_numpy()).all(axis=1) & np.isfinite(b.to_numpy()).all(axis=1)
        if not keep.any():
            raise NotAssessed("no row has every prediction and every label")
        dates = dates_of(shared[keep])
        if dates is None:
            raise NotAssessed("the index of predictions has no dates, so no blocks of them")
        return heads, a[keep], b[keep], pd.Index(dates)

    def _pair(
        self, one: Head, other: Head, ranks: RankCorrelations, same: float, z: float
    ) -> Answers:
        pair = f"{one.name} and {other.name}"
        yield Margin(f"rank correlation of two heads, {pair}", abs(same), SAME)
        if abs(same) > SAME:
            yield self.finding(
                other.location,
                f"heads {pair} put the rows in the same order (rank correlation {same:.3f}), "
                f"though their labels {one.label} and {other.label} do not",
                measured=same,
                expected=f"below {SAME}",
                key=f"same {pair}",
            )
            return
        named = ranks.of(one.name, one.label) + ranks.of(other.name, other.label)
        swapped = ranks.of(one.name, other.label) + ranks.of(other.name, one.label)
        gain = (
            ranks.at(one.name, other.label)
            + ranks.at(other.name, one.label)
            - ranks.at(one.name, one.label)
            - ranks.at(other.name, other.label)
        )
        error = float(np.std(swapped - named, ddof=1))
        yield Margin(f"gain in fit with two heads exchanged, {pair}", gain, z * error)
        if gain > z * error:
            yield self.finding(
                other.location,
                f"heads {pair} are exchanged: names swapped, they fit the realised labels better "
                f"by {gain:.3f} ({gain / error:.0f} standard errors)",
                measured=gain,
                expected="at most 0",
                key=f"swapped {pair}",
            )
        elif gain > -2 * error:
            yield Gap(
                f"meaning of {pair}",
                f"power too low: the fit differs by {gain:.3f}, standard error {error:.3f}",
            )

    def _against(self, head: Head, ranks: RankCorrelations, z: float) -> Answers:
        value = ranks.at(head.name, head.label)
        error = float(np.std(ranks.of(head.name, head.label), ddof=1))
        what = f"rank correlation of a head with its label, {head.name}"
        yield Margin(what, value, -z * error, least=True)
        if value < -z * error:
            yield self.finding(
                head.location,
                f"head {head.name} runs against its label {head.label}: rank correlation "
                f"{value:.3f}, standard error {error:.3f}",
                measured=value,
                expected="not negative",
                key=f"against {head.name}",
                severity=Severity.HIGH,
            )
        elif value < 2 * error and z * error > self.must_see:
            yield Gap(
                f"direction of {head.name}",
                f"could have seen only a rank correlation with {head.label} below "
                f"{-z * error:.2f}; it is {value:.3f}",
            )

    def _size(self, head: Head, predicted: pd.Series, realised: pd.Series) -> Answers:
        if head.kind is HeadKind.POSITIVE:
            typical, due = float(predicted.median()), float(realised.median())
            ratio = typical / (due or 1.0)
            wrong, expected, most = not 0.25 < ratio < 4.0, "a quarter to four times", 4.0
            share = max(ratio, 1 / ratio) if ratio > 0 else np.inf
        elif head.kind is HeadKind.REAL:
            typical, due = (
                float(predicted.abs().quantile(0.99)),
                float(realised.abs().quantile(0.99)),
            )
            wrong, expected, most = typical > 3 * due, "at most three times", 3.0
            share = typical / due if due else (np.inf if typical else 0.0)
        else:
            return
        yield Margin(f"times that a head and its label differ in size, {head.name}", share, most)
        if wrong:
            yield self.finding(
                head.location,
                f"head {head.name} is of size {typical:.4g}, its label {head.label} of {due:.4g}: "
                "another unit",
                measured=typical,
                expected=f"{expected} {due:.4g}",
                key=f"unit {head.name}",
                severity=Severity.HIGH,
            )


def _still(values: pd.Series) -> bool:
    return bool((values == values.iloc[0]).all())
