"""The live path: one bar at a time, from closes to orders.

It shares definitions and numbers with the backtest path and none of its code: features come from
a buffer of closes, rules and gates are evaluated row by row.  Both must give the same orders.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from .drift import psi
from .feature_builders import LiveBuilder
from .predictor import Predictor
from .risk_gates import Order, pass_gate
from .rules import wish


class LiveSession:
    """A trading session of one version.

    Attributes:
        predictor: the loaded version.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._builder = LiveBuilder(predictor.checkpoint.feature_cols)

    def on_bar(self, closes: Mapping[str, float], drawdown: float = 0.0) -> dict[str, Order]:
        """Take the closes of a date and answer the orders for the next close.

        Args:
            closes: asset to close; NaN where there was no trade.
            drawdown: the account's loss from its peak, as a fraction.
        """
        predictions = self.predictor.predict(self._builder.on_bar(closes))
        orders = interpret(self.predictor, predictions, drawdown)
        return {
            asset: Order(*row)
            for asset, row in zip(closes, orders.to_numpy().tolist(), strict=True)
        }


def decide(predictor: Predictor, features: pd.DataFrame, drawdown: float = 0.0) -> pd.DataFrame:
    """Replay rows of features date by date through the live path.

    Args:
        predictor: a loaded version.
        features: rows of any number of dates, indexed by asset and date.
        drawdown: the account's loss from its peak, as a fraction, on all of them.

    Returns:
        ``side``, ``size`` and ``gate`` on the features' index.

    Raises:
        Refused: as :meth:`Predictor.predict`.
    """
    bars = list(features.groupby(level="date").indices.values())
    if not bars:
        return interpret(predictor, predictor.predict(features))
    predicted = pd.concat([predictor.predict(features.iloc[rows]) for rows in bars])
    return interpret(predictor, predicted.iloc[np.argsort(np.concatenate(bars))], drawdown)


def interpret(
    predictor: Predictor, predictions: pd.DataFrame, drawdown: float = 0.0
) -> pd.DataFrame:
    """Orders for predictions that have been made already, one row after the other.

    Returns:
        ``side``, ``size`` and ``gate`` on the predictions' index.
    """
    config = predictor.checkpoint.decisions["live"]
    orders = []
    for row in predictions.to_numpy().tolist():
        prediction = dict(zip(predictions.columns, row, strict=True))
        side, size = wish(prediction, config)
        orders.append(pass_gate(side, size, prediction, config, drawdown))
    frame = pd.DataFrame(orders, index=predictions.index, columns=list(Order._fields))
    return frame.astype({"side": "int64", "size": "float64", "gate": "str"})


def feature_drift(predictor: Predictor, features: pd.DataFrame) -> dict[str, float]:
    """Population stability index of each input against the version's training rows.

    Raises:
        Refused: there are no rows.
    """
    reference = predictor.checkpoint.reference
    return {
        str(name): psi(column, features[name].to_numpy(dtype="float64"))
        for name, column in zip(
            reference["columns"], np.transpose(reference["features"]), strict=True
        )
    }
