"""Folds of a splitter or of a recorded table, on the calendar, with the reach of their labels.

Two rows share information where the returns behind their labels overlap: (t, t + h] against
(s, s + h].  A train label that ends at the very bar of the first test decision shares nothing
with it; one bar later it does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Integers
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Location, View
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask
from audit_lib.probes.statistics.clusters import Calendar
from audit_lib.subject.subject import Subject

Clock = Callable[[pd.Timestamp], pd.Timestamp]
HOOK = "splits.folds"


@dataclass(frozen=True)
class DrivenFold:
    """One fold of a splitter over the sample panel.

    Attributes:
        number: 1 for the first.
        train, test: positions of the rows in the panel.
        train_at, test_at: their positions in the calendar (sorted distinct dates).
        train_ends: calendar position of the last bar each train row's label reads.
        test_ends: the same for test rows.
    """

    number: int
    train: Integers
    test: Integers
    train_at: Integers
    test_at: Integers
    train_ends: Integers
    test_ends: Integers

    def stretches(self) -> list[tuple[int, int]]:
        """First and last calendar position of each unbroken stretch of test dates."""
        dates = np.unique(self.test_at)
        breaks = np.flatnonzero(np.diff(dates) > 1)
        starts, ends = np.append(0, breaks + 1), np.append(breaks, len(dates) - 1)
        return [(int(dates[a]), int(dates[b])) for a, b in zip(starts, ends, strict=True)]


@dataclass(frozen=True)
class DrivenFolds:
    """All folds, and the calendar they stand on."""

    folds: tuple[DrivenFold, ...]
    calendar: pd.Index
    rows: int
    horizon: int
    duplicated: int
    """rows of the panel that repeat an earlier (asset, date)"""
    varying: bool = False
    """some labels were seen to end before the horizon"""

    def date(self, position: int) -> str:
        """ISO date (and time, where there is one) of a calendar position."""
        return iso(self.calendar[min(max(position, 0), len(self.calendar) - 1)])


def iso(date: Any) -> str:
    """ISO text of a date; the time only where there is one."""
    if not isinstance(date, pd.Timestamp):
        return str(date)
    return date.date().isoformat() if date == date.normalize() else date.isoformat()


def drive_folds(subject: Subject, horizon: int) -> DrivenFolds:
    """The folds that ``splits.folds`` makes of the sample panel.

    Raises:
        NotAssessed: there is no such hook, or it does not answer folds of the panel's rows.
    """
    panel = samples.panel(subject)
    hook = subject.hook(HOOK)

    def answer() -> list[tuple[Integers, Integers]]:
        return ask(hook, panel, into=lambda raw: _positions(raw, len(panel))).needed(
            f"{HOOK} gives no folds:"
        )

    pairs = samples.once(subject, "folds", answer)
    dates = panel.index.get_level_values(1)
    calendar = dates.unique().sort_values()
    at = np.asarray(calendar.get_indexer(dates), dtype=np.int64)
    ends = label_ends(panel, at, horizon)
    folds = tuple(
        DrivenFold(k, train, test, at[train], at[test], ends[train], ends[test])
        for k, (train, test) in enumerate(pairs, start=1)
    )
    duplicated = int(panel.index.duplicated().sum())
    return DrivenFolds(folds, calendar, len(panel), horizon, duplicated)


def label_ends(panel: pd.DataFrame, at: Integers, horizon: int) -> Integers:
    """Calendar position of the last bar that each row's label reads, in its own asset's bars."""
    positions = pd.Series(at, index=panel.index)
    later = positions.sort_index(kind="stable").groupby(level=0).shift(-horizon)
    later = later[~later.index.duplicated()].reindex(panel.index)
    return np.asarray(later.fillna(positions + horizon), dtype=np.int64)


def _positions(raw: Any, rows: int) -> list[tuple[Integers, Integers]]:
    folds = []
    for fold in raw:
        pair = []
        for side in ("train", "test"):
            values = np.asarray(fold[side])
            if values.ndim != 1 or (len(values) and values.dtype.kind not in "iu"):
                raise ValueError(f"wanted integer positions as {side!r}, got {values.dtype}")
            if len(values) and (values.min() < 0 or values.max() >= rows):
                raise ValueError(f"{side!r} holds a position outside the {rows} rows of the panel")
            pair.append(values.astype(np.int64))
        folds.append((pair[0], pair[1]))
    if not folds:
        raise ValueError("no folds")
    return folds


def timeline(driven: DrivenFolds) -> Evidence:
    """Train, the reach of train labels, and test of every fold, as a timeline."""
    rows = []
    for fold in driven.folds:
        lane = f"fold {fold.number}"
        for kind, at in (("train", fold.train_at), ("test", fold.test_at)):
            dates = np.unique(at)
            breaks = np.flatnonzero(np.diff(dates) > 1)
            starts, ends = np.append(0, breaks + 1), np.append(breaks, len(dates) - 1)
            rows += [
                (lane, driven.date(int(dates[a])), driven.date(int(dates[b])), kind)
                for a, b in zip(starts[:20], ends[:20], strict=True)
                if len(dates)
            ]
        first = fold.test_at.min(initial=len(driven.calendar))
        before = fold.train_at[fold.train_at < first]
        if len(before) and driven.horizon:
            last = int(before.max())
            reach = int(fold.train_ends[fold.train_at == last].max())
            rows.append((lane, driven.date(last), driven.date(reach), "reach of train labels"))
    note = f"labels read {driven.horizon} bars ahead" if driven.horizon else ""
    heads = ("lane", "start", "end", "kind")
    return Evidence("timeline", "Folds on the calendar", heads, tuple(rows), View.TIMELINE, note)


def edges(driven: DrivenFolds) -> Evidence:
    """The bars around each fold's first test decision: where train ends, and its labels."""
    shown = max(20, 3 * driven.horizon)
    rows: list[tuple[str, int, int, str]] = []
    for fold in driven.folds:
        first = int(fold.test_at.min(initial=len(driven.calendar)))
        before = fold.train_at < first
        if not before.any():
            continue
        lane, last = f"fold {fold.number}", int(fold.train_at[before].max()) - first
        reach = int(fold.train_ends[before].max()) - first
        rows.append((lane, max(-shown, int(fold.train_at[before].min()) - first), last, "train"))
        rows.append((lane, last, min(reach, 0), "labels of train"))
        rows.append((lane, 0, min(shown, int(fold.test_at.max()) - first), "test"))
        if reach > 0:
            rows.append((lane, 0, reach, "leak"))
    note = f"x: bars from the first test decision; labels read {driven.horizon} bars ahead"
    heads = ("lane", "start", "end", "kind")
    title = "Where train labels end, around the first test decision"
    return Evidence("edges", title, heads, tuple(rows), View.TIMELINE, note)


