import numpy as np
from pydantic import Field
from scipy import stats

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity, View
from audit_lib.probes.questions.asking import ask_many, floats, reasons

CASES = ((19, 0.1), (99, 0.05), (499, 0.1))
"""sizes at which (m + 1)(1 - alpha) is whole; others are drawn, where a rank off by one shows"""
DRAWN = 5
TOO_FEW = ((12, 0.05), (15, 0.05))
"""sizes at which no rank is enough: ceil((m + 1)(1 - alpha)) exceeds m"""


class IntervalsCoverWhatTheyPromise(Check):
    """On exchangeable data an interval at miscoverage alpha covers at least 1 - alpha.

    What it checks
        Over many replications with fresh calibration residuals and fresh outcomes, mean coverage
        is not below 1 - alpha, for small and large calibration sets and for symmetric, skewed and
        heavy-tailed residuals. Where residuals are too few for the level, the answer is infinite or
        a refusal, and not the largest of them. Coverage above 1 - alpha + 1 / (m + 1), which no
        rank rule needs, is noted.
    Why it matters
        The guarantee holds only with the finite-sample rank ceil((m + 1)(1 - alpha)); the plain
        quantile undercovers, most where calibration data are few. Absolute residuals of a skewed
        error, or a normal quantile in place of an empirical one, undercover too.
    How
        Drives `conformal.interval` on seeded residuals with outcomes from the same distribution.
        Most sizes m are drawn, from 11 to 60, so that (m + 1)(1 - alpha) lies between whole
        numbers: elsewhere a rank without the correction, or one too high, covers as promised.
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
    severity = Severity.HIGH
    needs = ("conformal.interval",)
    cites = ("coverage", "replications")

    seed: int = Field(71, description="of everything random")
    replications: int = Field(150, ge=50, description="seeded calibration sets a case")

    def run(self, subject: Subject) -> Answers:
        """Replicate each case and compare mean coverage with its promise."""
        hook = subject.hook("conformal.interval")
        rng = np.random.default_rng(self.seed)
        cases = (*CASES, *_sizes(rng))
        rows: list[tuple[str, float, float, float, int, float]] = []
        wide: list[tuple[str, float, float]] = []
        findings: list[Answer] = []
        total = 0
        for name, law in self._laws().items():
            for m, alpha in cases:
                draws = law.rvs(size=(self.replications, m), random_state=rng) * 0.01
                calls = [(scores, np.zeros(1), alpha) for scores in draws]
                replies = ask_many(hook, calls, into=floats(1, 2))
                silent = [r for r in replies if not r.answered]
                if silent:
                    yield Gap(f"{len(silent)} of {len(calls)} calibrations, m {m}", reasons(silent))
                answered = [r.got[0] for r in replies if r.answered]
                if len(answered) < 2:
                    continue
                ends = np.array(answered)
                covered = self._coverage(law, ends)
                total += len(covered)
                mean = float(covered.mean())
                error = float(covered.std(ddof=1) / np.sqrt(len(covered)))
                label = f"{name}, m {m}"
                least = 1 - alpha - 4 * error - 1e-9
                rows.append((label, 1 - alpha, mean, error, len(covered), least))
                most = 1 - alpha + 1 / (m + 1)
                if np.abs(ends.sum(axis=1)).max() > 1e-9:  # a tail each, rounded outwards each
                    ranks = (m + 1) * alpha / 2
                    most = max(most, 1 - 2 * np.floor(ranks) / (m + 1))
                if mean > most + 4 * error + 1e-9 and np.isfinite(ends).all():
                    wide.append((f"{label}, alpha {alpha:g}", mean, most))
                if mean < least:
                    findings.append(self._short(label, alpha, mean, error))
        short = list(self._too_few(subject, rng))
        yield Examined(total, "calibration sets")
        yield Evidence(
            "coverage",
            "Mean coverage over replications",
            ("label", "value", "group"),
            tuple(
                (f"{label}, {due:.0%}", value, group)
                for label, due, mean, *_ in rows
                for value, group in ((mean, "measured"), (due, "promised"))
            ),
            View.BARS,
            "m: calibration residuals; measured must not fall short of promised",
        )
        yield Evidence(
            "replications",
            "Coverage with its standard error",
            ("case", "promised", "measured", "standard error", "replications", "at least"),
            tuple(rows),
            bound=Bound("measured", "at least", "covered", least=True),
        )
        yield from findings
        yield from [] if findings else short  # what falls short everywhere says nothing of few
        if wide:
            yield self._over(wide)

    def _too_few(self, subject: Subject, rng: np.random.Generator) -> Answers:
        law = self._laws()["normal"]
        for m, alpha in TOO_FEW:
            draws = law.rvs(size=(self.replications, m), random_state=rng) * 0.01
            calls = [(scores, np.zeros(1), alpha) for scores in draws]
            replies = ask_many(subject.hook("conformal.interval"), calls, into=floats(1, 2))
            ends = np.array([r.got[0] for r in replies if r.answered])
            if len(ends) < len(calls) or np.isinf(ends).any():
                continue  # declined, or as wide as it must be
            mean = float(self._coverage(law, ends).mean())
            yield self.departs(
                f"{m} residuals are too few for alpha {alpha:g}, and intervals are answered all "
                f"the same; they cover {mean:.2%}, not {1 - alpha:.0%}",
                measured=mean,
                expected="infinite intervals, or a refusal",
                key=f"{m} residuals",
                cause="too few residuals for the level",
                severity=Severity.MEDIUM,
                evidence=("coverage",),
            )

    def _short(self, label: str, alpha: float, mean: float, error: float) -> Answer:
        return self.departs(
            f"{label}: intervals at alpha {alpha:g} cover {mean:.2%}, not {1 - alpha:.0%} "
            f"(standard error {error:.2%}, {self.replications} replications)",
            measured=mean,
            expected=f"at least {1 - alpha:g}",
            key=f"{label}, alpha {alpha:g}",
            cause="intervals cover less than they promise",
        )

    def _over(self, wide: list[tuple[str, float, float]]) -> Answer:
        case, mean, most = max(wide, key=lambda w: w[1] - w[2])
        return self.departs(
            f"intervals are wider than they need to be: in {len(wide)} cases they cover more than "
            f"the rank that is enough, {mean:.2%} against at most {most:.2%} ({case})",
            measured=mean,
            expected=f"at most {most:.4g}",
            key="wide",
            severity=Severity.INFO,
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


def _sizes(rng: np.random.Generator) -> list[tuple[int, float]]:
    """Drawn sizes and levels at which the rank needed lies well above (m + 1)(1 - alpha)."""
    fit = [
        (m, alpha)
        for m in range(11, 61)
        for alpha in (0.1, 0.2, 0.05)
        if 0.25 < (up := np.ceil((m + 1) * (1 - alpha)) - (m + 1) * (1 - alpha)) < 0.75
        and (m + 1) * (1 - alpha) + up < m
    ]
    small = [case for case in fit if case[0] <= 25]
    chosen = [small[k] for k in rng.choice(len(small), DRAWN - 2, replace=False)]
    return chosen + [fit[k] for k in rng.choice(len(fit), 2, replace=False)]
