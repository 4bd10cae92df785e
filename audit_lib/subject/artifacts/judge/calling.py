"""The opcodes of pickles that name, call and build."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from audit_lib.subject.artifacts.judge.joblib_arrays import behind
from audit_lib.subject.artifacts.judge.steps import STEPS, Handler, opcode
from audit_lib.subject.artifacts.judge.values import Blob, Call, Opaque, Persistent, Tuple, Value
from audit_lib.subject.artifacts.streams import Truncated

if TYPE_CHECKING:
    from audit_lib.subject.artifacts.judge.machine import Machine


# --- names ----------------------------------------------------------------------------------------
def _named_lines(m: Machine) -> Value:
    """Module and name on two lines.

    The unpickler in Python takes a last line without newline, less its last character: it
    imports, and only then finds the end of the file.
    """
    module = m.text_line().decode("utf-8")
    line = m.open_line()
    reference = m.find(module, line[:-1].decode("utf-8"))
    if not line.endswith(b"\n"):
        raise Truncated(f"ends at byte {m.stream.tell()}, within a name")
    return reference


@opcode(ord("c"))
def _global(m: Machine) -> None:
    m.stack.append(_named_lines(m))


@opcode(0x93)
def _stack_global(m: Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if type(name) is str and type(module) is str:
        m.stack.append(m.find(module, name))
        return
    for part in (name, module):
        # An instance of a class is no text; what a function returns, or a reader, may be.
        if not isinstance(part, (str, Blob, Opaque, Persistent)) and not (
            isinstance(part, Call) and not part.new
        ):
            raise ValueError("a name that is no text")
    m.scan.refuse("names something by text that is computed while loading", m.stream.tell())
    m.stack.append(Opaque("a name that cannot be decided"))


def _extension(layout: str) -> Handler:
    def push(m: Machine) -> None:
        code = m.number(layout, struct.calcsize(layout))
        if m.scan.second:
            raise ValueError("an extension code that nobody registered")
        m.scan.refuse(
            f"names something by extension code {code}, which the loading process defines",
            m.stream.tell(),
        )
        m.stack.append(Opaque(f"extension {code}"))

    return push


for _code, _layout in ((0x82, "<B"), (0x83, "<H"), (0x84, "<i")):
    STEPS[_code] = _extension(_layout)


# --- calls ----------------------------------------------------------------------------------------
@opcode(ord("R"))
def _reduce(m: Machine) -> None:
    args = m.stack.pop()
    m.stack[-1] = m.call(m.stack[-1], args)


@opcode(0x81)
def _newobj(m: Machine) -> None:
    args = m.stack.pop()
    m.stack[-1] = m.call(m.stack[-1], args, new=True)


@opcode(0x92)
def _newobj_ex(m: Machine) -> None:
    kwargs, args = m.stack.pop(), m.stack.pop()
    m.stack[-1] = m.call(m.stack[-1], args, new=True, kwargs=kwargs)


@opcode(ord("i"))
def _inst(m: Machine) -> None:
    reference = _named_lines(m)
    args = m.pop_mark()
    m.stack.append(m.call(reference, Tuple(args)))


@opcode(ord("o"))
def _obj(m: Machine) -> None:
    args = m.pop_mark()
    target = args.pop(0)
    m.stack.append(m.call(target, Tuple(args)))


@opcode(ord("b"))
def _build(m: Machine) -> None:
    state = m.stack.pop()
    target = m.stack[-1]
    m.build(target, state)
    m.stack[-1] = behind(m, target)


def _persistent(m: Machine, pid: Value) -> None:
    if m.scan.second:
        raise ValueError("a persistent id, which pickle.load refuses")
    judge = m.scan.persistent
    wrong = judge(pid) if judge else "asks the reader for an object by a persistent id"
    if wrong:
        m.scan.refuse(wrong, m.stream.tell())
    m.stack.append(Persistent(pid))


@opcode(ord("P"))
def _persid(m: Machine) -> None:
    _persistent(m, m.text_line().decode("ascii"))


@opcode(ord("Q"))
def _binpersid(m: Machine) -> None:
    _persistent(m, m.stack.pop())
