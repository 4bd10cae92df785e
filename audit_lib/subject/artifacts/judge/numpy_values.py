"""NumPy's dtypes and arrays, decoded from the symbols of a pickle.

NumPy trusts the state that a pickle gives a dtype: a flag that hides references makes it take
raw bytes for pointers.  So a dtype counts only if NumPy itself, asked for the same description,
comes to the same flags.
"""

import math
import re
from typing import Any

import numpy as np

from audit_lib.subject.artifacts.judge.values import (
    Array,
    Blob,
    Call,
    Dict,
    Global,
    List,
    Opaque,
    Tuple,
    Value,
    is_text,
)

_DESCRIPTION = re.compile(r"[<>=|]?(?:[?bBhHiIlLqQpPefdgFDGOSaUVMm]|[biufcSaUVOMm]\d{1,9})")
_LONGEST_AXIS = 1 << 62
_MOST_AXES = 64
_ALIGNED = 0x80  # says how fields were laid out, nothing of what they hold


class Doubtful(ValueError):  # noqa: N818 - an answer, not a defect
    """A dtype or array that does not add up; the message says why."""


def described(text: Value) -> np.dtype[Any]:
    """The dtype of a plain description such as ``"f8"``.

    Raises:
        Doubtful: not such a description.
    """
    if isinstance(text, Global) and text.full == "numpy.record":
        text = "V"  # of records, whose fields the state tells
    if type(text) is not str or not _DESCRIPTION.fullmatch(text):
        raise Doubtful("a dtype of another form than NumPy writes")
    try:
        return np.dtype(text)
    except (TypeError, ValueError) as error:
        raise Doubtful(f"a dtype NumPy does not know: {error}") from None


def dtype_with_state(plain: np.dtype[Any], state: Value) -> np.dtype[Any]:
    """The dtype after ``__setstate__``.

    Args:
        plain: as constructed.
        state: (version, byte order, subarray, names, fields, size, alignment, flags[, metadata]).

    Raises:
        Doubtful: the state is not one that NumPy writes for the dtype it describes.
    """
    if not isinstance(state, Tuple) or len(state.items) not in (8, 9):
        raise Doubtful("a dtype state of another form than NumPy writes")
    version, order, subarray, names, fields, size, _alignment, flags = state.items[:8]
    if version not in (3, 4) or type(flags) is not int or order not in ("<", ">", "|", "="):
        raise Doubtful("a dtype state of another form than NumPy writes")
    try:
        if (names is not None or subarray is not None) and plain.kind != "V":
            raise Doubtful("fields of a dtype that has none")
        if names is not None:
            built = _structured(names, fields, size, flags)
        elif subarray is not None:
            built = _subarray(subarray)
        elif plain.kind in "Mm":
            built = _ordered(_dated(plain, state), order)
        elif plain.kind in "SUV":
            built = _sized(plain, size, order)
        else:
            built = _ordered(plain, order)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise Doubtful(f"a dtype that NumPy refuses: {error}") from None
    if plain.kind in "SUV" and built.itemsize != size:
        raise Doubtful("a dtype of another size than what it describes")
    if (built.flags ^ flags) & ~_ALIGNED & 0xFF:
        raise Doubtful("a dtype whose flags contradict what it describes")
    return built


def _structured(names: Value, fields: Value, size: Value, flags: int) -> np.dtype[Any]:
    if not isinstance(names, Tuple) or not isinstance(fields, Dict) or type(size) is not int:
        raise Doubtful("a structured dtype without names or fields")
    formats, offsets = [], []
    for name in names.items:
        entry = fields.get(name) if type(name) is str else None
        if not isinstance(entry, Tuple) or len(entry.items) < 2:
            raise Doubtful("a structured dtype whose fields are not its names")
        formats.append(decoded_dtype(entry.items[0]))
        offsets.append(entry.items[1])
    return np.dtype(
        {"names": list(names.items), "formats": formats, "offsets": offsets, "itemsize": size},
        align=bool(flags & _ALIGNED),
    )


def _subarray(subarray: Value) -> np.dtype[Any]:
    if not isinstance(subarray, Tuple) or len(subarray.items) != 2:
        raise Doubtful("a subarray dtype without base or shape")
    base, lengths = subarray.items
    return np.dtype((decoded_dtype(base), shape_of(lengths)))


def _dated(plain: np.dtype[Any], state: Tuple) -> np.dtype[Any]:
    unit = state.items[8] if len(state.items) == 9 else None
    if isinstance(unit, Tuple) and len(unit.items) == 2:
        unit = unit.items[1]
    if not isinstance(unit, Tuple) or not unit.items:
        raise Doubtful("a date dtype without unit")
    name, count = unit.items[0], (unit.items[1] if len(unit.items) > 1 else 1)
    raw = as_bytes(name)
    name = raw.decode("ascii", "replace") if raw is not None else name
    if type(name) is not str or type(count) is not int:
        raise Doubtful("a date dtype without unit")
    return np.dtype(plain.kind + "8" + ("" if name == "generic" else f"[{count}{name}]"))


def _sized(plain: np.dtype[Any], size: Value, order: str) -> np.dtype[Any]:
    if type(size) is not int or not 0 <= size <= _LONGEST_AXIS:
        raise Doubtful("a dtype without size")
    count = size // 4 if plain.kind == "U" else size
    return _ordered(np.dtype(f"{plain.kind}{count}"), order)


