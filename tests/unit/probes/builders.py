"""Made-up panels, and builders whose windows are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

OneAsset = Callable[[pd.DataFrame], "pd.Series | np.ndarray"]


def market(assets: int = 4, bars: int = 420, seed: int = 1, freq: str = "B") -> pd.DataFrame:
    """Open, high, low, close, volume of random walks."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2015-01-01", periods=bars, freq=freq, name="date")
    frames = {}
    for i in range(assets):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.015, bars)))
        opened = close * np.exp(rng.normal(0, 0.004, bars))
        high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, 0.004, bars)))
        low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, 0.004, bars)))
        volume = rng.lognormal(12, 0.5, bars)
        columns = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
        frames[f"S{i:02d}"] = pd.DataFrame(columns, index=dates)
    return pd.concat(frames, names=["asset", "date"])


def per_asset(**columns: OneAsset) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A builder that computes each column from one asset's bars alone."""

    def build(panel: pd.DataFrame) -> pd.DataFrame:
        parts = {}
        for asset, part in panel.groupby(level=0):
            bars = part.droplevel(0)
            parts[asset] = pd.DataFrame(
                {n: pd.Series(np.asarray(f(bars)), index=bars.index) for n, f in columns.items()}
            )
        return pd.concat(parts, names=["asset", "date"])

    return build


def returns(bars: pd.DataFrame) -> pd.Series:
    """One-bar simple returns."""
    return bars["close"].pct_change(fill_method=None)
