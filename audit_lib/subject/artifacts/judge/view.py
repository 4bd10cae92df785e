"""A data-only picture of what a pickle holds, as a JSON-like document.

Every node is drawn once, where it is met first; later it is ``{"__same_as__": pointer}``.  So the
picture of a value that shares its parts a million times stays as small as its pickle.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from audit_lib.subject.artifacts.artifact import ArrayInfo, Json, printable
from audit_lib.subject.artifacts.draft import Draft
from audit_lib.subject.artifacts.judge import numpy_values
from audit_lib.subject.artifacts.judge.values import (
    Array,
    Blob,
    Call,
    Dict,
    Global,
    List,
    Opaque,
    Persistent,
    Set,
    Tuple,
    Value,
)
from audit_lib.subject.pointers import pointer_to

Item = TypeVar("Item")
_SHOWN_BYTES = 64
_RESERVED = frozenset(
    ("__class__", "__same_as__", "__global__", "__opaque__", "__truncated__", "__items__")
)
#: Draws the native model within an instance, given its class and its attributes.
Native = Callable[[str, dict[str, Value]], dict[str, Json]]


class ValueView:
    """Draws one value.

    Args:
        draft: its budget bounds the picture; what is left out is a problem.
        native: shows models of native libraries that an attribute holds as text or bytes.
    """

    def __init__(self, draft: Draft, native: Native | None = None) -> None:
        self._draft = draft
        self._left = draft.budget.document_nodes
        self._native = native
        self._drawn: dict[int, str] = {}

    def draw(self, value: Value, pointer: str = "", depth: int = 0) -> Json:
        """The picture of a value that stands at a pointer."""
        self._left -= 1
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return printable(value)
        if self._left < 0:
            self._draft.note("holds more values than are shown")
            return {"__truncated__": "too many values"}
        if depth > self._draft.budget.depth:
            self._draft.problem(
                f"nested deeper than {self._draft.budget.depth} levels; loading it may overflow"
            )
            return {"__truncated__": "nested too deep"}
        if isinstance(value, (bytes, Blob)):
            return _bytes(value)
        before = self._drawn.get(id(value))
        if before is not None:
            return {"__same_as__": before}
        plain = _plain(value)
        if plain is not None:
            return plain
        if not isinstance(value, Tuple) or value.items:
            self._drawn[id(value)] = pointer
        return self._node(value, pointer, depth + 1)

    def _node(self, value: Value, pointer: str, depth: int) -> Json:
        if isinstance(value, (List, Tuple)):
            return self._list(value.items, pointer, depth)
        if isinstance(value, Dict):
            return self._dict(value.pairs, pointer, depth)
        if isinstance(value, Set):
            name = "builtins.frozenset" if value.frozen else "builtins.set"
            return {"__class__": name, "items": self._sorted(value.items, pointer, depth)}
        if isinstance(value, Array):
            return self._array(value, pointer, depth)
        if isinstance(value, Call):
            return self._call(value, pointer, depth)
        if isinstance(value, Persistent):
            return {"__class__": "persistent", "id": self.draw(value.pid, f"{pointer}/id", depth)}
        return {"__opaque__": value.why if isinstance(value, Opaque) else "not decided"}

    def _within_budget(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if self._left < 0:
                self._draft.note("holds more values than are shown")
                return
            yield item

    def _list(self, items: Iterable[Value], pointer: str, depth: int) -> list[Json]:
        fitting = enumerate(self._within_budget(items))
        return [self.draw(item, f"{pointer}/{index}", depth) for index, item in fitting]

    def _sorted(self, items: list[Value], pointer: str, depth: int) -> list[Json]:
        for kinds in (str, (bool, int, float)):
            if all(isinstance(item, kinds) for item in items):
                items = sorted(items)
        return self._list(items, f"{pointer}/items", depth)

    def _dict(self, pairs: list[tuple[Value, Value]], pointer: str, depth: int) -> Json:
        named = [(self._key(key), value) for key, value in pairs]
        texts, others = set[str](), set[str]()
        for (name, _), (key, _) in zip(named, pairs, strict=True):
            (texts if type(key) is str else others).add(name)
        if texts & others or _RESERVED & (texts | others):
            # Keys that would read as one, or as marks of this picture, are shown as pairs.
            base = f"{pointer}/__items__"
            shown = [
                [name, self.draw(value, f"{base}/{index}/1", depth)]
                for index, (name, value) in enumerate(named)
                if self._left >= 0
            ]
            return {"__items__": shown}
        return self._attributes(dict(named), pointer, depth)

    def _attributes(self, items: dict[str, Value], pointer: str, depth: int) -> dict[str, Json]:
        return {
            name: self.draw(value, pointer + pointer_to(name), depth)
            for name, value in self._within_budget(items.items())
        }

    def _key(self, key: Value) -> str:
        if type(key) is str:
            return printable(key)
        if isinstance(key, Tuple) and key.depth > 3:
            return "(nested)"
        plain = _plain(key) if isinstance(key, (Call, Global)) else None
        if plain is None:
            plain = ValueView(self._draft).draw(key)
        if isinstance(plain, dict):
            plain = plain.get("value", plain.get("__global__", plain))
        return plain if isinstance(plain, str) else json.dumps(plain, default=str)

    def _array(self, array: Array, pointer: str, depth: int) -> dict[str, Json]:
        array.pointer = pointer
        shown: dict[str, Json] = {
            "__class__": array.subclass or "numpy.ndarray",
            "dtype": array.label or spelled(array.dtype),
            "shape": list(array.shape),
        }
        if array.objects is not None:
            if len(array.objects) == array.count and self._left > 0:
                shown["values"] = self._list(array.objects, f"{pointer}/values", depth)
            return shown
        values = array.values()
        if (
            values is not None
            and values.dtype.names is None
            and array.count <= self._draft.budget.array_values
        ):
            self._left -= array.count
            shown["values"] = listed(values)
        return shown

    def _call(self, call: Call, pointer: str, depth: int) -> Json:
        if call.array is not None:
            return self._array(call.array, pointer, depth)
        name, args = call.name, call.args
        if name == "copyreg._reconstructor" and len(args) == 3 and isinstance(args[0], Global):
            name, args = args[0].full, [] if args[2] is None else args[2:]
        elif name.rpartition(".")[2].startswith("__pyx_unpickle_") and isinstance(args[0], Global):
            name, args = args[0].full, args[2:]
        shown: dict[str, Json] = {"__class__": printable(name) or "not decided"}
        state, others = _attributes_of(call)
        native = self._native(name, state) if self._native else {}
        shown.update(native)
        rest = {k: v for k, v in state.items() if k not in native}
        for key, value in self._attributes(rest, pointer, depth).items():
            # An attribute cannot pose as the class or as another mark.
            shown[f"__state__{key}" if key in shown or key in _RESERVED else key] = value
        if others:
            shown["__state__"] = self._list(others, f"{pointer}/__state__", depth)
        if args:
            shown["__args__"] = self._list(args, f"{pointer}/__args__", depth)
        if call.kwargs is not None:
            shown["__kwargs__"] = self._dict(call.kwargs.pairs, f"{pointer}/__kwargs__", depth)
        if call.items:
            shown["items"] = self._list(call.items, f"{pointer}/items", depth)
        if call.pairs:
            shown["mapping"] = self._dict(call.pairs, f"{pointer}/mapping", depth)
        return shown


def _attributes_of(call: Call) -> tuple[dict[str, Value], list[Value]]:
    """Attributes by name, and states of another form."""
    named: dict[str, Value] = {}
    others = []
    for state in call.states:
        parts = [state]
        if (
            isinstance(state, Tuple)
            and len(state.items) == 2
            and all(isinstance(part, (Dict, type(None))) for part in state.items)
        ):
            parts = state.items  # attributes and slots
        for part in parts:
            if isinstance(part, Dict) and all(type(key) is str for key, _ in part.pairs):
                named.update({printable(key): value for key, value in part.pairs})
            elif part is not None:
                others.append(part)
    return named, others


def _plain(value: Value) -> Json:
    """A short picture of what is as good as a scalar; None for all else."""
    if isinstance(value, Global):
        return {"__global__": printable(value.full)}
    if not isinstance(value, Call) or (value.states and value.dtype is None):
        return None
    if value.dtype is not None:
        return {"__class__": "numpy.dtype", "value": spelled(value.dtype)}
    number = numpy_values.scalar_value(value)
    if number is not None:
        if isinstance(number, str):
            return printable(number)
        return _bytes(number) if isinstance(number, bytes) else number
    raw = numpy_values.as_bytes(value)
    if raw is not None:
        return _bytes(raw)
    if value.name in ("datetime.datetime", "datetime.date") and value.args:
        moment = _moment(value)
        return {"__class__": value.name, "value": moment} if moment else None
    return None


def _moment(call: Call) -> str:
    raw = numpy_values.as_bytes(call.args[0])
    if raw is None:
        return ""
    try:
        if call.name == "datetime.date" and len(raw) == 4:
            return dt.date(int.from_bytes(raw[:2], "big"), raw[2], raw[3]).isoformat()
        if call.name == "datetime.datetime" and len(raw) == 10:
            year, micro = int.from_bytes(raw[:2], "big"), int.from_bytes(raw[7:], "big")
            month = raw[2] & 0x7F  # the high bit is the fold
            moment = dt.datetime(year, month, raw[3], raw[4], raw[5], raw[6], micro)
            return moment.isoformat() + ("" if len(call.args) == 1 else " with zone")
    except ValueError:
        return ""
    return ""


def _bytes(value: bytes | Blob) -> Json:
    if isinstance(value, Blob):
        return {"__class__": f"builtins.{value.kind}", "size": value.length}
    shown: dict[str, Json] = {"__class__": "builtins.bytes", "size": len(value)}
    if len(value) <= _SHOWN_BYTES:
        shown["hex"] = value.hex()
    return shown


def spelled(kind: np.dtype[Any] | None) -> str:
    """NumPy's spelling of a dtype: ``"<f8"``, or the fields of a structured one."""
    if kind is None:
        return "?"
    return kind.str if kind.names is None else str(kind)


def listed(values: npt.NDArray[Any]) -> Json:
    """An array's values as nested lists that JSON can hold."""
    if values.dtype.kind in "Mm":
        return values.astype(str).tolist()
    if values.dtype.kind in "biufU":
        return values.tolist()
    flat = np.array([str(item) for item in values.ravel()], dtype=object)
    return flat.reshape(values.shape).tolist()


def array_infos(arrays: Iterable[Array]) -> list[ArrayInfo]:
    """What artifacts say of arrays: by pointer where drawn, else by position."""
    return [
        ArrayInfo(
            f"byte {array.offset}" if array.pointer is None else array.pointer,
            array.label or spelled(array.dtype),
            array.shape,
            array.fortran,
        )
        for array in arrays
    ]
