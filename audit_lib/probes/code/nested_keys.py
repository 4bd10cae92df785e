"""Mappings that stand under a key of another, or are handed to a function: keys made and read.

The first are known by the key that they stand under, wherever they went in between: a store that
merges files, a reader that knows no names.  The others are spelt out by the caller.
"""

import ast
import difflib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.model import Location
from audit_lib.probes.code.calls import bound, own_nodes, text
from audit_lib.probes.code.keyflow.calls import BLIND, SAME, WALKS, Calls
from audit_lib.probes.code.surroundings import is_aside, symbol_at
from audit_lib.subject.code import Code
from audit_lib.subject.units import Unit
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
    keys_made: dict[str, set[str]] = defaultdict(set)
    unknown = set[str]()
    reads: dict[tuple[str, str, str, str], dict[str, ast.expr]] = defaultdict(dict)
    for path in sorted(code.connected):
        tree = code.tree.by_path[path].tree
        if tree is None or is_aside(path):
            continue
        nodes = list(ast.walk(tree))
        bound, grown = _bound(nodes), _grown(nodes)
        times = Counter(n.id for n in nodes if isinstance(n, ast.Name) and not _loaded(n))
        times.update(n.arg for n in nodes if isinstance(n, ast.arg))
        named = {n: values for n, values in bound.items() if times[n] == 1}
        for node in nodes:
            for above, value in _standing(node):
                keys = _keys(value, bound)
                more = grown.get(dotted(value), set())
                keys = None if keys is None or None in more else keys | {str(k) for k in more}
                keys_made[above] |= keys or set()
                unknown |= {above} if keys is None else set()
            read = _read(node) or _read_of_name(node, named)
            if read is not None and isinstance(node, ast.expr):
                holder, above, key, stored = read
                keys_made[above] |= {key} if stored else set()
                if not stored:
                    place = (path, symbol_at(code, path, node.lineno) or "", ast.unparse(holder))
                    reads[*place, above].setdefault(key, node)
    shared = {spot: len(keys_read.keys() & keys_made[spot[3]]) for spot, keys_read in reads.items()}
    told = {spot[3] for spot, count in shared.items() if count >= KNOWN}
    for spot, keys_read in reads.items():
        path, symbol, _, above = spot
        if above in unknown or not shared[spot] or above not in told:
            continue
        given = tuple(sorted(keys_made[above]))
        for key in sorted(keys_read.keys() - keys_made[above]):
            where = Location(path, line=keys_read[key].lineno, symbol=symbol)
            yield Unmade(above, key, isinstance(keys_read[key], ast.Subscript), where, given)


def handed(code: Code) -> Iterator[Unmade]:
    """Keys that a function reads off a mapping under nearly the name that its caller gave one."""
    calls, reported = Calls(code), set[tuple[Location, str]]()
    for unit in (u for path in sorted(code.connected) for u in code.files[path].units):
        if is_aside(unit.path) or unit.node is None or "{" not in code.tree.by_path[unit.path].text:
            continue
        nodes = list(own_nodes(unit.node.body))
        spelt = {
            name: own[0]
            for name, own in _bound(nodes).items()
            if len(own) == 1 and isinstance(own[0], ast.Dict)
        }
        for call in (n for n in nodes if isinstance(n, ast.Call)):
            arguments = [*call.args, *(k.value for k in call.keywords)]
            if not any(isinstance(a, ast.Dict) or dotted(a) in spelt for a in arguments):
                continue
            target = calls.callee(unit, call)
            for name, argument in bound(target.node, call) if target is not None else ():
                display = spelt.get(dotted(argument), argument)
                own = _keys(display, {}) if isinstance(display, ast.Dict) else None
                if own and display is not argument:
                    own = _filled(nodes, dotted(argument), call, own)
                for miss in _misread(target, name, own) if target is not None and own else ():
                    if (miss.location, miss.key) not in reported:
                        reported.add((miss.location, miss.key))
                        yield miss


def _filled(nodes: list[ast.AST], name: str, but: ast.Call, keys: set[str]) -> set[str] | None:
    """Keys of a local mapping, with those that are put into it; None where others may fill it."""
    for node in nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            key = text(node.slice)
            if dotted(node.value) == name and key is None:
                return None
            keys = keys | {key} if dotted(node.value) == name and key is not None else keys
        elif isinstance(node, ast.Call) and node is not but and _may_fill(node, name):
            return None
    return keys


