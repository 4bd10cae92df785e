"""Lessons for online learners whose truth is known: rows, labels that follow them, what changed.

Labels are linear in the features with little noise, in several directions, so that what a learner
took from them can be told from what it was born with: the difference between being taught a lesson
and being taught its opposite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats

Labels = Callable[[int, Floats], Floats]
NOISE = 0.3  # of the labels' own spread


@dataclass(frozen=True)
class Lessons:
    """Made-up batches, and the directions that their labels may take.

    Attributes:
        columns: feature columns.
        count, rows: batches, and rows of each.
        ways: directions of the labels.
        seed: of everything random.
    """

    columns: Sequence[str]
    count: int
    rows: int
    ways: int
    seed: int

    @cached_property
    def _drawn(self) -> tuple[Floats, Floats, Floats, Floats]:
        rng = np.random.default_rng(self.seed)
        width, total = len(self.columns), self.count * self.rows
        x = rng.normal(size=(total, width))
        probe = rng.normal(size=(200, width))
        weights = rng.normal(size=(self.ways, width))
        weights *= 0.01 / np.linalg.norm(weights, axis=1, keepdims=True)
        return x, probe, weights, rng.normal(size=total) * 0.01 * NOISE

    @property
    def probe(self) -> pd.DataFrame:
        """Rows to predict, without labels."""
        return pd.DataFrame(self._drawn[1], columns=list(self.columns))

    def truth(self, way: int) -> Floats:
        """Labels of the probe without noise."""
        _, probe, weights, _ = self._drawn
        return np.asarray(probe @ weights[way])

    def course(
        self, way: int = 0, sign: float | Floats = 1.0, lag: int = 0, *, same: bool = False
    ) -> list[pd.DataFrame]:
        """The batches with labels in one direction.

        Args:
            way: which direction.
            sign: factor of the labels, one for all or one a row.
            lag: the label of a row is that of the row so many before.
            same: every batch has the rows of the first, so that only their age tells them apart.
        """
        x, _, weights, noise = self._drawn
        if same:
            x, noise = (np.concatenate([a[: self.rows]] * self.count) for a in (x, noise / NOISE))
        labels = sign * (np.roll(x @ weights[way], lag) + noise)
        table = pd.DataFrame(x, columns=list(self.columns)).assign(y=labels)
        return [table.iloc[i * self.rows : (i + 1) * self.rows] for i in range(self.count)]

    def signs(self, way: int) -> Floats:
        """Signs that make all labels of a direction positive."""
        x, _, weights, noise = self._drawn
        return np.where(x @ weights[way] + noise < 0, -1.0, 1.0)

    def turned(self, quarter: int) -> Floats:
        """Signs that turn the labels of one quarter of each batch around."""
        place = np.arange(self.count * self.rows) % self.rows
        return np.where(place * 4 // self.rows == quarter, -1.0, 1.0)

    def turned_batches(self, batches: Sequence[int]) -> Floats:
        """Signs that turn the labels of whole batches around."""
        number = np.arange(self.count * self.rows) // self.rows
        return np.where(np.isin(number, batches), -1.0, 1.0)


def agreement(change: Floats, truth: Floats) -> float:
    """Correlation of what was learnt with what was taught; 0 where nothing was learnt."""
    if change.shape != truth.shape or not np.isfinite(change).all() or np.std(change) == 0.0:
        return 0.0
    return float(np.corrcoef(change, truth)[0, 1])
