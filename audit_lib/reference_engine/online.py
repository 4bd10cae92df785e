"""A linear learner that is updated row by row and survives a restart and a bad row.

Recursive ridge regression with exponential forgetting: for every row the information matrix and
the moment vector are multiplied by ``forgetting`` and the row is added.  Once warm, the influence
of a row is bounded: a surprise counts as :data:`CLIP` usual ones at most, and a row far outside
the usual features is weighted down.  The state is the whole truth: saving, loading and going on
equals never having stopped.

Sources: Haykin, *Adaptive Filter Theory* (2002), chapter 9, in information form; Huber, *Robust
Statistics* (1981), on bounded influence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .errors import ArtifactRefused, Refused
from .panel import Floats

FORGETTING = 0.999  # weight of a row relative to the one after it: a memory of 1000 rows
RIDGE = 1.0  # added to the diagonal of the information matrix, unit of a squared feature
WARM_UP = 30  # rows that are believed as they are
CLIP = 6.0  # times the usual error, and the usual length of a row, beyond which influence ends
LABEL = "y"
ARRAYS = ("information", "moment", "usual")  # of the stored state


class OnlineLearner:
    """Predicts ``y`` from named columns.

    Attributes:
        columns: feature columns, in the order of the state.
        seen: rows learned.
        skipped: rows left out because a value was not finite.
    """

    def __init__(
        self, columns: Sequence[str], forgetting: float = FORGETTING, ridge: float = RIDGE
    ) -> None:
        if not 0.0 < forgetting <= 1.0 or ridge <= 0.0:
            raise Refused("forgetting must lie in (0, 1] and ridge must be positive")
        self.columns = list(columns)
        self.forgetting, self.ridge = forgetting, ridge
        self.seen = self.skipped = 0
        size = len(self.columns) + 1  # the last one is the intercept
        self._information = np.zeros((size, size))
        self._moment = np.zeros(size)
        self._usual = np.zeros(2)  # mean absolute error and mean squared length, forgetting

    @classmethod
    def over(cls, batch: pd.DataFrame) -> OnlineLearner:
        """A new learner for batches with the columns of this one."""
        return cls([str(name) for name in batch.columns if name != LABEL])

    def learn(self, batch: pd.DataFrame) -> None:
        """Learn rows in their order.

        Rows with a value that is not finite are skipped and counted.

        Raises:
            Refused: a feature column or ``y`` is missing.
        """
        rows, labels = self._design(batch), self._named(batch, [LABEL])[:, 0]
        known = np.isfinite(rows).all(axis=1) & np.isfinite(labels)
        for row, label in zip(rows[known], labels[known].tolist(), strict=True):
            self._learn_row(row, label)
        self.skipped += int((~known).sum())

    def predict(self, rows: pd.DataFrame) -> Floats:
        """Predictions, shape (n,), in the unit of ``y``; NaN for a row that is not finite.

        Raises:
            Refused: a feature column is missing.
        """
        design = self._design(rows)
        answer = np.where(np.isfinite(design), design, 0.0) @ self._weights()
        return np.where(np.isfinite(design).all(axis=1), answer, np.nan)

    def save(self, folder: Path) -> None:
        """Write ``online.json`` and ``online.npz`` into a folder."""
        settings = {
            "columns": self.columns,
            "forgetting": self.forgetting,
            "ridge": self.ridge,
            "seen": self.seen,
            "skipped": self.skipped,
        }
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {name: getattr(self, f"_{name}") for name in ARRAYS}
        np.savez(folder / "online.npz", **arrays)
        (folder / "online.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> OnlineLearner:
        """The learner that :meth:`save` wrote.

        Raises:
            ArtifactRefused: a file is missing, or the arrays do not fit the columns.
        """
        try:
            settings = json.loads((folder / "online.json").read_text(encoding="utf-8"))
            with np.load(folder / "online.npz", allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in ARRAYS}
            learner = cls(settings["columns"], settings["forgetting"], settings["ridge"])
            learner.seen, learner.skipped = settings["seen"], settings["skipped"]
        except (OSError, KeyError, ValueError) as error:
            raise ArtifactRefused(f"online state in {folder.name}: {error}") from None
        for name, array in arrays.items():
            if array.shape != getattr(learner, f"_{name}").shape:
                raise ArtifactRefused(f"online state in {folder.name}: {name} has another shape")
            setattr(learner, f"_{name}", array)
        return learner

    def _learn_row(self, row: Floats, label: float) -> None:
        expected = float(row @ self._weights())
        error, length = label - expected, float(row @ row)
        weight = 1.0
        if self.seen >= WARM_UP:
            usual_error, usual_length = self._usual.tolist()
            error = min(max(error, -CLIP * usual_error), CLIP * usual_error)
            weight = min(1.0, CLIP * usual_length / length)
        self._information = self.forgetting * self._information + weight * np.outer(row, row)
        self._moment = self.forgetting * self._moment + weight * (expected + error) * row
        self.seen += 1
        share = max(1.0 - self.forgetting, 1.0 / self.seen)
        self._usual += share * (np.array([abs(error), weight * length]) - self._usual)

    def _weights(self) -> Floats:
        penalty = np.full(len(self._moment), self.ridge)
        penalty[-1] = 1e-9  # the intercept is hardly shrunk; this keeps the start solvable
        solved = np.linalg.solve(self._information + np.diag(penalty), self._moment)
        return np.asarray(solved, dtype="float64")

    def _design(self, rows: pd.DataFrame) -> Floats:
        return np.column_stack([self._named(rows, self.columns), np.ones(len(rows))])

    @staticmethod
    def _named(rows: pd.DataFrame, columns: Sequence[str]) -> Floats:
        missing = [name for name in columns if name not in rows.columns]
        if missing:
            raise Refused(f"online learner: columns {missing} are missing")
        return rows[list(columns)].to_numpy(dtype="float64")
