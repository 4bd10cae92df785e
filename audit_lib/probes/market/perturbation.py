"""Changed copies of a market panel: noise after a date, noise before it, rows cut or blanked."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.probes.market.markets import VOLUMES, columns_of

_PRICE = re.compile(r"open|high|low|close|price|vwap|bid|ask|mid|adj|last|settle", re.I)


class Change(StrEnum):
    """What was done to a series.

    The cut is the position of the last untouched bar; for PREFIX, of the last touched one.
    """

    SUFFIX = "noise after the cut"
    PREFIX = "noise up to the cut"
    TRUNCATE = "rows after the cut removed"
    BLANK = "rows after the cut blanked"


@dataclass(frozen=True)
class Strength:
    """How far values are moved.

    Attributes:
        level: factor on prices; its inverse where the direction is down.
        noise: standard deviation of the log noise on each price.
        idle: one bar after the cut is that of a halt: one price, and no volume.
    """

    level: float
    noise: float
    idle: bool = False


LOUD = Strength(1.6, 0.08)
IDLE = replace(LOUD, idle=True)


def gentle(panel: pd.DataFrame, price: str | None) -> Strength:
    """A strength of a few ordinary moves, for builders that refuse implausible prices."""
    if price is None:
        return Strength(1.05, 0.02)
    prices = panel[price]
    moves = (prices / prices.groupby(level=0).shift(1) - 1).abs()
    ordinary = float(moves.median()) or 1e-3
    return Strength(1.0 + 4 * ordinary, 1.5 * ordinary)


def price_field(panel: pd.DataFrame) -> str | None:
    """The column that stands for the price: ``close`` in any case, else the first price."""
    named = {str(c).lower(): str(c) for c in panel.columns}
    if "close" in named:
        return named["close"]
    return next((str(c) for c in panel.columns if is_price(panel[c])), None)


def is_price(series: pd.Series[Any]) -> bool:
    """True for a positive numeric column with a price's name."""
    if not _PRICE.search(str(series.name)) or not pd.api.types.is_numeric_dtype(series):
        return False
    return bool((series.dropna() > 0).all())


def price_columns(frame: pd.DataFrame) -> frozenset[str]:
    """Names of the columns that are prices."""
    return frozenset(str(c) for c in frame.columns if is_price(frame[c]))


