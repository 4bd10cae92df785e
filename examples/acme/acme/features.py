"""Prices and features."""

import numpy as np
import pandas as pd

COLUMNS = ["return_1", "volume_ratio", "return_5", "volatility_20"]


def prices(assets: int = 6, bars: int = 900) -> pd.DataFrame:
    """Made-up closes and volumes with some momentum, on (asset, date)."""
    rng = np.random.default_rng(7)
    dates = pd.bdate_range("2020-01-01", periods=bars, name="date")
    parts = {}
    for i in range(assets):
        drift, steps = 0.0, []
        for shock, noise in rng.normal(0, [0.0009, 0.012], (bars, 2)):
            drift = 0.95 * drift + shock
            steps.append(drift + noise)
        volume = rng.lognormal(12, 0.4, bars)
        columns = {"close": 100 * np.exp(np.cumsum(steps)), "volume": volume}
        parts[f"A{i}"] = pd.DataFrame(columns, index=dates)
    return pd.concat(parts, names=["asset", "date"])


def build(panel: pd.DataFrame) -> pd.DataFrame:
    """The features of every bar, from that bar and those before it."""
    parts = {asset: _of(bars.droplevel("asset")) for asset, bars in panel.groupby(level="asset")}
    return pd.concat(parts, names=["asset", "date"])


def _of(bars: pd.DataFrame) -> pd.DataFrame:
    change = bars["close"].pct_change(fill_method=None)
    made = {
        "return_1": change,
        "return_5": bars["close"].pct_change(5, fill_method=None),
        "volatility_20": change.rolling(20).std(),
        "volume_ratio": bars["volume"] / bars["volume"].rolling(20).mean(),
    }
    return pd.DataFrame(made)[COLUMNS]
