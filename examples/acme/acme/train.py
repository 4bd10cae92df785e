"""Trains the versions: ``python -m acme.train`` in the repository."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from acme import features, labels
from acme.model import HEAD

STORE = Path(__file__).parents[1] / "models"


def fit(rows: pd.DataFrame, target: pd.Series, penalty: float = 10.0) -> dict[str, np.ndarray]:
    """Scaling and ridge weights."""
    median = rows.median()
    mad = (rows - median).abs().median()
    scaled = ((rows - median) / mad).to_numpy()
    bias = float(target.mean())
    ridge = penalty * np.eye(scaled.shape[1])
    weights = np.linalg.solve(scaled.T @ scaled + ridge, scaled.T @ (target.to_numpy() - bias))
    return {"median": median.to_numpy(), "mad": mad.to_numpy(), "weights": weights, "bias": bias}


def answer(fitted: dict, rows: pd.DataFrame) -> np.ndarray:
    """What the fitted weights predict."""
    scaled = (rows.to_numpy() - fitted["median"]) / fitted["mad"]
    return scaled @ fitted["weights"] + fitted["bias"]


def judge(rows: pd.DataFrame, target: pd.Series, panel: pd.DataFrame) -> list[dict]:
    """Every fold: its dates, and the rank correlation in and out of sample."""
    table, dates = [], rows.index.get_level_values("date")
    for train, test in labels.folds(panel):
        inside, outside = dates.isin(train), dates.isin(test)
        fitted = fit(rows[inside], target[inside])
        score = {
            name: {
                "rank_correlation": float(
                    pd.Series(answer(fitted, rows[part])).corr(
                        target[part].reset_index(drop=True), method="spearman"
                    )
                )
            }
            for name, part in (("in_sample", inside), ("out_of_sample", outside))
        }
        span = {
            "train_start": train[0],
            "train_end": train[-1],
            "test_start": test[0],
            "test_end": test[-1],
        }
        table.append({name: str(day.date()) for name, day in span.items()} | score)
    return table


def train(version: str, columns: list[str], penalty: float) -> dict:
    """Fit on the train rows of the last fold, and store the version."""
    panel = features.prices()
    labels.check_preconditions(panel)
    known = features.build(panel).join(labels.build(panel)).dropna()
    rows, target = known[features.COLUMNS], known[HEAD]
    table = judge(rows, target, panel)
    used = rows.index.get_level_values("date") <= table[-1]["train_end"]
    fitted = fit(rows[used], target[used], penalty)
    spread = float(target[used].std())
    folder = STORE / version
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / "model.npz",
        weights=fitted["weights"],
        bias=fitted["bias"],
        feature_names=np.array(features.COLUMNS),
    )
    meta = {
        "version": version,
        "feature_cols": columns,
        "input_dim": len(columns),
        "schema_hash": hashlib.sha256("\n".join(columns).encode()).hexdigest(),
        "heads": {HEAD: 0},
        "targets": {HEAD: {"horizon": labels.HORIZON, "kind": "simple_return"}},
        "target_std": spread,
        "scaler": {"median": list(fitted["median"]), "mad": list(fitted["mad"])},
        "folds": table,
        "run": {
            "data": "made-up prices",
            "seed": 7,
            "trials": 1,
            "penalty": penalty,
            "rows": {
                "train": {"first": table[-1]["train_start"], "last": table[-1]["train_end"]},
                "judged": {"first": table[-1]["test_start"], "last": table[-1]["test_end"]},
            },
        },
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=1))
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("model.npz", "meta.json")
    }
    return {"version_id": version, "metrics": table[-1]["out_of_sample"], "sha256": digests}


def main() -> None:
    """Version v1; v2, whose columns somebody has put in alphabetical order; a draft of old."""
    order = features.COLUMNS
    rows = [train("v1", order, 10.0), train("v2", sorted(order), 20.0)]
    table = {"versions": rows, "latest": "v2", "champion": "v1"}
    (STORE / "registry.json").write_text(json.dumps(table, indent=1))
    (STORE / "draft").mkdir(exist_ok=True)
    np.savez(STORE / "draft" / "model.npz", weights=np.zeros(4))


if __name__ == "__main__":
    main()
