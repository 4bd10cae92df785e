"""The opcodes of pickle protocols 0 to 5 that make data; those that name and call: ``calling``."""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from audit_lib.subject.artifacts.judge import calling, spelled
from audit_lib.subject.artifacts.judge.steps import STEPS, Handler, Stop, opcode
from audit_lib.subject.artifacts.judge.values import Blob, Dict, List, Opaque, Set, Tuple, Value

if TYPE_CHECKING:
    from audit_lib.subject.artifacts.judge.machine import Machine

assert calling  # registers its opcodes
_NEWEST_PROTOCOL = 5
_MOST_MEMO = 1 << 28  # the unpickler in C allocates a table as long as the largest index


# --- control --------------------------------------------------------------------------------------
@opcode(0x80)
def _proto(m: Machine) -> None:
    protocol = m.stream.take(1)[0]
    if protocol > _NEWEST_PROTOCOL:
        raise ValueError(f"pickle protocol {protocol} is not known")
    m.protocol = protocol
    if not m.scan.second:
        m.scan.draft.wrote("protocol", protocol)


@opcode(0x95)
def _frame(m: Machine) -> None:
    size = m.number("<Q", 8)
    if m.stream.tell() < m.frame_end:
        # The unpickler in Python raises here, the one in C reads on.
        m.scan.draft.problem("a frame begins within another")
    m.frame_end = m.stream.tell() + size
    if m.stream.size is not None and m.frame_end > m.stream.size:
        # The unpickler in Python reads on, the one in C raises.
        m.scan.draft.problem(f"a frame of {size} bytes has fewer left")
        m.scan.refuse(f"truncated: a frame of {size} bytes has fewer left", m.stream.tell())


@opcode(ord("."))
def _stop(m: Machine) -> None:
    raise Stop(m.stack.pop())


@opcode(ord("("))
def _mark(m: Machine) -> None:
    m.marks.append(m.stack)
    m.stack = []


@opcode(ord("0"))
def _pop(m: Machine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


@opcode(ord("1"))
def _pop_mark(m: Machine) -> None:
    m.pop_mark()


@opcode(ord("2"))
def _dup(m: Machine) -> None:
    m.stack.append(m.stack[-1])
    m.pushed(m.stack[-1])


# --- scalars --------------------------------------------------------------------------------------
def _new(make: Callable[[], Value]) -> Handler:
    def push(m: Machine) -> None:
        m.stack.append(make())

    return push


for _code, _make in (
    (ord("N"), lambda: None),
    (0x88, lambda: True),
    (0x89, lambda: False),
    (ord(")"), lambda: Tuple([])),
    (ord("]"), List),
    (ord("}"), Dict),
    (0x8F, Set),
):
    STEPS[_code] = _new(_make)


def _fixed(layout: str) -> Handler:
    unpack, size = struct.Struct(layout).unpack, struct.calcsize(layout)

    def push(m: Machine) -> None:
        m.stack.append(unpack(m.stream.take(size))[0])

    return push


for _code, _layout in ((ord("J"), "<i"), (ord("K"), "<B"), (ord("M"), "<H"), (ord("G"), ">d")):
    STEPS[_code] = _fixed(_layout)


@opcode(ord("I"))
def _int(m: Machine) -> None:
    line = m.text_line()
    flags = {b"00": False, b"01": True}  # as protocols 0 and 1 write them
    m.stack.append(flags[line] if line in flags else spelled.whole(line, 0))


@opcode(ord("L"))
def _long(m: Machine) -> None:
    m.stack.append(spelled.whole(m.text_line().removesuffix(b"L"), 0))


@opcode(0x8A)
def _long1(m: Machine) -> None:
    m.stack.append(int.from_bytes(m.stream.take(m.stream.take(1)[0]), "little", signed=True))


@opcode(0x8B)
def _long4(m: Machine) -> None:
    size = m.number("<i", 4)
    if size < 0:
        raise ValueError("a number of negative length")
    data = m.data(size)
    # Text of a longer number takes quadratic time; nobody asks for its digits.
    if isinstance(data, Blob) or len(data) > 1024:
        m.stack.append(Opaque("a number of more than 1024 bytes"))
    else:
        m.stack.append(int.from_bytes(data, "little", signed=True))


@opcode(ord("F"))
def _float(m: Machine) -> None:
    m.stack.append(spelled.real(m.text_line()))


# --- text and bytes -------------------------------------------------------------------------------
def _sized(layout: str, kind: str) -> Handler:
    size_of = struct.calcsize(layout)
    unpack = struct.Struct(layout).unpack

    def push(m: Machine) -> None:
        size = unpack(m.stream.take(size_of))[0]
        if size < 0:
            raise ValueError("a value of negative length")
        data = m.data(size, kind)
        if isinstance(data, Blob):
            m.stack.append(data)
        elif kind == "str":
            m.stack.append(data.decode("utf-8", "surrogatepass"))
        elif kind == "python2":
            m.stack.append(data.decode("latin-1"))
        else:
            m.notice(data)
            m.stack.append(data)

    return push


for _code, _layout, _kind in (
    (ord("X"), "<I", "str"),
    (0x8C, "<B", "str"),
    (0x8D, "<Q", "str"),
    (ord("B"), "<I", "bytes"),
    (ord("C"), "<B", "bytes"),
    (0x8E, "<Q", "bytes"),
    (0x96, "<Q", "bytes"),
    (ord("T"), "<i", "python2"),
    (ord("U"), "<B", "python2"),
):
    STEPS[_code] = _sized(_layout, _kind)


@opcode(ord("S"))
def _string(m: Machine) -> None:
    line = m.text_line()
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in (b"'", b'"'):
        raise ValueError("text without quotes")
    m.stack.append(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))


