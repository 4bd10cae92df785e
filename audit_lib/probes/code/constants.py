"""Values of constants, worked out from the text: literals, other constants, plain arithmetic."""

import ast
import operator
from collections.abc import Callable
from typing import Any

from audit_lib.subject.modules import ModuleIndex
from audit_lib.subject.uses import targets_of

UNKNOWN = object()
_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_WRAPPERS = {"tuple": list, "list": list, "frozenset": list, "set": list, "float": float,
             "int": int}  # fmt: skip


def constant(index: ModuleIndex, path: str, name: str) -> Any:
    """Value of a module-level constant; tuples and sets as lists; :data:`UNKNOWN` if not plain."""
    return _constant(index, path, name, 0)


def class_defaults(index: ModuleIndex, path: str) -> dict[str, Any]:
    """Field name to default of the classes of a module, where only one class has the field."""
    values: dict[str, list[Any]] = {}
    tree = index.module(path).source.tree
    for node in tree.body if tree is not None else []:
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if not isinstance(statement, ast.AnnAssign) or statement.value is None:
                    continue
                if isinstance(statement.target, ast.Name):
                    value = _value(index, path, statement.value, 0)
                    values.setdefault(statement.target.id, []).append(value)
    return {k: v[0] for k, v in values.items() if len(v) == 1 and v[0] is not UNKNOWN}


def _constant(index: ModuleIndex, path: str, name: str, depth: int) -> Any:
    defined = index.definition(path, name) if depth < 20 else None
    if defined is None:
        return UNKNOWN
    where, node = defined
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        targets = targets_of(node)
        if len(targets) == 1 and isinstance(targets[0], ast.Name):
            return _value(index, where, node.value, depth + 1)
    return UNKNOWN


def _value(index: ModuleIndex, path: str, node: ast.expr, depth: int) -> Any:
    if isinstance(node, ast.Constant):
        return (
            node.value if isinstance(node.value, (str, int, float, bool, type(None))) else UNKNOWN
        )
    if isinstance(node, ast.Name):
        return _constant(index, path, node.id, depth)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        items = [_value(index, path, e, depth + 1) for e in node.elts]
        return UNKNOWN if any(i is UNKNOWN for i in items) else items
    if isinstance(node, ast.Dict):
        return _mapping(index, path, node, depth)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(index, path, node.operand, depth + 1)
        return -inner if isinstance(inner, (int, float)) else UNKNOWN
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        sides = [_value(index, path, side, depth + 1) for side in (node.left, node.right)]
        try:
            if all(isinstance(s, (int, float)) for s in sides):
                return _OPERATORS[type(node.op)](*sides)
        except (ArithmeticError, ValueError):
            pass
        return UNKNOWN
    return _wrapped(index, path, node, depth)


def _wrapped(index: ModuleIndex, path: str, node: ast.expr, depth: int) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        wrapper = _WRAPPERS.get(node.func.id)
        inner = _value(index, path, node.args[0], depth + 1)
        if wrapper is not None and not node.keywords and inner is not UNKNOWN:
            try:
                return wrapper(inner)
            except (TypeError, ValueError):
                return UNKNOWN
    return UNKNOWN


def _mapping(index: ModuleIndex, path: str, node: ast.Dict, depth: int) -> Any:
    pairs = {}
    for key, value in zip(node.keys, node.values, strict=True):
        name = _value(index, path, key, depth + 1) if key is not None else UNKNOWN
        inner = _value(index, path, value, depth + 1)
        if name is UNKNOWN or inner is UNKNOWN or isinstance(name, (list, dict)):
            return UNKNOWN
        pairs[str(name)] = inner
    return pairs


def number_written(node: ast.expr | None) -> float | None:
    """A number as it is written out, with its sign; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number_written(node.operand)
        return None if inner is None else -inner
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