def _ordered(plain: np.dtype[Any], order: str) -> np.dtype[Any]:
    return plain.newbyteorder(order) if order in ("<", ">") else plain  # type: ignore[arg-type]


def decoded_dtype(node: Value) -> np.dtype[Any]:
    """The dtype that a node stands for.

    Raises:
        Doubtful: it cannot be decided.
    """
    if isinstance(node, Call) and node.dtype is not None:
        return node.dtype
    if isinstance(node, Global) and node.module == "numpy":  # a scalar type given as dtype
        kind = getattr(np, node.name, None)
        if isinstance(kind, type) and issubclass(kind, np.generic):
            return np.dtype(kind)
    if type(node) is str:
        return described(node)
    raise Doubtful("a dtype that cannot be decided")


def shape_of(node: Value) -> tuple[int, ...]:
    """The shape that a node stands for.

    Raises:
        Doubtful: not a tuple of plain lengths.
    """
    items = node.items if isinstance(node, (Tuple, List)) else [node]
    if len(items) > _MOST_AXES:
        raise Doubtful("an array of too many axes")
    lengths = tuple(_whole(item) for item in items)
    if math.prod(lengths) > _LONGEST_AXIS:
        raise Doubtful("an array larger than memory can be")
    return lengths


def _whole(item: Value) -> int:
    value = scalar_value(item) if isinstance(item, Call) else item
    if type(value) is not int or not 0 <= value <= _LONGEST_AXIS:
        raise Doubtful("a shape that is not made of lengths")
    return value


def scalar_value(node: Call) -> Value:
    """Python's value of a NumPy scalar; None if it cannot be decided."""
    if not node.name.endswith(".multiarray.scalar") or len(node.args) != 2:
        return None
    try:
        kind = decoded_dtype(node.args[0])
    except Doubtful:
        return None
    raw = _raw(node.args[1])
    if raw is None or kind.hasobject or len(raw) != kind.itemsize or not is_text(raw, kind):
        return None
    if not kind.itemsize:
        return "" if kind.kind == "U" else b""
    value = np.frombuffer(raw, dtype=kind)[0]
    if kind.kind in "Mm":
        return str(value)
    plain = value.item()
    return plain if isinstance(plain, (bool, int, float, str, bytes)) else str(plain)


def as_bytes(node: Value) -> bytes | None:
    """Bytes a node stands for, if they were kept: a constant, or text encoded as Latin-1."""
    if isinstance(node, bytes):
        return node
    if isinstance(node, Call) and node.name == "_codecs.encode" and node.args:
        text = node.args[0]
        try:
            return text.encode("latin-1") if type(text) is str else None
        except UnicodeEncodeError:
            return None
    if isinstance(node, Call) and node.name in ("builtins.bytes", "builtins.bytearray"):
        return as_bytes(node.args[0]) if node.args else b""
    return None


def _raw(node: Value) -> bytes | None:
    """Bytes of an array or scalar; Python 2 wrote them as text."""
    if type(node) is str:
        try:
            return node.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return as_bytes(node)


def array_from_state(call: Call, state: Value, kept: int) -> Array:
    """The array that ``_reconstruct`` and a state (version, shape, dtype, order, data) make.

    Raises:
        Doubtful: the state is not one that NumPy writes.
    """
    if not isinstance(state, Tuple) or len(state.items) not in (4, 5):
        raise Doubtful("an array state of another form than NumPy writes")
    shape_node, dtype_node, fortran, data = state.items[-4:]
    kind, lengths = decoded_dtype(dtype_node), shape_of(shape_node)
    array = Array(kind, lengths, bool(fortran) is True, call.offset)
    if call.args and isinstance(call.args[0], Global) and call.args[0].full != "numpy.ndarray":
        array.subclass = call.args[0].full
    _fill(array, data, kept)
    return array


def array_from_buffer(call: Call, kept: int) -> Array:
    """The array that ``_frombuffer(data, dtype, shape, order)`` makes.

    Raises:
        Doubtful: the arguments are not those NumPy writes.
    """
    if len(call.args) < 4:
        raise Doubtful("an array of another form than NumPy writes")
    kind, lengths = decoded_dtype(call.args[1]), shape_of(call.args[2])
    if kind.hasobject:
        raise Doubtful("an array of references made from raw bytes")
    array = Array(kind, lengths, call.args[3] == "F", call.offset)
    _fill(array, call.args[0], kept)
    return array


def _fill(array: Array, data: Value, kept: int) -> None:
    assert array.dtype is not None
    if array.dtype.hasobject:
        if not isinstance(data, List):
            raise Doubtful("an array of references made from raw bytes")
        if len(data.items) != array.count:
            raise Doubtful("an array of references with another number of values than its shape")
        array.objects = list(data.items)
        return
    if not isinstance(data, (bytes, str, Blob, Opaque, Call)) or (
        isinstance(data, Call) and as_bytes(data) is None
    ):
        raise Doubtful("an array over something else than bytes")
    raw = _raw(data)
    length = data.length if isinstance(data, Blob) else None if raw is None else len(raw)
    if length is not None and length != array.count * array.dtype.itemsize:
        raise Doubtful("an array whose bytes are not as many as its shape and dtype need")
    if raw is not None and len(raw) <= kept:
        array.data = raw
