"""Mappings that stand under a key of another: which keys they are made with, and which are read.

They are known by the key that they stand under, wherever they went in between: a store that
merges files, a reader that knows no names.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.model import Location
from audit_lib.probes.code.surroundings import is_aside, symbol_at
from audit_lib.subject.code import Code
from audit_lib.subject.uses import dotted

KNOWN = 2
"""keys of a mapping that a reader shares with those who make it, for the two to be one"""


@dataclass(frozen=True)
class Unmade:
    """A key that is read off a mapping and that nobody who makes it gives it."""

    above: str
    key: str
    required: bool
    location: Location
    made: tuple[str, ...]


def unmade(code: Code) -> Iterator[Unmade]:
    """Keys that readers of a nested mapping ask for beside others, and no maker has."""
    made: dict[str, set[str]] = defaultdict(set)
    unknown = set[str]()
    reads: dict[tuple[str, str, str, str], dict[str, ast.expr]] = defaultdict(dict)
    for path in sorted(code.connected):
        tree = code.tree.by_path[path].tree
        if tree is None or is_aside(path):
            continue
        nodes = list(ast.walk(tree))
        bound = _bound(nodes)
        for node in nodes:
            for above, value in _standing(node):
                keys = _keys(value, bound)
                made[above] |= keys or set()
                unknown |= {above} if keys is None else set()
            read = _read(node)
            if read is not None and isinstance(node, ast.expr):
                holder, above, key, stored = read
                made[above] |= {key} if stored else set()
                if not stored:
                    place = (path, symbol_at(code, path, node.lineno) or "", ast.unparse(holder))
                    reads[*place, above].setdefault(key, node)
    for (path, symbol, _, above), asked in reads.items():
        if above in unknown or len(asked.keys() & made[above]) < KNOWN:
            continue
        given = tuple(sorted(made[above]))
        for key in sorted(asked.keys() - made[above]):
            where = Location(path, line=asked[key].lineno, symbol=symbol)
            yield Unmade(above, key, isinstance(asked[key], ast.Subscript), where, given)


def _standing(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What is put under a key, or a keyword of that name."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if (name := _text(key)) is not None:
                yield name, value
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            name = _text(target.slice) if isinstance(target, ast.Subscript) else None
            if name is not None:
                yield name, node.value
    elif isinstance(node, ast.Call):
        yield from ((k.arg, k.value) for k in node.keywords if k.arg)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Subscript):
            name = _text(node.func.value.slice)
            if name is not None and node.func.attr in ("update", "setdefault"):
                yield name, node.func  # grows in a way that is not followed


def _bound(nodes: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """What the names of a file are assigned."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found[target.id].append(node.value)
    return found


def _keys(value: ast.expr, bound: dict[str, list[ast.expr]]) -> set[str] | None:
    """Keys of a mapping that is written out, none of an object; None where nobody knows."""
    if isinstance(value, ast.Name) and bound.get(value.id):
        parts = [_keys(v, {}) for v in bound[value.id]]
        return None if None in parts else {key for part in parts for key in part or ()}
    if isinstance(value, ast.Call) and any(p[:1].isupper() for p in dotted(value.func).split(".")):
        return set()  # a class makes it
    if isinstance(value, (ast.Constant, ast.List, ast.Tuple, ast.JoinedStr)):
        return set()
    if not isinstance(value, ast.Dict):
        return None
    keys = [_text(key) for key in value.keys]
    return None if None in keys else {str(key) for key in keys}


def _read(node: ast.AST) -> tuple[ast.expr, str, str, bool] | None:
    """Holder, key above, key, and whether it is set: ``x["a"]["b"]``, ``x["a"].get("b")``."""
    if isinstance(node, ast.Subscript):
        below, key, stored = node.value, _text(node.slice), not isinstance(node.ctx, ast.Load)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr != "get":
            return None
        below, key, stored = node.func.value, _text(node.args[0]), False
    else:
        return None
    above = _text(below.slice) if isinstance(below, ast.Subscript) else None
    if key is None or above is None or not isinstance(below, ast.Subscript):
        return None
    return below.value, above, key, stored


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
