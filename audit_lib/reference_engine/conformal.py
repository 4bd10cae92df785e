"""Split conformal intervals with the finite-sample correction.

For exchangeable residuals the interval covers the outcome with probability of at least
``1 - alpha``, whatever their distribution.

Source: Lei et al., *Distribution-free predictive inference for regression* (2018), section 2.2.
"""

from __future__ import annotations

import math

import numpy as np

from .errors import Refused
from .panel import Floats


def half_width(residuals: Floats, alpha: float) -> float:
    """Half the width of the interval at miscoverage ``alpha``.

    The ceil((m + 1)(1 - alpha))-th smallest absolute residual of m; infinite where m is too small
    to promise the coverage.

    Args:
        residuals: outcome minus prediction on rows the model was not fitted on, shape (m,).
        alpha: share of outcomes that may fall outside, between 0 and 1.

    Raises:
        Refused: alpha outside (0, 1), no residuals, or residuals that are not finite.
    """
    if not 0.0 < alpha < 1.0:
        raise Refused(f"alpha must lie between 0 and 1, not {alpha}")
    values = np.sort(np.abs(np.asarray(residuals, dtype="float64")))
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise Refused("conformal intervals need a row of finite residuals")
    # The subtraction keeps 0.9 · 20 = 18.000000000000004 from becoming 19.
    rank = math.ceil((len(values) + 1) * (1.0 - alpha) - 1e-9)
    return float(values[rank - 1]) if rank <= len(values) else math.inf


def interval(residuals: Floats, predictions: Floats, alpha: float) -> Floats:
    """Lower and upper bound for each prediction, shape (n, 2), in the unit of the predictions.

    Raises:
        Refused: see :func:`half_width`.
    """
    centre = np.asarray(predictions, dtype="float64")
    width = half_width(residuals, alpha)
    return np.column_stack([centre - width, centre + width])