@opcode(ord("V"))
def _unicode(m: Machine) -> None:
    m.stack.append(m.text_line().decode("raw-unicode-escape"))


@opcode(0x97)
def _next_buffer(m: Machine) -> None:
    m.scan.draft.problem("takes bytes from outside the file (out-of-band buffers)")
    m.stack.append(Opaque("bytes outside the file"))


@opcode(0x98)
def _readonly_buffer(m: Machine) -> None:
    _ = m.stack[-1]  # raises where the stack is empty


# --- containers -----------------------------------------------------------------------------------
def _tuple(m: Machine, items: list[Value]) -> None:
    depth = 1 + max((item.depth for item in items if isinstance(item, Tuple)), default=0)
    m.stack.append(Tuple(items, depth))


@opcode(ord("t"))
def _tuple_of_marked(m: Machine) -> None:
    _tuple(m, m.pop_mark())


def _tuple_of(count: int) -> Handler:
    def push(m: Machine) -> None:
        if len(m.stack) < count:
            raise IndexError
        items = m.stack[-count:]
        del m.stack[-count:]
        _tuple(m, items)

    return push


for _code, _count in ((0x85, 1), (0x86, 2), (0x87, 3)):
    STEPS[_code] = _tuple_of(_count)


@opcode(ord("l"))
def _list(m: Machine) -> None:
    items = m.pop_mark()
    m.stack.append(List(items))


@opcode(ord("d"))
def _dict(m: Machine) -> None:
    flat = m.pop_mark()
    pairs = Dict()
    m.set_items(pairs, flat)
    m.stack.append(pairs)


@opcode(0x91)
def _frozenset(m: Machine) -> None:
    items = m.pop_mark()
    for item in items:
        m.hashed(item)
    m.stack.append(Set(items, frozen=True))


@opcode(ord("a"))
def _append(m: Machine) -> None:
    value = m.stack.pop()
    m.fill(m.stack[-1], [value], "append")


@opcode(ord("e"))
def _appends(m: Machine) -> None:
    items = m.pop_mark()
    m.fill(m.stack[-1], items, "append")


@opcode(0x90)
def _additems(m: Machine) -> None:
    items = m.pop_mark()
    for item in items:
        m.hashed(item)
    m.fill(m.stack[-1], items, "add")


@opcode(ord("s"))
def _setitem(m: Machine) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    m.set_items(m.stack[-1], [key, value])


@opcode(ord("u"))
def _setitems(m: Machine) -> None:
    flat = m.pop_mark()
    m.set_items(m.stack[-1], flat)


# --- memo -----------------------------------------------------------------------------------------
def _byte(m: Machine) -> int:
    return m.stream.take(1)[0]


def _place(m: Machine) -> int:
    index = spelled.whole(m.text_line(), 10)
    if not isinstance(index, int):
        raise ValueError("a place in the memo that no memory holds")
    return index


def _remember(m: Machine, index: int) -> None:
    if index < 0:
        raise ValueError("a negative place in the memo")
    if index > _MOST_MEMO:
        m.scan.refuse(f"asks for a memo of {index} places", m.stream.tell())
    m.memo[index] = m.stack[-1]


STEPS[ord("p")] = lambda m: _remember(m, _place(m))
STEPS[ord("r")] = lambda m: _remember(m, m.number("<I", 4))


@opcode(ord("q"))
def _binput(m: Machine) -> None:
    m.memo[m.stream.take(1)[0]] = m.stack[-1]


@opcode(0x94)
def _memoize(m: Machine) -> None:
    m.memo[len(m.memo)] = m.stack[-1]


def _recall(m: Machine, index: int) -> None:
    if index not in m.memo:
        raise ValueError(f"nothing at {index} in the memo")
    m.stack.append(m.memo[index])
    m.pushed(m.memo[index])


STEPS[ord("g")] = lambda m: _recall(m, _place(m))
STEPS[ord("h")] = lambda m: _recall(m, _byte(m))
STEPS[ord("j")] = lambda m: _recall(m, m.number("<I", 4))

#: Handler of every opcode byte, None where there is no such opcode.
HANDLERS: tuple[Handler | None, ...] = tuple(STEPS.get(code) for code in range(256))