def _may_fill(call: ast.Call, name: str) -> bool:
    """True for a call that is given the mapping, or a method of it that may change it."""
    head, _, last = dotted(call.func).rpartition(".")
    if head == name:
        return last not in WALKS | {"get", "copy"}
    given = (*call.args, *(k.value for k in call.keywords if k.arg))
    return last not in BLIND | SAME and any(isinstance(a, ast.Name) and a.id == name for a in given)


def _misread(target: Unit, name: str, keys_made: set[str]) -> Iterator[Unmade]:
    """Keys that a function reads off a parameter, like one that it is given and never reads."""
    nodes = list(own_nodes(target.node.body)) if target.node is not None else []
    read: dict[str, ast.Subscript | ast.Call] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return  # another value by then
        if isinstance(node, ast.Compare) and dotted(node.comparators[0]) == name:
            return  # it asks what is there
        if isinstance(node, ast.Call) and _may_fill(node, name):
            return  # read, or filled, elsewhere
        if isinstance(node, ast.Subscript) and dotted(node.value) == name:
            read.setdefault(text(node.slice) or "", node)
        elif isinstance(node, ast.Call) and dotted(node.func) == f"{name}.get" and node.args:
            read.setdefault(text(node.args[0]) or "", node)
    for key in sorted(read.keys() - keys_made - {""}):
        if difflib.get_close_matches(key, keys_made - read.keys(), n=1, cutoff=0.75):
            where = Location(target.path, line=read[key].lineno, symbol=target.name)
            needed = isinstance(read[key], ast.Subscript)
            yield Unmade(name, key, needed, where, tuple(sorted(keys_made)))


def _standing(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What is put under a key, or a keyword of that name."""
    pairs: list[tuple[ast.expr | None, ast.expr]] = []
    if isinstance(node, ast.Dict):
        pairs = list(zip(node.keys, node.values, strict=True))
    elif isinstance(node, ast.Assign):
        pairs = [(t.slice, node.value) for t in node.targets if isinstance(t, ast.Subscript)]
    elif isinstance(node, ast.Call):
        yield from ((k.arg, k.value) for k in node.keywords if k.arg)
        match node.func:  # it grows in a way that is not followed
            case ast.Attribute(value=ast.Subscript(slice=key), attr="update" | "setdefault"):
                pairs = [(key, node.func)]
    yield from ((name, value) for key, value in pairs if (name := text(key)) is not None)


def _bound(nodes: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """What the names of a file are assigned."""
    values: dict[str, list[ast.expr]] = defaultdict(list)
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values[target.id].append(node.value)
    return values


def _grown(nodes: list[ast.AST]) -> dict[str, set[str | None]]:
    """Keys that are put into the names of a file; None among them where nobody knows which."""
    found: dict[str, set[str | None]] = defaultdict(set)
    for node in nodes:
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=key, ctx=ast.Store()):
                found[name].add(text(key))
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
    keys = [text(key) for key in value.keys]
    return None if None in keys else {str(key) for key in keys}


def _read(node: ast.AST) -> tuple[ast.expr, str, str, bool] | None:
    """Holder, key above, key, and whether it is set: ``x["a"]["b"]``, ``x["a"].get("b")``."""
    match node:
        case ast.Subscript(value=ast.Subscript() as below, slice=inner):
            stored = not isinstance(node.ctx, ast.Load)
        case ast.Call(func=ast.Attribute(ast.Subscript() as below, "get"), args=[inner, *_]):
            stored = False
        case _:
            return None
    above, key = text(below.slice), text(inner)
    return None if above is None or key is None else (below.value, above, key, stored)


def _loaded(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _read_of_name(
    node: ast.AST, bound: dict[str, list[ast.expr]]
) -> tuple[ast.expr, str, str, bool] | None:
    """The same where the mapping got a name of its own: ``card = x["a"]``, ``card["b"]``."""
    match node:
        case ast.Subscript(value=ast.Name(name), slice=inner):
            stored = not isinstance(node.ctx, ast.Load)
        case ast.Call(func=ast.Attribute(ast.Name(name), "get"), args=[inner, *_]):
            stored = False
        case _:
            return None
    match bound.get(name), text(inner):
        case [ast.Subscript(value=holder, slice=above)], str(key) if text(above) is not None:
            return holder, str(text(above)), key, stored
    return None
