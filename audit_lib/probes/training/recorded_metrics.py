"""Metrics that a version recorded: of its folds in and out of sample, and of other trials."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from audit_lib.arrays import Floats
from audit_lib.model import Evidence, Scalar, View
from audit_lib.probes.labels.folds import RecordedFold

INSIDE = ("in_sample", "train_metrics", "train_scores", "is")
OUTSIDE = ("out_of_sample", "test_metrics", "test_scores", "oos", "valid_metrics", "validation")

HIGHER = re.compile(
    r"auc|accuracy|r2|r_squared|sharpe|sortino|corr|(^|_)ic($|_)|precision|recall|f1|hit|return",
    re.I,
)
LOWER = re.compile(r"error|loss|mse|mae|rmse|brier|drawdown|deviance|(^|_)ece($|_)", re.I)
HALF = re.compile(r"auc", re.I)
UNKNOWN = re.compile(r"accuracy|precision|recall|f1|hit|(^|_)pr_?auc|auc_?pr|auprc", re.I)
"""what guessing gives depends on the classes and their shares, which no name tells"""
INCREDIBLE = (
    (re.compile(r"auc|balanced_accuracy|f1", re.I), 0.95),
    (re.compile(r"sharpe|sortino", re.I), 6.0),
    (re.compile(r"r2|r_squared", re.I), 0.9),
    (re.compile(r"corr|(^|_)ic($|_)", re.I), 0.9),
)
"""metrics and the value out of sample from which no market is known to allow them; an accuracy of
0.97 is a guess where events are rare"""

#: fewest periods from which an interval is told
_PERIODS = 3


@dataclass(frozen=True)
class Pair:
    """One metric of one fold, in and out of sample."""

    fold: int
    metric: str
    inside: float
    outside: float


def fold_metrics(folds: list[RecordedFold]) -> list[Pair]:
    """Metrics that the fold table holds for both sides, nested or as ``train_x``/``test_x``."""
    pairs = []
    for fold in folds:
        inside, outside = _side(fold.row, INSIDE, "train_"), _side(fold.row, OUTSIDE, "test_")
        for name in inside:
            if name in outside:
                pairs.append(Pair(fold.number, name, inside[name], outside[name]))
    return pairs


def metrics_unseen(folds: list[RecordedFold]) -> dict[str, Floats]:
    """Metrics out of sample: to the mean of each test period of its own (periods,)."""
    groups = independent(folds)
    by_metric: dict[str, dict[int, list[float]]] = {}
    for fold in folds:
        for name, value in _side(fold.row, OUTSIDE, "test_").items():
            by_metric.setdefault(name, {}).setdefault(groups[fold.number], []).append(value)
    return {n: np.array([np.mean(v) for v in by.values()]) for n, by in by_metric.items()}


def beside(mine: dict[str, Floats], theirs: dict[str, Floats], named: tuple[str, str]) -> Evidence:
    """What two versions both recorded out of sample: mean over periods, 95 % interval (t).

    Args:
        mine, theirs: metrics to a value a period, as of :func:`metrics_unseen`.
        named: what readers call the two versions.
    """
    from scipy import stats

    rows: list[tuple[Scalar, ...]] = []
    for metric in (m for m in mine if m in theirs):
        for name, values in zip(named, (mine[metric], theirs[metric]), strict=True):
            mean, periods = float(values.mean()), len(values)
            if periods < _PERIODS:
                rows.append((metric, mean, name, None, None))
                continue
            error = float(values.std(ddof=1)) / math.sqrt(periods)
            band = float(stats.t.ppf(0.975, periods - 1)) * error
            rows.append((metric, mean, name, mean - band, mean + band))
    heads = ("label", "value", "group", "low", "high")
    note = "mean over test periods, with its 95 % interval"
    title = f"Out of sample: {named[0]} beside {named[1]}"
    return Evidence("champion", title, heads, tuple(rows), View.BARS, note)


def skill(metric: str, value: float) -> float | None:
    """How much better than guessing, where the metric's name tells what guessing gives."""
    if not HIGHER.search(metric) or LOWER.search(metric) or UNKNOWN.search(metric):
        return None
    return value - 0.5 if HALF.search(metric) else value


def incredible(metric: str) -> float | None:
    """Value out of sample that is too good to be true; None where the name tells none."""
    if LOWER.search(metric):
        return None
    return next((most for name, most in INCREDIBLE if name.search(metric)), None)


def independent(folds: list[RecordedFold]) -> dict[int, int]:
    """Fold number to the group of folds whose test periods overlap, as of seeds or of CPCV."""
    groups: dict[int, int] = {}
    reached, group = None, -1
    for fold in sorted(folds, key=lambda f: f.test_start):
        if reached is None or fold.test_start > reached:
            group += 1
        reached = fold.test_end if reached is None else max(reached, fold.test_end)
        groups[fold.number] = group
    return groups


def number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def _side(row: dict[str, Any], keys: tuple[str, ...], prefix: str) -> dict[str, float]:
    nested = next((row[k] for k in keys if isinstance(row.get(k), dict)), None)
    items = (
        nested.items()
        if nested is not None
        else ((k.removeprefix(prefix), v) for k, v in row.items() if k.startswith(prefix))
    )
    return {str(k): n for k, v in items if (n := number(v)) is not None}
