"""From a wish to an order: the gates every order passes, in this order.

``incomplete``
    a prediction that decisions need is not finite, or the volatility is not positive: no order;
``drawdown``
    the account has lost too much from its peak: no order;
``volatility``
    the predicted volatility is too high: no order;
``position_cap``
    the size exceeds the cap: reduced to it.

The first gate that stops an order names it; ``incomplete`` also names rows that wanted nothing,
because nobody can know what they would have wanted.  As in ``rules.py`` there is one
implementation for columns and one for a row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from .panel import Floats
from .rules import NEEDED, DecisionConfig

GATES = ("incomplete", "drawdown", "volatility", "position_cap")


class Order(NamedTuple):
    """One decision.

    Attributes:
        side: -1, 0 or 1.
        size: fraction of equity, not negative; 0 without a side.
        gate: the gate that decided, or ``""``.
    """

    side: int
    size: float
    gate: str


def pass_gates(
    side: Floats,
    size: Floats,
    predictions: pd.DataFrame,
    config: DecisionConfig,
    drawdown: float = 0.0,
) -> pd.DataFrame:
    """Orders for whole columns.

    Args:
        side: wished sides, shape (n,).
        size: wished sizes, shape (n,).
        predictions: one column a head, n rows.
        config: the version's numbers.
        drawdown: the account's loss from its peak, as a fraction.

    Returns:
        Columns ``side`` (int), ``size``, ``gate`` on the predictions' index.
    """
    needed = predictions[list(NEEDED)].to_numpy()
    volatility = predictions["volatility"].to_numpy()
    incomplete = ~np.isfinite(needed).all(axis=1) | ~(volatility > 0)
    wanted = side != 0
    stopped = wanted & (drawdown >= config.max_drawdown)
    wild = wanted & (volatility > config.max_volatility)
    capped = wanted & (size > config.max_position)
    gate = np.select([incomplete, stopped, wild, capped], list(GATES), default="")
    refused = incomplete | stopped | wild
    return pd.DataFrame(
        {
            "side": np.where(refused, 0, side).astype("int64"),
            "size": np.where(refused | ~wanted, 0.0, np.minimum(size, config.max_position)),
            "gate": gate,
        },
        index=predictions.index,
    ).astype({"gate": "str"})


def pass_gate(
    side: int,
    size: float,
    prediction: Mapping[str, float],
    config: DecisionConfig,
    drawdown: float = 0.0,
) -> Order:
    """The order for one row: what :func:`pass_gates` answers for it."""
    if not all(math.isfinite(prediction[name]) for name in NEEDED):
        return Order(0, 0.0, "incomplete")
    if prediction["volatility"] <= 0:
        return Order(0, 0.0, "incomplete")
    if side == 0:
        return Order(0, 0.0, "")
    if drawdown >= config.max_drawdown:
        return Order(0, 0.0, "drawdown")
    if prediction["volatility"] > config.max_volatility:
        return Order(0, 0.0, "volatility")
    if size > config.max_position:
        return Order(side, config.max_position, "position_cap")
    return Order(side, size, "")
