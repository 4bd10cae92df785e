"""Tensors of PyTorch, from the symbols of a pickle."""

import numpy as np

from audit_lib.subject.artifacts.judge.values import (
    Array,
    Call,
    Global,
    Persistent,
    Storage,
    Tuple,
    Value,
)

_STORAGES: dict[str, str] = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8",
    "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "|i1", "ByteStorage": "|u1",
    "BoolStorage": "|b1", "ComplexFloatStorage": "<c8", "ComplexDoubleStorage": "<c16",
    "uint16": "<u2", "uint32": "<u4", "uint64": "<u8",
}  # fmt: skip


def judge_storage(pid: Value) -> str:
    """What is wrong with a persistent id, or ``""`` if it names a storage."""
    items = pid.items if isinstance(pid, Tuple) else []
    if len(items) < 5 or items[0] != "storage":
        return "a persistent id that names no storage"
    kind, key, location = items[1:4]
    named = isinstance(kind, Global) and kind.module in ("torch", "torch.storage", "torch.cuda")
    plain = isinstance(key, str) and key.isdigit() and isinstance(location, str)
    return "" if named and plain else "a persistent id that names no storage"


def tensor(args: list[Value], offset: int) -> Array | None:
    """The tensor that ``_rebuild_tensor*`` makes of a storage, or None if it cannot be told."""
    if len(args) < 4 or not isinstance(args[0], Persistent) or judge_storage(args[0].pid):
        return None
    _, kind, key, _, _ = args[0].pid.items[:5]
    begin, size, strides = args[1:4]
    if not isinstance(size, Tuple) or not isinstance(strides, Tuple) or type(begin) is not int:
        return None
    lengths = (begin, *size.items, *strides.items)
    if not all(type(n) is int and 0 <= n < 1 << 62 for n in lengths):
        return None
    shape = tuple(size.items)
    typed = args[6] if kind.name == "UntypedStorage" and len(args) > 6 else kind
    name = typed.name if isinstance(typed, Global) else ""
    spelling = _STORAGES.get(name)
    array = Array(np.dtype(spelling) if spelling else None, shape, False, offset)
    array.subclass = "torch.Tensor"
    array.label = "" if spelling else name.removesuffix("Storage").lower()
    array.storage = _storage(key, begin, shape, strides.items)
    return array


def _storage(key: str, begin: int, shape: tuple[int, ...], strides: list[int]) -> Storage:
    expected: list[int] = []
    step = 1
    for length in reversed(shape):
        expected.insert(0, step)
        step *= max(length, 1)
    return Storage(key, begin, list(strides) == expected)


def rebuilt(call: Call) -> Array | None:
    """The tensor that a call of ``torch._utils`` makes, or None if it cannot be told."""
    inner = call.args[0] if call.args else None
    if call.name == "torch._tensor._rebuild_from_type_v2" and isinstance(call.args[2], Tuple):
        return tensor(call.args[2].items, call.offset)
    if call.name.startswith("torch._utils._rebuild_parameter"):
        return inner.array if isinstance(inner, Call) else None
    return tensor(call.args, call.offset)
