"""Plain data to frames and back: what may cross between the judge and a hook.

A value is written as JSON, where scalars stand for themselves and everything else is a list that
starts with its kind, with bulk data in raw buffers beside it.  Decoding checks every length,
dtype and shape against the buffer it has; it builds values only from the closed list below and
never executes, imports or unpickles anything.

Carried: None, bool, int, float, str, bytes, list, tuple, dict with str keys, datetime, Path
(towards the child only); NumPy arrays and scalars of bool, integer, float, complex, datetime64,
timedelta64, str and bytes; pandas Series, DataFrame, Index of those, with time zones,
categoricals, nullable dtypes, periods, and object columns that hold scalars.
"""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .wire import WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Lists of at least this many numbers of one kind cross as raw arrays.
BULK = 16
_RAW = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"}
_NULLABLE = {
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
    *("Float32", "Float64", "boolean"),
}
_UNITS = {"s", "ms", "us", "ns"}


def encode(value: Any, *, paths: bool = False, at: str = "answer") -> tuple[Any, list[Any]]:
    """Header and buffers of a value; ``at`` is what messages call it.

    Raises:
        WireError: the value, or something in it, is not data; the message says where and what.
    """
    encoder = _Encoder(paths)
    try:
        return encoder.value(value, at), encoder.buffers
    except RecursionError:
        raise WireError(f"{at} is nested too deeply, or contains itself") from None


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