# --- recorded tables --------------------------------------------------------------------------
@dataclass(frozen=True)
class RecordedFold:
    """One fold of a table in the metadata; dates inclusive."""

    number: int
    train_start: pd.Timestamp
    train_end: pd.Timestamp
    test_start: pd.Timestamp
    test_end: pd.Timestamp
    row: dict[str, Any]
    location: Location


_KEYS = {
    "train_start": ("train_start", "train/start", "train/first", "train/0", "train_from"),
    "train_end": ("train_end", "train/end", "train/last", "train/1", "train_to"),
    "test_start": ("test_start", "test/start", "test/first", "test/0", "valid_start", "val_start"),
    "test_end": ("test_end", "test/end", "test/last", "test/1", "valid_end", "val_end"),
}


def recorded_folds(subject: Subject) -> list[RecordedFold]:
    """The fold table in the version's metadata (``artifacts.fields.folds``).

    Dates may stand flat (``train_start``) or nested (``train: {start, end}``, ``train: [a, b]``).

    Raises:
        NotAssessed: there is no table, or its rows hold no dates.
    """
    document, pointer = subject.metadata, subject.layout.fields.folds
    table = document.get(pointer)
    if not isinstance(table, list) or not table:
        raise NotAssessed(f"no fold table at {document.location(pointer)} (artifacts.fields.folds)")
    folds, clock = [], _clock(subject)
    for k, row in enumerate(table):
        if not isinstance(row, dict):
            raise NotAssessed(f"{document.location(pointer, str(k))} is not a mapping")
        dates = {name: _date(row, keys, clock) for name, keys in _KEYS.items()}
        missing = [n for n, d in dates.items() if d is None]
        if missing:
            raise NotAssessed(f"{document.location(pointer, str(k))} has no date {missing[0]}")
        place = document.location(pointer, str(k))
        dated = {n: d for n, d in dates.items() if d is not None}
        folds.append(RecordedFold(k + 1, **dated, row=row, location=place))
    return folds


