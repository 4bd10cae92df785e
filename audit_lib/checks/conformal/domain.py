import math

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.questions.asking import ask, ask_many, floats
from audit_lib.probes.questions.domain import control, problems, reactions


class NoResidualsNoInterval(Check):
    """Without usable residuals or a proper level there is no finite interval.

    What it checks
        No residuals, all NaN, one residual at a high level, and levels outside (0, 1) are
        refused or get infinite or undefined intervals; a NaN prediction has no interval.
    Why it matters
        A default width stands for a confidence that nobody measured; position sizing takes it at
        its word.
    How
        Drives `conformal.interval` with one oddity at a time, after one ordinary question.
    Limitations
        Too few residuals for the level is judged for one residual only.
    Remediation
        Refuse what cannot be calibrated; answer infinity where too few residuals support the level.
    Sources
        Lei et al. (2018), theorem 2.2 (the rank exceeds m when m is too small).
    """

    code = "CNF003"
    severity = Severity.MEDIUM
    needs = ("conformal.interval",)

    seed: int = Field(72, description="of everything random")

    def run(self, subject: Subject) -> Answers:
        """Ask for intervals that cannot be had."""
        questions, hook = self._oddities(), subject.hook("conformal.interval")
        ordinary = ask(hook, self._scores(), np.zeros(1), 0.1, into=floats(1, 2))
        if not control("conformal.interval", [ordinary]):
            why = ordinary.why or "no finite interval"
            yield Gap("whether the oddity is the reason", f"an ordinary question: {why}")
        replies = ask_many(hook, list(questions.values()), into=floats(-1, 2))
        answers = [*zip(questions, replies, strict=True)]
        yield Examined(len(replies), "odd inputs")
        yield reactions("odd", "Intervals that cannot be had", answers, self._shown)
        for name, problem, severity in problems(answers, self._problem):
            yield self.departs(
                f"{name}: {problem}",
                measured=problem,
                expected="a refusal, or an infinite or undefined interval",
                key=name,
                severity=severity,
                evidence=("odd",),
            )

    def _scores(self) -> Floats:
        return np.random.default_rng(self.seed).normal(size=99) * 0.01

    def _oddities(self) -> dict[str, tuple[Floats, Floats, float]]:
        scores = self._scores()
        zero = np.zeros(1)
        return {
            "no residuals": (np.empty(0), zero, 0.1),
            "residuals all NaN": (np.full(99, np.nan), zero, 0.1),
            "one residual for 95% coverage": (scores[:1], zero, 0.05),
            "alpha -0.1": (scores, zero, -0.1),
            "alpha 1.5": (scores, zero, 1.5),
            "alpha NaN": (scores, zero, math.nan),
            "a NaN prediction": (scores, np.full(1, np.nan), 0.1),
        }

    @staticmethod
    def _shown(interval: Floats) -> str:
        return "; ".join(f"[{low:.4g}, {high:.4g}]" for low, high in interval[:2])

    @classmethod
    def _problem(cls, _: str, got: Floats) -> str:
        finite = len(got) and np.isfinite(got).all()
        return f"gets the finite interval {cls._shown(got)}" if finite else ""
