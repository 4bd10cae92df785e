"""Whether code puts a value where one is missing, however it is spelt."""

import ast
import re

from audit_lib.probes.code.calls import argument, called, given, owner
from audit_lib.subject.uses import targets_of

_FILL = ("fillna", "fill_null", "fill_nan", "nan_to_num", "ffill", "bfill", "combine_first", "pad",
         "interpolate", "forward_fill", "backward_fill")  # fmt: skip
_CHOOSE = ("where", "mask", "putmask", "place", "copyto", "select", "if_else")
_ASKS = re.compile(r"is_?nan|(?:is|not)na\b|(?:is|not)_?null|isfinite")
_NONE = re.compile(r"\b(?:nan|NaN|NaT|NA|None|null)\b")


def fills_gaps(tree: ast.AST) -> bool:
    """True where a part of it fills what is missing: by name, by a choice, or in place.

    What turns a gap into another gap (``x.where(isfinite(x))``) fills none.
    """
    nodes = list(ast.walk(tree))
    masks = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and _asks(node.value, frozenset())
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return any(_fills(node, frozenset(masks)) for node in nodes)


def _fills(node: ast.AST, masks: frozenset[str]) -> bool:
    if isinstance(node, ast.Assign | ast.AugAssign):
        chosen = [t.slice for t in targets_of(node) if isinstance(t, ast.Subscript)]
        return any(_asks(one, masks) for one in chosen) and not _nothing(node.value)
    if isinstance(node, ast.IfExp):
        return _asks(node.test, masks) and not (_nothing(node.body) or _nothing(node.orelse))
    if not isinstance(node, ast.Call):
        return False
    name, inside = called(node) or "", given(node)
    if name in _FILL or "imput" in name.lower():
        return True
    value = argument(node, None, "fill_value")
    if value is not None and not _nothing(value):
        return True
    if name == "replace" and inside:
        keys = inside[0].keys if isinstance(inside[0], ast.Dict) else inside[:1]
        return any(k is not None and _nothing(k) for k in keys)
    asked = [n for n in (*inside, owner(node)) if n is not None and _asks(n, masks)]
    apart = [n for n in inside if n not in asked]
    return bool(name in _CHOOSE and asked and apart) and not any(map(_nothing, apart))


def _asks(node: ast.expr, masks: frozenset[str]) -> bool:
    """True for an expression that asks whether something is missing."""
    if isinstance(node, ast.Compare) and ast.dump(node.left) == ast.dump(node.comparators[0]):
        return True
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return bool(names & masks or _ASKS.search(ast.unparse(node)))


def _nothing(node: ast.expr) -> bool:
    """True for an expression that is a gap itself."""
    return _NONE.search(ast.unparse(node)) is not None and not isinstance(node, ast.Call)
