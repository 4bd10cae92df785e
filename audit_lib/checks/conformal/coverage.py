"""CNF002."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import stats

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Evidence, Examined, Gap, Severity, Task, View
from audit_lib.probes.asking import ask_many, floats, reasons
from audit_lib.subject.subject import Subject

Floats = npt.NDArray[np.float64]
CASES = ((19, 0.1), (19, 0.2), (99, 0.05), (99, 0.1), (499, 0.1))


class IntervalsCoverWhatTheyPromise(Check):
    """On exchangeable data an interval at miscoverage alpha covers at least 1 - alpha.

    What it checks
        Over many replications with fresh calibration residuals and fresh outcomes, mean coverage
        is not below 1 - alpha, for small and large calibration sets and for symmetric, skewed and
        heavy-tailed residuals.
    Why it matters
        The guarantee holds only with the finite-sample rank ceil((m + 1)(1 - alpha)); the plain
        quantile undercovers, most where calibration data are few. Absolute residuals of a skewed
        error, or a normal quantile in place of an empirical one, undercover too.
    How
        Drives `conformal.interval` on seeded residuals with outcomes from the same distribution.
        Coverage of one replication given its calibration set is exact (the distribution is
        known), so the mean over replications has a small standard error; a finding needs a
        shortfall of four of them, over all cases (one-sided, family-wise error below 0.1 %).
    Limitations
        Exchangeable data only: what time does to coverage is seen on the subject's own scores.
        Cases in which the method answers infinite intervals count as covered.
    Remediation
        Use the rank ceil((m + 1)(1 - alpha)) of the sorted scores, infinite where it exceeds m.
    Sources
        Vovk, Gammerman and Shafer (2005); Lei et al. (2018), Distribution-Free Predictive
        Inference for Regression, theorem 2.2; Angelopoulos and Bates (2023), section 3.2.
    """

    code = "CNF002"
    contract = Contract.CONFORMAL
    task = Task.T3
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("conformal.interval",)

    seed: int = Field(71, description="of everything random")
    replications: int = Field(150, ge=50, description="seeded calibration sets a case")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Replicate each case and compare mean coverage with its promise."""
        hook = subject.hook("conformal.interval")
        rng = np.random.default_rng(self.seed)
        rows: list[tuple[str, float, float, float, int]] = []
        findings: list[Answer] = []
        total = 0
        for name, law in self._laws().items():
            for m, alpha in CASES:
                draws = law.rvs(size=(self.replications, m), random_state=rng) * 0.01
                calls = [(scores, np.zeros(1), alpha) for scores in draws]
                replies = ask_many(hook, calls, into=floats(1, 2))
                silent = [r for r in replies if not r.answered]
                if silent:
                    yield Gap(f"{len(silent)} of {len(calls)} calibrations, m {m}", reasons(silent))
                answered = [r.got[0] for r in replies if r.answered]
                if len(answered) < 2:
                    continue
                covered = self._coverage(law, np.array(answered))
                total += len(covered)
                mean = float(covered.mean())
                error = float(covered.std(ddof=1) / np.sqrt(len(covered)))
                label = f"{name}, m {m}"
                rows.append((label, 1 - alpha, mean, error, len(covered)))
                if mean < 1 - alpha - 4 * error - 1e-9:
                    findings.append(self._short(subject, label, alpha, mean, error))
        yield Examined(total, "calibration sets")
        yield Evidence(
            "coverage",
            "Mean coverage over replications",
            ("label", "value", "group"),
            tuple(
                (f"{label}, {due:.0%}", value, group)
                for label, due, mean, _, _ in rows
                for value, group in ((mean, "measured"), (due, "promised"))
            ),
            View.BARS,
            "m: calibration residuals; measured must not fall short of promised",
        )
        yield Evidence(
            "replications",
            "Coverage with its standard error",
            ("case", "promised", "measured", "standard error", "replications"),
            tuple(rows),
        )
        yield from findings

    def _short(
        self, subject: Subject, label: str, alpha: float, mean: float, error: float
    ) -> Answer:
        return self.finding(
            subject.where("conformal.interval"),
            f"{label}: intervals at alpha {alpha:g} cover {mean:.2%}, not {1 - alpha:.0%} "
            f"(standard error {error:.2%}, {self.replications} replications)",
            measured=mean,
            expected=f"at least {1 - alpha:g}",
            key=f"{label}, alpha {alpha:g}",
            evidence=("coverage", "replications"),
        )

    @staticmethod
    def _laws() -> dict[str, stats.rv_continuous]:
        return {
            "normal": stats.norm(),
            "skewed": stats.gamma(2.0, loc=-2.0),
            "heavy tails": stats.t(3),
        }

    @staticmethod
    def _coverage(law: stats.rv_continuous, intervals: Floats) -> Floats:
        """Exact coverage of intervals, shape (n, 2); an end that is missing covers nothing."""
        low, high = intervals.T / 0.01
        share = np.maximum(0.0, law.cdf(high) - law.cdf(low))
        return np.where(np.isnan(low) | np.isnan(high), 0.0, share)
