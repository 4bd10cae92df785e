"""Pickles written opcode by opcode, so that tests can write what no pickler would."""

from __future__ import annotations

import io
import struct

import numpy as np


def proto(version: int) -> bytes:
    return bytes((0x80, version))


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return (
        b"\x8c" + bytes((len(data),)) + data
        if len(data) < 256
        else (b"X" + struct.pack("<I", len(data)) + data)
    )


def raw(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    return b"\x8a" + bytes((8,)) + value.to_bytes(8, "little", signed=True)


def named(module: str, name: str) -> bytes:
    """STACK_GLOBAL."""
    return text(module) + text(name) + b"\x93"


def line(module: str, name: str) -> bytes:
    """GLOBAL."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def items(*parts: bytes) -> bytes:
    """A tuple."""
    return b"(" + b"".join(parts) + b"t"


def pairs(**parts: bytes) -> bytes:
    """A dict."""
    return b"}(" + b"".join(text(key) + value for key, value in parts.items()) + b"u"


def call(target: bytes, *args: bytes) -> bytes:
    """REDUCE."""
    return target + items(*args) + b"R"


def new(target: bytes, *args: bytes) -> bytes:
    """NEWOBJ."""
    return target + items(*args) + b"\x81"


def pickle_of(body: bytes, version: int = 4) -> bytes:
    return proto(version) + body + b"."


def system(command: str = "touch canary") -> bytes:
    """The call every corpus begins with."""
    return call(named("os", "system"), text(command))


EVIL = pickle_of(system())
SCALER = named("sklearn.preprocessing._data", "StandardScaler")


def bare_dtype(description: str = "f8") -> bytes:
    return call(named("numpy", "dtype"), text(description), b"\x89", b"\x88")


def dtype(description: str = "f8", order: str = "<", flags: int = 0) -> bytes:
    made = bare_dtype(description)
    state = items(
        b"K\x03", text(order), b"N", b"N", b"N", number(-1), number(-1), b"K" + bytes((flags,))
    )
    return made + state + b"b"


def wrapper(count: int, kind: bytes | None = None, *, alignment: int | None = None) -> bytes:
    """joblib's stand-in for an array; the bytes of the array follow it."""
    state = pairs(
        subclass=named("numpy", "ndarray"),
        shape=items(number(count)),
        order=text("C"),
        dtype=kind or dtype(),
        allow_mmap=b"\x89",
        **({} if alignment is None else {"numpy_array_alignment_bytes": number(alignment)}),
    )
    return new(named("joblib.numpy_pickle", "NumpyArrayWrapper")) + state + b"b"


def npy_objects(content: bytes, count: int = 1) -> bytes:
    """An ``.npy`` file of references whose pickle is given."""
    header = f"{{'descr': '|O', 'fortran_order': False, 'shape': ({count},), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


def npy(values: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(values), allow_pickle=True)
    return buffer.getvalue()
