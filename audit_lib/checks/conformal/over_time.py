import math
from typing import TypeAlias

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.labels.folds import iso, recorded_folds
from audit_lib.probes.labels.label_facts import horizon_of
from audit_lib.probes.prediction.heads import declared_heads
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, floats
from audit_lib.probes.statistics.inference import Change, change_between, clopper_pearson

HOOK = "conformal.interval"
Rows: TypeAlias = "pd.Series[float]"
DECIDED = (
    "head", "covered", "low", "high", "blocks", "dates in a block", "promised", "accepted from",
    "seen from",
)  # fmt: skip

LEVEL = 0.999
"""of the interval"""
BLOCKS = 7
"""of dates in each half; with fewer the sample would see too little, with more and shorter ones
clean versions are accused where volatility has a memory of months"""
SHORTEST = 1.5
"""horizons that a block spans at least"""


class IntervalsCoverLaterRows(Check):
    """Intervals calibrated on earlier rows of the judged period cover the later ones.

    What it checks
        For every head that predicts a label of many values (with `heads`: those that the subject
        serves intervals for): intervals from the residuals of the first half of the judged period
        cover the outcomes of the second half as often as promised, by more than the coverage of
        stretches of that length varies anyway.
    Why it matters
        The guarantee of conformal intervals needs exchangeable rows. Markets change their
        volatility; an interval that does not follow is too narrow just when it matters.
    How
        Predicts the judged period (the last recorded test period, else the last quarter of the
        sample), leaves out one horizon between the halves, asks `conformal.interval` at
        miscoverage `alpha` for both, and compares their coverage by seven long blocks of dates of
        each and Student's t (99.9 % two-sided). The exact binomial interval, which takes rows as
        independent, is shown beside it.
    Limitations
        Blocks of dates must outlast what neighbouring dates share. On returns whose volatility has
        a half-life of a third of a block and less, no run of a thousand was accused; where it is as
        long as a block or longer, up to one in a hundred is. Volatility that doubles is seen in
        most samples only where it was steady before; four times is seen in nearly all. What this
        sample could have shown stands in the table, and where that is less than `must_see`, the
        check says so instead of passing. Where no test period is recorded, the model may know the
        rows, and residuals are then too small in both halves.
    Remediation
        Scale residuals by a volatility forecast, weight recent residuals, or adapt the level.
    Sources
        Barber et al. (2023), Conformal prediction beyond exchangeability, Annals of Statistics
        51(2); Gibbs and Candes (2021), Adaptive Conformal Inference; Ibragimov and Mueller (2010),
        t-Statistic Based Correlation and Heterogeneity Robust Inference; Clopper and Pearson
        (1934).
    """

    code = "CNF101"
    severity = Severity.MEDIUM
    needs = (HOOK, "features.panel", "features.build", "targets.build", "predictor.predict")

    alpha: float = Field(0.1, gt=0, lt=1, description="miscoverage that is asked for")
    tolerance: float = Field(0.05, ge=0, lt=1, description="departure of coverage accepted")
    must_see: float = Field(
        0.5, ge=0, le=1, description="coverage that the sample must be able to show as too low"
    )
    heads: tuple[str, ...] = Field(
        (), description="those that intervals are served for; all where none is named"
    )

    def run(self, subject: Subject) -> Answers:
        """Calibrate on the first half, judge on the second."""
        predicted, labels = samples.predictions(subject), samples.labels(subject)
        horizon, _ = horizon_of(subject)
        label_of = _label_of(subject, predicted)
        heads = [
            h
            for h, name in label_of.items()
            if name in labels and labels[name].nunique() > 12 and h in (self.heads or label_of)
        ]
        if not heads or not {*self.heads} <= {*heads}:
            named = next(
                (f"{h!r} is not one that" for h in self.heads if h not in heads), "no head"
            )
            raise NotAssessed(f"{named} has the name of a label of many values, or declares one")
        start, end = _judged(subject, predicted.index)
        rows: list[tuple[str, float, str, float, float]] = []
        decided: list[tuple[str | float, ...]] = []
        for head in heads:
            label = labels[label_of[head]].reindex(predicted.index)
            residual = (label - predicted[head]).dropna()
            dates = pd.DatetimeIndex(residual.index.get_level_values(-1))
            inside = np.asarray((dates >= start) & (dates <= end))
            early, late = _halves(residual[inside], horizon)
            if min(_dates(early), _dates(late)) < _needed(horizon):
                yield Gap(head, self._too_short(early, late, horizon))
                continue
            both = pd.concat([early, late])
            guess = predicted[head].loc[both.index].to_numpy(np.float64)
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
            hits = pd.Series(_covered(reply.got, guess + both.to_numpy(np.float64)), both.index)
            later = hits.iloc[len(early) :]
            rows += _by_month(head, np.asarray(later, dtype=np.float64), late.index)
            yield from self._judge(head, hits.iloc[: len(early)], later, decided)
        title = f"Coverage by month; {1 - self.alpha:.0%} is promised"
        columns = ("x", "value", "series", "band_low", "band_high")
        note = "share of rows covered; band: exact 95 % binomial interval, rows as independent"
        yield Evidence("coverage", title, columns, tuple(rows), View.LINES, note)
        yield Evidence(
            "interval",
            "What decided: coverage of all later rows",
            DECIDED,
            tuple(decided),
            note=f"interval over {BLOCKS} blocks of dates in each half; broken where all of it "
            "lies below what is accepted, not told where only its middle does; seen from: the "
            "coverage below which this sample shows a fault in half of all cases",
        )
        yield Examined(len(decided), "heads")

    @staticmethod
    def _too_short(early: Rows, late: Rows, horizon: int) -> str:
        return (
            f"{len(early)} rows to calibrate on, {len(late)} to judge: {_dates(early)} and "
            f"{_dates(late)} dates, of which {_needed(horizon)} are needed in each half "
            f"({BLOCKS} blocks of {SHORTEST:g} horizons)"
        )

    def _judge(
        self, head: str, early: Rows, late: Rows, decided: list[tuple[str | float, ...]]
    ) -> Answers:
        change = self.change(early, late)
        mean = change.late
        low, high = max(0.0, mean - change.half), min(1.0, mean + change.half)
        promised, accepted = 1 - self.alpha, 1 - self.alpha - self.tolerance
        seen = max(0.0, accepted - change.half)
        decided.append((head, mean, low, high, BLOCKS, change.dates, promised, accepted, seen))
        what = f"coverage of {head}, at the most"
        yield Margin(what, high, accepted, least=True, low=low, high=high)
        exact = clopper_pearson(int(late.sum()), len(late), 0.95)
        measured = (
            f"{mean:.1%} of {len(late)} later rows (99.9 % interval {low:.1%} to {high:.1%} over "
            f"{BLOCKS} blocks of {change.dates} dates; binomial {exact[0]:.1%} to {exact[1]:.1%})"
        )
        changed, wide = self.tells(change), low > promised + self.tolerance
        if changed or wide:
            yield self.departs(
                f"intervals of {head!r} cover {measured}",
                measured=mean,
                expected=f"at most {promised + self.tolerance:g}"
                if wide
                else f"at least {promised:g}",
                key=f"{head} wider than promised" if wide else head,
                severity=Severity.INFO if wide else None,
                evidence=("coverage", "interval"),
            )
        elif changed is None and mean < accepted:
            yield Gap(
                head,
                f"covered are {measured}, {promised:.0%} are promised; the blocks cannot tell "
                "the two apart",
            )
        elif changed is None:
            yield Gap(
                head, f"could have seen only a coverage below {seen:.0%}; covered are {measured}"
            )

    def change(self, early: Rows, late: Rows) -> Change:
        """Coverage of the later half against that of the half that was calibrated on."""
        return change_between(_by_date(early), _by_date(late), blocks=BLOCKS, level=LEVEL)

    def tells(self, change: Change) -> bool | None:
        """True where all of the interval is below what is accepted, None where nobody can tell."""
        accepted = 1 - self.alpha - self.tolerance
        if change.late + change.half < accepted:
            return True
        blind = change.late < accepted or accepted - change.half < self.must_see
        return None if blind else False


def _label_of(subject: Subject, predicted: pd.DataFrame) -> dict[str, str]:
    """Head to the label that it declares, else to one of its own name."""
    try:
        label_of = {h.name: h.label for h in declared_heads(subject)}
    except (NotAssessed, NotApplicable):
        label_of = {}
    return {str(c): label_of.get(str(c)) or str(c) for c in predicted}


def _needed(horizon: int) -> int:
    """Dates needed in each half."""
    return math.ceil(SHORTEST * max(horizon, 1) * BLOCKS)


def _by_date(hits: Rows) -> Floats:
    return np.asarray(hits.groupby(level=-1).mean(), dtype=np.float64)


def _dates(rows: Rows) -> int:
    return int(rows.index.get_level_values(-1).nunique())


def _halves(residual: Rows, horizon: int) -> tuple[Rows, Rows]:
    """Residuals before the middle date, and after it by one horizon."""
    dates = residual.index.get_level_values(-1)
    days = dates.unique().sort_values()
    place, middle = days.get_indexer(dates), len(days) // 2
    return residual[place < middle], residual[place >= middle + horizon]


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
