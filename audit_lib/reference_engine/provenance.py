"""What is written down about a training run, so that an audit can recompute it."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

import numpy as np
import pandas as pd

from .panel import Floats
from .recipes import Recipe
from .splits import Fold, Integers
from .targets import ENTRY, HORIZON, TARGETS
from .trainer import CAPACITY, PARAMETERS, ROUNDS, Design

LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy")


def dates_of(data: Design, rows: Integers) -> np.ndarray[Any, Any]:
    """Dates of some rows, as a plain array of days."""
    return np.asarray(data.dates[rows], dtype="datetime64[D]")


def extent(data: Design, rows: Integers) -> dict[str, Any]:
    """First and last date and number of some rows."""
    dates = data.dates[rows]
    return {"first": _iso(dates.min()), "last": _iso(dates.max()), "n": len(rows)}


def fold_row(
    number: int, fold: Fold, dates: pd.DatetimeIndex, counts: tuple[int, int], recipe: Recipe
) -> dict[str, Any]:
    """One line of the fold table; dates are inclusive.

    Args:
        number: 1 for the first fold.
        fold: its positions among ``dates``.
        dates: the panel's dates.
        counts: complete rows in train and test.
        recipe: whose plan it is.
    """
    return {
        "fold": number,
        "train_start": _iso(dates[fold.train[0]]),
        "train_end": _iso(dates[fold.train[1] - 1]),
        "test_start": _iso(dates[fold.test[0]]),
        "test_end": _iso(dates[fold.test[1] - 1]),
        "purge": recipe.splits.purge,
        "embargo": recipe.splits.embargo,
        "n_train": counts[0],
        "n_test": counts[1],
    }


def splits_record(recipe: Recipe) -> dict[str, Any]:
    """The plan of the walk-forward, in bars."""
    plan = recipe.splits
    return {
        "horizon": HORIZON,
        "purge": plan.purge,
        "embargo": plan.embargo,
        "folds": plan.folds,
        "opening": plan.opening,
    }


def targets_record(data: Design) -> dict[str, Any]:
    """Horizon, kind and thresholds of every label, and how it is distributed."""
    return {
        name: {
            "horizon": HORIZON,
            "entry": ENTRY,
            "kind": target.kind,
            "unit": target.unit,
            "thresholds": list(target.thresholds),
            "statistics": _statistics(data.labels[name]),
        }
        for name, target in TARGETS.items()
    }


def run_record(
    data: Design, recipe: Recipe, bars: int, rows: dict[str, Integers]
) -> dict[str, Any]:
    """Data, rows behind every fit, parameters and libraries.

    Args:
        data: the rows learned from.
        recipe: how.
        bars: number of dates in the panel.
        rows: name of a fit (``train``, ``scaler``, ...) to the rows behind it.
    """
    return {
        "data": {
            "start": recipe.start,
            "end": recipe.end,
            "universe": sorted(set(data.assets)),
            "bars": bars,
            "complete_rows": len(data.positions),
        },
        "rows": {name: extent(data, positions) for name, positions in rows.items()},
        "class_balance": round(float(data.labels["direction"][rows["train"]].mean()), 6),
        "seed": recipe.seed,
        "trials": 1,
        "parameters": {**PARAMETERS, "rounds": ROUNDS, "by_kind": CAPACITY},
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
    }


def _statistics(label: Floats) -> dict[str, Any]:
    found = {
        "mean": np.mean(label),
        "std": np.std(label),
        "min": np.min(label),
        "median": np.median(label),
        "max": np.max(label),
    }
    return {"n": len(label), **{name: round(float(value), 8) for name, value in found.items()}}


def _iso(date: pd.Timestamp) -> str:
    return str(date.date())
