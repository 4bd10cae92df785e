"""Panels in which many series are cut at once, and what to compare in the answers.

A *clone* is a changed copy of an asset under a new name.  One build over a panel with clones cuts
the same series at many dates.  Comparisons stay within a build, so that a column that looks across
assets sees the same market in both; what it reads of *other* assets' future only shows when every
asset is cut at one date, which takes a build a date.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.probes.market import cuts as where
from audit_lib.probes.market.perturbation import (
    LOUD,
    Change,
    Hole,
    Strength,
    change,
    join_assets,
    price_columns,
    price_field,
    with_holes,
)
from audit_lib.probes.market.responses import Table

Frames = dict[Hashable, pd.DataFrame]
HOLE_LENGTHS = (1, 3, 7)
FEW = 16
"""cuts below which each is tried in one direction, in turn, and gaps are of one length"""


@dataclass(frozen=True)
class ChangedAsset:
    """One changed series, and the series it is compared with.

    Attributes:
        clone, reference: ids in the changed and in the reference build.
        cut: position in the reference series; see :class:`Change`.
        gaps: True where the series has made-up gaps.
    """

    asset: Hashable
    clone: Hashable
    reference: Hashable
    how: Change
    cut: int
    gaps: bool = False


@dataclass(frozen=True)
class Experiment:
    """A panel to build, and the trials it holds.

    Attributes:
        twins: two copies of a series: where these differ, a column depends on position.
        unchanged: (id here, id in the plain panel) of series that nobody touched.
        reference: panel to compare with; None where references are in the same panel.
    """

    panel: pd.DataFrame
    trials: tuple[ChangedAsset, ...]
    twins: tuple[tuple[Hashable, Hashable], ...] = ()
    unchanged: tuple[tuple[Hashable, Hashable], ...] = ()
    reference: pd.DataFrame | None = None


@dataclass
class Designer:
    """Makes experiments over one panel.  Seeded: the same panel gives the same experiments."""

    frames: Frames
    seed: int
    cuts: int
    fields: frozenset[str] | None = None
    strength: Strength = LOUD

    def __post_init__(self) -> None:
        self._made, self._warm = 0, 0
        self._deal = where.Deal(self._rng(2))
        plain = join_assets(self.frames)
        self.price, self.prices = price_field(plain), price_columns(plain)
        longest = max(len(f) for f in self.frames.values())
        self.long = [a for a, f in self.frames.items() if len(f) >= 0.5 * longest]
        self.few, self.alone = self.cuts < FEW, len(self.frames) == 1

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])

    def _low(self, frame: pd.DataFrame) -> int:
        return max(2, int(0.35 * len(frame)), min(self._warm, int(0.8 * len(frame))))

    def _change(
        self, frame: pd.DataFrame, how: Change, cut: int, rng: np.random.Generator, up: bool
    ) -> pd.DataFrame:
        return change(
            frame,
            how,
            cut,
            rng,
            up=up,
            strength=self.strength,
            fields=self.fields,
            prices=self.prices,
        )

    # --- clones -------------------------------------------------------------------------------
    def clones(self, table: Table) -> Experiment:
        """Clones with noise after, noise before and rows removed; cuts where leaks hide."""
        rng = self._rng(1)
        if self.few:  # each cut should tell of most columns
            finite = np.isfinite(table.values[join_assets(self.frames).index.get_loc(self.long[0])])
            first = np.argmax(finite[:, finite.any(axis=0)], axis=0)
            self._warm = int(np.quantile(first, 0.9)) if first.size else 0
        wanted: list[tuple[Hashable, Change, int, bool]] = []
        self._deal = where.Deal(rng)
        wanted += self._ordinary_cuts()
        for asset, cut in self._event_cuts(table, rng):
            wanted += [(asset, Change.SUFFIX, cut, up) for up in (True, False)]
        for asset, cut in self._spread(self._deal, self.cuts // 4 if self.fields is None else 0):
            wanted.append((asset, Change.TRUNCATE, cut, True))
        early = self._spread(where.Deal(rng), max(2, self.cuts // 6))
        wanted += self._both_ways([(a, int(0.8 * cut)) for a, cut in early], Change.PREFIX)
        return self._with_clones(self.frames, wanted, rng, gaps=False)

    def _both_ways(
        self, cuts: list[tuple[Hashable, int]], how: Change = Change.SUFFIX
    ) -> list[tuple[Hashable, Change, int, bool]]:
        """Noise after (or before) each cut, up and down; one of them in turn where cuts are few."""
        both = (True, False)
        return [
            (asset, how, cut, up)
            for i, (asset, cut) in enumerate(cuts)
            for up in (both[i % 2 :][:1] if self.few else both)
        ]

    def gap_clones(self) -> Experiment:
        """Clones of series with made-up gaps, cut in and beside the gaps; and blanked ones."""
        rng = self._rng(2)
        chosen = self.long[:: max(1, len(self.long) // 3)][:3]
        holed: Frames = {}
        wanted: list[tuple[Hashable, Change, int, bool]] = []
        for name in chosen:
            frame = self.frames[name]
            holes = self._holes(frame)
            holed[name] = with_holes(frame, holes)
            cuts = _cuts_at(frame, holed[name], holes)
            wanted += self._both_ways([(name, cut) for cut in cuts])
            if self.fields is None:
                wanted.append((name, Change.TRUNCATE, cuts[0], True))
            wanted.append((name, Change.BLANK, int(0.7 * len(holed[name])), True))
        return self._with_clones(holed, wanted, rng, gaps=True)

    def _ordinary_cuts(self) -> list[tuple[Hashable, Change, int, bool]]:
        """Noise after cuts, up after one and down after the next, each for a reason."""
        candidates = {a: where.series_candidates(self.frames[a], self.price) for a in self.long}
        cuts = []
        for i in range(self.cuts):
            asset = self.long[i % len(self.long)]
            frame, lists = self.frames[asset], candidates[asset]
            low, high, listed = self._low(frame), len(frame) - 2, lists[i % len(lists)]
            for up in (True, False)[i % 2 :][:1] if self.few else (True, False):
                cut = self._deal.one(frame.index, listed, low, high)
                cuts.append((asset, Change.SUFFIX, cut, up))
        return cuts

    def _event_cuts(self, table: Table, rng: np.random.Generator) -> list[tuple[Hashable, int]]:
        """Cuts at, one and two bars after rare values of columns of few values.

        Greedy: each cut is put where it serves most of the columns that were served least.
        """
        few = [
            c
            for c in range(len(table.columns))
            if len(np.unique(table.values[np.isfinite(table.values[:, c]), c])) <= 10
        ]
        if not few:
            return []
        index = join_assets(self.frames).index
        cuts: list[tuple[Hashable, int]] = []
        wanted = np.full(len(few), 3.0)
        for k in range(min(self.cuts // 2 if self.few else self.cuts, 3 * len(few))):
            asset = self.long[int(rng.integers(len(self.long)))]
            frame = self.frames[asset]
            rare = where.rare_values(table.values[index.get_loc(asset)][:, few])
            rare[: self._low(frame)] = False
            rare[-4:] = False
            served = rare @ np.maximum(wanted, 0.0)
            if served.max() <= 0:
                continue
            at = int(rng.choice(np.flatnonzero(served == served.max())))
            wanted -= rare[at]
            cuts.append((asset, at + k % 3))
        return cuts

    def _spread(self, deal: where.Deal, count: int) -> list[tuple[Hashable, int]]:
        chosen = [self.long[i % len(self.long)] for i in range(count)]
        frames = [self.frames[asset] for asset in chosen]
        cuts = [deal.one(f.index, where.NOWHERE, self._low(f), len(f) - 3) for f in frames]
        return list(zip(chosen, cuts, strict=True))

    def _holes(self, frame: pd.DataFrame) -> list[Hole]:
        kinds: list[tuple[bool, str | None]] = [(False, None), (True, None), (False, self.price)]
        lengths = HOLE_LENGTHS[1:2] if self.few else HOLE_LENGTHS
        shapes = [(length, *kind) for length in lengths for kind in kinds]
        edges = np.linspace(self._low(frame), len(frame) - 12, len(shapes) + 1).astype(int)
        found = []
        for (length, removed, name), a, b in zip(shapes, edges[:-1], edges[1:], strict=True):
            lead = 1 if removed else 1 - length  # the last bar before it, or of it, is cut
            low, high = a - lead + 1, max(a, b - length - 3) - lead
            last = self._deal.one(frame.index, where.NOWHERE, low, max(low, high))
            found.append(Hole(last + lead, length, removed, name))
        return found

    def _with_clones(
        self,
        frames: Frames,
        wanted: list[tuple[Hashable, Change, int, bool]],
        rng: np.random.Generator,
        *,
        gaps: bool,
    ) -> Experiment:
        # An asset alone has no others to look at, and is its own reference.
        joined, trials, references = {} if self.alone else self._half_moved(rng, gaps), [], {}
        for asset in dict.fromkeys(w[0] for w in wanted):
            references[asset] = asset if self.alone else self._new_id(asset)
            joined[references[asset]] = frames[asset]
        for asset, how, cut, up in wanted:
            clone = self._new_id(asset)
            joined[clone] = self._change(frames[asset], how, cut, rng, up)
            trials.append(ChangedAsset(asset, clone, references[asset], how, cut, gaps))
        twins = []
        for asset in list(references)[: 0 if gaps and self.alone else 3]:
            twin = self._new_id(asset)
            joined[twin] = frames[asset]
            twins.append((twin, references[asset]))
        unchanged = [(a, a) for a in self.frames if joined.get(a) is self.frames[a]]
        if not gaps:
            unchanged += [(copy, asset) for asset, copy in references.items()]
        return Experiment(join_assets(joined), tuple(trials), tuple(twins), tuple(unchanged))

    def _half_moved(self, rng: np.random.Generator, second: bool) -> Frames:
        """The series with one half of the assets moved: whoever looks at them moves too."""
        moved = dict(self.frames)
        for i, (asset, frame) in enumerate(self.frames.items()):
            if (i % 2 == 0) is second:
                moved[asset] = self._change(frame, Change.PREFIX, len(frame) - 1, rng, i % 3 > 0)
        return moved

    def _new_id(self, asset: Hashable) -> Hashable:
        """An id that no asset has; it sorts after the asset's own."""
        self._made += 1
        if all(isinstance(a, (int, np.integer)) for a in self.frames):
            return max(int(str(a)) for a in self.frames) + self._made
        return f"{asset}~{self._made:04d}"

    # --- one date for all ---------------------------------------------------------------------
    def common(self) -> list[Experiment]:
        """Every asset cut at one date; a panel a date.  The reference is the plain panel."""
        rng = self._rng(3)
        plain = join_assets(self.frames)
        many = [self._at(self.frames, d, Change.SUFFIX, rng) for d in self._dates(rng, 8)]
        if self.fields is None:
            many += [self._at(self.frames, d, Change.TRUNCATE, rng) for d in self._dates(rng, 2)]
        early = plain.index.get_level_values(1).unique().sort_values()
        for share in (0.35, 0.55):
            date = early[int(share * len(early))]
            many.append(self._at(self.frames, date, Change.PREFIX, rng))
        return many

    def common_gaps(self) -> tuple[pd.DataFrame, list[Experiment]]:
        """A panel with gaps, late and ended listings around a few dates, and its cuts there."""
        rng = self._rng(4)
        calendar = self._calendar()
        dates = [calendar[int(s * len(calendar))] for s in (0.45, 0.68, 0.9)]
        holed = {a: self._holed(i, f, dates) for i, (a, f) in enumerate(self.frames.items())}
        reference = join_assets(holed)
        experiments = []
        for date in dates:
            for _ in range(2):
                experiments.append(self._at(holed, date, Change.SUFFIX, rng, reference))
        if self.fields is None:
            experiments.append(self._at(holed, dates[1], Change.TRUNCATE, rng, reference))
        return reference, experiments

    def _holed(self, i: int, frame: pd.DataFrame, dates: list[Any]) -> pd.DataFrame:
        """The i-th asset with gaps that end at some of the dates; some listed late, some ended."""
        holes, alone = [], len(self.frames) == 1
        for j, date in enumerate(dates):
            end = int(frame.index.searchsorted(date, side="right"))
            length = HOLE_LENGTHS[(i + j) % 3]
            if ((i + j) % 2 == 0 or alone) and end - length > 5 and end < len(frame) - 2:
                holes.append(Hole(end - length, length, removed=(i + j) % 4 == 2 and not alone))
        changed = with_holes(frame, holes)
        if len(self.frames) >= 4 and i % 5 == 1:
            changed = changed[changed.index > dates[0]]
        if len(self.frames) >= 4 and i % 5 == 3:
            changed = changed[changed.index <= dates[2]]
        return changed

    def _calendar(self) -> pd.Index:
        return join_assets(self.frames).index.get_level_values(1).unique().sort_values()

    def _dates(self, rng: np.random.Generator, count: int) -> list[Any]:
        calendar = self._calendar()
        low, high = int(0.35 * len(calendar)), len(calendar) - 2
        listings = [f.index[0] for f in self.frames.values()]
        before = np.array(
            [int(calendar.searchsorted(d)) - 1 for d in listings if d > calendar[low]]
        )
        middle = self.frames[max(self.long, key=lambda a: len(self.frames[a]))]
        regimes = (
            where.regime_changes(middle[self.price].to_numpy(float))
            if self.price
            else where.NOWHERE
        )
        dates = calendar.get_indexer(middle.index[regimes]).astype(np.int64)
        ends = list(where.session_ends(calendar).values())
        lists = [before.astype(np.int64), *ends, dates, where.NOWHERE, where.NOWHERE]
        deal, order = where.Deal(rng), [lists[i % len(lists)] for i in range(count)]
        return [calendar[deal.one(calendar, one, low, high)] for one in order]

    def _at(
        self,
        frames: Frames,
        date: Any,
        how: Change,
        rng: np.random.Generator,
        reference: pd.DataFrame | None = None,
    ) -> Experiment:
        changed: Frames = {}
        trials = []
        for i, (asset, frame) in enumerate(frames.items()):
            cut = int(frame.index.searchsorted(date, side="right")) - 1
            up = bool(rng.integers(2)) if len(frames) > 1 else bool(i + int(rng.integers(2)))
            if how is Change.TRUNCATE and cut < 0:
                continue
            changed[asset] = self._change(frame, how, cut, rng, up)
            trials.append(ChangedAsset(asset, asset, asset, how, cut, reference is not None))
        return Experiment(join_assets(changed), tuple(trials), reference=reference)


def _cuts_at(frame: pd.DataFrame, holed: pd.DataFrame, holes: list[Hole]) -> list[int]:
    """Position, in the holed series, of the last bar of each gap (or the last before it)."""
    cuts = []
    for hole in holes:
        last = hole.start - 1 if hole.removed else hole.start + hole.length - 1
        cuts.append(int(holed.index.searchsorted(frame.index[last], side="right")) - 1)
    return cuts
