"""Leaks planted for every tool alike, and clean columns; bars have date, open, high, low, close.

Each function takes the bars of one asset (a default index, a ``date`` column) and answers one
column.  Nothing but pandas and NumPy, so that it runs in any tool's environment.  Columns that look
across assets take a frame of closes, one column an asset; tools that see one pair at a time do not
apply to them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Column = Callable[[pd.DataFrame], pd.Series]


def market(bars: int = 1500, seed: int = 3) -> pd.DataFrame:
    """Hourly bars of a random walk with changing volatility; no trade in a few stretches."""
    rng = np.random.default_rng(seed)
    spread = 0.01 * np.exp(0.5 * np.sin(np.arange(bars) / 90))
    close = 100 * np.exp(np.cumsum(rng.normal(0, spread)))
    opened = close * np.exp(rng.normal(0, 0.003, bars))
    wick = np.abs(rng.normal(0, 0.003, (2, bars)))
    dates = pd.date_range("2023-01-02", periods=bars, freq="h", tz="UTC")
    volume = rng.lognormal(10, 0.5, bars)
    for start in rng.integers(200, bars - 50, 12):
        volume[start : start + int(rng.integers(1, 6))] = 0.0
    return pd.DataFrame(
        {
            "date": dates,
            "open": opened,
            "high": np.maximum(opened, close) * np.exp(wick[0]),
            "low": np.minimum(opened, close) * np.exp(-wick[1]),
            "close": close,
            "volume": volume,
        }
    )


def _move(bars: pd.DataFrame) -> pd.Series:
    return bars["close"].pct_change(fill_method=None)


def _day(bars: pd.DataFrame) -> pd.Series:
    return bars["close"].groupby(bars["date"].dt.floor("D")).transform("last") / bars["close"]


def _week(bars: pd.DataFrame) -> pd.Series:
    week = bars["date"].dt.tz_localize(None).dt.to_period("W")
    return bars["close"].groupby(week).transform("last") / bars["close"]


def _month(bars: pd.DataFrame) -> pd.Series:
    month = bars["date"].dt.tz_localize(None).dt.to_period("M")
    return bars["close"].groupby(month).transform("last") / bars["close"]


def _traded(bars: pd.DataFrame) -> pd.Series:
    return bars["volume"].replace(0.0, np.nan)


def _scaled(bars: pd.DataFrame) -> pd.Series:
    """A robust scaler fitted on every row."""
    move = _move(bars)
    centre = move.median()
    return (move - centre) / (1.4826 * (move - centre).abs().median())


def _capped(bars: pd.DataFrame) -> pd.Series:
    move = _move(bars)
    return move.clip(move.quantile(0.05), move.quantile(0.95))


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
    "centred mean of 5": lambda b: b["close"].rolling(5, center=True).mean() / b["close"],
    "last of the month": _month,
    "scaler fitted on everything": _scaled,
    "capped at quantiles": _capped,
    "bfill at gaps": lambda b: b["close"].bfill().pct_change(fill_method=None),
    "bfill of volume": lambda b: np.log(_traded(b).bfill()),
    "interpolated volume": lambda b: np.log(_traded(b).interpolate()),
    "gaps filled by the mean": lambda b: np.log(_traded(b).fillna(_traded(b).mean())),
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
    "skewness of 20": lambda b: _move(b).rolling(20).skew(),
    "rolling correlation": lambda b: _move(b).rolling(40).corr(b["volume"]),
    "deviation of large numbers": lambda b: (b["volume"] * 1e6).rolling(24).std(),
    "volume carried forward": lambda b: np.log(_traded(b).ffill()),
    "hour of the day": lambda b: b["date"].dt.hour,
    "signal above its mean": lambda b: (b["close"] > b["close"].rolling(20).mean()).astype(int),
}


# --- across assets ------------------------------------------------------------------------------
Wide = Callable[[pd.DataFrame], pd.DataFrame]


def universe(assets: int = 6, bars: int = 700, seed: int = 5) -> pd.DataFrame:
    """Daily closes, one column an asset; two are listed late, one ends early."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2020-01-01", periods=bars, freq="B", name="date")
    common = rng.normal(0, 0.008, (bars, 1))
    closes = 100 * np.exp(np.cumsum(common + rng.normal(0, 0.012, (bars, assets)), axis=0))
    closes[: bars // 2, 1] = np.nan
    closes[: bars // 3, 4] = np.nan
    closes[int(0.8 * bars) :, 3] = np.nan
    return pd.DataFrame(closes, dates, [f"S{i}" for i in range(assets)])


def _moves(closes: pd.DataFrame) -> pd.DataFrame:
    return closes.pct_change(fill_method=None)


def _first_component(closes: pd.DataFrame) -> pd.DataFrame:
    moves = _moves(closes).fillna(0.0)
    axes = np.linalg.svd(moves - moves.mean(), full_matrices=False)[2]
    return moves * axes[0]


def _spread_over(values: pd.Series, closes: pd.DataFrame) -> pd.DataFrame:
    return closes.mul(0.0).add(values, axis=0)


PANEL_LEAKS: dict[str, Wide] = {
    "mean of assets not yet listed": lambda c: _spread_over(_moves(c.bfill()).mean(axis=1), c),
    "rank among assets not yet listed": lambda c: _moves(c.bfill()).rank(axis=1, pct=True),
    "only assets that survive": lambda c: _spread_over(
        _moves(c.loc[:, c.iloc[-1].notna()]).mean(axis=1), c
    ),
    "component of all dates": _first_component,
    "another asset's next bar": lambda c: _spread_over(_moves(c)["S0"].shift(-1), c),
    "spread of the whole panel": lambda c: _moves(c) / np.nanstd(_moves(c).to_numpy()),
}
PANEL_CLEAN: dict[str, Wide] = {
    "rank among the listed": lambda c: _moves(c).rank(axis=1, pct=True),
    "mean of the listed": lambda c: _spread_over(_moves(c).mean(axis=1), c),
    "distance from the mean": lambda c: _moves(c).sub(_moves(c).mean(axis=1), axis=0),
    "another asset's last bar": lambda c: _spread_over(_moves(c)["S0"].shift(1), c),
}
