"""What crosses between judge and hook arrives as it left, and garbage is refused."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import socket
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_lib.host.child.decoding import decode
from audit_lib.host.child.encoding import encode
from audit_lib.host.child.wire import HEAD, MAGIC, Frame, Incoming, WireError, pack, receive, send

LIMIT = 64 << 20


def across(value: Any, *, paths: bool = False) -> Any:
    """The value after it went through a real socket."""
    header, buffers = encode(value, paths=paths)
    frame = transfer(pack(header, buffers, LIMIT))
    return decode(frame.header, frame.buffers, paths=paths)


def transfer(chunks: list[memoryview]) -> Frame:
    near, far = socket.socketpair()
    sender = threading.Thread(target=send, args=(near, chunks))
    sender.start()
    try:
        return receive(far, Incoming(LIMIT))
    finally:
        sender.join()
        near.close()
        far.close()


PLAIN = [
    None,
    True,
    0,
    -(2**63),
    2**200,
    1.5,
    math.inf,
    "text",
    "\ud800 alone",
    b"\x00\xff",
    [],
    [1, [2.0, "x", None]],
    (1, (2,)),
    {"a": {"b": [True] * 40}},
    list(range(100)),
    [0.5] * 100,
    ["w", "", "é\ud800"] * 10,
    ("w",) * 20,
    [2**80] * 20,
    [1, 2.0] * 20,
    dt.date(2020, 2, 29),
    pd.Timestamp("2020-01-01 00:00:00.000000001"),
    pd.Timestamp("2020-06-01", tz="America/New_York"),
    pd.Timedelta(5, "ns"),
    pd.Period("2020-03", "M"),
    pd.NaT,
    pd.NA,
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values(value: Any) -> None:
    back = across(value)
    assert type(back) is type(value)
    assert back is value or back == value


def test_floats_are_exact_and_nan_is_nan() -> None:
    assert across(0.1 + 0.2) == 0.1 + 0.2
    assert math.isnan(across(math.nan))
    assert math.copysign(1, across(-0.0)) == -1


ARRAYS = [
    np.arange(5),
    np.random.default_rng(0).normal(size=(3, 4)).T,
    np.arange(24).reshape(2, 3, 4),
    np.zeros((0, 3)),
    np.array(3.5),
    np.array([True, False]),
    np.array([1, 2], np.uint8),
    np.array([1.5], np.float16),
    np.array([1 + 2j]),
    np.array(["a", "é", "longer"]),
    np.array([["a"], ["b"]]),
    np.array([b"ab", b"c"]),
    np.array(["2020-01-01", "NaT"], "M8[D]"),
    np.array([1, 2], "m8[us]"),
    np.arange(12, dtype=">i4").reshape(3, 4)[::2, ::-1],
    np.float32(1.5),
    np.int64(-3),
    np.bool_(True),
    np.str_("x"),
    np.datetime64("2020-01-01", "s"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{np.shape(a)}")
def test_arrays_and_scalars(array: Any) -> None:
    back = across(array)
    assert type(back) is type(array)
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


def test_arrays_that_arrive_can_be_written_to() -> None:
    back = across(np.zeros(3))
    back[0] = 1.0
    assert back[0] == 1.0


PANEL = pd.MultiIndex.from_product(
    [["a", "b"], pd.date_range("2020", periods=5)], names=["asset", "date"]
)
FRAMES = [
    pd.DataFrame({"close": np.arange(10.0)}, index=PANEL),
    pd.DataFrame(
        {
            "float": [1.0, np.nan, 3.0],
            "int": [1, 2, 3],
            "small": np.array([1, 2, 3], np.int8),
            "bool": [True, False, True],
            "text": ["a", None, "c"],
            "when": pd.date_range("2020", periods=3),
            "where": pd.date_range("2020", periods=3, tz="Europe/Berlin"),
            "kind": pd.Categorical(["x", None, "x"], categories=["y", "x"], ordered=True),
            "maybe": pd.array([1, None, 3], dtype="Int64"),
            "perhaps": pd.array([True, None, False], dtype="boolean"),
            "month": pd.period_range("2020-01", periods=3, freq="M"),
            "span": pd.to_timedelta([1, 2, 3], unit="s"),
            "mixed": [1, "a", None],
        }
    ),
    pd.DataFrame(np.ones((3, 3)), columns=["a", "a", "b"]),
    pd.DataFrame({0: [1], "b": [2.0]}),
    pd.DataFrame(),
    pd.DataFrame(index=range(3)),
    pd.DataFrame({"a": pd.Series([], dtype="float64")}),
    pd.DataFrame({("a", 1): [1.0], ("b", 2): [2.0]}),
    pd.DataFrame({"a": [1.0, 2.0]}, index=pd.DatetimeIndex(["2020", "2021"], name="t", tz="UTC")),
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda f: f"{f.shape}")
def test_frames(frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(across(frame), frame)


SERIES = [
    pd.Series([1.0, np.nan], name="named"),
    pd.Series([1, 2], index=pd.Index([5, 6], name="i"), name=("a", 1)),
    pd.Series(["a", None]),
    pd.Series(["a", None], dtype="string"),
    pd.Series([dt.date(2020, 1, 1), None]),
    pd.Series([], dtype="float64"),
]


@pytest.mark.parametrize("series", SERIES, ids=lambda s: str(s.dtype))
def test_series(series: pd.Series[Any]) -> None:
    pd.testing.assert_series_equal(across(series), series)


INDEXES = [
    pd.RangeIndex(1, 10, 3, name="r"),
    PANEL,
    pd.Index(["a", "b"], name="n"),
    pd.Index([1, "a"]),
    pd.date_range("2020", periods=4, freq="B"),
    pd.CategoricalIndex(["a", "b", "a"]),
]


@pytest.mark.parametrize("index", INDEXES, ids=lambda i: type(i).__name__ + str(i.dtype))
def test_indexes(index: pd.Index[Any]) -> None:
    back = across(index)
    pd.testing.assert_index_equal(back, index)
    assert getattr(back, "freq", None) == getattr(index, "freq", None)


def test_a_path_goes_to_the_child_and_never_comes_back() -> None:
    assert across(Path("/some/where"), paths=True) == Path("/some/where")
    header, buffers = encode(Path("/some/where"), paths=True)
    with pytest.raises(WireError, match="a path"):
        decode(header, [memoryview(b) for b in buffers])


class Colour(enum.IntEnum):
    RED = 3


def test_subclasses_of_plain_types_become_plain() -> None:
    assert type(across(Colour.RED)) is int


def endless() -> list[Any]:
    holder: list[Any] = []
    holder.append(holder)
    return holder


NOT_DATA = {
    "an object": (object(), "answer is a builtins.object"),
    "a function below": ({"a": [1, print]}, "answer['a'][1] is a builtins"),
    "a set": ({1}, "answer is a builtins.set"),
    "a number for a key": ({1: 2}, "the dict key 1"),
    "objects": (np.array([object()]), "Python objects"),
    "an object in a column": (pd.DataFrame({"a": [1, object()]}), "answer['a'][1] is a"),
    "a record array": (np.zeros(2, [("a", "i4")]), "does not cross"),
    "itself": (endless(), "nested too deeply"),
    "a generator": ((i for i in range(3)), "builtins.generator"),
    "a path": (Path("x"), "pathlib"),
}


@pytest.mark.parametrize("case", NOT_DATA)
def test_what_is_not_data_is_named(case: str) -> None:
    value, message = NOT_DATA[case]
    with pytest.raises(WireError) as caught:
        encode(value)
    assert message in str(caught.value)


def test_too_much_is_refused_before_it_leaves() -> None:
    header, buffers = encode(np.zeros(1 << 20))
    with pytest.raises(WireError, match="8 MiB of arrays; the limit is 1 MiB"):
        pack(header, buffers, 1 << 20)
    header, buffers = encode({str(i): "x" * 100 for i in range(20_000)})
    with pytest.raises(WireError, match="plain values"):
        pack(header, buffers, 1 << 20)


def raw(header: Any, buffers: list[bytes]) -> Any:
    return decode(header, [memoryview(bytearray(b)) for b in buffers])


F8 = np.arange(3.0).tobytes()
LIES = {
    "unknown kind": (["pickle", 0], [b"x"]),
    "a method of ours": (["raw", 0], [b"x"]),
    "a dunder": (["_init__", 0], [b"x"]),
    "no kind": ([], []),
    "kind is a list": ([["list"]], []),
    "object dtype": (["array", "O", [1], "C", 0], [b"12345678"]),
    "void dtype": (["array", "V8", [1], "C", 0], [b"12345678"]),
    "records": (["array", "i4,i4", [1], "C", 0], [b"12345678"]),
    "shape too large": (["array", "f8", [4], "C", 0], [F8]),
    "shape too small": (["array", "f8", [2], "C", 0], [F8]),
    "negative shape": (["array", "f8", [-3], "C", 0], [F8]),
    "shape overflows": (["array", "f8", [2**40, 2**40], "C", 0], [F8]),
    "float shape": (["array", "f8", [3.0], "C", 0], [F8]),
    "no such buffer": (["array", "f8", [3], "C", 1], [F8]),
    "buffer -1": (["array", "f8", [3], "C", -1], [F8]),
    "buffer True": (["array", "f8", [3], "C", True], [F8, F8]),
    "offsets backwards": (["array", "U", [2], 0, 1], [b"abcd", np.array([3, 1]).tobytes()]),
    "offsets too far": (["array", "U", [1], 0, 1], [b"abcd", np.array([9]).tobytes()]),
    "offsets negative": (["array", "U", [1], 0, 1], [b"abcd", np.array([-1]).tobytes()]),
    "bad UTF-8": (["array", "U", [1], 0, 1], [b"\xff\xfe", np.array([2]).tobytes()]),
    "column missing": (
        ["frame", [3, 2], [["block", [0], ["f8", [3, 1], "C", 0]]], ["range", [None], 0, 3, 1],
         ["range", [None], 0, 2, 1]],
        [F8],
    ),
    "index of another length": (
        ["frame", [3, 1], [["block", [0], ["f8", [3, 1], "C", 0]]], ["range", [None], 0, 9, 1],
         ["range", [None], 0, 1, 1]],
        [F8],
    ),
    "codes out of range": (
        ["index", ["multi", [None], [["range", [None], 0, 2, 1]], [["i8", [1], "C", 0]]]],
        [np.array([7]).tobytes()],
    ),
    "step of zero": (["index", ["range", [None], 0, 3, 0]], []),
    "name that is a list": (["index", ["range", [["list", []]], 0, 3, 1]], []),
    "unknown zone": (["stamp", "2020-01-01", "Nowhere/Land"], []),
    "long integer": (["int", "0x" + "f" * 5000], []),
    "cells that are none": (["series", ["cells", 3], ["range", [None], 0, 3, 1], None], []),
    "deep": (None, []),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_refused(lie: str) -> None:
    header, buffers = LIES[lie]
    if lie == "deep":
        header = 1
        for _ in range(100_000):
            header = ["list", [header]]
    with pytest.raises(WireError):
        raw(header, buffers)


def test_a_huge_range_costs_nothing() -> None:
    assert len(raw(["index", ["range", [None], 0, 2**40, 1]], [])) == 2**40


def test_bools_that_are_neither_are_made_true() -> None:
    back = raw(["array", "b1", [3], "C", 0], [bytes([0, 1, 7])])
    assert back.view(np.uint8).tolist() == [0, 1, 1]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**40)
    | st.floats()
    | st.sampled_from(["list", "array", "frame", "series", "index", "f8", "U", "C", "range", "flat",
                       "multi", "plain", "texts", "cells", "category", "scalar", "bulk", "dict"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(header=json_values, content=st.binary(max_size=64))
def test_any_header_is_a_value_or_refused(header: Any, content: bytes) -> None:
    try:
        value = raw(header, [content, content])
    except WireError:
        return
    # What was accepted is data: it can be sent again as it is.
    _, buffers = encode(value, paths=True)
    assert isinstance(buffers, list)


def fed(content: bytes, limit: int = LIMIT) -> Frame:
    near, far = socket.socketpair()
    with near, far:
        near.sendall(content)
        near.shutdown(socket.SHUT_WR)
        return receive(far, Incoming(limit))


def framed(text: bytes, payload: bytes = b"", announced: int | None = None) -> bytes:
    return HEAD.pack(MAGIC, len(text), len(payload) if announced is None else announced) + (
        text + payload
    )


GARBAGE = {
    "noise": (b"Traceback (most recent call last)", "not the start of a frame"),
    "huge payload": (framed(b"[[],1]", announced=1 << 60), "the limit is 64 MiB"),
    "huge header": (HEAD.pack(MAGIC, 2**32 - 1, 0), "the limit is"),
    "no JSON": (framed(b"not json"), "not JSON"),
    "deep JSON": (framed(b"[" * 200_000), "not JSON"),
    "a long number": (framed(b"[[]," + b"9" * 5000 + b"]"), "not JSON"),
    "no list": (framed(b"{}"), "not a list of sizes"),
    "negative size": (framed(b"[[-64],1]", b"x" * 64), "a buffer size"),
    "text for a size": (framed(b'[["64"],1]', b"x" * 64), "a buffer size"),
    "true for a size": (framed(b"[[true],1]", b"x" * 64), "a buffer size"),
    "sizes too small": (framed(b"[[1],1]", b"x" * 128), "do not add up"),
    "sizes too large": (framed(b"[[64,64],1]", b"x" * 64), "do not add up"),
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_on_the_wire_is_refused(case: str) -> None:
    content, message = GARBAGE[case]
    with pytest.raises(WireError, match=message):
        fed(content)


def test_an_end_in_the_middle_is_an_end() -> None:
    whole = b"".join(pack(*encode(np.arange(100)), LIMIT))
    for cut in (0, 3, 20, len(whole) - 1):
        with pytest.raises(EOFError):
            fed(whole[:cut])


def test_frames_arrive_in_any_pieces() -> None:
    near, far = socket.socketpair()
    far.setblocking(False)
    incoming, frames = Incoming(LIMIT), []
    whole = b"".join(b"".join(pack(*encode(np.arange(n)), LIMIT)) for n in (0, 1, 50))
    with near, far:
        for i in range(len(whole)):
            near.send(whole[i : i + 1])
            if (frame := incoming.read(far)) is not None:
                frames.append(decode(frame.header, frame.buffers))
    assert [len(f) for f in frames] == [0, 1, 50]


def test_large_arrays_are_not_copied_into_the_frame() -> None:
    array = np.zeros(1 << 16)
    chunks = pack(*encode(array), LIMIT)
    assert np.shares_memory(np.frombuffer(chunks[1], np.uint8), array)
    assert json.loads(bytes(chunks[0][HEAD.size :]))[0] == [array.nbytes]