class _Encoder:
    def __init__(self, paths: bool) -> None:
        self.buffers: list[Any] = []
        self._paths = paths

    def _put(self, raw: Any) -> int:
        self.buffers.append(raw)
        return len(self.buffers) - 1

    def value(self, v: Any, at: str) -> Any:
        if v is None or type(v) in (bool, float, str):
            return v
        if type(v) is int:
            return v if -(2**63) <= v < 2**63 else ["int", hex(v)]
        if isinstance(v, np.generic):
            return ["scalar", self.array(np.asarray(v), at)]
        if isinstance(v, np.ndarray):
            return ["array", *self.array(v, at)]
        if isinstance(v, (list, tuple)):
            return self._sequence(v, at)
        if isinstance(v, dict):
            return ["dict", {self._key(k, at): self.value(x, f"{at}[{k!r}]") for k, x in v.items()}]
        if isinstance(v, pd.DataFrame):
            return ["frame", *self._frame(v, at)]
        if isinstance(v, pd.Series):
            where = f"{at} (Series)"
            name = self._name(v.name, at)
            return ["series", self.column(v.array, where), self.index(v.index, where), name]
        if isinstance(v, pd.Index):
            return ["index", self.index(v, at)]
        return self._other(v, at)

    def _other(self, v: Any, at: str) -> Any:
        if isinstance(v, (bytes, bytearray, memoryview)):
            return ["bytes", self._put(bytes(v))]
        if isinstance(v, Path) and self._paths:
            return ["path", str(v)]
        if v is pd.NaT:
            return ["nat"]
        if v is pd.NA:
            return ["na"]
        if isinstance(v, datetime.datetime):
            stamp = pd.Timestamp(v)
            zone = None if stamp.tz is None else _zone_name(stamp.tz)
            return ["stamp", stamp.tz_localize(None).isoformat(), zone]
        if isinstance(v, datetime.date):
            return ["date", v.isoformat()]
        if isinstance(v, datetime.timedelta):
            return ["delta", pd.Timedelta(v).isoformat()]
        if isinstance(v, pd.Period):
            return ["period", int(v.ordinal), str(v.freqstr)]
        if isinstance(v, (bool, int, float, str)):  # a subclass, such as an enum
            for plain in (bool, int, float, str):
                if isinstance(v, plain):
                    return self.value(plain(v), at)
        kind = f"{type(v).__module__}.{type(v).__qualname__}"
        raise WireError(
            f"{at} is a {kind}; a hook answers in numbers, strings, lists, dicts, "
            "NumPy arrays and pandas frames"
        )

    def _key(self, key: Any, at: str) -> str:
        if isinstance(key, str):
            return str(key)
        raise WireError(f"{at} has the dict key {key!r}; keys must be str")

    def _sequence(self, v: Any, at: str) -> Any:
        kind = "tuple" if isinstance(v, tuple) else "list"
        if len(v) >= BULK:
            first = type(v[0])
            if first in (float, int, bool) and all(type(x) is first for x in v):
                dtype = {float: np.float64, int: np.int64, bool: np.bool_}[first]
                try:
                    return ["bulk", kind, *self.array(np.array(v, dtype), at)]
                except OverflowError:
                    pass
        return [kind, [self.value(x, f"{at}[{i}]") for i, x in enumerate(v)]]

    def array(self, a: Any, at: str) -> list[Any]:
        """``[dtype, shape, order, buffer…]`` of an array."""
        kind = a.dtype.kind
        if kind == "O":
            if a.size and all(type(x) is str for x in a.flat):
                return ["U", list(a.shape), *self._texts(a.ravel().tolist(), at)]
            raise WireError(f"{at} is an array of Python objects; convert it to numbers or str")
        if kind == "U" or a.dtype.name.startswith("StringDType"):
            return ["U", list(a.shape), *self._texts(a.ravel().tolist(), at)]
        if kind == "S":
            raw = np.ascontiguousarray(a)
            return [f"S{a.dtype.itemsize}", list(a.shape), "C", self._put(_bytes_of(raw))]
        if kind in "mM":
            unit, count = np.datetime_data(a.dtype)
            if count != 1 or unit == "generic":
                a, unit = a.astype(f"{kind}8[ns]"), "ns"
            name, a = f"{kind}8[{unit}]", a.astype(a.dtype.newbyteorder("="), copy=False)
            a = a.view(np.int64) if a.ndim and a.flags.c_contiguous else a.astype(np.int64)
        else:
            name = a.dtype.str[1:]
            if name not in _RAW:
                raise WireError(f"{at} has dtype {a.dtype}, which does not cross; convert it")
            a = a.astype(a.dtype.newbyteorder("<"), copy=False)
        if a.ndim > 1 and a.flags.f_contiguous and not a.flags.c_contiguous:
            return [name, list(a.shape), "F", self._put(_bytes_of(a.T))]
        return [name, list(a.shape), "C", self._put(_bytes_of(np.ascontiguousarray(a)))]

    def _texts(self, texts: list[Any], at: str) -> list[Any]:
        """Strings as one UTF-8 buffer and the end of each; with a mask where some are missing."""
        missing = None
        if not all(type(t) is str for t in texts):
            missing = np.array([_missing_kind(t, at) for t in texts], np.uint8)
            texts = ["" if m else str(t) for t, m in zip(texts, missing)]  # noqa: B905 - 3.9
        raw = [t.encode("utf-8", "surrogatepass") for t in texts]
        ends = np.cumsum([len(r) for r in raw], dtype=np.int64)
        put = [self._put(b"".join(raw)), self._put(_bytes_of(ends))]
        return put if missing is None else [*put, self._put(_bytes_of(missing))]

    def column(self, a: Any, at: str) -> list[Any]:
        """A one-dimensional pandas array, as ``[kind, …]``."""
        dtype = a.dtype
        name = str(dtype)
        if isinstance(dtype, pd.CategoricalDtype):
            codes = self.array(np.asarray(a.codes, np.int64), at)
            return ["category", codes, self.index(dtype.categories, at), bool(dtype.ordered)]
        if isinstance(dtype, pd.StringDtype):
            kind = "str" if dtype.na_value is not pd.NA else "string"
            return ["texts", kind, self._texts(a.astype(object).tolist(), at)]
        if isinstance(dtype, pd.DatetimeTZDtype):
            naive = np.asarray(a.tz_convert("UTC").tz_localize(None))
            return ["zoned", self.array(naive, at), _zone_name(dtype.tz)]
        if isinstance(dtype, pd.PeriodDtype):
            return ["period", self.array(np.asarray(a.asi8), at), name[len("period[") : -1]]
        if name in _NULLABLE:
            missing = np.asarray(a.isna())
            plain = "bool" if name == "boolean" else name.lower()
            filled = a.fillna(False if name == "boolean" else 0).to_numpy(plain)
            return ["nullable", name, self.array(filled, at), self.array(missing, at)]
        if isinstance(dtype, np.dtype) and dtype.kind != "O":
            return ["plain", self.array(np.asarray(a), at)]
        if name == "object":
            return self._objects(a, at)
        dense = np.asarray(a)
        if dense.dtype.kind == "O":
            return self._objects(dense, at)
        return ["plain", self.array(dense, at)]  # sparse, arrow and the like become dense

    def _objects(self, a: Any, at: str) -> list[Any]:
        cells = list(a)
        texts = [type(c) is str for c in cells]
        if any(texts) and all(t or _is_missing(c) for t, c in zip(texts, cells)):  # noqa: B905
            return ["texts", "object", self._texts(cells, at)]
        return ["cells", [self.value(c, f"{at}[{i}]") for i, c in enumerate(cells)]]

    def index(self, index: Any, at: str) -> list[Any]:
        """Any index, names included."""
        names = [self._name(n, at) for n in index.names]
        if isinstance(index, pd.MultiIndex):
            levels = [self.index(level, at) for level in index.levels]
            codes = [self.array(np.asarray(c), at) for c in index.codes]
            return ["multi", names, levels, codes]
        if isinstance(index, pd.RangeIndex):
            return ["range", names, int(index.start), int(index.stop), int(index.step)]
        freq = getattr(index, "freqstr", None) if isinstance(index, pd.DatetimeIndex) else None
        return ["flat", names, self.column(index.array, f"{at} (index)"), freq]

    def _name(self, name: Any, at: str) -> Any:
        return self.value(name, f"{at} (name)")

    def _frame(self, frame: Any, at: str) -> list[Any]:
        """Columns of one NumPy dtype travel together, as one two-dimensional block."""
        groups: dict[str, list[int]] = {}
        parts = []
        for i, dtype in enumerate(frame.dtypes):
            if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
                groups.setdefault(dtype.str, []).append(i)
            else:
                where = f"{at}[{frame.columns[i]!r}]"
                parts.append(["column", i, self.column(frame.iloc[:, i].array, where)])
        for positions in groups.values():
            whole = len(positions) == frame.shape[1]
            part = frame if whole else frame.iloc[:, positions]
            parts.append(["block", positions, self.array(part.to_numpy(), at)])
        return [
            list(frame.shape),
            parts,
            self.index(frame.index, at),
            self.index(frame.columns, at),
        ]


