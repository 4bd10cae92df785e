"""Pickles as an attacker would vary them, and what the standard unpicklers make of them."""

from __future__ import annotations

import io
import pickle
import resource
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from hypothesis import strategies as st

SOME = 256 << 20

NAMES = (
    ("os", "system"),
    ("posix", "system"),
    ("subprocess", "Popen"),
    ("builtins", "eval"),
    ("__builtin__", "execfile"),
    ("runpy", "run_path"),
)


class _Made:
    """Stands in for everything that a stream names; does whatever it is asked, which is nothing."""

    def __new__(cls, *_args: Any, **_keywords: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, *_args: Any, **_keywords: Any) -> None:
        self.__dict__["ignored"] = True

    def __call__(self, *_args: Any, **_keywords: Any) -> Any:
        return self

    def __setstate__(self, _state: Any) -> None:
        pass

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass

    def append(self, _item: Any) -> None:
        pass

    def extend(self, _items: Any) -> None:
        pass

    def add(self, _item: Any) -> None:
        pass


class _InC(pickle.Unpickler):
    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.found: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> Any:
        self.found.append((module, name))
        return _Made


class _InPython(pickle._Unpickler):  # type: ignore[name-defined,misc]
    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.found: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> Any:
        self.found.append((module, name))
        return _Made


@contextmanager
def _little_memory() -> Iterator[None]:
    """Let no more than some MB be asked for beyond what there is: MemoryError, at once."""
    limit, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + SOME, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def recorded(data: bytes) -> set[tuple[str, str]]:
    """What either standard unpickler looks up in these bytes before it ends or fails."""
    found: set[tuple[str, str]] = set()
    for kind in (_InC, _InPython):
        unpickler = kind(data)
        try:
            with _little_memory():  # the memo of C's is as long as the stream says: gigabytes
                unpickler.load()
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - bytes made up at random fail in every way
            pass
        found.update(
            NAME_MAPPING.get(pair, (IMPORT_MAPPING.get(pair[0], pair[0]), pair[1]))
            for pair in unpickler.found
        )
    return found


_DIGITS = st.text("0123456789xXoObBaAfFL_+-. \t\r\0", min_size=1, max_size=8)
_ODD = st.sampled_from(
    ["010", "00", "01", "0x1F", "0", " 7", "+3", "-0", "1_0", "7\0rest", "\0", "09", "0b1", "1L"]
)
_QUOTED = st.sampled_from([r"'x'", '"x"', r"'\x41'", r"'\101'", "'a'b'", "''", r"'\u0041'", "'é'"])


def _line(opcode: str, text: str) -> bytes:
    return opcode.encode() + text.encode() + b"\n"


def _sized(opcode: bytes, layout: str, data: bytes, claimed: int = 0) -> bytes:
    size = len(data) + claimed
    return opcode + struct.pack(layout, size) + data


def _fillers() -> st.SearchStrategy[bytes]:
    """Parts that put a value on the stack, or claim to."""
    number = st.one_of(_ODD, _DIGITS)
    raw = st.binary(max_size=4)
    return st.one_of(
        number.map(lambda text: _line("I", text)),
        number.map(lambda text: _line("L", text)),
        number.map(lambda text: _line("F", text)),
        st.sampled_from(["1.5", "inf", "nan", "1e5", " 1", "1_0.0", "1\0x"]).map(
            lambda text: _line("F", text)
        ),
        _QUOTED.map(lambda text: _line("S", text)),
        st.text(max_size=4).map(lambda text: _line("V", text.replace("\n", ""))),
        raw.map(lambda data: _sized(b"U", "<B", data)),
        raw.map(lambda data: _sized(b"X", "<I", data)),
        raw.map(lambda data: _sized(b"C", "<B", data)),
        st.sampled_from([b"N", b")", b"]", b"}", b"\x88", b"\x89", b"\x8f", b"(t", b"(l", b"(d"]),
        st.binary(min_size=1, max_size=1).map(lambda data: b"K" + data),
        st.binary(min_size=2, max_size=2).map(lambda data: b"M" + data),
        st.binary(min_size=4, max_size=4).map(lambda data: b"J" + data),
        st.binary(min_size=8, max_size=8).map(lambda data: b"G" + data),
        raw.map(lambda data: _sized(b"\x8a", "<B", data)),
    )


def _movers() -> st.SearchStrategy[bytes]:
    """Parts that change the stack, the memo or the frame."""
    index = st.one_of(st.sampled_from(["0", "7", " 7", "1_0", "7\0x", "+7", "07"]), _DIGITS)
    return st.one_of(
        st.tuples(index, index).map(lambda two: b"N" + _line("p", two[0]) + _line("g", two[1])),
        st.integers(0, 255).map(lambda i: b"Nq" + bytes((i,)) + b"h" + bytes((i,))),
        st.integers(0, 40).map(lambda size: b"\x95" + struct.pack("<Q", size)),
        st.sampled_from([b"0", b"1", b"2", b"(", b"N\x94", b"\x80\x02", b"\x80\x04", b"N\x85"]),
    )


def _calls() -> st.SearchStrategy[bytes]:
    def spelled(pair: tuple[str, str], way: int) -> bytes:
        module, name = (part.encode() for part in pair)
        line = b"c" + module + b"\n" + name + b"\n"
        return (
            line + b"(S'x'\ntR",
            b"(S'x'\ni" + module + b"\n" + name + b"\n",
            b"(" + line + b"S'x'\no",
            line + b"N\x85\x81",
            _sized(b"\x8c", "<B", module) + _sized(b"\x8c", "<B", name) + b"\x93N\x85R",
            _line("V", pair[0]) + _line("V", pair[1]) + b"\x93)R",
            _line("S", repr(pair[0])) + _line("S", repr(pair[1])) + b"\x93)R",
        )[way]

    return st.builds(spelled, st.sampled_from(NAMES), st.integers(0, 6))


def streams() -> st.SearchStrategy[bytes]:
    """Whole streams; most get as far as their call in some unpickler."""
    before = st.lists(st.one_of(_fillers(), _movers()), max_size=5).map(b"".join)
    ends = st.sampled_from([b".", b"", b"\n", b"0N.", b".trailing", b"\xff"])
    return st.builds(lambda *parts: b"".join(parts), before, _calls(), ends)


def bent(honest: list[bytes]) -> st.SearchStrategy[bytes]:
    """An honest pickle with a part of it replaced, doubled or cut out."""

    def bend(data: bytes, at: int, gone: int, part: bytes) -> bytes:
        at %= len(data) + 1
        return data[:at] + part + data[at + gone :]

    part = st.one_of(st.just(b""), _fillers(), _movers(), _calls(), st.binary(max_size=3))
    return st.builds(bend, st.sampled_from(honest), st.integers(0, 4000), st.integers(0, 12), part)
