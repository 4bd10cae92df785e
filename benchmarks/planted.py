"""Leaks planted for every tool alike, and clean columns; bars have date, open, high, low, close.

Each function takes the bars of one asset (a default index, a ``date`` column) and answers one
column.  Nothing but pandas and NumPy, so that it runs in any tool's environment.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Column = Callable[[pd.DataFrame], pd.Series]


def market(bars: int = 1500, seed: int = 3) -> pd.DataFrame:
    """Hourly bars of a random walk with changing volatility, and a few gaps of the volume."""
    rng = np.random.default_rng(seed)
    spread = 0.01 * np.exp(0.5 * np.sin(np.arange(bars) / 90))
    close = 100 * np.exp(np.cumsum(rng.normal(0, spread)))
    opened = close * np.exp(rng.normal(0, 0.003, bars))
    wick = np.abs(rng.normal(0, 0.003, (2, bars)))
    dates = pd.date_range("2023-01-02", periods=bars, freq="h", tz="UTC")
    return pd.DataFrame(
        {
            "date": dates,
            "open": opened,
            "high": np.maximum(opened, close) * np.exp(wick[0]),
            "low": np.minimum(opened, close) * np.exp(-wick[1]),
            "close": close,
            "volume": rng.lognormal(10, 0.5, bars),
        }
    )


def _move(bars: pd.DataFrame) -> pd.Series:
    return bars["close"].pct_change(fill_method=None)


def _day(bars: pd.DataFrame) -> pd.Series:
    return bars["close"].groupby(bars["date"].dt.floor("D")).transform("last") / bars["close"]


def _week(bars: pd.DataFrame) -> pd.Series:
    week = bars["date"].dt.tz_localize(None).dt.to_period("W")
    return bars["close"].groupby(week).transform("last") / bars["close"]


def _asof(bars: pd.DataFrame) -> pd.Series:
    later = bars[["date", "close"]].iloc[::24].rename(columns={"close": "later"})
    joined = pd.merge_asof(bars[["date"]], later, on="date", direction="forward")
    return pd.Series(joined["later"].to_numpy(), index=bars.index) / bars["close"]


def _component(bars: pd.DataFrame) -> pd.Series:
    lags = pd.concat([_move(bars).shift(k) for k in range(5)], axis=1).fillna(0.0)
    axes = np.linalg.svd(lags - lags.mean(), full_matrices=False)[2]
    return lags @ axes[0]


LEAKS: dict[str, Column] = {
    "shift(-1)": lambda b: _move(b).shift(-1),
    "target of 5 bars": lambda b: b["close"].shift(-5) / b["close"] - 1,
    "centred mean of 3": lambda b: b["close"].rolling(3, center=True).mean() / b["close"],
    "centred deviation of 11": lambda b: _move(b).rolling(11, center=True).std(),
    "z-score of everything": lambda b: (b["close"] - b["close"].mean()) / b["close"].std(),
    "rank over time": lambda b: b["close"].rank(pct=True),
    "principal component": _component,
    "last of the day": _day,
    "last of the week": _week,
    "as-of join forward": _asof,
    "min-max of everything": lambda b: (b["close"] - b["close"].min()) / np.ptp(b["close"]),
    "reversed rolling mean": lambda b: b["close"][::-1].rolling(10).mean()[::-1] / b["close"],
    "bfill at gaps": lambda b: b["close"].bfill().pct_change(fill_method=None),
}
SIGNALS: dict[str, Column] = {
    "signal of the next bar": lambda b: (b["close"].shift(-1) > b["close"]).astype(int),
    "signal two bars on": lambda b: (b["close"].shift(-2) > b["close"]).astype(int),
    "signal, centred mean of 3": lambda b: (
        b["close"] > b["close"].rolling(3, center=True).mean()
    ).astype(int),
    "rare signal of the next bar": lambda b: (
        (_move(b) < -0.015) & (_move(b).shift(-1) > 0)
    ).astype(int),
}
CLEAN: dict[str, Column] = {
    "return": _move,
    "mean of 20": lambda b: b["close"] / b["close"].rolling(20).mean() - 1,
    "deviation of 30": lambda b: _move(b).rolling(30).std(),
    "exponential mean of 10": lambda b: b["close"].ewm(span=10).mean() / b["close"],
    "maximum of 50": lambda b: b["close"] / b["close"].rolling(50).max(),
    "kurtosis of 60": lambda b: b["close"].rolling(60).kurt(),
    "rolling rank": lambda b: b["close"].rolling(60).rank(pct=True),
    "expanding z-score": lambda b: (
        (b["close"] - b["close"].expanding(2).mean()) / b["close"].expanding(2).std()
    ),
    "hour of the day": lambda b: b["date"].dt.hour,
    "signal above its mean": lambda b: (b["close"] > b["close"].rolling(20).mean()).astype(int),
}
