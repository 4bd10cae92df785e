"""Which rows depend on each other, and the calendar they stand on: shared by every statistic.

Rows of one date move together; so do rows whose labels span the same bars, and so do neighbouring
dates where volatility comes in clusters.  A statistic that takes them as independent states an
error rate that it does not keep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts are imported where they are used

from audit_lib.arrays import Integers


@dataclass(frozen=True)
class Calendar:
    """Sorted distinct dates in UTC, with the spacing that was measured between them.

    Attributes:
        dates: sorted, distinct, without a zone (they are in UTC).
        spacing: the ordinary time between two dates: the smallest that at least a tenth of the
            steps have, so that nights, weekends and holidays do not count.
    """

    dates: pd.DatetimeIndex
    spacing: pd.Timedelta

    @classmethod
    def of(cls, dates: Any) -> Calendar:
        """The calendar of dates in any zone; text is parsed, dates without a zone are UTC."""
        stamps = utc(dates)
        distinct = pd.DatetimeIndex(stamps[stamps.notna()].unique()).sort_values()
        steps = pd.Series(distinct[1:] - distinct[:-1])
        if steps.empty:
            return cls(distinct, pd.Timedelta(days=1))
        common = steps.value_counts(normalize=True)
        usual = common[common >= 0.1]
        return cls(distinct, pd.Timedelta(usual.index.min() if len(usual) else steps.median()))

    @property
    def daily(self) -> bool:
        """True where a bar is a day or longer, so that weekends are no bars."""
        return self.spacing >= pd.Timedelta(hours=20)

    def between(self, earlier: Any, later: Any) -> int:
        """Bars strictly between two moments.

        Where the calendar does not reach, bars of the measured spacing stand for them; of daily
        ones, weekdays.
        """
        first, last = (pd.Timestamp(d) for d in utc([earlier, later]))
        if not len(self.dates):
            return self._estimated(first, last)
        begin, end = self.dates[0], self.dates[-1]
        if last < begin or first > end:
            return self._estimated(first, last)
        inside = int(((self.dates > first) & (self.dates < last)).sum())
        before = self._estimated(first, begin) if first < begin else 0
        after = self._estimated(end, last) if last > end else 0
        return inside + before + after

    def _estimated(self, first: pd.Timestamp, last: pd.Timestamp) -> int:
        if self.daily and self.spacing < pd.Timedelta(days=4):
            days = np.busday_count(first.date(), last.date())
            return max(int(days) - 1, 0)
        return max(int(np.ceil((last - first) / self.spacing)) - 1, 0)


def bars_apart(dates: Any, calendar: Any) -> int:
    """Fewest bars from one date to the next, by the dates on which there are bars; at least 1.

    A sample that was thinned to every fifth bar is 5 apart, so that labels of 5 bars do not overlap
    in it.  Where some date is none of the calendar's, nobody can tell, and it is 1.
    """
    bars = pd.DatetimeIndex(utc(calendar).unique()).sort_values()
    places = np.unique(bars.get_indexer(utc(dates)))
    if len(places) < 2 or places[0] < 0:
        return 1
    return max(1, int(np.diff(places).min()))


def utc(dates: Any) -> pd.DatetimeIndex:
    """Dates in UTC, without a zone, so that offsets do not tell two equal moments apart."""
    stamps = pd.to_datetime(pd.Index(dates), utc=True, format="mixed" if _text(dates) else None)
    return pd.DatetimeIndex(stamps).tz_localize(None)


def _text(dates: Any) -> bool:
    return any(isinstance(d, str) for d in list(dates[:1]))


@dataclass(frozen=True)
class Clusters:
    """Groups of rows that may be taken as independent of each other.

    Attributes:
        codes: group of each row, 0 to count - 1, in the order of time where dates are known.
        count: groups.
        span: dates that a group spans; 1 where rows of a date alone depend on each other.
        dated: whether dates are known; without them every row is a group of its own.
    """

    codes: Integers
    count: int
    span: int
    dated: bool

    @classmethod
    def of(cls, index: Any | None, horizon: int = 1, *, rows: int | None = None) -> Clusters:
        """Blocks of consecutive dates, long enough that labels of two blocks share few bars.

        A label of h bars overlaps those of the next h - 1 dates, with a correlation that falls in a
        line.  Blocks of b dates then hold 1 - h / (3 b) of the variance of a sum: five sixths of it
        for b = 2 h, for which :meth:`inflation` makes up.

        Args:
            index: dates of the rows, or an index with a level of dates; None where unknown.
            horizon: bars that a label spans.
            rows: number of rows, where there is no index.
        """
        if index is None:
            count = int(rows or 0)
            return cls(np.arange(count, dtype=np.int64), count, 1, False)
        dates = dates_of(index)
        if dates is None:
            return cls(np.arange(len(index), dtype=np.int64), len(index), 1, False)
        order = np.asarray(pd.factorize(dates, sort=True)[0], dtype=np.int64)
        span = 2 * horizon if horizon > 1 else 1
        codes = order // span
        return cls(codes, int(codes.max(initial=-1)) + 1, span, True)

    def inflation(self, level: float) -> float:
        """Factor on the half width of an interval: few groups, and what overlaps between them.

        Args:
            level: of the two-sided interval.

        Source: Cameron and Miller (2015), A Practitioner's Guide to Cluster-Robust Inference,
            Journal of Human Resources 50(2), section VI (Student's t for few clusters).
        """
        tail = 0.5 + level / 2
        few = float(scipy.special.stdtrit(max(1, self.count - 1), tail) / scipy.special.ndtri(tail))
        return few * (math.sqrt(6 / 5) if self.span > 1 else 1.0)


def dates_of(index: Any) -> Any:
    """The dates of an index, whatever its level of dates is called; None where it has none.

    Text that does not parse as dates is taken as it is: its order is still that of time in ISO.
    """
    index = index if isinstance(index, pd.Index) else pd.Index(np.asarray(index))
    if isinstance(index, pd.MultiIndex):
        for level in range(index.nlevels - 1, -1, -1):
            if isinstance(index.levels[level], pd.DatetimeIndex):
                return utc(index.get_level_values(level))
        for name in ("date", "datetime", "time", "timestamp"):
            if name in index.names:
                return index.get_level_values(name)
        return None
    if isinstance(index, pd.DatetimeIndex):
        return utc(index)
    if isinstance(index, pd.RangeIndex):
        return None
    if pd.api.types.is_numeric_dtype(index):
        return index
    try:
        return utc(index)
    except (ValueError, TypeError):
        return index
