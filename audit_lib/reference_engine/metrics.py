"""Scores of predictions against outcomes.  All arrays have shape (n,) and hold finite values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .errors import Refused
from .panel import Floats


def rank_correlation(predicted: Floats, outcome: Floats) -> float:
    """Spearman rank correlation, the information coefficient; 0.0 if either side is constant."""
    if len(predicted) < 2 or np.ptp(predicted) == 0 or np.ptp(outcome) == 0:
        return 0.0
    ranks = pd.DataFrame({"predicted": predicted, "outcome": outcome}).rank()
    return float(np.corrcoef(ranks["predicted"], ranks["outcome"])[0, 1])


def brier(probability: Floats, outcome: Floats) -> float:
    """Mean squared error of a probability (Brier 1950), 0 to 1; lower is better.

    Raises:
        Refused: see :func:`require_probabilities`.
    """
    require_probabilities(probability, outcome)
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
    """Weighted gap of mean probability and frequency over equal-count bins (Naeini et al. 2015).

    Raises:
        Refused: see :func:`require_probabilities`.
    """
    require_probabilities(probability, outcome)
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(probability[part].mean() - outcome[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


def require_probabilities(probability: Floats, outcome: Floats) -> None:
    """Refuse what no error of probabilities can be told from.

    Raises:
        Refused: no rows, not as many outcomes, a value that is missing, or one outside [0, 1].
    """
    if len(probability) == 0 or np.shape(probability) != np.shape(outcome):
        raise Refused("an error of probabilities wants as many outcomes, and at least one")
    both = np.concatenate([probability, outcome])
    if not ((both >= 0) & (both <= 1)).all():
        raise Refused("probabilities and outcomes must lie within [0, 1]")
