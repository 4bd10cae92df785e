"""Which rows made these numbers?  Recorded statistics are recomputed on candidate sets of rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats
from audit_lib.errors import NotAssessed
from audit_lib.probes.labels.folds import extent, recorded_folds
from audit_lib.probes.questions import samples
from audit_lib.subject.documents import Document
from audit_lib.subject.subject import Subject

NORMAL = 1.4826022185056018
"""the standard deviation of a normal law over its median absolute deviation"""


def _quantile(values: Floats, share: float) -> Floats:
    """Quantile of each column over its known values, interpolated linearly.

    One sort of the whole table; NumPy's own ``nanquantile`` goes column by column.
    """
    ordered = np.sort(values, axis=0)
    place = share * (np.maximum(np.isfinite(values).sum(axis=0), 1) - 1)
    low, high = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    below = np.take_along_axis(ordered, low[None], axis=0)[0]
    above = np.take_along_axis(ordered, high[None], axis=0)[0]
    return np.asarray(below + (above - below) * (place - low))


def _mad(values: Floats) -> Floats:
    return _quantile(np.abs(values - _quantile(values, 0.5)), 0.5)


STATISTICS: dict[str, Callable[[Floats], Floats]] = {
    "median": lambda v: _quantile(v, 0.5),
    "mean": lambda v: np.asarray(np.nanmean(v, axis=0)),
    "minimum": lambda v: np.asarray(np.nanmin(v, axis=0)),
    "MAD": _mad,
    "MAD x 1.4826": lambda v: NORMAL * _mad(v),
    "standard deviation": lambda v: np.asarray(np.nanstd(v, axis=0)),
    "standard deviation (n - 1)": lambda v: np.asarray(np.nanstd(v, axis=0, ddof=1)),
    "interquartile range": lambda v: _quantile(v, 0.75) - _quantile(v, 0.25),
    "range": lambda v: np.asarray(np.nanmax(v, axis=0) - np.nanmin(v, axis=0)),
}


@dataclass(frozen=True)
class RowSet:
    """A candidate: rows that may have been used.

    Attributes:
        name: such as ``train of fold 5``.
        rows: which rows of the sample, shape (n,).
        judged: True where it holds rows of the period the version was judged on.
    """

    name: str
    rows: Flags
    judged: bool

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.rows.sum())


@dataclass(frozen=True)
class Match:
    """How well one statistic on one set of rows reproduces recorded numbers.

    Attributes:
        hits: columns reproduced; ``columns``: columns compared.
        error: median difference, in units of the column's spread.
    """

    statistic: str
    rows: RowSet
    hits: int
    columns: int
    error: float

    @property
    def share(self) -> float:
        """Share of the columns reproduced."""
        return self.hits / max(1, self.columns)


def recorded_numbers(document: Document, pointer: str | None, columns: list[str]) -> Floats | None:
    """Numbers a column at a reference: a list in column order, or a mapping by column name."""
    raw = document.get(pointer)
    if isinstance(raw, dict):
        raw = [raw.get(name) for name in columns]
    if not isinstance(raw, list) or len(raw) != len(columns):
        return None
    try:
        return np.array([np.nan if v is None else float(v) for v in raw])
    except (TypeError, ValueError):
        return None


def candidate_rows(subject: Subject, features: pd.DataFrame) -> list[RowSet]:
    """Sets of rows that a fit may have used, by the version's recorded folds or spans of rows.

    Each period is tried with all rows, with complete rows, and with complete rows whose labels
    are known.

    Raises:
        NotAssessed: neither folds nor spans are recorded.
    """
    dates = _dates(features)
    periods = _periods(subject, dates)
    complete = np.isfinite(features.to_numpy(np.float64)).all(axis=1)
    filters = {"": np.ones(len(features), dtype=bool), ", complete": complete}
    if subject.has("targets.build"):
        try:
            labels = samples.labels(subject).reindex(features.index)
            labelled = labels.notna().all(axis=1).to_numpy()
            filters[", complete and labelled"] = complete & labelled
        except NotAssessed:
            pass
    sets: dict[bytes, RowSet] = {}
    for name, period, judged in periods:
        for more, mask in filters.items():
            rows = period & mask
            if rows.sum() >= 10:
                sets.setdefault(np.packbits(rows).tobytes(), RowSet(name + more, rows, judged))
    return list(sets.values())


def fitted_rows(subject: Subject, features: pd.DataFrame) -> list[RowSet]:
    """As :func:`candidate_rows`; the whole sample where neither folds nor spans are recorded."""
    try:
        return candidate_rows(subject, features)
    except NotAssessed:
        return [RowSet("the whole sample", np.ones(len(features), dtype=bool), judged=True)]


def matches(
    features: pd.DataFrame,
    recorded: Floats,
    sets: list[RowSet],
    statistics: tuple[str, ...],
    *,
    any_order: bool = False,
) -> list[Match]:
    """How well every statistic on every set reproduces the numbers, best first.

    A number is reproduced within 1e-6 of itself or of the column's spread (float32: 1e-5).

    Args:
        any_order: a number may be that of any column, each column used for one number.
    """
    values = features.to_numpy(np.float64)
    finite = np.isfinite(recorded)
    single = bool(np.all(recorded[finite] == recorded[finite].astype(np.float32)))
    tolerance = 1e-5 if single else 1e-6
    candidates = []
    for rows in sets:
        part = np.where(np.isfinite(values[rows.rows]), values[rows.rows], np.nan)
        usable = finite & np.isfinite(part).any(axis=0)
        if not usable.any():
            continue
        spread = np.nanstd(part[:, usable], axis=0)
        for name in statistics:
            own = STATISTICS[name](part[:, usable])
            off = np.abs(own - recorded[usable])
            if any_order:
                close = np.abs(own - recorded[usable, None]) <= tolerance * (np.abs(own) + spread)
                hits = len(set(close.argmax(axis=1)[close.any(axis=1)].tolist()))
            else:
                hits = int((off <= tolerance * (np.abs(recorded[usable]) + spread)).sum())
            error = float(np.median(off / np.where(spread > 0, spread, 1.0)))
            candidates.append(Match(name, rows, hits, int(usable.sum()), error))
    return sorted(candidates, key=lambda m: (-m.share, m.error))


def best_of(ranked: Sequence[Match], share: float) -> Match | None:
    """The best match of at least this share; of equally good ones, one that spares judged rows."""
    good = [m for m in ranked if m.share >= share and m.share == ranked[0].share]
    return min(good, key=lambda m: m.rows.judged, default=None)


def nearest(ranked: list[Match]) -> str:
    """The best of matches that are not good enough, in words."""
    if not ranked:
        return "no feature is known on any of them"
    best = ranked[0]
    return (
        f"nearest is the {best.statistic} over {best.rows.name} "
        f"({best.hits} of {best.columns} columns)"
    )


Period = tuple[str, Flags, bool]
ROWS = "/run/rows"
"""where spans of ``train`` and ``judged`` rows stand in metadata without a fold table"""


def _periods(subject: Subject, dates: pd.DatetimeIndex) -> list[Period]:
    """Periods by the recorded folds; else by the recorded spans of train and judged rows."""
    try:
        folds = recorded_folds(subject)
    except NotAssessed:
        spans = [
            extent(subject.metadata.get(f"{ROWS}/{k}")) if subject.parameters.artifacts else None
            for k in ("train", "judged")
        ]
        if spans[0] is None or spans[1] is None:
            raise
        (start, until), (begin, end) = spans[0], spans[1]
        train = ("the recorded train rows", _within(dates, start, until), False)
        return [train, *_judged("the recorded judged rows", start, begin, end, dates)]
    last = max(folds, key=lambda f: f.test_end)
    trains = [
        (f"train of fold {f.number}", _within(dates, f.train_start, f.train_end), False)
        for f in sorted(folds, key=lambda f: f.test_end, reverse=True)
    ]
    start, begin, end = last.train_start, last.test_start, last.test_end
    return [*trains, *_judged("test of the last fold", start, begin, end, dates)]


def _judged(
    name: str, start: pd.Timestamp, begin: pd.Timestamp, end: pd.Timestamp, dates: pd.DatetimeIndex
) -> list[Period]:
    """Periods that hold judged rows."""
    return [
        (f"train and {name}", _within(dates, start, end), True),
        (name, _within(dates, begin, end), True),
        ("everything up to the last test", np.asarray(dates <= end), True),
        ("the whole sample", np.ones(len(dates), dtype=bool), True),
    ]


def _within(dates: pd.DatetimeIndex, start: pd.Timestamp, end: pd.Timestamp) -> Flags:
    return np.asarray((dates >= start) & (dates <= end))


def _dates(features: pd.DataFrame) -> pd.DatetimeIndex:
    dates = pd.DatetimeIndex(features.index.get_level_values(-1))
    return dates.tz_localize(None) if dates.tz is not None else dates
