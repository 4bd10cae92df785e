"""Engines of a single instrument, whose tables are indexed by date alone.

Probes know one form, rows by (asset, date).  Where ``features.panel`` answers a frame on a
``DatetimeIndex``, what hooks answer gets the asset :data:`ONE`, and what they are given loses it
again, so that neither side has to know of the other's form.  A table of several assets, as probes
make to ask much at once, is then asked about asset by asset.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

ONE = "(one)"
"""name of the asset that a table by date alone is of"""
PANEL = "features.panel"
Call = tuple[Any, ...]


@dataclass(frozen=True)
class Split:
    """One call, as it is made of an engine of one asset.

    Attributes:
        calls: one an asset, in the engine's form.
        assets: of each; one at least.
        places: rows of each asset in the table that was given; empty for a call without a table.
    """

    calls: tuple[Call, ...]
    assets: tuple[Hashable, ...]
    places: tuple[Any, ...] = ()


@dataclass
class OneAsset:
    """What is known of a subject's tables; shared by all its hooks.

    Attributes:
        so: whether they are indexed by date alone.
        level: the engine's own name of that index.
    """

    so: bool = False
    level: Hashable = None

    def split(self, args: Call) -> Split:
        """A call in the engine's form."""
        tables = _tables(args)
        self.so = self.so or any(map(by_date_alone, tables))
        if not self.so or not tables:
            return Split((args,), (ONE,))
        assets = tables[0].index.get_level_values("asset")
        names = tuple(dict.fromkeys(assets))
        if not names:
            return Split((_each(args, lambda t: self._of(t, None)),), (ONE,))
        calls = tuple(_each(args, lambda t, n=name: self._of(t, n)) for name in names)
        return Split(calls, names, tuple((assets == name).nonzero()[0] for name in names))

    def joined(self, hook: str, split: Split, answers: Sequence[Any]) -> Any:
        """The answers to a split call as one, by (asset, date)."""
        if hook == PANEL:
            index = getattr(answers[0], "index", None)
            self.so = _is_dated(index)
            self.level = index.name if self.so else None  # type: ignore[union-attr]  # a frame's
        if not self.so:
            return answers[0]
        tall = [
            _each(answer, lambda t, n=name: _tall(t, n))
            for name, answer in zip(split.assets, answers, strict=True)
        ]
        return tall[0] if len(tall) == 1 else _together(tall, split.places)

    def _of(self, table: Any, asset: Hashable) -> Any:
        """One asset's rows, by date; of all rows where none is named."""
        if not _has_assets(table):
            return table
        rows = table if asset is None else table[table.index.get_level_values("asset") == asset]
        flat = rows.droplevel("asset")
        return flat.rename_axis(index=self.level) if self.level is not None else flat


def by_date_alone(table: Any) -> bool:
    """True for a table that the engine knows by date alone."""
    if not _has_assets(table):
        return False
    return list(table.index.levels[table.index.names.index("asset")]) == [ONE]


def _has_assets(table: Any) -> bool:
    return table.index.nlevels == 2 and "asset" in table.index.names


def _is_dated(index: Any) -> bool:
    import pandas as pd

    return isinstance(index, pd.DatetimeIndex)


def _tall(table: Any, asset: Hashable) -> Any:
    import pandas as pd

    if not _is_dated(table.index):
        return table
    dates = table.index.rename("date")
    return table.set_axis(pd.MultiIndex.from_product([[asset], dates], names=["asset", "date"]))


def _together(answers: list[Any], places: Sequence[Any]) -> Any:
    """Answers about several assets as one: tables one below the other, rows in their places."""
    import numpy as np
    import pandas as pd

    first = answers[0]
    if isinstance(first, pd.DataFrame | pd.Series):
        return pd.concat(answers)
    if isinstance(first, dict):
        return {key: _together([a[key] for a in answers], places) for key in first}
    if isinstance(first, list | np.ndarray):
        if [len(a) for a in answers] != [len(p) for p in places]:
            return first  # nothing a row
        order = np.argsort(np.concatenate(places), kind="stable")
        whole = np.concatenate([np.asarray(a) for a in answers])[order]
        return whole.tolist() if isinstance(first, list) else whole
    return first


def _tables(value: Any) -> list[Any]:
    """Tables by asset and date, wherever they stand in what a hook is given."""
    import pandas as pd

    if isinstance(value, pd.DataFrame | pd.Series):
        return [value] if _has_assets(value) else []
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(parts, list | tuple) or isinstance(value, dict):
        return [table for part in parts for table in _tables(part)]
    return []


def _each(value: Any, change: Any) -> Any:
    """The value with every table in it changed."""
    import pandas as pd

    if isinstance(value, pd.DataFrame | pd.Series):
        return change(value)
    if isinstance(value, dict):
        return {key: _each(part, change) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [_each(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value
