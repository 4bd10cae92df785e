"""Plain data to headers and buffers: what may cross between the judge and a hook.

A value is written as JSON, where scalars stand for themselves and everything else is a list that
starts with its kind, with bulk data in raw buffers beside it; :mod:`.decoding` reads it back.

Carried: None, bool, int, float, str, bytes, list, tuple, dict with str keys, datetime, Path
(towards the child only); NumPy arrays and scalars of bool, integer, float, complex, datetime64,
timedelta64, str and bytes; pandas Series, DataFrame, Index of those, with time zones,
categoricals, nullable dtypes, periods, and object columns that hold scalars.
"""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .wire import WireError

#: Lists of at least this many numbers of one kind cross as raw arrays.
BULK = 16
RAW = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"}
NULLABLE = {
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
    *("Float32", "Float64", "boolean"),
}


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
            if first is str and all(type(x) is str for x in v):
                return ["words", kind, *self._texts(list(v), at)]
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
            if name not in RAW:
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
        if name in NULLABLE:
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
