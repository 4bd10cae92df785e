"""How many values a function returns, and how many its callers unpack."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.probes.code.calls import own_nodes
from audit_lib.probes.code.signatures import decorators
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.references import References
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

#: Decorators under which a function returns what it returns.
_TRANSPARENT = frozenset(
    {"staticmethod", "classmethod", "lru_cache", "cache", "override", "final", "no_type_check",
     "njit", "jit", "wraps"}
)  # fmt: skip
_DEEP = 3


@dataclass(frozen=True)
class Unpacked:
    """A call whose answer is taken apart.

    Attributes:
        call: the call.
        wanted: how many values are taken.
        exact: that many and no more; else at least that many.
    """

    call: ast.Call
    wanted: int
    exact: bool


def unpacked(unit: Unit) -> Iterator[Unpacked]:
    """Calls in a unit whose answer is unpacked, or indexed by a constant."""
    call_of = _single_assignments(unit)
    for node in _own(unit):
        if isinstance(node, ast.Assign):
            call = _call(node.value, call_of)
            for target in node.targets if call is not None else ():
                if isinstance(target, (ast.Tuple, ast.List)) and call is not None:
                    starred = sum(isinstance(e, ast.Starred) for e in target.elts)
                    yield Unpacked(call, len(target.elts) - starred, not starred)
        elif isinstance(node, ast.Subscript) and (call := _call(node.value, call_of)) is not None:
            index = node.slice
            if isinstance(index, ast.Constant) and isinstance(index.value, int) and index.value > 0:
                yield Unpacked(call, index.value + 1, exact=False)


def arities(references: References, unit: Unit, depth: int = 0) -> dict[int, int] | None:
    """Number of values returned to the line of such a return; None where the text does not tell."""
    node = unit.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or depth > _DEEP:
        return None
    if "#" in unit.name or references.unit(unit.path, f"{unit.name}#2") is not None:
        return None
    if not _TRANSPARENT.issuperset(decorators(node)):
        return None
    lines: dict[int, int] = {}
    for part in _own(unit):
        if isinstance(part, (ast.Yield, ast.YieldFrom)):
            return None
        if isinstance(part, ast.Return):
            counted = _count(references, unit, part, depth)
            if counted is None:
                return None
            for count, line in counted.items():
                lines.setdefault(count, line)
    return lines or None


def _count(
    references: References, unit: Unit, node: ast.Return, depth: int
) -> dict[int, int] | None:
    value = node.value
    if isinstance(value, ast.Tuple):
        return None if any(isinstance(e, ast.Starred) for e in value.elts) else {
            len(value.elts): node.lineno}  # fmt: skip
    if isinstance(value, ast.Call):
        target = reached(references, unit, value)
        inner = arities(references, target, depth + 1) if target is not None else None
        same = target is not None and isinstance(target.node, type(unit.node))
        return dict.fromkeys(inner, node.lineno) if inner and same else None
    return None


def reached(references: References, unit: Unit, call: ast.Call) -> Unit | None:
    """The function that a call reaches for certain."""
    text = dotted(call.func)
    thing = references.chain(unit, text) if text and text.count(".") < 4 else None
    if thing is None or thing.unit is None or thing.instance or thing.unit is unit:
        return None
    return thing.unit if isinstance(thing.unit.node, DEFINITIONS) else None


def _own(unit: Unit) -> Iterator[ast.AST]:
    body = unit.node.body if unit.node is not None else ()
    return own_nodes(body, but=(*DEFINITIONS, ast.Lambda))


def _single_assignments(unit: Unit) -> dict[str, ast.expr]:
    """Locals that are assigned once, to what."""
    bound: Counter[str] = Counter()
    values: dict[str, ast.expr] = {}
    for node in _own(unit):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound[node.id] += 1
        elif isinstance(node, ast.Assign):
            values.update((t.id, node.value) for t in node.targets if isinstance(t, ast.Name))
    return {name: value for name, value in values.items() if bound[name] == 1}


def _call(node: ast.expr, call_of: dict[str, ast.expr]) -> ast.Call | None:
    """The call that makes a value: itself, awaited, or kept in a local that is assigned once."""
    if isinstance(node, ast.Name):
        node = call_of.get(node.id, node)
    if isinstance(node, ast.Await):
        node = node.value
    return node if isinstance(node, ast.Call) else None
