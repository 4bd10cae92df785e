"""Headers and buffers back to plain data, trusting neither.

Every length, dtype and shape is checked against the buffer there is.  Values are built only from
the closed list of :mod:`.encoding`; nothing is executed, imported or unpickled.
"""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .encoding import NULLABLE, RAW
from .wire import WireError

if TYPE_CHECKING:
    from collections.abc import Sequence


def decode(header: Any, buffers: Sequence[memoryview], *, paths: bool = False) -> Any:
    """The value that :func:`encode` was given.

    Raises:
        WireError: header and buffers do not describe a value.
    """
    try:
        return _Decoder(buffers, paths).value(header)
    except WireError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever pandas or NumPy find wrong with hostile input
        raise WireError(f"not a value: {type(error).__name__}: {error}"[:500]) from None


class _Decoder:
    def __init__(self, buffers: Sequence[memoryview], paths: bool) -> None:
        self._buffers = buffers
        self._paths = paths

    def value(self, h: Any) -> Any:
        if h is None or type(h) in (bool, int, float, str):
            return h
        _need(isinstance(h, list) and h and isinstance(h[0], str), "a value without a kind")
        build = getattr(self, "_on_" + h[0], None) if h[0].isalpha() else None
        if build is None:
            raise WireError(f"the value holds something of unknown kind {h[0][:40]!r}")
        return build(*h[1:])

    def _on_int(self, text: str) -> int:
        _need(len(text) < 4000, "an integer of thousands of digits")
        return int(text, 16)

    def _on_list(self, items: list[Any]) -> list[Any]:
        _need(isinstance(items, list), "a list that is none")
        return [self.value(x) for x in items]

    def _on_tuple(self, items: list[Any]) -> tuple[Any, ...]:
        return tuple(self._on_list(items))

    def _on_dict(self, items: dict[str, Any]) -> dict[str, Any]:
        _need(isinstance(items, dict), "a dict that is none")
        return {k: self.value(x) for k, x in items.items()}

    def _on_bulk(self, kind: str, *array: Any) -> Any:
        values = self.array(*array).tolist()
        return tuple(values) if kind == "tuple" else values

    def _on_words(self, kind: str, raw: int, ends: int) -> Any:
        texts = self._texts(raw, ends)
        return tuple(texts) if kind == "tuple" else texts

    def _on_bytes(self, i: int) -> bytes:
        return bytes(self._raw(i))

    def _on_path(self, text: str) -> Path:
        _need(self._paths, "a path")
        return Path(text)

    _on_nat = staticmethod(lambda: pd.NaT)
    _on_na = staticmethod(lambda: pd.NA)

    def _on_stamp(self, text: str, zone: str | None) -> Any:
        stamp = pd.Timestamp(_text(text))
        return stamp if zone is None else stamp.tz_localize(_text(zone))

    def _on_date(self, text: str) -> datetime.date:
        return datetime.date.fromisoformat(text)

    def _on_delta(self, text: str) -> Any:
        return pd.Timedelta(_text(text))

    def _on_period(self, ordinal: int, freq: str) -> Any:
        _need(type(ordinal) is int, "a period without a number")
        return pd.Period(ordinal=ordinal, freq=_text(freq))

    def _on_scalar(self, array: list[Any]) -> Any:
        a = self.array(*array)
        _need(a.shape == (), "a scalar with a shape")
        return a[()]

    def _on_series(self, column: list[Any], index: list[Any], name: Any) -> Any:
        return pd.Series(self.column(column), index=self.index(index), name=_hashable(self, name))

    def _on_frame(self, shape: list[int], parts: list[Any], index: Any, columns: Any) -> Any:
        rows, width = _shape(shape)
        pieces, order = [], []
        for kind, where, content in parts:
            if kind == "block":
                block = self.array(*content)
                _need(block.shape == (rows, len(where)), "a block of another shape")
                pieces.append(pd.DataFrame(block, copy=False))
                order += where
            else:
                column = self.column(content)
                _need(len(column) == rows, "a column of another length")
                pieces.append(pd.DataFrame({0: column}, copy=False))
                order.append(where)
        _need(sorted(order) == list(range(width)), "columns that are missing or come twice")
        if len(pieces) == 1:
            frame = pieces[0]
        else:
            frame = pd.concat(pieces, axis=1) if pieces else pd.DataFrame(index=range(rows))
        if order != list(range(width)):
            frame = frame.iloc[:, np.argsort(order)]
        frame.columns = self.index(columns)
        frame.index = self.index(index)
        return frame

    def _raw(self, i: Any) -> memoryview:
        _need(type(i) is int and 0 <= i < len(self._buffers), "a buffer that did not come")
        buffer: memoryview = self._buffers[i]
        return buffer

    def array(self, name: str, shape: list[int], *rest: Any) -> Any:
        dims = _shape(shape)
        count = math.prod(dims)
        if name == "U":
            texts = self._texts(*rest)
            _need(len(texts) == count and None not in texts, "strings that do not fill the shape")
            return np.array(texts, dtype=np.str_).reshape(dims)
        order, raw = rest[0], self._raw(rest[1])
        dtype = _dtype(name)
        _need(raw.nbytes == count * dtype.itemsize, "a buffer that does not fill the shape")
        flat = np.frombuffer(raw, dtype, count)
        if dtype.kind == "b" and count and flat.view(np.uint8).max() > 1:
            flat = flat.view(np.uint8) != 0
        return flat.reshape(dims[::-1]).T if order == "F" else flat.reshape(dims)

    def _texts(self, raw: int, ends: int, missing: int | None = None) -> list[Any]:
        content = bytes(self._raw(raw))
        stops = np.frombuffer(self._raw(ends), "<i8")
        _need(not len(stops) or (stops[-1] <= len(content) and stops[0] >= 0), "strings cut off")
        _need(bool(np.all(np.diff(stops) >= 0)), "strings that overlap")
        texts: list[Any] = []
        start = 0
        for stop in stops.tolist():
            texts.append(content[start:stop].decode("utf-8", "surrogatepass"))
            start = stop
        if missing is not None:
            kinds = np.frombuffer(self._raw(missing), np.uint8)
            _need(len(kinds) == len(texts), "a mask of another length")
            for i in np.flatnonzero(kinds):
                texts[i] = None if kinds[i] == 1 else np.nan
        return texts

    def column(self, c: list[Any]) -> Any:
        kind, rest = c[0], c[1:]
        if kind == "plain":
            a = self.array(*rest[0])
            _need(a.ndim == 1, "a column that is a table")
            return a
        if kind == "texts":
            texts = self._texts(*rest[1])
            if rest[0] == "string":
                return pd.array([t if type(t) is str else pd.NA for t in texts], dtype="string")
            if not texts:
                return pd.Series([], dtype="str").array
            return pd.Series(texts).array
        if kind == "cells":
            cells = np.empty(len(rest[0]), object)
            for i, cell in enumerate(rest[0]):
                cells[i] = self.value(cell)
            return cells
        if kind == "category":
            codes = self.array(*rest[0])
            return pd.Categorical.from_codes(codes, self.index(rest[1]), ordered=rest[2] is True)
        if kind == "zoned":
            naive = pd.DatetimeIndex(self.array(*rest[0]))
            return naive.tz_localize("UTC").tz_convert(_text(rest[1])).array
        if kind == "period":
            ordinals = self.array(*rest[0])
            periods: Any = pd.PeriodIndex
            return periods.from_ordinals(ordinals, freq=_text(rest[1])).array
        _need(kind == "nullable" and rest[0] in NULLABLE, f"a column of unknown kind {kind!r}")
        values, missing = self.array(*rest[1]), self.array(*rest[2])
        _need(values.shape == missing.shape and missing.dtype == bool, "a mask of another shape")
        column = pd.array(values, dtype=rest[0])
        column[missing] = pd.NA
        return column

    def index(self, h: list[Any]) -> Any:
        kind = h[0]
        names = [_hashable(self, n) for n in h[1]]
        if kind == "multi":
            levels = [self.index(level) for level in h[2]]
            codes = [self.array(*c) for c in h[3]]
            _need(len({len(c) for c in codes}) <= 1, "index codes of unequal length")
            return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=True)
        if kind == "range":
            start, stop, step = h[2:]
            _need(all(type(n) is int for n in h[2:]) and step != 0, "a range that is none")
            return pd.RangeIndex(start, stop, step, name=names[0])
        _need(kind == "flat", f"an index of unknown kind {kind!r}")
        column = self.column(h[2])
        plain_objects = isinstance(column, np.ndarray) and column.dtype.kind == "O"
        index = pd.Index(column, name=names[0], dtype=object if plain_objects else None)
        if h[3] is not None and isinstance(index, pd.DatetimeIndex):
            setattr(index, "freq", _text(h[3]))  # noqa: B010 - typed as read-only; verified by pandas
        return index

    _on_array, _on_index = array, index


def _need(condition: Any, otherwise: str) -> None:
    if not condition:
        raise WireError(f"the value holds {otherwise}")


def _text(h: Any) -> str:
    _need(isinstance(h, str) and len(h) < 100, "a name that is too long, or none")
    return str(h)


def _hashable(decoder: _Decoder, h: Any) -> Any:
    name = decoder.value(h)
    _need(name.__hash__ is not None, "a name that is a list")
    return name


def _shape(shape: Any) -> tuple[int, ...]:
    _need(isinstance(shape, list) and len(shape) <= 32, "a shape that is none")
    _need(all(type(n) is int and 0 <= n < 2**48 for n in shape), "a shape of no numbers")
    return tuple(shape)


def _dtype(name: str) -> Any:
    if name in RAW:
        return np.dtype("<" + name if name[1:] != "1" else name)
    if name[:1] == "S" and name[1:].isdigit() and len(name) < 10:
        return np.dtype(name)
    for unit in ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"):
        if name in (f"M8[{unit}]", f"m8[{unit}]"):
            return np.dtype(name)
    raise WireError(f"the value holds an array of dtype {str(name)[:40]!r}")
