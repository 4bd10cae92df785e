"""Which labels read bars after a date: measured row by row, for labels that end at different times.

One horizon for all rows is an upper bound: a label that ends at a barrier, or with an event, is
often known long before.  Where that bound accuses, the bars after a date are altered (up, down and
calm) and the labels at or before it that change are those that read them.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Integers
from audit_lib.errors import NotAssessed
from audit_lib.probes.labels.folds import DrivenFolds
from audit_lib.probes.labels.label_facts import HOOK
from audit_lib.probes.market.influence import manageable
from audit_lib.probes.market.perturbation import (
    LOUD,
    Change,
    Strength,
    change,
    gentle,
    join_assets,
    price_columns,
    price_field,
    split_assets,
)
from audit_lib.probes.market.responses import RowsDifferError, Scale, as_table
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, frame
from audit_lib.subject.subject import Subject

ENDS = "targets.ends"
CALM = 1e-6
"""relative noise of prices in a market that stands still"""
VARIES = 0.1
"""share of labels that end early, above which one horizon does not stand for all"""
MOST = 24
"""edges of test stretches that are measured; rows drawn at random make hundreds"""


@dataclass
class LabelReach:
    """Answers which rows of the sample panel have a label that reads bars after a position.

    Attributes:
        at: calendar position of each row of the panel.
        part: the rows of the panel that are asked about, sorted; ``rows`` are their places in it.
        stated: ends that ``targets.ends`` states, as calendar positions; -1 where it states none.
    """

    subject: Subject
    calendar: pd.Index
    at: Integers
    rows: Integers
    part: pd.DataFrame
    stated: Integers | None
    labels: tuple[str, ...] = ()
    found: dict[int, Flags] = field(default_factory=dict)
    """calendar position to the labels of ``part`` that read beyond it, shape (rows, labels)"""

    @property
    def unasked(self) -> Flags:
        """Rows of the panel that are left out, because it is large."""
        left = np.ones(len(self.at), dtype=bool)
        left[self.rows] = False
        return left

    def beyond(self, cuts: Sequence[int]) -> list[Flags]:
        """For each calendar position: rows at or before it whose label reads bars after it.

        Raises:
            NotAssessed: the labels cannot be built on altered bars.
        """
        reads_after = self.measured(cuts)
        if self.stated is None:
            return reads_after
        return [
            reads | ((self.at <= c) & (self.stated > c))
            for c, reads in zip(cuts, reads_after, strict=True)
        ]

    def measured(self, cuts: Sequence[int]) -> list[Flags]:
        """The same, from altered bars alone, whatever ``targets.ends`` states."""
        reads_by_cut = []
        for reads in self.by_label(cuts):
            whole = np.zeros(len(self.at), dtype=bool)
            whole[self.rows] = reads.any(axis=1)
            reads_by_cut.append(whole)
        return reads_by_cut

    def by_label(self, cuts: Sequence[int]) -> list[Flags]:
        """The same for each of the :attr:`labels` and each row of :attr:`part`."""
        last = len(self.calendar) - 1  # beyond which there is nothing to alter
        new = [c for c in dict.fromkeys(cuts) if c not in self.found and c < last]
        if new and self.subject.has(HOOK):
            self._measure(new)
        empty = np.zeros((len(self.part), len(self.labels)), dtype=bool)
        return [self.found.get(c, empty) for c in cuts]

    def until(self, cut: int) -> pd.DataFrame:
        """The bars of :attr:`part` up to a calendar position, as they were on that date."""
        return self.part[self.at[self.rows] <= cut]

    def last_read(self, searches: Sequence[tuple[Flags, int, int]]) -> list[int]:
        """Last bar that any of the rows' labels reads, by halving, for each (rows, low, high).

        The answer lies in [low, high]; ``low`` where none reads beyond it.
        """
        low, high = [a[1] for a in searches], [max(a[1], a[2]) for a in searches]
        probe = [max(lo, hi - 1) for lo, hi in zip(low, high, strict=True)]
        while any(lo < hi for lo, hi in zip(low, high, strict=True)):
            for k, reads in enumerate(self.beyond(probe)):
                if low[k] >= high[k]:
                    continue
                if (reads & searches[k][0]).any():
                    low[k] = probe[k] + 1
                else:
                    high[k] = probe[k]
                probe[k] = (low[k] + high[k]) // 2
        return low

    def _measure(self, cuts: list[int]) -> None:
        for strength in (LOUD, gentle(self.part, price_field(self.part))):
            if self._altered(cuts, strength):
                return
        raise NotAssessed(f"{HOOK} refuses panels whose later bars are altered")

    def _altered(self, cuts: list[int], strength: Strength) -> bool:
        """Keep what altered builds tell; False where the builder refuses prices that move."""
        frames = split_assets(self.part)
        panels = [
            _after_date(frames, self.calendar[c], strength, how)
            for c in cuts
            for how in ("up", "down", "calm")
        ]
        plain, *answers = self.subject.hook(HOOK).many([(p,) for p in (self.part, *panels)])
        index, at = self.part.index, self.at[self.rows]
        assert isinstance(index, pd.MultiIndex)
        try:
            base = as_table(plain, index)
        except RowsDifferError as error:
            raise NotAssessed(f"{HOOK}: {error}") from None
        self.labels, scale = base.columns, Scale.of(base)
        altered = {c: np.zeros(base.values.shape, dtype=bool) for c in cuts}
        for k, answer in enumerate(answers):
            cut = cuts[k // 3]
            if isinstance(answer, Exception):
                if k % 3 < 2:
                    return False
                continue  # a market that stands still may rightly be refused
            other = as_table(answer, index, base.columns)
            altered[cut] |= (scale.difference(base.values, other.values) > 0) & (at <= cut)[:, None]
        self.found |= altered
        return True


def label_reach(subject: Subject) -> LabelReach:
    """The instrument for this subject's labels, shared by its checks."""

    def make() -> LabelReach:
        panel = samples.panel(subject)
        dates = panel.index.get_level_values(1)
        calendar = dates.unique().sort_values()
        at = np.asarray(calendar.get_indexer(dates), dtype=np.int64)
        once = ~panel.index.duplicated()
        part = manageable(panel[once].sort_index())
        places = pd.Series(np.flatnonzero(once), index=panel.index[once]).reindex(part.index)
        stated = stated_ends(subject, panel, calendar)
        return LabelReach(subject, calendar, at, places.to_numpy(np.int64), part, stated)

    return samples.once(subject, "label reach", make)


