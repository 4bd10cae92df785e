"""From predictions to a wish: which side, and how much.

Two implementations of one rule set: whole columns for the backtest, one row at a time for live
trading.  The numbers they use are data (:class:`DecisionConfig`), stored with every version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from .errors import ArtifactRefused
from .panel import Floats

NEEDED = ("return", "direction", "volatility")  # heads that decisions read


@dataclass(frozen=True)
class DecisionConfig:
    """Every number between a prediction and an order.

    Attributes:
        enter_long: calibrated probability of an up week at or above which to buy.
        enter_short: probability at or below which to sell short.
        min_return_long: predicted return, as a fraction, below which nothing is bought.
        max_return_short: predicted return above which nothing is sold short.
        neutral: probability that says nothing, near the share of up weeks.
        full_conviction: distance of the probability from ``neutral`` that earns the full size.
        risk_per_name: annualised volatility that one position may add to equity, as a fraction.
        max_position: largest size of one position, as a fraction of equity.
        max_volatility: predicted annualised volatility above which nothing is traded.
        max_drawdown: loss from the account's peak, as a fraction, at which trading stops.
    """

    enter_long: float = 0.42
    enter_short: float = 0.33
    min_return_long: float = 0.0025
    max_return_short: float = 0.0015
    neutral: float = 0.38
    full_conviction: float = 0.10
    risk_per_name: float = 0.01
    max_position: float = 0.06
    max_volatility: float = 0.60
    max_drawdown: float = 0.15

    def as_data(self) -> dict[str, float]:
        """The numbers as JSON data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> DecisionConfig:
        """The inverse of :meth:`as_data`.

        Raises:
            ArtifactRefused: a number is missing or unknown; nothing is taken from defaults.
        """
        if set(data) != set(cls.__dataclass_fields__):
            raise ArtifactRefused(f"decision config: keys {sorted(data)} are not the expected ones")
        return cls(**data)


def wishes(predictions: pd.DataFrame, config: DecisionConfig) -> tuple[Floats, Floats]:
    """Sides (-1, 0, 1) and sizes (fraction of equity) for whole columns, each of shape (n,).

    A row with a prediction that is not finite, or a volatility that is not positive, wants
    nothing.
    """
    expected, probability, volatility = (predictions[name].to_numpy() for name in NEEDED)
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(expected) & np.isfinite(probability) & np.isfinite(volatility)
        usable &= volatility > 0
        long = usable & (probability >= config.enter_long)
        long &= expected >= config.min_return_long
        short = usable & (probability <= config.enter_short)
        short &= expected <= config.max_return_short
    side = long.astype("float64") - short.astype("float64")
    conviction = np.minimum(np.abs(probability - config.neutral) / config.full_conviction, 1.0)
    size = np.zeros(len(side))
    with np.errstate(over="ignore"):  # next to no volatility: infinite, and the cap follows
        np.divide(config.risk_per_name * conviction, volatility, where=side != 0, out=size)
    return side, size


def wish(prediction: Mapping[str, float], config: DecisionConfig) -> tuple[int, float]:
    """Side and size for one row: what :func:`wishes` answers for it."""
    expected, probability, volatility = (prediction[name] for name in NEEDED)
    if not all(map(math.isfinite, (expected, probability, volatility))) or volatility <= 0:
        return 0, 0.0
    side = 0
    if probability >= config.enter_long and expected >= config.min_return_long:
        side = 1
    elif probability <= config.enter_short and expected <= config.max_return_short:
        side = -1
    if side == 0:
        return 0, 0.0
    conviction = min(abs(probability - config.neutral) / config.full_conviction, 1.0)
    return side, config.risk_per_name * conviction / volatility
