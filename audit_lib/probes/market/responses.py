"""What changed between two builds, how far from the change, and whether it is more than rounding.

Online rolling algorithms leave traces of an old value far behind it: differences many orders
below the response itself, after a sudden cliff.  Influence has no such cliff; it ends at exactly
nothing (a window) or fades evenly (an exponential mean).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats, Integers

ROUNDING = 1e-9
"""differences below this share of a column's scale are rounding (double precision)"""
ROUNDING_SINGLE = 2e-5
"""the same for values that carry single precision"""
CLIFF = 1e-3
"""influence that ends does so by this factor at least, from one bar to the next"""
TRACE = 1e-4
"""rounding traces stay below this share of the column's strongest response"""


@dataclass(frozen=True)
class Table:
    """Outputs of one build as numbers.

    Attributes:
        values: shape (rows, columns), on the index asked for; NaN where a row is missing.
        columns: names, in order.
        discrete: columns whose values are only equal or not.
    """

    values: Floats
    columns: tuple[str, ...]
    discrete: Flags


class RowsDifferError(ValueError):
    """A build answered something that is not a frame on the panel's rows."""


def as_table(output: Any, index: pd.MultiIndex, columns: tuple[str, ...] | None = None) -> Table:
    """Outputs on the index, as numbers.

    Raises:
        RowsDifferError: not a frame, another index, duplicated rows or columns.
    """
    frame = output.to_frame() if isinstance(output, pd.Series) else output
    if not isinstance(frame, pd.DataFrame):
        raise RowsDifferError(f"answered {type(output).__name__}, not a DataFrame")
    if frame.index.nlevels != 2:
        raise RowsDifferError("answered rows without the index (asset, date)")
    if set(frame.index.names) == set(index.names) and frame.index.names != index.names:
        frame = frame.reorder_levels([str(n) for n in index.names])
    if frame.index.has_duplicates:
        twice = int(frame.index.duplicated().sum())
        raise RowsDifferError(f"answered {twice} rows twice")
    if frame.columns.has_duplicates:
        raise RowsDifferError("answered two columns of one name")
    frame = frame.rename(columns=str)
    names = tuple(frame.columns) if columns is None else columns
    aligned = frame.reindex(index=index, columns=list(names))
    values = np.empty((len(index), len(names)))
    discrete = np.zeros(len(names), dtype=bool)
    for i, name in enumerate(names):
        values[:, i], discrete[i] = _numbers(aligned[name])
    return Table(values, names, discrete)


def _numbers(series: pd.Series[Any]) -> tuple[Floats, bool]:
    if pd.api.types.is_datetime64_any_dtype(series):
        stamps = series.to_numpy().astype("datetime64[ns]").astype(np.float64)
        return np.where(series.isna(), np.nan, stamps), True
    try:
        numbers: Floats = np.asarray(series.astype("float64"), dtype=np.float64)
        return numbers, False
    except (TypeError, ValueError):
        hashed = pd.util.hash_array(series.astype(str).to_numpy(object)) % (1 << 52)
        return np.where(series.isna(), np.nan, hashed.astype(np.float64)), True


@dataclass(frozen=True)
class Scale:
    """How large ordinary differences of each column are, and what counts as rounding."""

    size: Floats
    threshold: Floats
    discrete: Flags

    @classmethod
    def of(cls, table: Table) -> Scale:
        """Scale of each column: median distance from the median, else spread, else size."""
        with np.errstate(all="ignore"):
            values = np.where(np.isfinite(table.values), table.values, np.nan)
            size = np.array([_typical(column) for column in values.T])
        single = np.array([_single_precision(column) for column in values.T], dtype=bool)
        threshold = np.where(single, ROUNDING_SINGLE, ROUNDING)
        return cls(size, threshold, table.discrete)

    def widened(self, noise: Floats) -> Scale:
        """The same with thresholds above each column's measured noise."""
        return Scale(self.size, np.maximum(self.threshold, 10 * noise), self.discrete)

    def difference(self, before: Floats, after: Floats) -> Floats:
        """Differences in units of scale, in [0, 1]; below the threshold they are 0.

        A value that appears, vanishes or differs in kind counts as 1.
        """
        with np.errstate(all="ignore"):
            unit = np.fmax(self.size, np.fmax(np.abs(before), np.abs(after)))
            moved = np.minimum(np.abs(after - before) / unit, 1.0)
        same = (before == after) | (np.isnan(before) & np.isnan(after))
        moved = np.where(np.isnan(moved) | self.discrete, 1.0, moved)
        return np.where(same | (moved <= self.threshold), 0.0, moved)


def _typical(column: Floats) -> float:
    finite = column[np.isfinite(column)]
    if len(finite) == 0:
        return 1.0
    middle = float(np.median(finite))
    for size in (np.median(np.abs(finite - middle)), np.std(finite), np.max(np.abs(finite))):
        if size > 0:
            return float(size)
    return 1.0


def _single_precision(column: Floats) -> bool:
    finite = column[np.isfinite(column)]
    if len(finite) == 0 or np.all(finite == np.round(finite)):
        return False
    with np.errstate(over="ignore"):
        return bool(np.all(finite == finite.astype(np.float32)))


@dataclass
class Reach:
    """The strongest response seen at each distance, of every column, in one direction.

    Attributes:
        strongest: shape (bars, columns); row k is distance k + 1 bars.
        open_ended: trials of a column whose response went on to the end of the data.
        ended: trials whose response ended before.
    """

    bars: int
    columns: int
    strongest: Floats = field(init=False)
    open_ended: Integers = field(init=False)
    ended: Integers = field(init=False)

    def __post_init__(self) -> None:
        self.strongest = np.zeros((self.bars, self.columns))
        self.open_ended = np.zeros(self.columns, dtype=np.int64)
        self.ended = np.zeros(self.columns, dtype=np.int64)

    def add(self, response: Floats, finite: Flags) -> None:
        """Add one trial.

        Args:
            response: shape (distances, columns), nearest first.
            known: same shape; False where there was nothing to compare (both missing).
        """
        count = len(response)
        np.maximum(self.strongest[:count], response, out=self.strongest[:count])
        for c in np.flatnonzero((response > 0).any(axis=0)):
            last_known = np.flatnonzero(finite[:, c])[-1]
            near_end = response[max(0, int(last_known * 0.95)) : last_known + 1, c]
            if last_known >= 20 and (near_end > 0).any():
                self.open_ended[c] += 1
            else:
                self.ended[c] += 1

    def depth(self, column: int) -> int:
        """Largest distance, in bars, at which the column still responds; 0 for nowhere."""
        response = self.strongest[:, column]
        touched = np.flatnonzero(response > 0)
        if len(touched) == 0:
            return 0
        beyond = np.maximum.accumulate(response[::-1])[::-1]
        after = np.append(beyond[1:], 0.0)
        cliff = (after <= TRACE * beyond[0]) & (after <= CLIFF * beyond) & (beyond > 0)
        cliff &= after > 0
        return int(np.flatnonzero(cliff)[0]) + 1 if cliff.any() else int(touched[-1]) + 1

    def unbounded(self, column: int) -> bool:
        """True where the response goes on to the end of the data, wherever the cut was."""
        cut_by_cliff = self.depth(column) < len(np.trim_zeros(self.strongest[:, column], "b"))
        often = self.open_ended[column] >= 2 and 3 * self.open_ended[column] >= self.ended[column]
        return bool(often and not cut_by_cliff)
