import math
from itertools import pairwise

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.questions.asking import ask, ask_many, floats, reasons
from audit_lib.probes.questions.domain import plain
from audit_lib.subject.hooks import Hook

ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)


class IntervalsAreOrderedAndNested(Check):
    """Conformal intervals are ordered, nest as the level rises, and belong to their own row.

    What it checks
        The lower end never exceeds the upper; an interval at a smaller miscoverage contains that
        at a larger one; each row's interval moves with its prediction and with the unit, does
        not depend on the other rows, nor on the order of the calibration residuals.
    Why it matters
        An interval that shrinks as more confidence is asked for has its tails swapped; one whose
        width comes from the spread of the batch is another interval live, where the batch is one
        row.
    How
        Drives `conformal.interval` with seeded skewed residuals at seven levels, alone, in
        batches, shifted and rescaled.
    Limitations
        Methods that widen the interval with the size of the prediction are not translation
        equivariant; say `translates: false` for them.
    Remediation
        Take widths from calibration residuals (and a scale of the row itself) only.
    Sources
        Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, section 2.2
        (nested prediction sets).
    """

    code = "CNF001"
    severity = Severity.HIGH
    needs = ("conformal.interval",)
    cites = ("widths",)
    expects = "ordered, nested intervals of a row's own"

    seed: int = Field(70, description="of everything random")
    residuals: int = Field(499, ge=60, description="calibration residuals")
    rows: int = Field(40, ge=4, description="predictions")
    tolerance: float = Field(1e-9, gt=0, description="relative to the spread of the residuals")
    translates: bool = Field(True, description="the interval moves with the prediction")

    def run(self, subject: Subject) -> Answers:
        """Ask every level, then every relation at one level."""
        hook = subject.hook("conformal.interval")
        rng = np.random.default_rng(self.seed)
        scores = (rng.gamma(2.0, size=self.residuals) - 1.5) * 0.01
        predictions = rng.normal(size=self.rows) * 0.01
        levels = ask_many(
            hook, [(scores, predictions, a) for a in ALPHAS], into=floats(self.rows, 2)
        )
        silent = [r for r in levels if not r.answered]
        if len(silent) == len(levels):
            raise NotAssessed(f"conformal.interval {reasons(silent)}")
        if silent:
            yield Gap(f"{len(silent)} of {len(ALPHAS)} levels", reasons(silent))
        intervals = {a: r.got for a, r in zip(ALPHAS, levels, strict=True) if r.answered}
        slack = self.tolerance * float(scores.std())
        yield Examined(len(intervals) * self.rows, "intervals")
        yield self._widths(intervals)
        yield from self._ordered(intervals)
        yield from self._nested(intervals, slack)
        yield from self._relations(hook, scores, predictions, slack)

    def _ordered(self, intervals: dict[float, Floats]) -> Answers:
        wrong = {a: int((~(v[:, 0] <= v[:, 1])).sum()) for a, v in intervals.items()}
        total = sum(wrong.values())
        if total:
            alpha = max(wrong, key=lambda a: wrong[a])
            yield self.departs(
                f"{total} intervals have no order (most at alpha {alpha:g})", key="ordered"
            )

    def _nested(self, intervals: dict[float, Floats], slack: float) -> Answers:
        levels, worst = sorted(intervals), 0.0
        for small, large in pairwise(levels):
            outer, inner = intervals[small], intervals[large]
            escape = np.maximum(outer[:, 0] - inner[:, 0], inner[:, 1] - outer[:, 1])
            worst = max(worst, float(np.max(escape)))
            if not np.all(escape <= slack):
                yield self.departs(
                    f"the interval at alpha {large:g} leaves that at alpha {small:g} by "
                    f"{float(np.max(escape)):.4g}: it widens as less confidence is asked for",
                    key="nested",
                )
                break
        yield Margin("how far an interval leaves a wider one", worst, slack)

    def _relations(self, hook: Hook, scores: Floats, predictions: Floats, slack: float) -> Answers:
        alpha, n = 0.1, self.rows
        base = ask(hook, scores, predictions, alpha, into=floats(n, 2))
        if not base.answered:
            yield Gap("relations between rows", base.why)
            return
        wild = np.concatenate([predictions, predictions * 1e3 + 5.0])
        cases: dict[str, tuple[Floats, Floats, Floats]] = {
            "row order": (scores, predictions[::-1].copy(), base.got[::-1]),
            "order of the residuals": (np.sort(scores), predictions, base.got),
            "company of extreme rows": (scores, wild, base.got),
            "a row alone": (scores, predictions[:1], base.got[:1]),
            "unit": (scores * 100, predictions * 100, base.got * 100),
        }
        if self.translates:
            cases["shift of the prediction"] = (scores, predictions + 1.0, base.got + 1.0)
        replies = ask_many(hook, [(s, p, alpha) for s, p, _ in cases.values()], into=floats(-1, 2))
        yield Examined(sum(r.answered for r in replies), "relations")
        rows = []
        for (name, (s, _, due)), reply in zip(cases.items(), replies, strict=True):
            if not reply.answered:
                yield Gap(name, reply.why)
                continue
            gap = float(np.max(np.abs(reply.got[: len(due)] - due)))
            allowed = max(
                slack * 100 if name == "unit" else slack, 1e-12 * float(np.abs(due).max())
            )
            rows.append((name, plain(gap), allowed))
            if not gap <= allowed:
                yield self.departs(
                    f"{name} changes intervals by {gap:.4g} (residual spread {s.std():.3g})",
                    key=name,
                )
        title, heads = "Largest change of an interval", ("relation", "change", "allowed")
        yield Evidence("relations", title, heads, tuple(rows), bound=Bound("change", "allowed"))

    @staticmethod
    def _widths(intervals: dict[float, Floats]) -> Evidence:
        rows = []
        for alpha, interval in intervals.items():
            width = interval[:, 1] - interval[:, 0]
            finite = width[np.isfinite(width)]
            middle = float(np.median(finite)) if finite.size else math.inf
            rows.append((alpha, plain(middle), "median"))
        return Evidence(
            "widths",
            "Width of the interval at each level",
            ("x", "value", "series"),
            tuple(rows),
            View.LINES,
            "x: miscoverage alpha; must not rise",
        )
