import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity, View
from audit_lib.probes.questions.asking import ask, ask_many, floats, reasons
from audit_lib.subject.hooks import Hook

HOOK = "conformal.scaled_interval"
ALPHA = 0.1


class IntervalsFollowTheirScale(Check):
    """An interval is as wide as the scale of its own row says, and covers on every scale.

    What it checks
        Width rises with the scale of the row; a common factor of all scales changes nothing; the
        scales of calibration rows belong to their residuals; rows may come in any order; calm
        and wild rows are covered alike, at least as promised; a scale that is zero, negative or
        NaN gets a refusal, or no finite interval.
    Why it matters
        Scaled intervals are there so that calm days are not drowned in wild ones. A scale that
        is ignored, joined by position to other rows, or multiplied where residuals were not
        divided leaves the average coverage right and both halves wrong.
    How
        Drives `conformal.scaled_interval` on residuals of drawn scales, whose normalised errors
        are exchangeable, so that coverage of 1 - alpha is due at any scale; a finding needs a
        shortfall of four standard errors over the replications.
    Limitations
        Methods that learn the scale from the residuals themselves are not meant here.
    Remediation
        Divide calibration residuals by their scales, take the quantile, and multiply it by the
        scale of the row that is predicted.
    Sources
        Lei et al. (2018), Distribution-Free Predictive Inference for Regression, section 5.2
        (locally weighted conformal inference).
    """

    code = "CNF004"
    severity = Severity.HIGH
    offered = (HOOK,)
    cites = ("widths",)
    expects = "intervals that follow the scale of their own row"

    seed: int = Field(73, description="of everything random")
    residuals: int = Field(299, ge=60, description="calibration residuals of the relations")
    rows: int = Field(30, ge=4, description="predictions")
    replications: int = Field(120, ge=50, description="calibration sets of 59 for coverage")

    def run(self, subject: Subject) -> Answers:
        """Relations, then coverage, then scales that are none."""
        hook = subject.hook(HOOK)
        rng = np.random.default_rng(self.seed)
        scales = rng.lognormal(-4, 0.7, self.residuals)
        errors = rng.gamma(2.0, size=self.residuals) - 1.5
        new = np.sort(rng.lognormal(-4, 0.7, self.rows))
        given = (scales * errors, scales, rng.normal(0, 0.01, self.rows), new)
        base = ask(hook, *given, ALPHA, into=floats(self.rows, 2)).needed(HOOK)
        width = base[:, 1] - base[:, 0]
        lines = tuple((float(s), float(w), "width") for s, w in zip(new, width, strict=True))
        yield Evidence(
            "widths", "Width by scale", ("x", "value", "series"), lines, View.LINES, "x: scale"
        )
        if np.isfinite(width).all() and not (np.diff(width) > 0).all():
            same = bool(np.ptp(width) <= 1e-9 * abs(float(width.mean())))
            what = "is the same for every scale" if same else "does not rise with the scale"
            yield self.departs(f"the width {what} of the row", key="width", measured=what)
        yield from self._relations(hook, given, base)
        yield from self._coverage(hook)
        yield from self._domain(hook, given)

    def _relations(self, hook: Hook, given: tuple[Floats, ...], base: Floats) -> Answers:
        residuals, scales, predictions, new = given
        rng = np.random.default_rng(self.seed + 1)
        one, two = rng.permutation(len(residuals)), rng.permutation(len(predictions))
        cases = {
            "a common factor of all scales": ((residuals, 7 * scales, predictions, 7 * new), base),
            "another unit": (tuple(100 * g for g in given), 100 * base),
            "calibration rows in another order": (
                (residuals[one], scales[one], predictions, new),
                base,
            ),
            "predictions in another order": (
                (residuals, scales, predictions[two], new[two]),
                base[two],
            ),
        }
        apart = (residuals, scales[one], predictions, new)
        calls = [(*question, ALPHA) for question, _ in cases.values()] + [(*apart, ALPHA)]
        replies = ask_many(hook, calls, into=floats(-1, 2))
        yield Examined(sum(r.answered for r in replies), "relations")
        for (name, (_, due)), reply in zip(cases.items(), replies, strict=False):
            if not reply.answered:
                yield Gap(name, reply.why)
            elif reply.got.shape != due.shape or not np.allclose(reply.got, due, rtol=1e-7):
                yield self.departs(
                    f"{name} changes intervals", key=name, measured="other intervals"
                )
        if replies[-1].answered and np.allclose(replies[-1].got, base, rtol=1e-9):
            text = (
                "scales of calibration rows under other residuals change nothing: they are unused"
            )
            yield self.departs(text, key="calibration scales", measured="no change")

    def _coverage(self, hook: Hook) -> Answers:
        """Coverage of rows with a small scale, and of rows with a large one."""
        rng = np.random.default_rng(self.seed + 2)
        calls, points = [], np.array([0.003, 0.06])
        for _ in range(self.replications):
            scales = rng.choice(points, 59)
            calls.append((scales * rng.normal(size=59), scales, np.zeros(2), points, ALPHA))
        replies = ask_many(hook, calls, into=floats(2, 2))
        ends = np.array([r.got for r in replies if r.answered])
        if len(ends) < 50:
            yield Gap("coverage", reasons(replies))
            return
        yield Examined(len(ends), "calibration sets")
        for at, name in enumerate(("calm", "wild")):
            low, high = (ends[:, at, side] / points[at] for side in (0, 1))
            covered = _normal(high) - _normal(low)
            mean, error = float(covered.mean()), float(covered.std(ddof=1) / len(covered) ** 0.5)
            if mean < 1 - ALPHA - 4 * error - 1e-9:
                text = f"{name} rows are covered in {mean:.1%}, {1 - ALPHA:.0%} are promised"
                yield self.departs(text, key=f"{name} coverage", measured=f"{mean:.1%}")

    def _domain(self, hook: Hook, given: tuple[Floats, ...]) -> Answers:
        residuals, scales, predictions, new = given
        odd = {"zero": 0.0, "negative": -0.01, "NaN": np.nan}
        calls = [
            (residuals, scales, predictions, np.concatenate([[value], new[1:]]), ALPHA)
            for value in odd.values()
        ]
        replies = ask_many(hook, calls, into=floats(-1, 2))
        for name, reply in zip(odd, replies, strict=True):
            ordinary = reply.answered and len(reply.got) and np.isfinite(reply.got[0]).all()
            # A scale of nothing gives a width of nothing; who widens it to a floor is right too.
            if ordinary and not (name == "zero" and reply.got[0, 1] > reply.got[0, 0]):
                low, high = reply.got[0]
                text = f"a scale that is {name} gets the interval from {low:.4g} to {high:.4g}"
                yield self.departs(text, key=f"scale {name}", severity=Severity.MEDIUM)


def _normal(x: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(x))
