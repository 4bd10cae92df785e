"""Robust scaling: (x - median) / (1.4826 · MAD), with a floor under the scale.

The factor makes the median absolute deviation estimate the standard deviation of a normal sample
(Huber, *Robust Statistics*, 1981, section 5.1).  The floor keeps a column that hardly moves from
blowing up.  ``mad`` is stored raw; the factor is applied once, in :attr:`RobustScaler.scale`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import Refused
from .panel import Floats

FACTOR = 1.4826
FLOOR = 1e-4


@dataclass(frozen=True)
class RobustScaler:
    """Fitted statistics, in the order of the feature columns.

    Attributes:
        median: shape (d,), unit of the feature.
        mad: raw median absolute deviation, shape (d,), unit of the feature.
    """

    median: tuple[float, ...]
    mad: tuple[float, ...]

    @classmethod
    def fit(cls, rows: Floats) -> RobustScaler:
        """Fit on rows of shape (n, d).

        Raises:
            Refused: no rows, or values that are not finite.
        """
        if len(rows) == 0 or not np.isfinite(rows).all():
            raise Refused("a scaler is fitted on at least one row of finite values")
        median = np.median(rows, axis=0)
        mad = np.median(np.abs(rows - median), axis=0)
        return cls(tuple(median.tolist()), tuple(mad.tolist()))

    @property
    def scale(self) -> Floats:
        """What differences from the median are divided by, shape (d,)."""
        return np.maximum(FACTOR * np.asarray(self.mad), FLOOR)

    def transform(self, rows: Floats) -> Floats:
        """Scale rows of shape (n, d); NaN stays NaN."""
        scaled: Floats = (rows - np.asarray(self.median)) / self.scale
        return scaled
