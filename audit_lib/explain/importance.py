"""Sizes of contributions with intervals, what hangs together, and what was recorded."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from audit_lib.arrays import Floats, Integers
from audit_lib.explain.rows import FEWEST_BLOCKS

DRAWS = 400
#: rank correlation from which two factors are said to hang together
TOGETHER = 0.8


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and 95 % interval; NaN where time gives too few pieces."""

    value: float
    error: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


UNKNOWN = Estimate(float("nan"))


class Bootstrap:
    """Draws contiguous pieces of time anew, so that neighbouring rows stay together.

    Attributes:
        weights: how often each piece is in each draw, shape (draws, pieces); None where there are
            too few pieces.
    """

    def __init__(self, blocks: Integers, seed: int) -> None:
        self.blocks = np.unique(blocks, return_inverse=True)[1]
        self.pieces = int(self.blocks.max(initial=-1)) + 1
        self.weights: Floats | None = None
        if self.pieces >= FEWEST_BLOCKS:
            rng = np.random.default_rng(seed)
            even = np.full(self.pieces, 1 / self.pieces)
            self.weights = rng.multinomial(self.pieces, even, size=DRAWS).astype(np.float64)

    def sums(self, values: Floats) -> Floats:
        """Sum of values, shape (n, k), over each piece; NaN counts as nothing."""
        rows = np.arange(len(self.blocks))
        belongs = csr_array((np.ones(len(rows)), (self.blocks, rows)), (self.pieces, len(rows)))
        return np.asarray(belongs @ np.nan_to_num(np.asarray(values, dtype=np.float64)))

    def mean(self, values: Floats) -> tuple[Floats, Floats | None]:
        """Mean of each column of values, shape (n, k), and of each draw, shape (draws, k)."""
        counts, totals = self.sums(np.isfinite(values)), self.sums(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            plain = totals.sum(axis=0) / counts.sum(axis=0)
            if self.weights is None:
                return plain, None
            return plain, (self.weights @ totals) / (self.weights @ counts)

    def spread(self, centre: Floats, draws: Floats | None) -> list[Estimate]:
        """Estimates with the error and interval that the draws give."""
        if draws is None:
            return [Estimate(float(c)) for c in centre]
        # Few pieces make percentiles too narrow: Student's t widens them (Efron and Tibshirani).
        wider = stats.t.ppf(0.975, self.pieces - 1) / stats.norm.ppf(0.975)
        error = np.std(draws, axis=0, ddof=1)
        low, high = np.percentile(draws, [2.5, 97.5], axis=0)
        low, high = centre - (centre - low) * wider, centre + (high - centre) * wider
        return [Estimate(*map(float, one)) for one in zip(centre, error, low, high, strict=True)]


def sizes(squares: Floats, bootstrap: Bootstrap) -> list[Estimate]:
    """Root mean square of contributions, from estimates of their squares, shape (n, d)."""
    mean, draws = bootstrap.mean(squares)
    root = np.sqrt(np.maximum(mean, 0.0))
    estimates = bootstrap.spread(root, None if draws is None else np.sqrt(np.maximum(draws, 0.0)))
    return [Estimate(e.value, e.error, max(e.low, 0.0), e.high) for e in estimates]


def directions(values: Floats, parts: Floats, bootstrap: Bootstrap) -> list[Estimate]:
    """Rank correlation of each factor's value with its contribution: 1 rises, -1 falls.

    NaN for a factor that has one value, or contributes the same to all rows.
    """
    product = np.full(values.shape, np.nan)
    for i in range(values.shape[1]):
        usable = np.isfinite(values[:, i]) & np.isfinite(parts[:, i])
        if usable.sum() < 10 or not (np.ptp(values[usable, i]) and np.ptp(parts[usable, i])):
            continue
        ranks = [stats.rankdata(side[usable, i]) for side in (values, parts)]
        a, b = ((r - r.mean()) / r.std() for r in ranks)
        product[usable, i] = a * b
    mean, draws = bootstrap.mean(product)
    return [
        Estimate(e.value, e.error, max(e.low, -1.0), min(e.high, 1.0))
        for e in bootstrap.spread(mean, draws)
    ]


def ranks_agree(ours: Floats, recorded: Floats) -> Estimate:
    """Rank correlation of recorded importances with ours; the interval is over factors.

    Fisher's transformation, with the factor 1.06 that ranks need (Fieller et al. 1957).
    """
    if len(ours) < 4 or np.ptp(ours) == 0 or np.ptp(recorded) == 0:
        return UNKNOWN
    value = float(stats.spearmanr(ours, recorded).statistic)
    error = 1.06 / np.sqrt(max(len(ours) - 3, 1))
    middle = np.arctanh(np.clip(value, -0.999, 0.999))
    low, high = np.tanh(middle - 1.96 * error), np.tanh(middle + 1.96 * error)
    return Estimate(value, float(error), float(low), float(high))


def groups(table: pd.DataFrame, least: float = TOGETHER) -> list[tuple[str, ...]]:
    """Factors of which each has a rank correlation of at least that size with another."""
    kinds = [c for c in table.columns if pd.api.types.is_numeric_dtype(table[c].dtype)]
    if len(kinds) < 2:
        return []
    size = table[kinds].rank().corr().abs().to_numpy(copy=True)
    size[~np.isfinite(size)] = 0.0
    number, member = connected_components(csr_array(size >= least), directed=False)
    members = [tuple(str(kinds[i]) for i in np.flatnonzero(member == g)) for g in range(number)]
    return [g for g in members if len(g) > 1]
