"""The labels: what the models learn to predict.

A decision is made after the close of bar t, filled at the close of bar t + 1 (:data:`ENTRY`), and
held for five bars.  A label therefore reads closes t + 1 to t + 6 and nothing else; it is NaN
until the last of them is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .features import log_change, volatility
from .panel import Floats, by_asset, require_preconditions, windows

ENTRY = 1  # bars from the decision to the fill
HOLDING = 5  # bars from the fill to the exit
HORIZON = ENTRY + HOLDING  # bars from the decision to the last close a label reads
UP_THRESHOLD = 0.01  # simple return above which a week counts as up: well above what it costs


@dataclass(frozen=True)
class Target:
    """One label.

    Attributes:
        name: column name.
        kind: ``simple_return``, ``direction`` or ``volatility``.
        unit: unit of the value.
        compute: closes from fill to exit, shape (n, HOLDING + 1), to labels (n,).
        thresholds: class edges as fractions; empty for a regression label.
    """

    name: str
    kind: str
    unit: str
    compute: Callable[[Floats], Floats]
    thresholds: tuple[float, ...] = ()


def simple_return(closes: Floats) -> Floats:
    """Simple return from fill to exit."""
    return np.expm1(log_change(closes))


def is_up(closes: Floats) -> Floats:
    """1.0 where the simple return exceeds :data:`UP_THRESHOLD`, else 0.0; NaN where unknown."""
    earned = simple_return(closes)
    return np.where(np.isnan(earned), np.nan, (earned > UP_THRESHOLD).astype("float64"))


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("return", "simple_return", "fraction", simple_return),
        Target("direction", "direction", "0 or 1", is_up, (UP_THRESHOLD,)),
        Target("volatility", "volatility", "fraction per year", volatility),
    )
}


def build_targets(panel: pd.DataFrame) -> pd.DataFrame:
    """Labels of every bar.

    Args:
        panel: see ``panel.py``; rows may come in any order.

    Returns:
        Frame on the panel's index, one column a target; NaN where the label is not known yet.

    Raises:
        Refused: the panel is not acceptable.
    """
    closes = require_preconditions(panel)
    columns = {name: np.full(len(closes), np.nan) for name in TARGETS}
    for rows, asset in by_asset(closes):
        held = windows(asset, ENTRY, HORIZON)
        for name, target in TARGETS.items():
            columns[name][rows] = target.compute(held)
    return pd.DataFrame(columns, index=closes.index).reindex(panel.index)
