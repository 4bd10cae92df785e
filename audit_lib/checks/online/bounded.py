import math
from functools import partial

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Severity
from audit_lib.probes.prediction.learning import batches, joined, outputs, spoilt
from audit_lib.probes.questions.asking import ask_many
from audit_lib.probes.questions.domain import problems, reactions

Course = list[pd.DataFrame]


class OneBadRowIsForgiven(Check):
    """One bad row must not ruin an online learner for good.

    What it checks
        After one row with NaN, infinity or a value a million times too large, and clean batches
        behind it, predictions are finite and near those of a learner that never saw it, or the
        row is refused; an empty batch changes nothing. Where the parameters promise it
        (`batch_split`), cutting a batch in two changes nothing either.
    Why it matters
        An online learner has no one who looks at it between updates. Weights that became NaN
        once stay NaN; weights pushed to a million predict nonsense for months.
    How
        Drives `online.run` with one spoilt row in the second of several seeded batches.
    Limitations
        "Near" means within `bound` spreads of the clean predictions; slower poisoning by many
        plausible rows is not probed.
    Remediation
        Refuse rows that are not finite, clip features and gradients, and bound the weights.
    Sources
        IEEE 754-2019 section 6.2; Huber (1981), Robust Statistics, on bounded influence.
    """

    code = "ONL002"
    severity = Severity.HIGH
    needs = ("online.run",)

    seed: int = Field(61, description="of everything random")
    batches: int = Field(6, ge=3, description="made-up batches")
    rows: int = Field(40, ge=5, description="rows of a batch")
    bound: float = Field(10.0, gt=0, description="spreads of the clean predictions")
    batch_split: bool = Field(False, description="the subject promises that batching is no matter")

    def run(self, subject: Subject) -> Answers:
        """Spoil one row at a time and compare with the clean run."""
        hook = subject.hook("online.run")
        plain, probe = batches(subject, count=self.batches, rows=self.rows, seed=self.seed)
        courses = self._courses(plain)
        clean, *replies = ask_many(
            hook, [(course, probe, None) for course in [plain, *courses.values()]], into=outputs
        )
        clean.needed("online.run")
        spread = float(np.std(clean.got)) or 1.0
        answers = [*zip(courses, replies, strict=True)]
        yield Examined(len(answers), "courses with a bad row")
        yield reactions(
            "bad_rows",
            "Predictions after one bad row",
            answers,
            lambda v: f"{self._gap(v, clean.got) / spread:.4g} spreads away",
        )
        for name, problem, severity in problems(
            answers, partial(self._problem, clean.got, spread), raised=True
        ):
            yield self.departs(
                f"{name}: {problem}",
                measured=problem,
                expected="a refusal, or predictions as before",
                key=name,
                # Least squares, which nobody clips, move with an outlier too, and back again.
                severity=Severity.MEDIUM if "is 1e6" in name and severity is None else severity,
                evidence=("bad_rows",),
            )

    def _courses(self, plain: Course) -> dict[str, Course]:
        feature = str(plain[0].columns[0])
        one = plain[1]
        courses: dict[str, Course] = {}
        for place, column in (("a feature", feature), ("the outcome", "y")):
            for name, value in (("NaN", math.nan), ("infinite", math.inf), ("1e6", 1e6)):
                bad = spoilt(one, column, value)
                courses[f"{place} is {name} in one row"] = [plain[0], bad, *plain[2:]]
        courses["an empty batch"] = [plain[0], one, one.iloc[:0], *plain[2:]]
        if self.batch_split:
            half = len(one) // 2
            courses["a batch cut in two"] = [plain[0], one.iloc[:half], one.iloc[half:], *plain[2:]]
            courses["two batches joined"] = [joined(plain[:2]), *plain[2:]]
        return courses

    def _problem(self, clean: Floats, spread: float, name: str, got: Floats) -> str:
        if not np.isfinite(got).all():
            return "predictions are not finite any more"
        gap = self._gap(got, clean) / spread
        exact = "batch" in name
        if gap > (1e-9 if exact else self.bound):
            return f"predictions move by {gap:.3g} spreads"
        return ""

    @staticmethod
    def _gap(got: Floats, clean: Floats) -> float:
        return float(np.max(np.abs(got - clean))) if got.shape == clean.shape else math.inf
