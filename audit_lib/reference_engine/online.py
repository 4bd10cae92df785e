"""A linear learner that is updated batch by batch and survives a restart.

Recursive ridge regression with exponential forgetting: after every row the information matrix
and the moment vector are multiplied by ``forgetting`` and the row is added.  The state is the
whole truth: saving, loading and going on equals never having stopped.

Source: Haykin, *Adaptive Filter Theory* (2002), chapter 9, in information form.
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
LABEL = "y"


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
        for row, label in zip(rows[known], labels[known], strict=True):
            self._information = self.forgetting * self._information + np.outer(row, row)
            self._moment = self.forgetting * self._moment + label * row
        self.seen += int(known.sum())
        self.skipped += int((~known).sum())

    def predict(self, rows: pd.DataFrame) -> Floats:
        """Predictions, shape (n,), in the unit of ``y``; NaN for a row that is not finite.

        Raises:
            Refused: a feature column is missing.
        """
        design = self._design(rows)
        penalty = self.ridge * np.eye(len(self._moment))
        penalty[-1, -1] = 1e-9  # the intercept is hardly shrunk; this keeps the start solvable
        weights = np.linalg.solve(self._information + penalty, self._moment)
        answer = np.where(np.isfinite(design), design, 0.0) @ weights
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
        np.savez(folder / "online.npz", information=self._information, moment=self._moment)
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
                information, moment = stored["information"], stored["moment"]
            learner = cls(settings["columns"], settings["forgetting"], settings["ridge"])
            learner.seen, learner.skipped = settings["seen"], settings["skipped"]
        except (OSError, KeyError, ValueError) as error:
            raise ArtifactRefused(f"online state in {folder.name}: {error}") from None
        if information.shape != learner._information.shape or moment.shape != learner._moment.shape:
            raise ArtifactRefused(f"online state in {folder.name}: arrays do not fit the columns")
        learner._information, learner._moment = information, moment
        return learner

    def _design(self, rows: pd.DataFrame) -> Floats:
        return np.column_stack([self._named(rows, self.columns), np.ones(len(rows))])

    @staticmethod
    def _named(rows: pd.DataFrame, columns: Sequence[str]) -> Floats:
        missing = [name for name in columns if name not in rows.columns]
        if missing:
            raise Refused(f"online learner: columns {missing} are missing")
        return rows[list(columns)].to_numpy(dtype="float64")
