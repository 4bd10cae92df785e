"""The backtest path: predictions to orders for whole columns, and a simulation of an account.

An order decided after the close of bar t is filled at the close of bar t + 1 and held for five
bars.  One fifth of equity is traded each day, so that five overlapping fifths are held.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .feature_builders import build_backtest
from .panel import BARS_PER_YEAR, Floats, require_preconditions
from .predictor import Predictor
from .risk_gates import pass_gates
from .rules import wishes
from .targets import ENTRY, HOLDING

COST = 0.0005  # of the value traded: half the spread and fees of a large stock


@dataclass(frozen=True)
class Report:
    """What an account would have done.

    Attributes:
        orders: one row an asset and date: ``side``, ``size``, ``gate``.
        returns: daily returns of the account after costs, by date.
    """

    orders: pd.DataFrame
    returns: pd.Series

    def metrics(self) -> dict[str, float]:
        """Annualised Sharpe ratio, worst drawdown, share of rows traded; 6 digits."""
        deviation = float(self.returns.std())
        sharpe = float(self.returns.mean()) / deviation * BARS_PER_YEAR**0.5 if deviation else 0.0
        equity = np.cumprod(1.0 + self.returns.to_numpy())
        peak = np.maximum.accumulate(np.append(1.0, equity))[1:]
        found = {
            "sharpe": sharpe,
            "max_drawdown": float((1.0 - equity / peak).max(initial=0.0)),
            "traded": float((self.orders["side"] != 0).mean()),
        }
        return {name: round(value, 6) for name, value in found.items()}


def decide(predictor: Predictor, features: pd.DataFrame, drawdown: float = 0.0) -> pd.DataFrame:
    """Orders for rows of features.

    Args:
        predictor: a loaded version.
        features: rows of any number of dates.
        drawdown: the account's loss from its peak, as a fraction.

    Returns:
        ``side``, ``size`` and ``gate`` on the features' index.

    Raises:
        Refused: as :meth:`Predictor.predict`.
    """
    return interpret(predictor, predictor.predict(features), drawdown)


def interpret(
    predictor: Predictor, predictions: pd.DataFrame, drawdown: float = 0.0
) -> pd.DataFrame:
    """Orders for predictions that have been made already; see :func:`decide`."""
    config = predictor.checkpoint.decisions["backtest"]
    side, size = wishes(predictions, config)
    return pass_gates(side, size, predictions, config, drawdown)


def run(predictor: Predictor, panel: pd.DataFrame, start: pd.Timestamp) -> Report:
    """Simulate an account from a date on; earlier bars serve as history of the features.

    Raises:
        Refused: the panel is not acceptable.
    """
    closes = require_preconditions(panel).unstack("asset")
    daily = closes.pct_change(fill_method=None).fillna(0.0)
    features = build_backtest(panel, predictor.checkpoint.feature_cols)
    predictions = predictor.predict(features[features.index.get_level_values("date") >= start])
    by_date = dict(list(predictions.groupby(level="date")))
    held: deque[Floats] = deque([np.zeros(closes.shape[1])] * (ENTRY + HOLDING), ENTRY + HOLDING)
    weights, equity, peak = np.zeros(closes.shape[1]), 1.0, 1.0
    orders, returns = [], {}
    for date in daily.index[daily.index >= start]:
        before, weights = weights, np.mean(list(held)[:HOLDING], axis=0)
        earned = float(weights @ daily.loc[date].to_numpy())
        earned -= COST * float(np.abs(weights - before).sum())
        equity *= 1.0 + earned
        peak = max(peak, equity)
        returns[date] = earned
        today = interpret(predictor, by_date[date], drawdown=1.0 - equity / peak)
        orders.append(today)
        signed = (today["side"] * today["size"]).droplevel("date")
        held.append(signed.reindex(closes.columns).fillna(0.0).to_numpy())
    return Report(pd.concat(orders), pd.Series(returns))
