"""Which bars' prices a label reads: single bars are moved, one field at a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.probes.market.perturbation import impulse, is_price, join_assets, split_assets
from audit_lib.probes.market.responses import TRACE, Scale, as_table

Offsets = dict[str, dict[str, tuple[int, ...]]]
"""column to field to the bars ahead of a row (0: its own) whose value moves it"""

MOST = 260
"""bars kept of each series: an impulse needs no longer history than a horizon"""
_PLACES = 4
"""bars that are moved, up and down, in each field"""


def bar_offsets(build: Callable[[pd.DataFrame], Any], panel: pd.DataFrame) -> Offsets:
    """Bars ahead of a row whose values move its labels, by column and field; one build.

    Args:
        build: panel to frame.
        panel: index ``(asset, date)``.

    Raises:
        RowsDifferError: the builder answers other rows than the panel's.
    """
    rng = np.random.default_rng(0)
    frames = {a: f.tail(MOST) for a, f in split_assets(panel.sort_index()).items()}
    asset = max(frames, key=lambda a: len(frames[a]))
    base = frames[asset]
    fields = [str(c) for c in base.columns if pd.api.types.is_numeric_dtype(base[c])]
    moved: dict[Hashable, tuple[str, int]] = {}
    joined: dict[Hashable, pd.DataFrame] = {_id(frames, 0): base}
    positions = np.linspace(0.35, 0.65, _PLACES) * len(base)
    for field in fields:
        for at in positions.astype(int):
            for up in (True, False):
                clone = _id(frames, len(joined))
                joined[clone] = impulse(base, int(at), frozenset({field}), rng, up=up)
                moved[clone] = (field, int(at))
    table_panel = join_assets(joined)
    index = table_panel.index
    assert isinstance(index, pd.MultiIndex)
    table = as_table(build(table_panel), index)
    values = {c: table.values[index.get_loc(c)] for c in joined}
    scale = Scale.of(table)
    plain = values[_id(frames, 0)]
    strengths: dict[str, dict[str, dict[int, float]]] = {n: {} for n in table.columns}
    for clone, (field, at) in moved.items():
        response: Floats = scale.difference(plain, values[clone])
        for row, c in zip(*np.nonzero(response), strict=True):
            strongest = strengths[table.columns[c]].setdefault(field, {})
            ahead = at - int(row)
            strongest[ahead] = max(strongest.get(ahead, 0.0), float(response[row, c]))
    return {n: _without_traces(by_field) for n, by_field in strengths.items()}


def entry_and_exit(
    offsets: dict[str, tuple[int, ...]], panel: pd.DataFrame
) -> tuple[tuple[str, int], tuple[str, int]] | None:
    """Field and offset of the first and of the last price a label reads; None without two."""
    pairs = [
        (ahead, field)
        for field, bars in offsets.items()
        if field in panel and is_price(panel[field])
        for ahead in bars
    ]
    if len(set(pairs)) < 2:
        return None
    first = min(pairs, key=lambda p: (p[0], p[1] != "close"))
    last = max(pairs, key=lambda p: (p[0], p[1] == "close"))
    return (first[1], first[0]), (last[1], last[0])


def price_ratio(
    panel: pd.DataFrame, first: tuple[str, int], last: tuple[str, int]
) -> pd.Series[float]:
    """Price at the exit over price at the entry, on the panel's rows."""
    grouped = panel.groupby(level=0)
    out = grouped[last[0]].shift(-last[1])
    ratio: pd.Series[float] = out / grouped[first[0]].shift(-first[1])
    return ratio


def return_errors(label: pd.Series[float], ratio: pd.Series[float]) -> dict[str, float]:
    """Largest difference of a label from each kind of return with that price ratio."""
    value, gross = label.to_numpy(np.float64), ratio.to_numpy(np.float64)
    returns = {"simple_return": gross - 1.0, "log_return": np.log(gross)}
    return {kind: float(np.nanmax(np.abs(value - other))) for kind, other in returns.items()}


def _without_traces(by_field: dict[str, dict[int, float]]) -> dict[str, tuple[int, ...]]:
    strongest = max((v for bars in by_field.values() for v in bars.values()), default=0.0)
    bars_of = {
        field: tuple(sorted(a for a, v in bars.items() if v > TRACE * strongest))
        for field, bars in by_field.items()
    }
    return {field: bars for field, bars in bars_of.items() if bars}


def _id(frames: dict[Hashable, pd.DataFrame], number: int) -> Hashable:
    if all(isinstance(a, (int, np.integer)) for a in frames):
        return max(int(str(a)) for a in frames) + 1 + number
    return f"{max(map(str, frames))}~{number:04d}"
