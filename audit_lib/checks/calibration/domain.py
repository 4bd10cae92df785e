import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity
from audit_lib.probes.prediction.scored import HOOK, Scored, scored_sample
from audit_lib.probes.statistics.clusters import Clusters
from audit_lib.probes.statistics.inference import mean_interval

QUARTERS = 4
"""stretches of time in which the spread must be another"""


class CalibratorServesTheScoresItKnows(Check):
    """Scores that a calibrator is served come from the domain it was fitted on.

    What it checks
        Range, spread and distribution of the scores the calibrator was fitted on, against those
        it is served: few fall outside the fitted range, the spread is alike, and the
        distributions are not apart.
    Why it matters
        A calibrator fitted on probabilities and served raw margins, or fitted on scores of
        another model, answers its edge values: everything becomes certain, or nothing does.
    How
        Splits `calibration.sample` by its `fitted` flag. Share outside the range (widened by a
        quarter on either side): 99.9 % interval, whole dates drawn together. Spread: ratio of
        interquartile ranges, in each quarter of the served dates. Distribution: distance of
        Kolmogorov and Smirnov, at p below 0.0001 on the number of independent dates; markets move
        scores, so this one only informs. A clean version is accused in fewer than one of 500
        audits. A spread that changes so much from quarter to quarter that scores `matters` times
        as wide as those fitted on could pass is not assessed: a logit is at least four times as
        wide as its probability.
    Limitations
        Scores drift with the market; only large differences count (`outside`, `ratio`,
        `distance`). Needs 50 independent dates on either side, or rows where dates are unknown.
    Remediation
        Fit the calibrator on scores of the model, head and scaling that it will be served.
    Sources
        Zadrozny and Elkan (2002), Transforming classifier scores into accurate multiclass
        probability estimates; Massey (1951), The Kolmogorov-Smirnov Test for Goodness of Fit.
    """

    code = "CAL003"
    severity = Severity.HIGH
    needs = (HOOK,)

    outside: float = Field(0.05, ge=0, lt=1, description="share outside the range that is accepted")
    margin: float = Field(0.25, ge=0, description="slack on either side, in widths of the range")
    ratio: float = Field(2.5, gt=1, description="ratio of spreads that is accepted")
    matters: float = Field(4.0, gt=1, description="factor of the spread that must not pass")
    distance: float = Field(0.35, gt=0, lt=1, description="distance of distributions accepted")
    least: int = Field(50, ge=10, description="independent dates needed on either side")

    def run(self, subject: Subject) -> Answers:
        """Compare the two samples of scores."""
        sample = scored_sample(subject)
        fitted, served = sample.where(sample.fitted), sample.where(~sample.fitted)
        for side, part in (("fitted", fitted), ("unseen", served)):
            if part.independent < self.least or len(part.scores) < self.least:
                raise NotAssessed(
                    f"{part.independent if len(part.scores) else 0} independent {side} rows; "
                    f"{self.least} are needed"
                )
        rows = [(side, *_summary(part)) for side, part in (("fitted", fitted), ("served", served))]
        heads = ("scores", "lowest", "25 %", "median", "75 %", "highest", "rows", "independent")
        yield Evidence("domains", "Scores fitted on and scores served", heads, tuple(rows))
        differences = self.differences(fitted, served)
        yield from (margin for key, margin, *_ in differences if key != "distribution")
        departures = [d for d in differences if d[1].room < 0]
        if self.blind(fitted, served) and not any(key != "distribution" for key, *_ in departures):
            few = f"could have seen only scores more than {self.matters:g} times as wide"
            yield Gap("spread", f"{few}: the spread of the served ones changes over time")
        for key, _, message, measured, expected in departures:
            yield self.departs(
                message,
                measured=measured,
                expected=expected,
                key=key,
                severity=Severity.INFO if key == "distribution" else None,
                evidence=("domains",),
            )
        yield Examined(len(sample.scores), "scores")

    @staticmethod
    def _quarters(served: Scored) -> list[Floats]:
        """Served scores of four stretches of time; all of them where dates are unknown."""
        if served.dates is None:
            return [served.scores]
        dates = Clusters.of(served.dates)
        quarter = dates.codes * QUARTERS // dates.count
        return [served.scores[quarter == q] for q in range(QUARTERS)]

    def blind(self, fitted: Scored, served: Scored) -> bool:
        """True where scores `matters` times as wide, or as narrow, could pass."""
        ratio = _ratio(served.scores, fitted.scores)
        if not 0 < ratio < np.inf:
            return False
        parts = [_ratio(part, fitted.scores) / ratio for part in self._quarters(served)]
        return (
            self.matters * min(parts) <= self.ratio or max(parts) / self.matters >= 1 / self.ratio
        )

    def differences(
        self, fitted: Scored, served: Scored
    ) -> list[tuple[str, Margin, str, float, str]]:
        """Key, what decides, and what to say of it: sentence, measured value and bound."""
        found = []
        low, high = float(fitted.scores.min()), float(fitted.scores.max())
        slack = self.margin * (high - low)
        beyond = ((served.scores < low - slack) | (served.scores > high + slack)).astype(np.float64)
        share, least, most, _ = mean_interval(beyond, served.dates, 0.999)
        least = 1.0 if share == 1.0 else max(least, 0.0)
        margin = Margin("share outside the fitted range", least, self.outside, low=least, high=most)
        fitted_range = f"{low:.4g} to {high:.4g}"
        text = f"{share:.1%} of the served scores lie well outside the fitted range {fitted_range}"
        found.append(("range", margin, text, share, f"at most {self.outside:g}"))
        ratio = _ratio(served.scores, fitted.scores)
        # Markets have calm and wild years; scores of another scale are so in every part of them.
        parts = [_ratio(part, fitted.scores) for part in self._quarters(served)]
        away = max(min(parts), 1 / max(parts) if max(parts) > 0 else np.inf)
        margin = Margin("spread that is another in every quarter", away, self.ratio, "times")
        text = f"served scores spread {ratio:.3g} times as wide as those fitted on"
        found.append(("spread", margin, text, ratio, f"{1 / self.ratio:.3g} to {self.ratio:g}"))
        from scipy import stats

        apart = float(stats.ks_2samp(served.scores, fitted.scores).statistic)
        count = served.independent * fitted.independent / (served.independent + fitted.independent)
        chance = stats.kstwobign.sf(apart * np.sqrt(count)) >= 1e-4
        margin = Margin("distance of distributions", 0.0 if chance else apart, self.distance)
        text = f"distributions of fitted and served scores are {apart:.2f} apart"
        found.append(("distribution", margin, text, apart, f"at most {self.distance:g}"))
        return found


def _ratio(served: Floats, fitted: Floats) -> float:
    """Ratio of interquartile ranges; 1 where neither moves."""
    spreads = [float(np.subtract(*np.quantile(s, [0.75, 0.25]))) for s in (served, fitted)]
    if spreads[1] > 0:
        return spreads[0] / spreads[1]
    return np.inf if spreads[0] > 0 else 1.0


def _summary(part: Scored) -> tuple[float, float, float, float, float, int, int]:
    low, q1, q2, q3, high = (float(q) for q in np.quantile(part.scores, [0, 0.25, 0.5, 0.75, 1]))
    return low, q1, q2, q3, high, len(part.scores), part.independent
