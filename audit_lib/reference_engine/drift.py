"""Two detectors of change: the population stability index and a two-sided CUSUM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import Refused
from .panel import Floats

BINS = 10
SMALLEST_SHARE = 1e-4  # an empty bin gives a large index, not an infinite one
SLACK = 0.5  # CUSUM allowance, in standard deviations: tuned to shifts of one
LIMIT = 8.0  # CUSUM decision limit, in standard deviations: a false alarm in thousands of bars


@dataclass(frozen=True)
class Alarm:
    """What the CUSUM saw.

    Attributes:
        alarm: whether it fired.
        at: position at which it fired first (0-based); None if it did not.
    """

    alarm: bool
    at: int | None


def psi(reference: Floats, current: Floats) -> float:
    """Population stability index of ``current`` against ``reference``.

    Bins are the deciles of the reference, and one more for values that are not finite, so that a
    feed that breaks is a shift.  0 means equal shares; above 0.25 is commonly read as a shift
    (Siddiqi, *Credit Risk Scorecards*, 2006).

    Args:
        reference: shape (m,), any unit.
        current: shape (n,), same unit.

    Raises:
        Refused: the reference has no finite value, or ``current`` no value at all.
    """
    before, after = np.asarray(reference, dtype="float64"), np.asarray(current, dtype="float64")
    known = before[np.isfinite(before)]
    if len(known) == 0 or len(after) == 0:
        raise Refused("the stability index needs finite reference values, and current ones")
    deciles, times = np.unique(
        np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf"),
        return_counts=True,
    )
    # A value that fills a whole decile is a bin of its own, told from less and from more.
    edges = np.union1d(deciles, np.nextafter(deciles[times > 1], -np.inf))
    expected, actual = _shares(before, edges), _shares(after, edges)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def cusum(series: Floats, target: float, sigma: float) -> Alarm:
    """Two-sided tabular CUSUM (Page 1954; Montgomery, *Statistical Quality Control*, ch. 9).

    Args:
        series: shape (n,), oldest first.
        target: mean of the series while nothing has changed.
        sigma: its standard deviation then.

    Raises:
        Refused: ``sigma`` is not positive, or a value is not finite.
    """
    values = np.asarray(series, dtype="float64").ravel()
    if not np.isfinite([target, sigma]).all() or sigma <= 0:
        raise Refused(f"CUSUM wants a finite target and a positive sigma, not {target}, {sigma}")
    if not np.isfinite(values).all():
        raise Refused("CUSUM wants a series of finite values")
    above = below = 0.0
    for position, z in enumerate(((values - target) / sigma).tolist()):
        above = max(0.0, above + z - SLACK)
        below = max(0.0, below - z - SLACK)
        if max(above, below) > LIMIT:
            return Alarm(True, position)
    return Alarm(False, None)


def _shares(values: Floats, edges: Floats) -> Floats:
    """Share of values in each bin; the last bin is that of values that are not finite."""
    bins = np.searchsorted(edges, values, side="left")
    bins[~np.isfinite(values)] = len(edges) + 1
    counts = np.bincount(bins, minlength=len(edges) + 2)
    shares: Floats = np.maximum(counts / len(values), SMALLEST_SHARE)
    return shares
