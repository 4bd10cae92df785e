"""Three ways from a panel to features, which must agree.

``build_training``
    every bar of the panel at once;
``build_backtest``
    the panel in blocks of dates, each block seeing no bar after its own end;
``LiveBuilder``
    one bar at a time, from a buffer of the last closes of each asset.

They share the definitions of ``features.py`` and nothing else, so each can be wrong by itself:
blocks that keep too little history, a buffer one bar short, a feature that reads the future.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from .features import Feature, lookup, percentile_rank
from .panel import Floats, by_asset, require_preconditions, windows

BLOCK = 250  # dates a backtest block holds: one year at a time


def build_training(panel: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Features of every bar at once.

    Args:
        panel: see ``panel.py``; rows may come in any order.
        names: features to build, in column order.

    Returns:
        Frame on the panel's index; NaN where a window is not covered by data.

    Raises:
        Refused: the panel or a name is not acceptable.
    """
    built = _build_sorted(require_preconditions(panel), lookup(names))
    return built.reindex(panel.index)


def build_backtest(panel: pd.DataFrame, names: Sequence[str], block: int = BLOCK) -> pd.DataFrame:
    """Features block by block, as a backtest that loads its data year by year does.

    Arguments, answer and errors are those of :func:`build_training`; ``block`` is the number of
    dates a block holds.
    """
    closes = require_preconditions(panel)
    features = lookup(names)
    history = max((-feature.first for feature in features), default=0)
    dates = closes.index.get_level_values("date")
    every = dates.unique().sort_values()
    parts = []
    for start in range(0, len(every), block):
        first, last = every[start], every[min(start + block, len(every)) - 1]
        warm_up = closes[dates < first].groupby(level="asset", sort=False).tail(history)
        rows = closes[(dates >= first) & (dates <= last)]
        built = _build_sorted(pd.concat([warm_up, rows]).sort_index(), features)
        parts.append(built.loc[rows.index])
    whole: pd.DataFrame = pd.concat(parts) if parts else _build_sorted(closes, features)
    return whole.reindex(panel.index)


def build_live(panel: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Replay a panel through :class:`LiveBuilder`, date by date.

    Arguments, answer and errors are those of :func:`build_training`.
    """
    closes = require_preconditions(panel)
    builder = LiveBuilder(names)
    built = np.full((len(closes), len(names)), np.nan)
    assets = closes.index.get_level_values("asset").to_numpy()
    values = closes.to_numpy()
    for rows in closes.groupby(level="date").indices.values():
        built[rows] = builder.take(dict(zip(assets[rows], values[rows], strict=True)))
    frame = pd.DataFrame(built, index=closes.index, columns=list(names))
    return frame.reindex(panel.index)


class LiveBuilder:
    """Features of the newest bar, from the last closes seen.

    Attributes:
        names: the columns it answers, in order.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._features = lookup(names)
        self._length = 1 + max((-feature.first for feature in self._features), default=0)
        self._closes: dict[str, Floats] = {}

    def on_bar(self, closes: Mapping[str, float]) -> pd.DataFrame:
        """Take the closes of one date and answer the features known after it.

        Args:
            closes: asset to its close on this date; NaN where there was no trade.

        Returns:
            One row an asset given, indexed by asset.
        """
        index = pd.Index(list(closes), name="asset")
        return pd.DataFrame(self.take(closes), index=index, columns=self.names)

    def take(self, closes: Mapping[str, float]) -> Floats:
        """As :meth:`on_bar`, as an array of shape (assets, features)."""
        for asset, close in closes.items():
            past = self._closes.setdefault(asset, np.full(self._length, np.nan))
            past[:-1] = past[1:]
            past[-1] = close
        buffer = np.array([self._closes[asset] for asset in closes]).reshape(-1, self._length)
        newest = np.empty((len(buffer), len(self._features)))
        for column, feature in enumerate(self._features):
            newest[:, column] = self._newest(feature, buffer)
        return newest

    def _newest(self, feature: Feature, buffer: Floats) -> Floats:
        if feature.last > 0:  # its window ends in the future: not known on any live bar
            return np.full(len(buffer), np.nan)
        stop = self._length + feature.last
        value = feature.compute(buffer[:, stop - (feature.last - feature.first + 1) : stop])
        return percentile_rank(value) if feature.ranked else value


def _build_sorted(closes: pd.Series, features: Sequence[Feature]) -> pd.DataFrame:
    columns = {feature.name: np.full(len(closes), np.nan) for feature in features}
    for rows, asset in by_asset(closes):
        for feature in features:
            columns[feature.name][rows] = feature.compute(
                windows(asset, feature.first, feature.last)
            )
    frame = pd.DataFrame(columns, index=closes.index)
    for feature in features:
        if feature.ranked:
            frame[feature.name] = _rank_by_date(frame[feature.name])
    return frame


def _rank_by_date(values: pd.Series) -> pd.Series:
    grouped = values.groupby(level="date")
    return (grouped.rank() - 0.5) / grouped.transform("count")
