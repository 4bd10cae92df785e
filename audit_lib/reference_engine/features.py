"""The features: what each one reads, when it is known, and how it is computed.

A feature is a function of a window of closes.  Its two offsets say which bars the window holds,
relative to the bar it is computed for, and its policy follows from the last one:

``CAUSAL``
    reads bars before the current one, so it is known before the bar closes (last < 0);
``END_OF_DAY``
    reads the current close too, so it is known once the bar has closed (last = 0);
``RESEARCH_ONLY``
    reads later bars: for charts and studies, never an input of a released model (last > 0).

The engine decides after the close and trades at the next one, so models may use the first two.
The builders that turn panels into features are in ``feature_builders.py``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import Refused
from .panel import BARS_PER_YEAR, Floats

CAUSAL, END_OF_DAY, RESEARCH_ONLY = "CAUSAL", "END_OF_DAY", "RESEARCH_ONLY"


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix.

    Attributes:
        name: column name.
        first: offset of the first bar read, in bars (negative: in the past).
        last: offset of the last bar read.
        compute: windows of closes (..., last - first + 1), oldest first, to values (...).
        unit: unit of the value.
        about: one line for a reader.
        ranked: replace values by their rank across the assets of the same date.
    """

    name: str
    first: int
    last: int
    compute: Callable[[Floats], Floats]
    unit: str
    about: str
    ranked: bool = False

    @property
    def policy(self) -> str:
        """When the value is known: ``CAUSAL``, ``END_OF_DAY`` or ``RESEARCH_ONLY``."""
        if self.last < 0:
            return CAUSAL
        return END_OF_DAY if self.last == 0 else RESEARCH_ONLY


def log_change(closes: Floats) -> Floats:
    """Log return over the whole window (Jegadeesh and Titman 1993 for its use as momentum)."""
    change: Floats = np.log(closes[..., -1] / closes[..., 0])
    return change


def volatility(closes: Floats) -> Floats:
    """Annualised close-to-close volatility around a zero mean (RiskMetrics 1996)."""
    returns = np.diff(np.log(closes), axis=-1)
    annualised: Floats = np.sqrt(np.mean(returns**2, axis=-1) * BARS_PER_YEAR)
    return annualised


def volatility_ratio(closes: Floats) -> Floats:
    """Log of the last week's volatility over that of the window; 0 while prices stand still."""
    recent, whole = volatility(closes[..., -6:]), volatility(closes)
    return np.log((recent + 0.01) / (whole + 0.01))


def gap_to_mean(closes: Floats) -> Floats:
    """Log distance of the last close from the window's mean close."""
    gap: Floats = np.log(closes[..., -1] / np.mean(closes, axis=-1))
    return gap


def drawdown(closes: Floats) -> Floats:
    """Log distance of the last close from the window's highest close (never above 0)."""
    loss: Floats = np.log(closes[..., -1] / np.max(closes, axis=-1))
    return loss


def relative_strength(closes: Floats) -> Floats:
    """Relative strength index over simple averages (Cutler's form), 0 to 1; 0.5 without moves."""
    changes = np.diff(closes, axis=-1)
    gains = np.sum(np.maximum(changes, 0.0), axis=-1)
    moves = np.sum(np.abs(changes), axis=-1)
    return np.where(moves == 0, 0.5, gains / np.where(moves == 0, 1.0, moves))


def skewness(closes: Floats) -> Floats:
    """Third standardised moment of daily log returns; 0 while prices stand still."""
    returns = np.diff(np.log(closes), axis=-1)
    centred = returns - np.mean(returns, axis=-1, keepdims=True)
    squared = centred * centred
    spread = np.sqrt(np.mean(squared, axis=-1))
    still = spread < 1e-12
    third = np.mean(squared * centred, axis=-1)
    return np.where(still, 0.0, third / np.where(still, 1.0, spread) ** 3)


CATALOGUE: dict[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature("change_1", -1, 0, log_change, "log return", "the bar's own return"),
        Feature("change_5", -5, 0, log_change, "log return", "return of the last week"),
        Feature("momentum_21", -22, -1, log_change, "log return", "return of the month before"),
        Feature("momentum_63", -64, -1, log_change, "log return", "return of the quarter before"),
        Feature("momentum_126", -127, -1, log_change, "log return", "return of the half-year"),
        Feature("momentum_rank_63", -64, -1, log_change, "rank, 0 to 1",
                "momentum_63 among the assets of the date", ranked=True),
        Feature("gap_mean_21", -20, 0, gap_to_mean, "log return", "close against its month"),
        Feature("drawdown_63", -62, 0, drawdown, "log return", "close against the quarter's high"),
        Feature("strength_14", -14, 0, relative_strength, "share, 0 to 1", "share of up moves"),
        Feature("volatility_5", -5, 0, volatility, "per year", "volatility of the last week"),
        Feature("volatility_21", -21, 0, volatility, "per year", "volatility of the last month"),
        Feature("volatility_63", -64, -1, volatility, "per year", "volatility of the quarter"),
        Feature("volatility_ratio_21", -21, 0, volatility_ratio, "log ratio",
                "last week's volatility against the month's"),
        Feature("skewness_63", -64, -1, skewness, "none", "asymmetry of the quarter's returns"),
        Feature("trend_centred_21", -10, 10, log_change, "log return",
                "return from ten bars before to ten bars after, for regime charts"),
    )
}  # fmt: skip

#: Inputs of every released model, in model order.
RELEASED: tuple[str, ...] = tuple(
    name for name, feature in CATALOGUE.items() if feature.policy != RESEARCH_ONLY
)


def lookup(names: Sequence[str]) -> list[Feature]:
    """The features of these names, in this order.

    Raises:
        Refused: a name is not in the catalogue, so nothing is known about its policy.
    """
    unknown = [name for name in names if name not in CATALOGUE]
    if unknown:
        raise Refused(f"no feature is called {unknown}; known: {list(CATALOGUE)}")
    return [CATALOGUE[name] for name in names]


def policy(names: Sequence[str]) -> dict[str, str]:
    """Feature name to its policy."""
    return {feature.name: feature.policy for feature in lookup(names)}


def schema_hash(names: Sequence[str]) -> str:
    """SHA-256 of the feature names in their order, as a JSON list without blanks.

    Two versions with the same hash read the same columns in the same order.
    """
    return hashlib.sha256(json.dumps(list(names), separators=(",", ":")).encode()).hexdigest()


def percentile_rank(values: Floats) -> Floats:
    """Mid-rank of each value among the finite ones, as a share in (0, 1); ties share a rank."""
    known = values[~np.isnan(values)]
    below = (known[None, :] < values[:, None]).sum(axis=1)
    equal = (known[None, :] == values[:, None]).sum(axis=1)
    count = max(len(known), 1)
    return np.where(np.isnan(values), np.nan, (below + equal / 2.0) / count)
