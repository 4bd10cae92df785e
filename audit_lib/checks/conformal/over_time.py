"""CNF101."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Gap, Severity, Task, View
from audit_lib.probes import samples
from audit_lib.probes.asking import ask, floats
from audit_lib.probes.folds import iso, recorded_folds
from audit_lib.probes.label_facts import horizon_of
from audit_lib.probes.statistics import clopper_pearson, mean_interval
from audit_lib.subject.subject import Subject

HOOK = "conformal.interval"
Floats = npt.NDArray[np.float64]

LEVEL = 0.999
"""of the interval; a version that keeps its promise is accused in fewer than one of 2,000 audits"""


class IntervalsCoverLaterRows(Check):
    """Intervals calibrated on earlier rows of the judged period cover the later ones.

    What it checks
        For every head that predicts a label of many values: intervals from the residuals of the
        first half of the judged period cover the outcomes of the second half as often as
        promised, within what dependence in time allows.
    Why it matters
        The guarantee of conformal intervals needs exchangeable rows. Markets change their
        volatility; an interval that does not follow is too narrow just when it matters.
    How
        Predicts the judged period (the last recorded test period, else the last quarter of the
        sample), leaves out one horizon between the halves, asks `conformal.interval` at
        miscoverage `alpha`, and compares coverage with 1 - alpha by a 99.9 % interval over blocks
        of one horizon, all assets together. The exact binomial interval, which takes rows as
        independent, is shown beside it.
    Limitations
        Where fewer than 10 blocks remain there is no power and the check says so. Where no test
        period is recorded, the model may know the rows, and residuals are then too small in both
        halves.
    Remediation
        Scale residuals by a volatility forecast, weight recent residuals, or adapt the level.
    Sources
        Barber et al. (2023), Conformal prediction beyond exchangeability, Annals of Statistics
        51(2); Gibbs and Candes (2021), Adaptive Conformal Inference; Clopper and Pearson (1934).
    """

    code = "CNF101"
    contract = Contract.CONFORMAL
    task = Task.T2
    severity = Severity.MEDIUM
    reads = Reads.BEHAVIOUR
    needs = (
        HOOK,
        "features.panel",
        "features.build",
        "targets.build",
        "predictor.predict",
    )

    alpha: float = Field(0.1, gt=0, lt=1, description="miscoverage that is asked for")
    tolerance: float = Field(0.05, ge=0, lt=1, description="shortfall of coverage accepted")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Calibrate on the first half, judge on the second."""
        predicted, labels = samples.predictions(subject), samples.labels(subject)
        horizon, _ = horizon_of(subject)
        heads = [str(c) for c in predicted if c in labels and labels[c].nunique() > 12]
        if not heads:
            raise NotAssessed("no head has the name of a label of many values")
        start, end = _judged(subject, predicted.index)
        rows: list[tuple[str, float, str, float, float]] = []
        decided: list[tuple[str | float, ...]] = []
        for head in heads:
            residual = (labels[head].reindex(predicted.index) - predicted[head]).dropna()
            dates = pd.DatetimeIndex(residual.index.get_level_values(-1))
            inside = np.asarray((dates >= start) & (dates <= end))
            early, late = _halves(residual[inside], horizon)
            blocks = pd.factorize(late.index.get_level_values(-1), sort=True)[0] // max(horizon, 1)
            if len(late) == 0 or blocks.max() < 9 or len(early) < 20:
                yield Gap(head, f"{len(early)} rows to calibrate on, {len(late)} to judge")
                continue
            guess = predicted[head].loc[late.index].to_numpy(np.float64)
            reply = ask(
                subject.hook(HOOK),
                early.to_numpy(np.float64),
                guess,
                self.alpha,
                into=floats(len(guess), 2),
            )
            if not reply.answered:
                yield Gap(head, reply.why)
                continue
            covered = _covered(reply.got, guess + late.to_numpy(np.float64))
            rows += _by_month(head, covered, late.index)
            yield from self._judge(subject, head, covered, blocks, decided)
        title = f"Coverage by month; {1 - self.alpha:.0%} is promised"
        columns = ("x", "value", "series", "band_low", "band_high")
        note = "share of rows covered; band: exact 95 % binomial interval, rows as independent"
        yield Evidence("coverage", title, columns, tuple(rows), View.LINES, note)
        yield Evidence(
            "interval",
            "What decided: coverage of all later rows",
            ("head", "covered", "low", "high", "blocks", "promised", "accepted from"),
            tuple(decided),
            note="99.9 % interval over blocks of one horizon; broken where all of it lies below "
            "what is accepted, not told where only its middle does",
        )
        yield Examined(len(decided), "heads")

    def _judge(
        self,
        subject: Subject,
        head: str,
        covered: Floats,
        blocks: npt.NDArray[np.int64],
        decided: list[tuple[str | float, ...]],
    ) -> Iterator[Answer]:
        mean, low, high, count = mean_interval(covered, blocks, LEVEL)
        floor = 1 - self.alpha - self.tolerance
        decided.append((head, mean, low, high, count, 1 - self.alpha, floor))
        exact = clopper_pearson(int(covered.sum()), len(covered), 0.95)
        if self.falls_short(covered, blocks):
            yield self.finding(
                subject.where(HOOK),
                f"intervals of {head!r} cover {mean:.1%} of {len(covered)} later rows "
                f"(99.9 % interval {low:.1%} to {high:.1%} over {count} blocks; binomial "
                f"{exact[0]:.1%} to {exact[1]:.1%})",
                measured=mean,
                expected=f"at least {1 - self.alpha:g}",
                key=head,
                evidence=("coverage", "interval"),
            )
        elif mean < floor:
            yield Gap(
                head,
                f"{mean:.1%} of {len(covered)} later rows are covered, {1 - self.alpha:.0%} are "
                f"promised; {count} blocks cannot tell the two apart (99.9 % interval {low:.1%} to "
                f"{high:.1%})",
            )

    def falls_short(self, covered: Floats, blocks: npt.NDArray[np.int64]) -> bool:
        """True where the whole interval of the coverage lies below what is accepted."""
        return mean_interval(covered, blocks, LEVEL)[2] < 1 - self.alpha - self.tolerance


