"""Scores of predictions against outcomes.  All arrays have shape (n,) and hold finite values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .panel import Floats


def rank_correlation(predicted: Floats, outcome: Floats) -> float:
    """Spearman rank correlation, the information coefficient; 0.0 if either side is constant."""
    if len(predicted) < 2 or np.ptp(predicted) == 0 or np.ptp(outcome) == 0:
        return 0.0
    ranks = pd.DataFrame({"predicted": predicted, "outcome": outcome}).rank()
    return float(np.corrcoef(ranks["predicted"], ranks["outcome"])[0, 1])


def brier(probability: Floats, outcome: Floats) -> float:
    """Mean squared error of a probability (Brier 1950), 0 to 1; lower is better."""
    return float(np.mean((probability - outcome) ** 2))


def auc(score: Floats, outcome: Floats) -> float:
    """Area under the ROC curve by ranks (Mann-Whitney); 0.5 if only one class occurs."""
    positives = outcome > 0.5
    n_up, n_down = int(positives.sum()), int((~positives).sum())
    if n_up == 0 or n_down == 0:
        return 0.5
    ranks = pd.Series(score).rank().to_numpy()
    return float((ranks[positives].sum() - n_up * (n_up + 1) / 2) / (n_up * n_down))


def root_mean_square(error: Floats) -> float:
    """Root mean square, in the unit of the error."""
    return float(np.sqrt(np.mean(error**2)))


def expected_calibration_error(probability: Floats, outcome: Floats, bins: int = 10) -> float:
    """Weighted gap of mean probability and frequency over equal-count bins (Naeini et al. 2015)."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(probability[part].mean() - outcome[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / max(len(order), 1))