def stated_ends(subject: Subject, panel: pd.DataFrame, calendar: pd.Index) -> Integers | None:
    """Calendar position of the last bar that each row's labels read, as ``targets.ends`` says.

    -1 where it says nothing; None where there is no such hook.

    Raises:
        NotAssessed: the hook does not answer dates on rows of the panel.
    """
    if not subject.has(ENDS):
        return None
    reply = ask(subject.hook(ENDS), panel, into=_dates).needed(f"{ENDS} gives no ends:")
    last = reply.max(axis=1)
    last = last[~last.index.duplicated()].reindex(panel.index)
    if len(calendar) and getattr(calendar, "tz", None) is not None and last.dt.tz is None:
        last = last.dt.tz_localize(getattr(calendar, "tz", None))
    places = np.asarray(calendar.searchsorted(last.to_numpy() if last.dt.tz is None else last))
    return np.where(last.isna(), -1, places).astype(np.int64)


def _dates(raw: Any) -> pd.DataFrame:
    table = frame(raw)
    if not all(pd.api.types.is_datetime64_any_dtype(table[c]) for c in table):
        raise ValueError("wanted a column of dates a label: the last bar that each row's reads")
    return table


def ends_vary(subject: Subject, horizon: int) -> bool:
    """True where a good part of the labels is seen to end before the horizon.

    Three dates are tried: of rows that the horizon lets read beyond one, how many do?
    """
    if horizon < 2 or not (subject.has(HOOK) or subject.has(ENDS)):
        return False
    try:
        reach = label_reach(subject)
        cuts = [int(share * len(reach.calendar)) for share in (0.4, 0.6, 0.8)]
        reads = reach.beyond(cuts)
    except NotAssessed:
        return False
    near = [(reach.at <= c) & (reach.at > c - horizon + 1) & ~reach.unasked for c in cuts]
    due = sum(int(rows.sum()) for rows in near)
    seen = sum(int((rows & flags).sum()) for rows, flags in zip(near, reads, strict=True))
    return due > 0 and seen < (1 - VARIES) * due


def with_ends(subject: Subject, driven: DrivenFolds, embargo: int = 0) -> DrivenFolds:
    """The folds with the ends that their labels really have, wherever the horizon would accuse.

    Args:
        embargo: bars after the last test label in which a train row matters, too.

    Returns:
        The same folds where the labels cannot be altered: the horizon is then all that is known.
    """
    if driven.horizon < 2 or not (subject.has(HOOK) or subject.has(ENDS)):
        return driven
    try:
        reach = label_reach(subject)
        before, after = _before(reach, driven), _after(reach, driven, embargo)
    except NotAssessed:
        return driven
    folds = tuple(
        replace(f, train_ends=a, test_ends=b)
        for f, a, b in zip(driven.folds, before, after, strict=True)
    )
    varying = any(
        (a < f.train_ends).any() or (b < f.test_ends).any()
        for f, a, b in zip(driven.folds, before, after, strict=True)
    )
    return replace(driven, folds=folds, varying=bool(varying))