def change(
    frame: pd.DataFrame,
    how: Change,
    cut: int,
    rng: np.random.Generator,
    *,
    up: bool = True,
    strength: Strength = LOUD,
    fields: frozenset[str] | None = None,
    prices: frozenset[str] | None = None,
) -> pd.DataFrame:
    """A changed copy of one asset's bars.

    Args:
        frame: bars of one asset, date index, one column a field.
        how: which rows are touched, and how.
        cut: position; see :class:`Change`.
        up: prices move up, else down.
        fields: only these columns are touched; None for all.
        prices: columns that are prices; None: told by :func:`is_price`.
    """
    if how is Change.TRUNCATE:
        return frame.iloc[: cut + 1]
    rows = slice(cut + 1, None) if how is not Change.PREFIX else slice(0, cut + 1)
    touched = frame.iloc[rows]
    names = [c for c in frame.columns if fields is None or str(c) in fields]
    if how is Change.BLANK:
        replaced = {c: _blank(touched[c]) for c in names}
    else:
        if prices is None:
            prices = price_columns(frame)
        replaced = _noisy(touched, names, rng, prices, up=up, strength=strength)
        if strength.idle and how is Change.SUFFIX and len(touched):
            _halt(replaced, len(touched) // 2, prices)
    changed = frame.copy()
    for name, values in replaced.items():
        column = changed[name].to_numpy(copy=True)
        if not np.can_cast(values.dtype, column.dtype, "same_kind"):
            column = column.astype(np.result_type(values.dtype, column.dtype))
        column[rows] = values
        changed[name] = column
    return changed


def impulse(
    frame: pd.DataFrame, at: int, fields: frozenset[str], rng: np.random.Generator, *, up: bool
) -> pd.DataFrame:
    """A copy in which only the bar at one position is moved, in the given fields."""
    changed = frame.copy()
    names = [c for c in frame.columns if str(c) in fields]
    for name in names:
        value = frame[name].iloc[at]
        factor = (1.3 if up else 0.75) * float(np.exp(0.02 * rng.standard_normal()))
        moved = float(value) * factor if value else 1.0
        column = changed[name].to_numpy(dtype=np.float64, copy=True)
        column[at] = moved
        changed[name] = column
    return changed


@dataclass(frozen=True)
class Hole:
    """A gap to be made: bars ``start`` to ``start + length - 1`` blanked or removed."""

    start: int
    length: int
    removed: bool
    field: str | None = None
    """blank this field only; None for all"""


def with_holes(frame: pd.DataFrame, holes: list[Hole]) -> pd.DataFrame:
    """A copy of one asset's bars with gaps in it."""
    changed = frame.copy()
    keep = np.ones(len(frame), dtype=bool)
    for hole in holes:
        rows = slice(hole.start, hole.start + hole.length)
        if hole.removed:
            keep[rows] = False
            continue
        for name in [hole.field] if hole.field else list(frame.columns):
            if pd.api.types.is_numeric_dtype(changed[name]):
                column = changed[name].to_numpy(dtype=np.float64, copy=True)
                column[rows] = np.nan
                changed[name] = column
    return changed[keep]


def split_assets(panel: pd.DataFrame) -> dict[Hashable, pd.DataFrame]:
    """One frame an asset, date index, in the panel's order."""
    return {
        asset: part.droplevel(0).sort_index()
        for asset, part in panel.groupby(level=0, sort=True, observed=True)
    }


def join_assets(frames: dict[Hashable, pd.DataFrame]) -> pd.DataFrame:
    """A sorted panel from one frame an asset."""
    names = sorted(frames, key=lambda a: (str(type(a)), a))
    panel = pd.concat({n: frames[n] for n in names}, names=["asset", "date"])
    return panel if isinstance(panel, pd.DataFrame) else panel.to_frame()


def _blank(series: pd.Series[Any]) -> npt.NDArray[Any]:
    if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
        return np.full(len(series), np.nan)
    return series.to_numpy()


def _noisy(
    frame: pd.DataFrame,
    names: list[Any],
    rng: np.random.Generator,
    prices: frozenset[str],
    *,
    up: bool,
    strength: Strength,
) -> dict[Any, npt.NDArray[Any]]:
    """Moved values a field; bars stay bars (low <= open, close <= high)."""
    level = strength.level if up else 1 / strength.level
    moved: dict[Any, npt.NDArray[Any]] = {}
    for name in names:
        series, wobble = frame[name], rng.standard_normal(len(frame))
        if str(name) in prices:
            values = series.to_numpy(np.float64)
            moved[name] = values * level * np.exp(strength.noise * wobble)
        else:
            moved[name] = _moved_other(series, wobble, level)
    bars = {str(n).lower(): n for n in moved if str(n) in prices}
    body = [moved[bars[k]] for k in ("open", "close") if k in bars]
    for edge, pick in (("high", np.fmax), ("low", np.fmin)):
        if edge in bars and body:
            moved[bars[edge]] = pick.reduce([moved[bars[edge]], *body])
    return moved


def _halt(moved: dict[Any, npt.NDArray[Any]], at: int, prices: frozenset[str]) -> None:
    """Make the bar at one position that of a market in which nothing was traded."""
    bars = {str(n).lower(): n for n in moved if str(n) in prices}
    for name in columns_of(moved, VOLUMES):
        moved[name][at] = 0
    for name in bars.keys() & {"open", "high", "low"} if "close" in bars else ():
        moved[bars[name]][at] = moved[bars["close"]][at]


def _moved_other(series: pd.Series[Any], wobble: Floats, level: float) -> npt.NDArray[Any]:
    if pd.api.types.is_bool_dtype(series):
        return np.asarray(series.to_numpy(bool) ^ (wobble > 0))
    if not pd.api.types.is_numeric_dtype(series):
        return series.to_numpy()
    values = series.to_numpy(np.float64)
    if np.nanmin(values, initial=1.0) >= 0:
        return np.asarray((values + (values == 0)) * level**2 * np.exp(0.3 * wobble))
    spread = float(np.nanstd(values)) or 1.0
    return np.asarray(values + spread * (2 * wobble + (1.0 if level > 1 else -1.0)))
