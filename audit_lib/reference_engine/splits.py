"""Purged walk-forward splits over dates, with an embargo between judged blocks.

The panel's dates are cut into one opening stretch and ``folds`` judged blocks of equal length.
Each fold trains on everything before its block, minus the last ``purge`` bars, whose labels would
reach into the block; after each block, ``embargo`` bars are left out before the next begins, so
that labels of one block end before the next starts.  All rows of a date are on the same side.
The last block is the holdout: the model that is served is the one judged there.

Source: M. López de Prado, *Advances in Financial Machine Learning* (2018), chapter 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import Refused
from .panel import require_preconditions

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """One fold, as positions into the sorted distinct dates (ends exclusive).

    Attributes:
        train: first and end position of the training dates.
        test: first and end position of the judged dates.
    """

    train: tuple[int, int]
    test: tuple[int, int]


@dataclass(frozen=True)
class WalkForward:
    """How a panel is split.

    Attributes:
        folds: number of judged blocks.
        opening: share of the dates that no block judges.
        purge: bars removed from train before each judged block.
        embargo: bars left out after each judged block.
    """

    folds: int
    opening: float
    purge: int
    embargo: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> WalkForward:
        """The plan that a checkpoint's ``splits`` record."""
        return cls(record["folds"], record["opening"], record["purge"], record["embargo"])

    def over(self, n_dates: int) -> list[Fold]:
        """Folds over that many dates, oldest first.

        Raises:
            Refused: too few dates for every fold to train on and judge at least one.
        """
        opening = round(n_dates * self.opening)
        length = (n_dates - opening - self.embargo * (self.folds - 1)) // self.folds
        if length < 1 or opening <= self.purge:
            raise Refused(f"{n_dates} dates are too few for {self.folds} folds of this plan")
        first = n_dates - length * self.folds - self.embargo * (self.folds - 1)
        starts = [first + k * (length + self.embargo) for k in range(self.folds)]
        return [Fold((0, start - self.purge), (start, start + length)) for start in starts]

    def rows(self, panel: pd.DataFrame) -> list[tuple[Integers, Integers]]:
        """Integer positions of the train and test rows of every fold, in the panel's own order.

        Raises:
            Refused: the panel is not acceptable, or has too few dates.
        """
        require_preconditions(panel)
        positions = date_positions(panel)
        return [
            (_between(positions, fold.train), _between(positions, fold.test))
            for fold in self.over(int(positions.max(initial=-1)) + 1)
        ]


def date_positions(panel: pd.DataFrame) -> Integers:
    """Position of each row's date among the panel's sorted distinct dates, shape (n,)."""
    dates = panel.index.get_level_values("date")
    return np.asarray(dates.unique().sort_values().get_indexer(dates), dtype=np.int64)


def _between(positions: Integers, span: tuple[int, int]) -> Integers:
    return np.flatnonzero((positions >= span[0]) & (positions < span[1])).astype(np.int64)