def _halves(residual: pd.Series[float], horizon: int) -> tuple[pd.Series[float], pd.Series[float]]:
    """Residuals before the middle date, and after it by one horizon."""
    dates = residual.index.get_level_values(-1)
    days = dates.unique().sort_values()
    if len(days) < 2 * horizon + 2:
        return residual[:0], residual[:0]
    middle = len(days) // 2
    return residual[dates < days[middle]], residual[
        dates >= days[min(middle + horizon, len(days) - 1)]
    ]


def _covered(bounds: Floats, outcomes: Floats) -> Floats:
    return ((outcomes >= bounds[:, 0]) & (outcomes <= bounds[:, 1])).astype(np.float64)


def _by_month(
    head: str, covered: Floats, index: pd.Index
) -> list[tuple[str, float, str, float, float]]:
    months = pd.DatetimeIndex(index.get_level_values(-1)).strftime("%Y-%m-01")
    rows = []
    for month, part in pd.Series(covered).groupby(np.asarray(months)):
        low, high = clopper_pearson(int(part.sum()), len(part))
        rows.append((str(month), float(part.mean()), head, low, high))
    return rows


def _judged(subject: Subject, index: pd.Index) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last date of the judged period."""
    dates = pd.DatetimeIndex(index.get_level_values(-1)).unique().sort_values()
    try:
        last = max(recorded_folds(subject), key=lambda f: f.test_end)
    except NotAssessed:
        return dates[int(0.75 * len(dates))], dates[-1]
    zone = dates.tz
    start, end = (d.tz_localize(zone) if zone else d for d in (last.test_start, last.test_end))
    if not ((dates >= start) & (dates <= end)).any():
        raise NotAssessed(
            f"the sample panel holds no bar of the judged period {iso(last.test_start)} to "
            f"{iso(last.test_end)}"
        )
    return start, end
