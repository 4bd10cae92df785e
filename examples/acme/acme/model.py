"""A version: weights in model.npz, everything else in meta.json."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from acme import registry
from acme.registry import RefusedError

HEAD = "return_next_5"
THRESHOLD = 0.002


class Model:
    """A stored version, ready to predict."""

    def __init__(self, store: Path, version: str) -> None:
        row = registry.row(store, version)
        for name, digest in row["sha256"].items():
            file = store / version / name
            if not file.is_file() or sha256(file.read_bytes()).hexdigest() != digest:
                raise RefusedError(f"{version}/{name} is not the file that was trained")
        folder = store / version
        self.meta = json.loads((folder / "meta.json").read_text())
        with np.load(folder / "model.npz") as stored:
            self.weights, self.bias = stored["weights"], float(stored["bias"])
            self.columns = [str(name) for name in stored["feature_names"]]

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """The expected return over the next five bars; missing where a feature is."""
        columns = self.meta["feature_cols"]
        if not features.columns.is_unique or not set(columns) <= set(features.columns):
            raise RefusedError(f"needed once each: {columns}")
        if not all(is_numeric_dtype(features[name]) for name in columns):
            raise RefusedError("features are not numbers")
        values = features[columns].to_numpy(dtype=float)
        if np.isinf(values).any():
            raise RefusedError("features are infinite")
        scaler = self.meta["scaler"]
        scaled = (values - np.array(scaler["median"])) / np.array(scaler["mad"])
        # Summed row by row: a matrix product rounds a row by how many there are beside it.
        answer = (scaled * self.weights).sum(axis=1) + self.bias
        return pd.DataFrame({HEAD: answer}, index=features.index)


def decide(predictions: pd.DataFrame) -> pd.DataFrame:
    """Orders of backtest and live: none within the threshold, the size capped at one."""
    score = predictions[HEAD].fillna(0.0)
    traded = score.abs() > THRESHOLD
    side = np.sign(score).where(traded, 0.0).astype(int)
    size = (score.abs() / 0.02).clip(upper=1.0).where(traded, 0.0)
    return pd.DataFrame({"side": side, "size": size, "gate": ""}, index=predictions.index)
