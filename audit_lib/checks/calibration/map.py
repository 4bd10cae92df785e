import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Severity, View
from audit_lib.probes.prediction.scored import HOOK, SERVED, probabilities, scored_sample


class CalibrationMapIsSound(Check):
    """The calibration map rises with the score, stays within [0, 1], and tells scores apart.

    What it checks
        Over the range of the version's scores the served probabilities are known, lie in [0, 1],
        never fall as the score rises, and take at least `distinct` values.
    Why it matters
        A map that falls somewhere reverses the order of trades; one that answers a single value
        has thrown the model away, and every downstream threshold with it.
    How
        Applies `calibration.served` to a fine grid over the range of `calibration.sample`, and to
        the scores themselves.
    Limitations
        Maps of more than one input are seen through the score alone. Beyond the sample's range
        nothing is asked.
    Remediation
        Fit an isotonic or logistic map on enough rows; refuse to serve a map with one value.
    Sources
        Niculescu-Mizil and Caruana (2005), Predicting Good Probabilities with Supervised Learning;
        Zadrozny and Elkan (2002).
    """

    code = "CAL004"
    severity = Severity.HIGH
    needs = (HOOK, SERVED)
    about = SERVED

    distinct: int = Field(3, ge=2, description="values that a map must take on the scores")

    def run(self, subject: Subject) -> Answers:
        """Walk the map."""
        scores = scored_sample(subject).scores
        grid = np.linspace(float(scores.min()), float(scores.max()), 400)
        on_grid, own = probabilities(subject, grid), probabilities(subject, scores)
        pairs = tuple(
            (float(x), float(p))
            for x, p in zip(grid[::4], on_grid[::4], strict=True)
            if np.isfinite(p)
        )
        note = "x: raw score, value: served probability"
        yield Evidence("map", "The calibration map", ("x", "value"), pairs, View.LINES, note)
        every = np.concatenate([on_grid, own])
        unknown = int((~np.isfinite(every)).sum())
        finite_values = every[np.isfinite(every)]
        outside = int(((finite_values < 0) | (finite_values > 1)).sum())
        if unknown:
            yield self.departs(
                f"{unknown} of {len(every)} scores within the known range get no probability",
                measured=unknown,
                expected=0,
                key="unknown",
            )
        if outside:
            yield self.departs(
                f"{outside} served probabilities lie outside [0, 1]",
                measured=f"{finite_values.min():.4g} to {finite_values.max():.4g}",
                expected="0 to 1",
                key="range",
                severity=Severity.CRITICAL,
            )
        fall = _largest_fall(grid, on_grid)
        if fall is not None:
            at, depth = fall
            yield self.departs(
                f"the probability falls by {depth:.3g} as the score rises past {at:.4g}",
                measured=-depth,
                expected="no fall",
                key="monotone",
                evidence=("map",),
            )
        values = len(np.unique(np.round(own[np.isfinite(own)], 9)))
        if len(np.unique(scores)) >= 2 * self.distinct and values < self.distinct:
            yield self.departs(
                f"{len(np.unique(scores))} different scores get {values} different probabilities",
                measured=values,
                expected=f"at least {self.distinct}",
                key="distinct",
                evidence=("map",),
            )
        yield Examined(len(every), "scores mapped")


def _largest_fall(grid: Floats, values: Floats) -> tuple[float, float] | None:
    """Score and depth of the largest fall below an earlier value; None without one."""
    finite = np.isfinite(values)
    if finite.sum() < 2:
        return None
    depth = np.maximum.accumulate(values[finite]) - values[finite]
    worst = int(np.argmax(depth))
    return (float(grid[finite][worst]), float(depth[worst])) if depth[worst] > 1e-9 else None
