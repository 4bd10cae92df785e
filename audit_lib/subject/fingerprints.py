"""What a unit of source is, apart from how it is written down.

A fingerprint is a digest of the normalised syntax tree: white space, comments, docstrings, line
numbers, quoting and the file's place do not enter; names, decorators, defaults, annotations and
every statement do.  The *whole* fingerprint of a unit also covers what it depends on within the
subsystem, directly or through others, so a certification falls when that changes.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from audit_lib.subject.code import Code, reachable
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import MODULE, Unit
from audit_lib.subject.uses import docstring_of

_IGNORED = frozenset({"ctx", "type_comment", "kind", "type_ignores"})


@dataclass(frozen=True)
class Fingerprint:
    """What a unit is.

    Attributes:
        key: ``path::name`` of the unit.
        body: digest of the unit alone.
        whole: digest of the unit and what it depends on within the subsystem.
        parts: short digest of every statement, in source order.
        lines: line of every part.
    """

    key: str
    body: str
    whole: str
    parts: tuple[str, ...]
    lines: tuple[int, ...]


def fingerprints(code: Code) -> dict[str, Fingerprint]:
    """Fingerprints of the units of the subsystem, by key; unparsable files have none."""
    return code.once("fingerprints", lambda: _fingerprints(code))


def _fingerprints(code: Code) -> dict[str, Fingerprint]:
    units = {u.key: u for f in code.subsystem for u in f.units if u.node is not None}
    bodies = {key: _digest(_tokens(_own(unit))) for key, unit in units.items()}
    direct = {key: _depends_on(code, unit, units) for key, unit in units.items()}
    edges = {key: keys for key, (keys, _) in direct.items()}
    prints = {}
    for key, unit in units.items():
        reached = reachable([key], edges)
        constants = {constant for k in reached for constant in direct[k][1]}
        inner = sorted(bodies[k] for k in reached if k != key)
        whole = _digest([bodies[key], *inner, *sorted(_constant(code, c) for c in constants)])
        statements = _statements(unit)
        parts = tuple(_digest(_tokens([s]))[:8] for s in statements)
        prints[key] = Fingerprint(
            key, bodies[key], whole, parts, tuple(s.lineno for s in statements)
        )
    return prints


def _digest(texts: Iterable[str]) -> str:
    """Digest of texts, 32 hex digits."""
    joined = "\x1f".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:32]


def _tokens(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """A tree as a flat sequence; without recursion, since source may be nested deep."""
    stack: list[object] = list(reversed(nodes))
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, ast.Constant):
            yield _shown(item.value)
        elif isinstance(item, ast.AST):
            yield "(" + type(item).__name__
            stack.append(")")
            for name, value in reversed(list(ast.iter_fields(item))):
                if name in _IGNORED or value is None or value == []:
                    continue
                bodied = name == "body" and isinstance(item, (*DEFINITIONS, ast.Module))
                stack.append(_without_docstring(value) if bodied else value)
                stack.append(name + "=")
        elif isinstance(item, list):
            yield "["
            stack.append("]")
            stack.extend(reversed(item))
        else:
            yield _shown(item)


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"int:{value:x}"
    return f"{type(value).__name__}:{value!r}"


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    return body if docstring_of(body) is None else body[1:]


def _own(unit: Unit) -> list[ast.AST]:
    """What stands for a unit: a function whole, a class or module without its definitions."""
    node = unit.node
    assert node is not None
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node]
    rest = [s for s in _without_docstring(node.body) if not isinstance(s, DEFINITIONS)]
    if isinstance(node, ast.ClassDef):
        head: list[ast.AST] = [*node.decorator_list, *node.bases, *node.keywords]
        return [ast.Name(node.name, ast.Load()), *head, *rest]
    return [*rest]


def _statements(unit: Unit) -> list[ast.stmt]:
    """Simple statements and heads of a unit, nested definitions left out."""
    node = unit.node
    assert node is not None
    statements: list[ast.stmt] = []
    stack: list[ast.AST] = list(reversed(_without_docstring(node.body)))
    while stack:
        item = stack.pop()
        if isinstance(item, DEFINITIONS):
            continue
        inner = [
            child
            for child in ast.iter_child_nodes(item)
            if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case))
        ]
        if isinstance(item, ast.stmt):
            statements.append(_head(item) if inner else item)
        stack.extend(reversed(inner))
    return statements


def _head(node: ast.stmt) -> ast.stmt:
    """A compound statement without its blocks."""
    fields = {
        name: [] if name in ("body", "orelse", "finalbody", "handlers", "cases") else value
        for name, value in ast.iter_fields(node)
    }
    return ast.copy_location(type(node)(**fields), node)


Constant = tuple[str, str]


def _depends_on(code: Code, unit: Unit, units: dict[str, Unit]) -> tuple[set[str], set[Constant]]:
    references = code.references
    keys: set[str] = set()
    constants: set[Constant] = set()
    paths = {u.path for u in units.values()}
    for thing in references.things(unit):
        if thing.constant is not None and thing.constant[0] in paths:
            constants.add(thing.constant)
        if thing.unit is None:
            continue
        keys.add(thing.unit.key)
        if isinstance(thing.unit.node, ast.ClassDef):
            for name in ("__init__", "__post_init__", "__new__"):
                member = references.member(thing.unit, name)
                if member is not None:
                    keys.add(member.key)
    if unit.name == MODULE:  # a module's own statements; its definitions are units of their own
        constants = set()
    return keys & set(units), constants


def _constant(code: Code, constant: Constant) -> str:
    path, name = constant
    nodes = code.index.module(path).bindings.get(name, [])
    return _digest(_tokens([n for n in nodes if isinstance(n, ast.stmt)]))
