"""Tells which rows of a made-up table some values belong to.

Every number of that table is a number of its own, so a value tells its row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

KNOWN_SHARE = 0.99
"""of a table's rows that must be known for it to count as traced"""
_COLUMNS = 24
_SAMPLE, _MOST = 12, 0.7
"""values of a column that are looked up to tell its source, and the share that must be found"""
_HOPELESS, _TRIED = 3, 64
"""columns without a hit after which a table is given up, and rows of these that are tried first"""


class Tracer:
    """Tells rows by the values that stand in them."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._tables: list[tuple[dict[str, tuple[Any, Any]], int]] = []

    def learn(self, table: Any, rows: Any, source: int) -> None:
        """Remember which row each value of ``table`` (n, d) belongs to.

        Values that stand there twice tell nothing and are left out; which these are depends on
        the precision in which they are asked for.
        """
        table = table[:, :_COLUMNS] if source >= 0 else table
        flat, owners = table.ravel(), np.repeat(rows, table.shape[1])
        by_precision = {kind: _single(flat.astype(kind), owners) for kind in ("float64", "float32")}
        if len(by_precision["float64"][0]):
            self._tables.append((by_precision, source))

    def rows_of(self, table: Any) -> tuple[Any, int | None]:
        """Rows (n,) of a table (n, d), -1 where unknown, and where its values come from.

        Both are None where fewer than ``KNOWN_SHARE`` of the rows are known.
        """
        few = table[:: max(1, len(table) // _TRIED), :_HOPELESS].ravel()
        for by_precision, source in reversed(self._tables):
            values, owners = by_precision[str(table.dtype)]
            if not len(values) or _strange(values, few):
                continue
            rows = np.full(len(table), -1, dtype=np.int64)
            for number, column in enumerate(table.T[:_COLUMNS]):
                left = np.flatnonzero(rows < 0)
                if len(left) == 0 or (number == _HOPELESS and len(left) == len(rows)):
                    break
                place = np.minimum(np.searchsorted(values, column[left]), len(values) - 1)
                hit = values[place] == column[left]
                rows[left[hit]] = owners[place[hit]]
            if len(rows) and (rows >= 0).mean() >= KNOWN_SHARE:
                return rows, source
        return None, None

    def sources_of(self, table: Any) -> list[int]:
        """Where the values of each column come from, each source once."""
        sources: dict[int, None] = {}
        few = table[:: max(1, len(table) // _SAMPLE)]
        for column in few.T[:_COLUMNS]:
            for by_precision, source in reversed(self._tables):
                values = by_precision[str(table.dtype)][0]
                if len(values):
                    place = np.minimum(np.searchsorted(values, column), len(values) - 1)
                    if (values[place] == column).mean() > _MOST:
                        sources[source] = None
                        break
        return list(sources)


def _strange(values: Any, few: Any) -> bool:
    """True where none of a few is among the values, which are sorted."""
    places = np.minimum(np.searchsorted(values, few), len(values) - 1)
    return not (values[places] == few).any()


def _single(flat: Any, owners: Any) -> tuple[Any, Any]:
    """Values that stand there once, sorted, and whose they are."""
    values, first, counts = np.unique(flat, return_index=True, return_counts=True)
    once = np.isfinite(values) & (counts == 1)
    return values[once], owners[first[once]]


def table_of(data: Any) -> Any:
    """Numbers as (n, d), or None where they are none.

    Rows may be mappings of names to numbers, or a mapping of columns.
    """
    try:
        if isinstance(data, (list, tuple)) and data and isinstance(data[0], dict):
            data = [list(row.values()) for row in data]
        elif isinstance(data, dict):
            data = np.array(list(data.values()), dtype=np.float64).T
        table = np.asarray(getattr(data, "values", data))
        if table.dtype != np.float32:
            table = table.astype(np.float64)
    except (TypeError, ValueError):
        return None
    if table.ndim == 1:
        return table[:, None]
    return table if table.ndim == 2 else None


def columns_of(out: Any) -> list[Any]:
    """One-dimensional parts of a prediction: columns, or the entries of a mapping."""
    parts = out.values() if isinstance(out, dict) else [out]
    tables = [table_of(part) for part in parts]
    return [column for table in tables if table is not None for column in table.T]


def marked(out: Any, begun: int) -> Any:
    """A copy of which no two rows have one value, and none one of an earlier copy.

    Values move towards zero by parts in 1e13, so that probabilities stay what they are.  Only
    columns of float64 with fractions can be marked; whole numbers may be codes.

    Args:
        out: array (n,) or (n, d), or a data frame.
        begun: how many rows were marked before.
    """
    table = getattr(out, "values", out)
    if not isinstance(table, np.ndarray) or table.dtype != np.float64 or table.ndim not in (1, 2):
        return out
    factors = 1.0 - np.arange(begun + 1, begun + len(table) + 1) * 1e-13
    scaled = table * (factors if table.ndim == 1 else factors[:, None])
    whole = np.all((table == np.round(table)) | ~np.isfinite(table), axis=0)
    scaled = np.where(whole, table, scaled)
    if table is out:
        return scaled
    copy = out.copy()
    copy[:] = scaled
    return copy


def ranks(values: Any) -> Any:
    """Positions in order, centred, of unit length; ties as they come."""
    placed = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float64)
    placed -= placed.mean()
    return placed / (np.linalg.norm(placed) or 1.0)
