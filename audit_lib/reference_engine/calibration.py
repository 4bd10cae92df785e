"""Calibration of raw direction scores into probabilities: centred isotonic regression.

The calibrator is fitted on out-of-fold scores whose labels end before the rows it is judged on
begin.  Scores are averaged in bins of equal count first, each with one virtual success and one
virtual failure (Laplace), so that a few lucky rows at the edge do not become certainty.  Bins that
isotonic regression pools become one knot at their centre; between knots the map is linear, beyond
them constant, so that different scores keep different probabilities.

Sources: Zadrozny and Elkan, *Transforming classifier scores into accurate multiclass probability
estimates* (2002); Oron and Flournoy, *Centered isotonic regression* (2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import ArtifactRefused, Refused
from .panel import Floats

MIN_ROWS = 40
MAX_BINS = 20


@dataclass(frozen=True)
class Calibrator:
    """A non-decreasing, piecewise linear map from score to probability.

    Attributes:
        scores: knots, increasing.
        probabilities: values at the knots, non-decreasing, within [0, 1].
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        x, y = np.asarray(self.scores), np.asarray(self.probabilities)
        sound = len(x) == len(y) > 0 and np.isfinite(x).all() and np.isfinite(y).all()
        if not (sound and (np.diff(x) > 0).all() and (np.diff(y) >= 0).all()):
            raise ArtifactRefused("calibrator: knots must be finite, increasing and monotone")
        if y[0] < 0 or y[-1] > 1:
            raise ArtifactRefused("calibrator: probabilities must lie within [0, 1]")

    @classmethod
    def fit(cls, scores: Floats, outcomes: npt.ArrayLike) -> Calibrator:
        """Fit on scores (n,) and outcomes (n,) of 0 and 1.

        Raises:
            Refused: fewer than 40 rows, values not finite, outcomes other than 0 and 1, or only
                one class.
        """
        x, y = np.asarray(scores, dtype="float64"), np.asarray(outcomes, dtype="float64")
        if x.ndim != 1 or x.shape != y.shape or len(x) < MIN_ROWS:
            raise Refused(f"a calibrator wants {MIN_ROWS} scores with as many outcomes")
        if not np.isfinite(x).all() or set(np.unique(y)) != {0.0, 1.0}:
            raise Refused("a calibrator wants finite scores and outcomes of both 0 and 1")
        from scipy.optimize import isotonic_regression

        means, shares, counts = _bins(x, y)
        pooled = isotonic_regression(shares, weights=counts)
        starts = np.asarray(pooled.blocks)[:-1]
        knots = np.add.reduceat(means * counts, starts) / np.add.reduceat(counts, starts)
        values = np.clip(np.asarray(pooled.x)[starts], 0.0, 1.0)
        return cls(tuple(knots.tolist()), tuple(values.tolist()))

    def apply(self, scores: Floats) -> Floats:
        """Probabilities for scores of any shape; NaN stays NaN."""
        return np.interp(scores, self.scores, self.probabilities)

    def as_data(self) -> dict[str, list[float]]:
        """The map as JSON data."""
        return {"scores": list(self.scores), "probabilities": list(self.probabilities)}

    @classmethod
    def from_data(cls, data: Mapping[str, Sequence[float]]) -> Calibrator:
        """The inverse of :meth:`as_data`.

        Raises:
            ArtifactRefused: a key is missing or the map is not a calibrator.
        """
        missing = [key for key in ("scores", "probabilities") if key not in data]
        if missing:
            raise ArtifactRefused(f"calibrator: {missing} missing")
        return cls(tuple(data["scores"]), tuple(data["probabilities"]))


def _bins(scores: Floats, outcomes: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean score, smoothed share of ones and count of each bin; equal scores share a bin."""
    count = int(np.clip(len(scores) // 50, 5, MAX_BINS))
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, count + 1)[1:-1]))
    which = np.searchsorted(edges, scores, side="left")
    sizes = np.bincount(which, minlength=len(edges) + 1)
    used = sizes > 0
    n = sizes[used].astype("float64")
    means = np.bincount(which, scores, len(edges) + 1)[used] / n
    ones = np.bincount(which, outcomes, len(edges) + 1)[used]
    return means, (ones + 1.0) / (n + 2.0), n