def _bytes_of(a: Any) -> Any:
    return memoryview(a.reshape(-1).view(np.uint8)) if a.size else b""


def _zone_name(zone: Any) -> str:
    name = str(zone)
    return "UTC" if name in ("UTC", "tzutc()", "datetime.timezone.utc") else name


def _is_missing(cell: Any) -> bool:
    return cell is None or cell is pd.NA or (type(cell) is float and math.isnan(cell))


def _missing_kind(cell: Any, at: str) -> int:
    if type(cell) is str or isinstance(cell, str):
        return 0
    if cell is None:
        return 1
    if _is_missing(cell):
        return 2
    raise WireError(f"{at} mixes str with {type(cell).__name__}")


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

    def _on_bytes(self, i: int) -> bytes:
        return bytes(self._raw(i))

    def _on_path(self, text: str) -> Path:
        _need(self._paths, "a path")
        return Path(text)

    def _on_nat(self) -> Any:
        return pd.NaT

    def _on_na(self) -> Any:
        return pd.NA

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

    def _on_array(self, *array: Any) -> Any:
        return self.array(*array)

    def _on_series(self, column: list[Any], index: list[Any], name: Any) -> Any:
        return pd.Series(self.column(column), index=self.index(index), name=_hashable(self, name))

    def _on_index(self, index: list[Any]) -> Any:
        return self.index(index)

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
        _need(kind == "nullable" and rest[0] in _NULLABLE, f"a column of unknown kind {kind!r}")
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
    if name in _RAW:
        return np.dtype("<" + name if name[1:] != "1" else name)
    if name[:1] == "S" and name[1:].isdigit() and len(name) < 10:
        return np.dtype(name)
    for unit in ("Y", "M", "W", "D", "h", "m", *_UNITS):
        if name in (f"M8[{unit}]", f"m8[{unit}]"):
            return np.dtype(name)
    raise WireError(f"the value holds an array of dtype {str(name)[:40]!r}")
