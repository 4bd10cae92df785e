"""Where to cut a series so that a look into the future shows."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats, Integers

PERIODS = ("W", "M", "Q", "Y")
INTRADAY_PERIODS = ("h", "D", *PERIODS)
NOWHERE = np.array([], dtype=np.int64)


def period_ends(dates: pd.Index, freq: str) -> Integers:
    """Positions one bar before the last bar of each week, month, ... of a sorted index.

    A value that leaks inside a period differs most when only the period's last bar is unknown:
    the distance from the first bar of the period to that last bar is the leak's whole reach.
    """
    if not isinstance(dates, pd.DatetimeIndex) or len(dates) < 3:
        return NOWHERE
    naive = dates.tz_localize(None) if dates.tz is not None else dates
    ids = np.asarray(naive.to_period(freq).asi8)
    inside = ids[:-2] == ids[1:-1]
    return np.flatnonzero(inside & (ids[1:-1] != ids[2:])).astype(np.int64)


def session_ends(dates: pd.Index) -> dict[str, Integers]:
    """:func:`period_ends` for every period that the index is finer than."""
    if not isinstance(dates, pd.DatetimeIndex) or len(dates) < 3:
        return {}
    spacing = float(np.median(np.diff(dates.asi8))) / pd.Timedelta(1, "D").as_unit(dates.unit).value
    return {f: period_ends(dates, f) for f in (INTRADAY_PERIODS if spacing < 0.5 else PERIODS)}


def offset_changes(dates: pd.Index) -> list[Integers]:
    """:func:`period_ends` of days that are longer, and of those that are shorter, than others.

    A day on which the clock is put back has an hour more, which an end that was counted in hours
    forgets; one on which it is put forward has one less.  Empty where the index has no zone.
    """
    if not isinstance(dates, pd.DatetimeIndex) or dates.tz is None or len(dates) < 3:
        return []
    local = dates.tz_localize(None)
    ends, days = period_ends(dates, "D"), local.normalize()
    if not len(ends):
        return []
    usual = pd.Timedelta(1, "D")
    first, last = (
        day.tz_localize(dates.tz, ambiguous=np.ones(len(day), bool), nonexistent="shift_forward")
        for day in (days[ends], days[ends] + usual)
    )
    length = last - first
    return [ends[length > usual], ends[length < usual]]


def gap_edges(frame: pd.DataFrame) -> Integers:
    """Last position of each run of missing values, and last one before a jump of the calendar."""
    holes = frame.isna().any(axis=1).to_numpy()
    edges = np.flatnonzero(holes[:-1] & ~holes[1:])
    dates = frame.index
    if isinstance(dates, pd.DatetimeIndex) and len(dates) > 2:
        steps = np.diff(dates.asi8)
        edges = np.union1d(edges, np.flatnonzero(steps > 4 * np.median(steps)))
    return edges.astype(np.int64)


def regime_changes(values: Floats) -> Integers:
    """Positions after which the size of a price's moves changes most, 3 of them at most.

    The bars after each are compared with as many before.
    """
    width = 20
    if len(values) < 3 * width:
        return NOWHERE
    moves = np.abs(np.diff(np.nan_to_num(values, nan=float(np.nanmedian(values)))))
    total = np.concatenate([[0.0], np.cumsum(moves)])
    middle = np.arange(width, len(moves) - width)
    before = total[middle] - total[middle - width]
    after = total[middle + width] - total[middle]
    contrast = np.abs(np.log((after + 1e-12) / (before + 1e-12)))
    chosen: list[int] = []
    for at in np.argsort(-contrast):
        if all(abs(int(middle[at]) - c) > width for c in chosen):
            chosen.append(int(middle[at]))
        if len(chosen) == 3:
            break
    return np.array(chosen, dtype=np.int64)


def rare_values(columns: Floats) -> Flags:
    """Where columns of few values, shape (rows, columns), are not at their commonest value."""
    rare = np.zeros(columns.shape, dtype=bool)
    for c, column in enumerate(columns.T):
        finite = column[np.isfinite(column)]
        if len(finite):
            values, counts = np.unique(finite, return_counts=True)
            rare[:, c] = np.isfinite(column) & (column != values[np.argmax(counts)])
    return rare


def slots(dates: pd.Index) -> Integers:
    """The time of day of each bar in seconds; of a series with one time, the day of the week."""
    if not isinstance(dates, pd.DatetimeIndex):
        return np.zeros(len(dates), dtype=np.int64)
    times = np.asarray(dates.hour * 3600 + dates.minute * 60 + dates.second, dtype=np.int64)
    return times if len(np.unique(times)) > 1 else np.asarray(dates.day_of_week, dtype=np.int64)


@dataclass
class Deal:
    """Deals positions so that each time of day is met before any is met again.

    What is read ahead at one time of day alone is one bar in 48 of half-hours.
    """

    rng: np.random.Generator
    met: Counter[int] = field(default_factory=Counter)

    def one(self, dates: pd.Index, positions: Integers, low: int, high: int) -> int:
        """One of the positions within [low, high]; of all there where none of them is."""
        inside = positions[(positions >= low) & (positions <= high)]
        pool = inside if len(inside) else np.arange(low, high + 1)
        of = slots(dates)[pool]
        known, code = np.unique(of, return_inverse=True)
        times = np.array([self.met[int(slot)] for slot in known])[code]
        at = int(self.rng.choice(np.flatnonzero(times == times.min())))
        self.met[int(of[at])] += 1
        return int(pool[at])


def series_candidates(frame: pd.DataFrame, price: str | None) -> list[Integers]:
    """Candidate positions of one asset, a list a reason: ends, odd days, gaps, regimes, any."""
    ends = session_ends(frame.index)
    candidates = [ends[f] for f in ends]
    candidates += [odd for odd in offset_changes(frame.index) if len(odd)]
    candidates.append(gap_edges(frame))
    if price is not None:
        candidates.append(regime_changes(frame[price].to_numpy(np.float64)))
    candidates.append(np.array([len(frame) - 2], dtype=np.int64))
    candidates.extend([NOWHERE, NOWHERE])
    return candidates
