import math

import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Margin, Severity, View
from audit_lib.probes.labels.label_facts import horizon_of
from audit_lib.probes.prediction.scored import HOOK, SERVED, Scored, probabilities, scored_sample
from audit_lib.probes.questions import samples
from audit_lib.probes.statistics.clusters import bars_apart, dates_of
from audit_lib.probes.statistics.inference import CalibrationError, calibration_error, reliability

FEWEST = 12  # independent groups below which random signs tell nothing


class ProbabilitiesMatchOutcomes(Check):
    """Served probabilities match the frequency of outcomes on rows the calibrator never saw.

    What it checks
        The calibration error of the version's served probabilities, on rows its calibrator was
        not fitted on, is not above `tolerance` beyond chance.
    Why it matters
        Thresholds and position sizes read the probability as a probability. A map that says 70 %
        where 55 % come true doubles the stake on the same edge.
    How
        Applies `calibration.served` to the unseen rows of `calibration.sample`. The error is the
        largest cumulative difference of outcomes and probabilities, which needs no bins; its
        99.9 % interval comes from random signs on whole dates; on blocks of twice the horizon,
        where the measured (or declared) horizon of the labels is longer than a bar; on rows, where
        the sample has no dates. A finding needs the interval's lower end above the tolerance.
    Limitations
        Where the interval is wider than `widest` and reaches down to the tolerance, or fewer than
        12 groups are independent, the sample is too small to tell and the check says so. Without
        dates, rows are taken as independent, which makes the interval too narrow for rows of one
        day. The error averages over scores; see the curve for where it sits.
    Remediation
        Refit the calibrator on out-of-fold scores of the served model, or on newer rows.
    Sources
        Gupta et al. (2021), Calibration of Neural Networks using Splines; Arrieta-Ibarra et al.
        (2022), Metrics of Calibration for Probabilistic Predictions, JMLR 23.
    """

    code = "CAL001"
    severity = Severity.HIGH
    needs = (HOOK, SERVED)

    tolerance: float = Field(0.02, ge=0, description="calibration error that is accepted")
    widest: float = Field(
        0.15,
        gt=0,
        description="half width of the interval above which the sample is too small to tell",
    )
    level: float = Field(0.999, gt=0.5, lt=1, description="level of the interval")
    seed: int = Field(20, description="seed of the random signs")

    def run(self, subject: Subject) -> Answers:
        """Measure the error on unseen rows."""
        sample = scored_sample(subject)
        unseen = sample.where(~sample.fitted)
        if len(unseen.scores) < 50:
            raise NotAssessed(
                f"{len(unseen.scores)} rows the calibrator was not fitted on; 50 are needed"
            )
        served = np.clip(probabilities(subject, unseen.scores), 0.0, 1.0)
        if not np.isfinite(served).all():
            raise NotAssessed(
                f"{SERVED} answers {int((~np.isfinite(served)).sum())} missing values"
            )
        error = self.measure(served, unseen, _horizon(subject, unseen))
        yield self._curve(served, unseen, error)
        wrong = self.tells(error)
        if wrong is None:
            raise NotAssessed(
                f"could have seen only an error above {self.tolerance + error.band:.2f}: "
                f"{error.groups} independent groups tell it to ±{error.band:.3f}"
            )
        least, what = max(0.0, error.low), "calibration error, at the least"
        yield Margin(what, least, self.tolerance, low=least, high=error.high)
        if wrong:
            yield self.departs(
                f"probabilities are off by {error.error:.3f} (99.9 % interval {error.low:.3f} to "
                f"{error.high:.3f}) on {error.rows} rows of {error.groups} independent groups",
                hook=SERVED,
                measured=f"{error.error:.4f} ({error.low:.4f} to {error.high:.4f})",
                expected=f"at most {self.tolerance:g}",
                evidence=("reliability",),
            )
        yield Examined(error.rows, "rows the calibrator was not fitted on")

    def tells(self, error: CalibrationError) -> bool | None:
        """True where the error is too large, None where the sample is too small to tell."""
        wrong = error.low > self.tolerance  # however wide the interval, it leaves no doubt of that
        small = error.groups < FEWEST or (error.band > self.widest and not wrong)
        return None if small else wrong

    def measure(self, served: np.ndarray, unseen: Scored, horizon: int = 1) -> CalibrationError:
        """Error and interval; the seed is fixed, so equal data give equal answers."""
        rng = np.random.default_rng(self.seed)
        return calibration_error(
            served, unseen.outcomes, rng, groups=unseen.dates, horizon=horizon, level=self.level
        )

    def _curve(self, served: np.ndarray, unseen: Scored, error: CalibrationError) -> Evidence:
        rows = tuple(
            (b.predicted, b.observed, b.low, b.high, b.count)
            for b in reliability(served, unseen.outcomes)
        )
        note = (
            f"bins of equal count, 95 % exact intervals a bin (rows taken as independent); "
            f"calibration error {error.error:.3f}, 99.9 % interval {error.low:.3f} to "
            f"{error.high:.3f}, {error.rows} rows, {error.groups} groups"
        )
        heads = ("predicted", "observed", "low", "high", "count")
        title = "Reliability of served probabilities on unseen rows"
        return Evidence("reliability", title, heads, rows, View.RELIABILITY, note)


def _horizon(subject: Subject, sample: Scored) -> int:
    """Dates of the sample that an outcome spans; 1 where nobody says and nothing tells."""
    try:
        bars = max(1, horizon_of(subject)[0])
    except NotAssessed:
        return 1
    if sample.dates is None or bars == 1:
        return bars
    try:
        calendar = dates_of(samples.panel(subject).index)
    except (NotAssessed, NotApplicable):
        return bars
    apart = bars_apart(sample.dates, calendar) if calendar is not None else 1
    return math.ceil(bars / apart)