def bars_between(earlier: pd.Timestamp, later: pd.Timestamp, calendar: Calendar | None) -> int:
    """Bars strictly between two dates; weekdays where there is no calendar."""
    bars = calendar or Calendar(pd.DatetimeIndex([]), pd.Timedelta(days=1))
    return bars.between(earlier, later)


def calendar_of(subject: Subject) -> Calendar | None:
    """Dates of the sample panel, as its own clocks show them; None where there is no panel."""
    try:
        dates = samples.panel(subject).index.get_level_values(1)
    except NotAssessed:
        return None
    if not isinstance(dates, pd.DatetimeIndex):
        return None
    return Calendar.of(dates.tz_localize(None) if dates.tz is not None else dates)


def _clock(subject: Subject) -> Clock:
    """Turns a recorded date with an offset into what the panel's clocks showed; UTC without any."""

    def shown(stamp: pd.Timestamp) -> pd.Timestamp:
        try:
            dates = samples.panel(subject).index.get_level_values(1)
        except (NotAssessed, NotApplicable):
            dates = pd.Index([])
        zone = dates.tz if isinstance(dates, pd.DatetimeIndex) else None
        return stamp.tz_convert(zone or "UTC").tz_localize(None)

    return shown


def _in_utc(stamp: pd.Timestamp) -> pd.Timestamp:
    return stamp.tz_convert("UTC").tz_localize(None)


Extent = tuple[pd.Timestamp, pd.Timestamp]


_FIRST = ("first", "start", "from", "begin", "rows/first", "train_start")
_LAST = ("last", "end", "to", "until", "rows/last", "train_end")


def extent(value: Any, subject: Subject | None = None) -> Extent | None:
    """First and last date of a recorded span (``{first, last}``, ``{start, end}``, ``[a, b]``).

    Args:
        subject: whose panel's clocks recorded offsets are turned to; UTC where none is given.
    """
    value = _span(value)
    if value is None:
        return None
    clock = _in_utc if subject is None else _clock(subject)
    first, last = _date(value, _FIRST, clock), _date(value, _LAST, clock)
    return None if first is None or last is None else (first, last)


def ends_with_a_day(value: Any) -> bool:
    """True where a recorded span ends with a date alone, which stands for all bars of that day."""
    span = _span(value)
    return span is not None and any(len(text) <= 10 for text in list(_texts(span, _LAST))[:1])


def _span(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list) and len(value) == 2:
        return {"first": value[0], "last": value[1]}
    return value if isinstance(value, dict) else None


def _texts(row: dict[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    """Texts at any of the keys; parts of a key lead into mappings and lists."""
    for key in keys:
        value: Any = row
        for part in key.split("/"):
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            else:
                value = None
        if isinstance(value, str):
            yield value


def _date(row: dict[str, Any], keys: tuple[str, ...], clock: Clock) -> pd.Timestamp | None:
    for text in _texts(row, keys):
        try:
            stamp = pd.Timestamp(text)
        except ValueError:
            continue
        if isinstance(stamp, pd.Timestamp):
            return clock(stamp) if stamp.tz is not None else stamp
    return None
