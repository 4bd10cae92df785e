from typing import Any

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity
from audit_lib.probes.statistics.inference import backtest_overfitting, deflated_sharpe
from audit_lib.probes.training.recorded_metrics import incredible, number
from audit_lib.subject.documents import Document

FEWEST = 30
"""observations below which a Sharpe ratio tells nothing"""
MISSING = 0.9
"""share of observations that every trial must have"""
LEVEL = 0.01
"""of the test of overfitting"""


class SelectionSurvivesTheTrials(Check):
    """The chosen trial's Sharpe ratio stands once the number of trials is counted.

    What it checks
        Where trials are recorded: the chosen Sharpe ratio is significant when deflated by the
        number and spread of the trials, and what is best in one half of the time is not reliably
        worse in the other (probability of backtest overfitting).
    Why it matters
        The best of a hundred worthless strategies has a Sharpe ratio of 2.5 standard errors. A
        version chosen by it is luck with a file name.
    How
        Reads the list of trials from the metadata (numbers, or mappings with `sharpe` and perhaps
        `returns`; the number 1 where there was a single one). Deflated Sharpe ratio with the
        recorded number of observations, and with skew and kurtosis of the chosen trial's returns
        (else those recorded at `skew` and `kurtosis`, else of a normal law): of worthless
        trials at most 1 - `level` stand.
        Probability of overfitting by symmetric combinations of 12 blocks of the trials' returns,
        where these are recorded; a finding needs one that at most 1 % of shuffles of exchangeable
        trials reach. Above one half without that, the choice is told to be no better than chance.
    Limitations
        Trials that nobody recorded are not counted, and similar trials count as independent.
        Fewer than 30 observations, so few of them that not even a ratio too good to be true
        would stand, or trials that could all give back what they earned and be missed in half of
        all cases, have no power: the check says what it could have seen.
        Annualised ratios are divided by the root of `periods`.
    Remediation
        Record every trial, choose fewer, and judge the choice on data that no trial saw.
    Sources
        Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio; Bailey, Borwein, Lopez de
        Prado and Zhu (2017), The Probability of Backtest Overfitting.
    """

    code = "SPL007"
    severity = Severity.MEDIUM
    reads = Reads.ARTIFACTS

    trials: str = Field("/run/trials", description="pointer to the list of trials, or their number")
    sharpe: str = Field("/metrics/sharpe", description="pointer to the chosen Sharpe ratio")
    skew: str = Field("/metrics/skew", description="pointer to the skew of its returns")
    kurtosis: str = Field("/metrics/kurtosis", description="pointer to their kurtosis; 3 if normal")
    observations: str = Field("/metrics/observations", description="pointer to its sample size")
    periods: float = Field(252, gt=0, description="periods a year; 1 where ratios are per period")
    level: float = Field(0.95, gt=0.5, lt=1, description="probability that counts as significant")
    seed: int = Field(7, description="seed of the shuffles")

    def run(self, subject: Subject) -> Answers:
        """Deflate the Sharpe ratio, and combine the trials' returns."""
        document = subject.metadata
        raw = document.get(self.trials)
        if raw == 1:
            yield Examined(1, "trial: nothing was chosen")
            return
        if not isinstance(raw, list) or len(raw) < 2:
            raise NotAssessed(
                f"{document.path} has no list of trials at {self.trials} (options.SPL007.trials)"
            )
        ratios = [r for t in raw if (r := _sharpe(t)) is not None]
        looked = 0
        if len(ratios) >= 2:
            shape = self._shape(document, raw)
            yield from self._deflated(document, np.array(ratios) / np.sqrt(self.periods), shape)
            looked += len(ratios)
        returns = [t["returns"] for t in raw if isinstance(t, dict) and "returns" in t]
        if len(returns) >= 2 and len({len(r) for r in returns}) == 1 and len(returns[0]) >= 60:
            table = np.array([[_float(v) for v in r] for r in returns]).T
            whole = np.isfinite(table).all(axis=1)
            if whole.sum() >= max(60, MISSING * len(whole)):
                yield from self._overfitting(document, table[whole])
                looked += len(returns)
            else:
                many = int((~whole).sum())
                yield Gap("probability of overfitting", f"{many} observations miss a return")
        yield Examined(looked, "trials")

    def _shape(self, document: Document, raw: list[Any]) -> tuple[float, float]:
        """Skew and kurtosis of the returns behind the chosen ratio."""
        ratios = [(_sharpe(t), t["returns"]) for t in raw if isinstance(t, dict) and "returns" in t]
        best = max((k for k in ratios if k[0] is not None), key=lambda k: k[0] or 0.0, default=None)
        values = np.array([_float(v) for v in best[1]] if best else [])
        values = values[np.isfinite(values)]
        if len(values) >= FEWEST and values.std() > 0:
            from scipy import stats

            return float(stats.skew(values)), float(stats.kurtosis(values, fisher=False))
        skew, kurtosis = number(document.get(self.skew)), number(document.get(self.kurtosis))
        return skew or 0.0, 3.0 if kurtosis is None else kurtosis

    def _deflated(self, document: Document, ratios: Floats, shape: tuple[float, float]) -> Answers:
        chosen, count = number(document.get(self.sharpe)), number(document.get(self.observations))
        if chosen is None or count is None or count < FEWEST:
            missing = self.sharpe if chosen is None else self.observations
            few = f"{count:g} observations; {FEWEST} are needed" if count is not None else ""
            why = (
                few if chosen is not None and few else f"{document.path} has no number at {missing}"
            )
            yield Gap("deflated Sharpe ratio", why)
            return
        per_period, size = chosen / np.sqrt(self.periods), int(count)
        skew, kurtosis = shape
        deviation = float(ratios.std(ddof=1))
        most = incredible("sharpe") or np.inf
        alone, counted, best = (
            deflated_sharpe(ratio, size, n, spread, skew=skew, kurtosis=kurtosis)
            for ratio, n, spread in (
                (per_period, 1, 0.0),
                (per_period, len(ratios), deviation),
                (most / np.sqrt(self.periods), len(ratios), deviation),
            )
        )
        rows = (("alone", 1, alone), ("counting trials", len(ratios), counted))
        heads = ("probability that the ratio is above 0", "trials", "value")
        note = f"Sharpe ratio {chosen:g}, {size} observations, skew {skew:.3g}"
        note += f", kurtosis {kurtosis:.3g}"
        yield Evidence("deflated", "Deflated Sharpe ratio", heads, rows, note=note)
        if max(counted, best) < self.level:
            seen = f"could have seen only a ratio above {most:g}, which is too good to be true"
            yield Gap("deflated Sharpe ratio", f"{seen} ({note}, {len(ratios)} trials)")
            return
        what = "probability that the ratio is above 0, counting trials"
        yield Margin(what, counted, self.level, least=True)
        if counted < self.level:
            significant = alone >= self.level
            relation = f"is significant alone ({alone:.3f}) but not"
            if not significant:
                relation = f"is not significant alone ({alone:.3f}), nor"
            yield self.finding(
                document.location(self.sharpe),
                f"the Sharpe ratio {chosen:g} {relation} as the best of {len(ratios)} trials "
                f"({counted:.3f})",
                measured=counted,
                expected=f"at least {self.level:g}",
                key="deflated",
                evidence=("deflated",),
            )

    def _overfitting(self, document: Document, returns: Floats) -> Answers:
        pbo = backtest_overfitting(returns, np.random.default_rng(self.seed), level=LEVEL)
        note = f"{returns.shape[1]} trials, {returns.shape[0]} observations, {pbo.splits} splits"
        heads = ("probability of overfitting", "p value against exchangeable trials")
        row = (pbo.probability, pbo.p_value)
        yield Evidence("pbo", "Probability of backtest overfitting", heads, (row,), note=note)
        sure = pbo.probability > 0.5 and pbo.p_value <= LEVEL
        if pbo.power < 0.5 and not sure:
            seen = f"{pbo.power:.0%} of choices that give back all that they earned"
            yield Gap("probability of overfitting", f"could have seen only {seen} ({note})")
        elif pbo.probability > 0.5:
            yield self.finding(
                document.location(self.trials),
                f"the trial that is best in one half is below the median in the other in "
                f"{pbo.probability:.0%} of {pbo.splits} splits (p {pbo.p_value:.2g})"
                + ("" if sure else ": choosing was no better than chance"),
                measured=pbo.probability,
                expected="at most 0.5",
                key="overfitting",
                severity=None if sure else Severity.INFO,
                evidence=("pbo",),
            )


def _sharpe(trial: Any) -> float | None:
    return number(trial.get("sharpe")) if isinstance(trial, dict) else number(trial)


def _float(value: Any) -> float:
    """A number; NaN for anything else, as JSON writes what is not finite."""
    plain = number(value)
    return float("nan") if plain is None else plain
