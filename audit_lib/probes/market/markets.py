"""Panels made from the subject's own sample and spoilt on purpose, or told in another unit."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats

PRICES = ("open", "high", "low", "close", "adj_close", "adjusted_close", "vwap")
VOLUMES = ("volume", "turnover")


def columns_of(panel: Iterable[Any], names: tuple[str, ...]) -> list[Any]:
    """Columns of the panel that hold one of these fields, whatever their case."""
    return [c for c in panel if str(c).lower().replace(" ", "_") in names]


def short(panel: pd.DataFrame, *, assets: int, bars: int) -> pd.DataFrame:
    """The newest bars of the first few assets."""
    if "asset" not in (panel.index.names or []):
        return panel.iloc[-bars:]
    names = panel.index.get_level_values("asset").unique()[:assets]
    chosen = panel[panel.index.get_level_values("asset").isin(names)]
    return chosen.groupby(level="asset", sort=False, group_keys=False).tail(bars)


def rescaled(panel: pd.DataFrame, names: tuple[str, ...], factor: float) -> pd.DataFrame | None:
    """The panel with those fields in another unit; None where it has none of them."""
    columns = columns_of(panel, names)
    if not columns:
        return None
    return panel.assign(**{str(c): panel[c] * factor for c in columns})


def spoilt(panel: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Panels that markets do produce, one oddity at a time, in the middle of the first asset."""
    # Whole numbers hold no gap and no fraction.
    panel = panel.astype(dict.fromkeys(panel.select_dtypes("integer").columns, float))
    first = _first_asset(panel)
    positions = np.flatnonzero(first)
    middle = positions[len(positions) // 3 : len(positions) // 3 + max(3, len(positions) // 10)]
    prices, volumes = columns_of(panel, PRICES), columns_of(panel, VOLUMES)
    flat = panel.copy()
    for column in prices:
        still = float(panel[prices[0]].iloc[middle[0]])
        flat.loc[flat.index[middle], column] = still
    yield "prices that stand still for a while", flat
    constant = panel.copy()
    for column in prices:
        constant.loc[first, column] = 100.0
    yield "an asset whose price never moves", constant
    gap = panel.copy()
    gap.iloc[middle] = np.nan
    yield "a gap of NaN", gap
    if volumes:
        silent = panel.copy()
        for column in volumes:
            silent.loc[silent.index[middle], column] = 0.0
        yield "days without volume", silent
    jump = panel.copy()
    for column in prices:
        jump.loc[first, column] = jump.loc[first, column] * _step(len(positions))
    yield "a price that drops by 99.9 per cent overnight", jump
    yield "a single asset", panel[first]
    yield "three bars", short(panel, assets=2, bars=3)


def _first_asset(panel: pd.DataFrame) -> Flags:
    if "asset" not in (panel.index.names or []):
        return np.ones(len(panel), dtype=bool)
    names = panel.index.get_level_values("asset")
    return np.asarray(names == names[0])


def _step(n: int) -> Floats:
    return np.where(np.arange(n) < n // 2, 1.0, 0.001)
