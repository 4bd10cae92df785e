"""Statements that no run reaches: behind an exit, a constant, a test that was asked before."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_lib.probes.code.constants import UNKNOWN, constant
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

_EXITS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
#: Constants of the language and of type checkers, which are there to switch.
_SWITCHES = frozenset({"TYPE_CHECKING", "__debug__", "MYPY"})


@dataclass(frozen=True)
class Dead:
    """Statements that no run reaches.

    Attributes:
        unit: the unit that they belong to.
        node: the first of them.
        why: what keeps runs away, in words.
        switch: a constant does, which somebody wrote or may turn, or a ``raise`` above it all.
        name: of a constant of the source that does.
    """

    unit: Unit
    node: ast.stmt | ast.ExceptHandler
    why: str
    switch: bool = False
    name: str = ""


def dead(code: Code, path: str) -> Iterator[Dead]:
    """What no run of a file reaches; what stands within it is not told again."""
    for unit in code.files[path].units if path in code.files else ():
        if unit.node is not None:
            yield from _block(code, unit, unit.node.body)


def _block(code: Code, unit: Unit, body: Sequence[ast.stmt]) -> Iterator[Dead]:
    for position, node in enumerate(body):
        if isinstance(node, DEFINITIONS):
            continue
        if isinstance(node, ast.If):
            yield from _branches(code, unit, node)
        elif isinstance(node, ast.While) and (decided := _constant(code, unit, node.test)):
            value, name = decided
            if not value:
                yield Dead(unit, node.body[0], _because(name, node.test, value), True, name)
            else:
                yield from _block(code, unit, node.body)
        else:
            if isinstance(node, (ast.Try, ast.TryStar)):
                yield from _handlers(code, unit, node)
            for inner in _inner(node):
                yield from _block(code, unit, inner)
        after = body[position + 1 :]
        if isinstance(node, _EXITS) and after and not _kept_on_purpose(after):
            how = type(node).__name__.lower()
            first = position == 0 or (position == 1 and isinstance(body[0], ast.Expr))
            whole = unit.node is not None and body is getattr(unit.node, "body", None)
            off = isinstance(node, ast.Raise) and first and whole  # somebody turned it off
            yield Dead(unit, after[0], f"stands after the `{how}` at line {node.lineno}", off)
            return


def _branches(code: Code, unit: Unit, node: ast.If) -> Iterator[Dead]:
    """The branches of an ``if`` with all its ``elif``."""
    tested: dict[str, int] = {}
    here: ast.If | None = node
    while here is not None:
        decided = _constant(code, unit, here.test)
        text = ast.unparse(here.test)
        calls = any(isinstance(n, (ast.Call, ast.NamedExpr)) for n in ast.walk(here.test))
        otherwise = here.orelse
        following = otherwise[0] if len(otherwise) == 1 else None
        chained = isinstance(following, ast.If) and following.col_offset == here.col_offset
        if decided is not None:
            value, name = decided
            gone = here.body if not value else otherwise
            live = otherwise if not value else here.body
            if gone:
                yield Dead(unit, gone[0], _because(name, here.test, value), True, name)
            yield from _block(code, unit, live)
            return
        if text in tested and not calls:
            yield Dead(unit, here.body[0], f"`{text}` was asked at line {tested[text]} before")
        else:
            tested[text] = here.lineno
            yield from _block(code, unit, here.body)
        if not chained:
            yield from _block(code, unit, otherwise)
        here = following if chained and isinstance(following, ast.If) else None


def _handlers(code: Code, unit: Unit, node: ast.Try | ast.TryStar) -> Iterator[Dead]:
    """Handlers of errors that one above them catches."""
    caught: list[tuple[type[BaseException], int]] = []
    for handler in node.handlers:
        each = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        kinds = [_error(dotted(e)) if e is None or dotted(e) else None for e in each]
        above = [
            next((line for wide, line in caught if issubclass(k, wide)), 0) if k else 0
            for k in kinds
        ]
        if all(above):
            names = ", ".join(dotted(e) for e in each)
            why = f"{names} is caught at line {above[0]} before"
            yield Dead(unit, handler, why)
        else:
            yield from _block(code, unit, handler.body)
        caught += [(k, handler.lineno) for k in kinds if k]


def _error(name: str) -> type[BaseException] | None:
    named = getattr(builtins, name, None) if name else BaseException
    return named if isinstance(named, type) and issubclass(named, BaseException) else None


def _constant(code: Code, unit: Unit, test: ast.expr) -> tuple[bool, str] | None:
    """Truth of a condition that the text decides, and the constant that does; None for others."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _constant(code, unit, test.operand)
        return (not inner[0], inner[1]) if inner is not None else None
    if isinstance(test, ast.BoolOp):
        parts = [_constant(code, unit, v) for v in test.values]
        ends = isinstance(test.op, ast.Or)  # the value that decides on its own
        return next((t for t in parts if t is not None and t[0] is ends), None)
    if isinstance(test, ast.Constant):
        return bool(test.value), ""
    if isinstance(test, ast.Name) and test.id not in _SWITCHES and _plain(code, unit, test.id):
        value = constant(code.index, unit.path, test.id)
        if isinstance(value, (bool, int)) and value is not UNKNOWN:
            return bool(value), test.id
    return None


def _plain(code: Code, unit: Unit, name: str) -> bool:
    """True for a constant of the module that nothing in the repository sets anew."""
    if not name.isupper() or name in unit.uses.binds or name in unit.uses.imports:
        return False
    return not any(
        (isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.Global) and name in node.names)
        for file in code.files.values()
        if name in file.file.text
        for node in (ast.walk(file.file.tree) if file.file.tree is not None else ())
    )  # fmt: skip


def _because(name: str, test: ast.expr, value: bool) -> str:
    text = ast.unparse(test)
    always = f"`{text}` is always {value}"
    return f"{always}, for {name} is a constant that nothing sets anew" if name else always


def _inner(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        body = getattr(node, field, None)
        if isinstance(body, list):
            yield body
    for case in getattr(node, "cases", ()):
        yield case.body


def _kept_on_purpose(after: Sequence[ast.stmt]) -> bool:
    """True for a ``yield`` that makes a generator, a text, and a line that says it cannot be."""
    first = after[0]
    if isinstance(first, ast.Expr):
        return isinstance(first.value, (ast.Yield, ast.YieldFrom, ast.Constant, ast.Await))
    if isinstance(first, (ast.Pass, ast.Assert, ast.Raise, *DEFINITIONS)):
        return True
    return isinstance(first, _EXITS) and len(after) == 1
