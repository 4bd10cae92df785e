"""Rank correlations of many columns at once, with errors that know about time.

Rows of one date, and of neighbouring dates, are not independent: labels overlap.  Errors come from
a bootstrap over blocks of consecutive dates (Kuensch 1989; Politis and Romano 1994), computed from
sums per block, so that a resample costs nothing whatever the number of rows.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats, Integers


@dataclass(frozen=True)
class RankCorrelations:
    """Spearman correlations between two sets of columns, and a bootstrap of them.

    Attributes:
        rows, columns: names.
        value: shape (r, c).
        draws: shape (b, r, c): the same over resampled blocks of dates.
        blocks: number of blocks resampled; ``samples``: rows of data behind it.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    value: Floats
    draws: Floats
    blocks: int
    samples: int

    def at(self, row: str, column: str) -> float:
        """One correlation."""
        return float(self.value[self.rows.index(row), self.columns.index(column)])

    def of(self, row: str, column: str) -> Floats:
        """Its bootstrap draws."""
        return self.draws[:, self.rows.index(row), self.columns.index(column)]


def rank_correlations(
    left: pd.DataFrame, right: pd.DataFrame, dates: pd.Index, *, block: int, draws: int, seed: int
) -> RankCorrelations:
    """Correlate every column of ``left`` with every column of ``right``.

    Args:
        left, right: same length, no NaN.
        dates: date of each row.
        block: dates in a block; at least the horizon of the labels.
    """
    x, y = _ranks(left), _ranks(right)
    order = np.unique(dates.to_numpy(), return_inverse=True)[1]
    member = order // block
    count = int(member.max()) + 1
    sums = _block_sums(x, y, member, count)
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, count, size=(draws, count))
    weights = np.stack([np.bincount(p, minlength=count) for p in picks]).astype(np.float64)
    return RankCorrelations(
        tuple(map(str, left.columns)),
        tuple(map(str, right.columns)),
        _correlate(sums, np.ones((1, count)))[0],
        _correlate(sums, weights),
        count,
        len(left),
    )


def _ranks(table: pd.DataFrame) -> Floats:
    return np.asarray(table.rank().to_numpy(np.float64) / len(table) - 0.5)


def _block_sums(x: Floats, y: Floats, member: Integers, count: int) -> dict[str, Floats]:
    def total(values: Floats) -> Floats:
        out = np.zeros((count, *values.shape[1:]))
        np.add.at(out, member, values)
        return out

    return {
        "n": total(np.ones(len(x))),
        "x": total(x),
        "y": total(y),
        "xx": total(x * x),
        "yy": total(y * y),
        "xy": total(x[:, :, None] * y[:, None, :]),
    }


def _correlate(sums: dict[str, Floats], weights: Floats) -> Floats:
    n = (weights @ sums["n"])[:, None]
    mean_x, mean_y = weights @ sums["x"] / n, weights @ sums["y"] / n
    var_x = np.maximum(weights @ sums["xx"] / n - mean_x**2, 0.0)
    var_y = np.maximum(weights @ sums["yy"] / n - mean_y**2, 0.0)
    cross = np.tensordot(weights, sums["xy"], axes=1) / n[:, :, None]
    cov = cross - mean_x[:, :, None] * mean_y[:, None, :]
    scale = np.sqrt(var_x[:, :, None] * var_y[:, None, :])
    return np.asarray(np.divide(cov, scale, out=np.zeros_like(cov), where=scale > 1e-12))
