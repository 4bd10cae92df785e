"""Trials added up to one measured window a column."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats
from audit_lib.probes.market.experiments import ChangedAsset
from audit_lib.probes.market.perturbation import Change
from audit_lib.probes.market.responses import Reach, Scale, Table


@dataclass(frozen=True)
class Witness:
    """One row that read the future: enough to see it again by hand."""

    how: str
    asset: str
    row: str
    cut: str
    before: float
    after: float
    bars: int


@dataclass(frozen=True)
class ColumnInfluence:
    """The measured window of one output column.

    Attributes:
        look_back: bars before a row that its value reads, at most; 0: its own bar only.
        look_ahead: bars after a row that its value reads, at most.
        whole_past, whole_future: the window went on to the end of the data.
        across: the value depends on other assets, or on where the row stands.
        noise: spread between equal builds, in units of the column's scale; 0 if deterministic.
        reacts: some change of the panel moved the column.
        empty: the column holds no value at all.
        inert_by_nature: the values are constant, or follow from the calendar alone.
        at_gaps_only: the look-ahead showed only where data is missing.
        trials: cuts that could have shown a look-ahead.
    """

    column: str
    look_back: int
    look_ahead: int
    whole_past: bool = False
    whole_future: bool = False
    across: bool = False
    noise: float = 0.0
    reacts: bool = True
    empty: bool = False
    inert_by_nature: bool = False
    at_gaps_only: bool = False
    trials: int = 0
    witness: Witness | None = None


class Tally:
    """Adds up trials over the columns of one builder."""

    def __init__(self, base: Table, bars: int, index: pd.MultiIndex) -> None:
        count = len(base.columns)
        self.index = index
        self.base = base
        self.ahead = Reach(bars, count)
        self.ahead_at_gaps = Reach(bars, count)
        self.back = Reach(bars, count)
        self.noise: Floats = np.zeros(count)
        self.across: Flags = np.zeros(count, dtype=bool)
        self.positional: Flags = np.zeros(count, dtype=bool)
        self.reacts: Flags = np.zeros(count, dtype=bool)
        self.trials = np.zeros(count, dtype=np.int64)
        self.witnesses: dict[int, Witness] = {}
        self.vanished: Flags = np.zeros(count, dtype=bool)

    def add(
        self,
        trial: ChangedAsset,
        before: tuple[Floats, pd.Index],
        after: tuple[Floats, pd.Index],
        scale: Scale,
        usable: Flags,
    ) -> None:
        """Add one trial: values (rows, columns) and dates of the series before and after."""
        cut = trial.cut
        if trial.how is Change.PREFIX:
            self._add_past(trial, before[0], after[0], scale, usable)
            return
        old, new = before[0][: cut + 1], after[0][: cut + 1]
        if trial.how in (Change.TRUNCATE, Change.BLANK):
            vanished = ~np.isfinite(new).any(axis=0) & np.isfinite(old).any(axis=0)
            self.vanished |= vanished
            usable = usable & ~vanished
        else:
            moved = scale.difference(before[0][cut + 1 :], after[0][cut + 1 :]) > 0
            self.reacts |= moved.any(axis=0) & usable
        finite = (~np.isnan(old) | ~np.isnan(new)) & usable
        response = np.where(finite, scale.difference(old, new), 0.0)[::-1]
        (self.ahead_at_gaps if trial.gaps else self.ahead).add(response, finite[::-1])
        self.trials += finite.any(axis=0)
        for c in np.flatnonzero((response > 0).any(axis=0)):
            self._witness(int(c), trial, response[:, c], before, after)

    def _add_past(
        self, trial: ChangedAsset, before: Floats, after: Floats, scale: Scale, usable: Flags
    ) -> None:
        old, new = before[trial.cut + 1 :], after[trial.cut + 1 :]
        finite = (~np.isnan(old) | ~np.isnan(new)) & usable
        self.back.add(np.where(finite, scale.difference(old, new), 0.0), finite)
        touched = scale.difference(before[: trial.cut + 1], after[: trial.cut + 1]) > 0
        self.reacts |= touched.any(axis=0) & usable

    def _witness(
        self,
        column: int,
        trial: ChangedAsset,
        response: Floats,
        before: tuple[Floats, pd.Index],
        after: tuple[Floats, pd.Index],
    ) -> None:
        strong = np.flatnonzero(response > 1e-3 * response.max())
        bars = int(strong[-1]) + 1
        witness = self.witnesses.get(column)
        if witness is not None and witness.bars >= bars:
            return
        row = trial.cut + 1 - bars
        self.witnesses[column] = Witness(
            how=str(trial.how.value) + (", beside a gap" if trial.gaps else ""),
            asset=str(trial.asset),
            row=str(before[1][row]),
            cut=str(before[1][trial.cut]),
            before=float(before[0][row, column]),
            after=float(after[0][row, column]),
            bars=bars,
        )

    @property
    def problems(self) -> list[str]:
        """What could not be compared, in words."""
        names = [n for n, gone in zip(self.base.columns, self.vanished, strict=True) if gone]
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        return [f"nothing left of {shown} on a shortened series"] if names else []

    def columns(self) -> dict[str, ColumnInfluence]:
        """The measured windows, by column."""
        return {name: self._column(c, name) for c, name in enumerate(self.base.columns)}

    def _column(self, c: int, name: str) -> ColumnInfluence:
        usual, gaps = self.ahead.depth(c), self.ahead_at_gaps.depth(c)
        return ColumnInfluence(
            column=name,
            look_back=self.back.depth(c),
            look_ahead=max(usual, gaps),
            whole_past=self.back.unbounded(c),
            whole_future=self.ahead.unbounded(c),
            across=bool(self.across[c]),
            noise=float(self.noise[c]),
            reacts=bool(self.reacts[c]) or usual + gaps > 0,
            empty=not np.isfinite(self.base.values[:, c]).any(),
            inert_by_nature=_of_the_calendar(self.base.values[:, c], self.index),
            at_gaps_only=usual == 0 < gaps,
            trials=int(self.trials[c]),
            witness=self.witnesses.get(c),
        )


def _of_the_calendar(values: Floats, index: pd.MultiIndex) -> bool:
    """True for a constant, and for values that a date (or a part of it) determines."""
    finite = np.isfinite(values)
    column = pd.Series(values[finite])
    if column.nunique() <= 1:
        return True
    codes, dates = index.get_level_values(0)[finite], index.get_level_values(1)[finite]
    if codes.nunique() > 1 and dates.has_duplicates:
        return bool(column.groupby(dates.to_numpy()).nunique().max() == 1)
    if not isinstance(dates, pd.DatetimeIndex):
        return False
    parts = (dates.day_of_week, dates.month, dates.day, dates.hour, dates.minute, dates.year)
    groups = [column.groupby(np.asarray(part)) for part in parts if part.nunique() > 1]
    return any(len(g) * 3 <= len(column) and g.nunique().max() == 1 for g in groups)
