"""Arrays that joblib writes in the middle of opcodes: see :mod:`machine`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_lib.subject.artifacts.draft import Undecodable
from audit_lib.subject.artifacts.judge import numpy_values
from audit_lib.subject.artifacts.judge.values import Array, Call, Dict, Global, Opaque, Value

if TYPE_CHECKING:
    from audit_lib.subject.artifacts.judge.machine import Machine

_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_WRAPPERS = frozenset(
    {_WRAPPER}
    | {
        f"joblib.{module}.{name}"
        for module in ("numpy_pickle", "numpy_pickle_compat")
        for name in ("NDArrayWrapper", "ZNDArrayWrapper")
    }
)


def behind(m: Machine, target: Value) -> Value:
    """What stands on the stack after BUILD: for joblib's wrappers, the array behind them.

    Raises:
        Undecodable: where the array ends cannot be told.
    """
    name = target.made.full if isinstance(target, Call) and isinstance(target.made, Global) else ""
    if name not in _WRAPPERS:
        return target
    offset = m.stream.tell()
    m.wrapped_arrays += 1
    if name != _WRAPPER:
        m.scan.refuse("takes its array from another file, with pickles allowed", offset, name)
        return Opaque("an array in another file")
    if not m.joblib:
        return target
    if offset < m.frame_end:
        m.scan.refuse("an array within a frame, which readers take differently", offset)
    try:
        return _array_behind(m, target, offset)
    except numpy_values.Doubtful as error:
        m.scan.refuse(str(error), offset, _WRAPPER)
        raise Undecodable(f"cannot tell where the array at byte {offset} ends") from None


def _array_behind(m: Machine, wrapper: Call, offset: int) -> Value:
    state = wrapper.states[-1]
    if not isinstance(state, Dict):
        raise numpy_values.Doubtful("an array wrapper without description")
    array = Array(
        numpy_values.decoded_dtype(state.get("dtype")),
        numpy_values.shape_of(state.get("shape")),
        state.get("order") == "F",
        offset,
    )
    subclass = state.get("subclass")
    if isinstance(subclass, Global) and subclass.full != "numpy.ndarray":
        array.subclass = subclass.full
    assert array.dtype is not None
    if array.dtype.hasobject:
        if state.get("allow_mmap"):
            raise numpy_values.Doubtful("an array of references that may be mapped")
        return _objects_behind(m, array)
    padding = state.get("numpy_array_alignment_bytes")
    if padding is not None:
        m.scan.draft.wrote("joblib", ">=1.2")
        m.stream.skip(m.stream.take(1)[0])
    array.offset = m.stream.tell()
    _contents(m, array, array.count * array.dtype.itemsize)
    return array


def _contents(m: Machine, array: Array, size: int) -> None:
    """Keep the bytes of a small array, pass over those of a large one."""
    m.scan.arrays.append(array)
    if array.count <= m.scan.draft.budget.array_values and m.scan.keep(size):
        array.data = m.stream.take(size)
    else:
        m.stream.skip(size)


def _objects_behind(m: Machine, array: Array) -> Value:
    """An array of references is a pickle of its own, right here."""
    value = type(m)(m.stream, m.scan, joblib=False).run()
    if not isinstance(value, Call) or value.array is None:
        m.scan.refuse("an array of references that holds something else", array.offset)
    return value