def _before(reach: LabelReach, driven: DrivenFolds) -> list[Integers]:
    """Ends of the train labels of each fold, where the horizon lets them reach into a test."""
    ends = [f.train_ends.copy() for f in driven.folds]
    searches = [
        (k, start, guilty)
        for k, fold in enumerate(driven.folds)
        for start, _ in fold.stretches()
        if (guilty := (fold.train_at < start) & (fold.train_ends > start)).any()
    ]
    chosen = _spread([start for _, start, _ in searches])
    for k, start, guilty in (a for a in searches if a[1] not in chosen):
        ends[k] = np.where(guilty, np.minimum(ends[k], start), ends[k])  # nothing is said of them
    searches = [a for a in searches if a[1] in chosen]
    reads = reach.beyond([start for _, start, _ in searches])
    deep: list[tuple[Flags, int, int]] = []
    for (k, start, guilty), flags in zip(searches, reads, strict=True):
        rows = driven.folds[k].train[guilty]
        deep.append((_only(flags, rows), start, int(ends[k][guilty].max())))
    for (k, start, guilty), (held, *_), last in zip(
        searches, deep, reach.last_read(deep), strict=True
    ):
        rows = driven.folds[k].train
        # Rows that were not asked about are judged by the deepest of those that were.
        confirmed = guilty & (held[rows] | (reach.unasked[rows] & held.any()))
        ends[k] = np.where(confirmed, np.minimum(ends[k], last), ends[k])
        ends[k] = np.where(guilty & ~confirmed, np.minimum(ends[k], start), ends[k])
    return ends


def _after(reach: LabelReach, driven: DrivenFolds, embargo: int) -> list[Integers]:
    """Ends of the test labels of each fold, where train rows follow close behind them."""
    ends = [f.test_ends.copy() for f in driven.folds]
    searches, deep = [], list[tuple[Flags, int, int]]()
    for k, fold in enumerate(driven.folds):
        for start, end in fold.stretches():
            inside = (fold.test_at >= start) & (fold.test_at <= end)
            last, later = int(fold.test_ends[inside].max()), fold.train_at[fold.train_at > end]
            if later.size and int(later.min()) < last + embargo:
                everything = np.zeros(len(reach.at), dtype=bool)
                everything[fold.test[inside]] = True
                searches.append((k, inside))
                deep.append((everything, end, last))
    chosen = _spread([end for _, end, _ in deep])
    for (k, inside), (_, end, _) in zip(searches, deep, strict=True):
        if end not in chosen:
            ends[k] = np.where(inside, np.minimum(ends[k], end), ends[k])
    chosen_pairs = [pair for pair in zip(searches, deep, strict=True) if pair[1][1] in chosen]
    searches, deep = [a for a, _ in chosen_pairs], [d for _, d in chosen_pairs]
    for (k, inside), last in zip(searches, reach.last_read(deep), strict=True):
        ends[k] = np.where(inside, np.minimum(ends[k], last), ends[k])
    return ends


def _spread(places: Sequence[int]) -> set[int]:
    """As many of some places as are measured, evenly spread."""
    every = sorted(set(places))
    taken = np.linspace(0, len(every) - 1, min(len(every), MOST)).astype(int)
    return {every[i] for i in taken}


def _only(flags: Flags, rows: Integers) -> Flags:
    part = np.zeros(len(flags), dtype=bool)
    part[rows] = flags[rows]
    return part


def _after_date(
    frames: dict[Hashable, pd.DataFrame], date: Any, strength: Strength, how: str
) -> pd.DataFrame:
    """A panel whose bars after a date are moved up, moved down, or stand still."""
    rng = np.random.default_rng(0)
    altered = {}
    for asset, bars in frames.items():
        cut = int(bars.index.searchsorted(date, side="right")) - 1
        if cut < 0 or how != "calm":
            altered[asset] = change(
                bars, Change.SUFFIX, cut, rng, up=how == "up", strength=strength
            )
            continue
        calm = bars.copy()
        for name in price_columns(bars):
            still = bars[name].ffill().iloc[cut] * (1 + CALM * rng.standard_normal(len(bars)))
            calm[name] = np.where(np.arange(len(bars)) > cut, still, bars[name])
        altered[asset] = calm
    return join_assets(altered)
