"""From features to predictions: the serving side of a checkpoint.

Columns are taken by name and put into the model's order; other columns are ignored.  A missing
column is refused.  A row with a value that is not finite gets no prediction (NaN in every head):
nothing is filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from . import conformal
from .checkpoint import Checkpoint
from .errors import Refused
from .heads import NEURAL, head_value, output_value
from .panel import Floats
from .registry import Registry
from .trees import Forest


@dataclass(frozen=True)
class Predictor:
    """A loaded version.

    Attributes:
        checkpoint: what was loaded.
        forests: output name to its trees.
    """

    checkpoint: Checkpoint
    forests: dict[str, Forest]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Predictor:
        """A predictor over a checkpoint in memory."""
        return cls(checkpoint, {n: Forest.parse(text) for n, text in checkpoint.models.items()})

    @classmethod
    def load(cls, store: Path, version: str | None = None) -> Predictor:
        """Load a version from a store; None for the champion.

        Raises:
            RegistryRefused: no such version.
            ArtifactRefused: its files are missing or altered, or break its contract.
        """
        return cls.of(Registry(store).load(version))

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Predictions for rows of features.

        Args:
            features: the model's columns, in any order, among any others.

        Returns:
            One column a head, on the features' index: ``return`` (fraction), ``direction``
            (calibrated probability), ``volatility`` and ``volatility_neural`` (per year).

        Raises:
            Refused: a column is missing, occurs twice, or is not numeric.
        """
        rows = self._rows(features)
        known = np.isfinite(rows).all(axis=1)
        values = self._outputs(rows[known])
        heads = {}
        for name, head in self.checkpoint.heads.items():
            column = np.full(len(rows), np.nan)
            value = values[self.checkpoint.outputs[head.output]]
            column[known] = head_value(head, value, self.checkpoint.calibrator)
            heads[name] = column
        return pd.DataFrame(heads, index=features.index)

    def intervals(self, features: pd.DataFrame, alpha: float = 0.1) -> pd.DataFrame:
        """Conformal interval of the return at miscoverage ``alpha``: ``lower`` and ``upper``.

        Raises:
            Refused: as :meth:`predict`, or alpha is outside (0, 1).
        """
        centre = self.predict(features)["return"].to_numpy()
        bounds = conformal.interval(self.checkpoint.conformal["residuals"], centre, alpha)
        return pd.DataFrame(bounds, index=features.index, columns=["lower", "upper"])

    def _rows(self, features: pd.DataFrame) -> Floats:
        wanted = list(self.checkpoint.feature_cols)
        missing = [name for name in wanted if name not in features.columns]
        if missing:
            raise Refused(f"version {self.checkpoint.version} needs the columns {missing}")
        chosen = features[wanted]
        if chosen.shape[1] != len(wanted):
            raise Refused("a feature column occurs twice")
        if not all(pd.api.types.is_numeric_dtype(dtype) for dtype in chosen.dtypes):
            raise Refused("feature columns must be numeric")
        return chosen.to_numpy(dtype="float64")

    def _outputs(self, rows: Floats) -> dict[str, Floats]:
        scaled = self.checkpoint.scaler.transform(rows)
        raw = {name: forest.raw(scaled) for name, forest in self.forests.items()}
        raw[NEURAL] = self.checkpoint.network.forward(scaled)[:, 0]
        return {name: output_value(name, value) for name, value in raw.items()}
