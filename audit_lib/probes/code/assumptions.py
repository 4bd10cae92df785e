"""Places that choose a version of a model: by id, by a role, by default, or by what is left.

Read from the syntax alone: a name that speaks of versions, and what is bound to it.
"""

import ast
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.model import Location
from audit_lib.probes.code.calls import defaults
from audit_lib.subject.units import FileUnits, Unit
from audit_lib.subject.uses import dotted, targets_of

_ABOUT = re.compile(r"version|checkpoint|model_?(id|tag|alias)|(^|_)(alias|stage)$", re.IGNORECASE)
_ROLES = {"latest": "latest", "newest": "latest", "champion": "champion", "production": "champion"}
_NAMED = re.compile(r"(^|[_.])(latest|newest|champion)(_|$)")
_ALONE = re.compile(r"(get_)?(latest|newest|champion)(_model|_dir)?$")
_LISTS = re.compile(r"glob|iterdir|listdir|scandir")
_PATTERN = re.compile(r"glob\(f?['\"]([^'\"]*)['\"]")
_TIMES = re.compile(r"stat\(|mtime|ctime")
_SORTS = re.compile(r"sort|revers|max|min")


@dataclass(frozen=True)
class Shelf:
    """What tells a folder of versions from other folders.

    Attributes:
        words: names under which the code speaks of the store.
        ids: versions that it holds.
        metadata: name of the file that each of them has.
    """

    words: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    metadata: str = ""

    def holds(self, text: str) -> bool:
        """True where a listing speaks of versions, by its words or by what its pattern finds."""
        parts = [p for found in _PATTERN.findall(text) for p in found.split("/")]
        if any(p.strip("*") and any(fnmatch.fnmatchcase(v, p) for v in self.ids) for p in parts):
            return True
        if _ABOUT.search(text) or self.metadata in parts:
            return True
        names = {w.lower() for w in re.findall(r"[A-Za-z]+", _PATTERN.sub("", text))}
        return not any("." in p for p in parts) and not names.isdisjoint({"registry", *self.words})


@dataclass(frozen=True)
class Choice:
    """One place at which a version is chosen.

    Attributes:
        location: where.
        how: ``default``, ``asked for``, ``fall-back``, ``by place`` (of a registry's rows) or
            ``on disk`` (of a listing).
        role: ``latest`` or ``champion``; for ``by place`` which end: ``first`` or ``last``.
        text: the source, shortened.
    """

    location: Location
    how: str
    role: str
    text: str


def choices(file: FileUnits, rows: str, shelf: Shelf) -> Iterator[Choice]:
    """Every choice of a version in one file.

    Args:
        rows: the key under which the registry file holds its rows; '' where it is no file.
        shelf: what the store is known by.
    """
    for unit in file.units:
        if unit.node is None:
            continue
        handlers = {
            id(n)
            for node in ast.walk(unit.node)
            if isinstance(node, ast.Try) and _ABOUT.search("; ".join(map(_text, node.body)))
            for handler in node.handlers
            for n in ast.walk(handler)
        }
        for node in _own(unit):
            for how, role in _bound(node):
                way = "fall-back" if id(node) in handlers else how
                yield _choice(unit, node, way, role)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                named = _NAMED.search(node.attr)
                if named and (_ABOUT.search(node.attr) or _ALONE.match(node.attr)):
                    how = "fall-back" if id(node) in handlers else "asked for"
                    yield _choice(unit, node, how, _ROLES[named[2]])
        yield from _by_place(unit, rows, shelf)


def _bound(node: ast.AST) -> Iterator[tuple[str, str]]:
    """How and which role, for each text of a role that is bound to a name about versions."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        left_out = defaults(node)
        yield from (("default", r) for a, v in left_out if (r := _role(v)) and _ABOUT.search(a.arg))
    elif isinstance(node, (ast.AnnAssign, ast.Assign)):
        how = "default" if isinstance(node, ast.AnnAssign) else "asked for"
        if (role := _role(node.value)) and any(_ABOUT.search(t) for t in _targets(node)):
            yield how, role
    elif isinstance(node, ast.Call):
        yield from _called(node)
    elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        before = [_text(v) for v in node.values[:-1]]
        role = _role(node.values[-1])
        if role and any(_ABOUT.search(t) or _NAMED.search(t) for t in before):
            yield "fall-back" if any(_NAMED.search(t) for t in before) else "default", role


def _called(node: ast.Call) -> Iterator[tuple[str, str]]:
    name = dotted(node.func)
    texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
    if name.endswith(("add_argument", "option", "Option", "get", "getenv")):
        about = any(isinstance(t, str) and _ABOUT.search(t) for t in texts[:2])
        values = [*node.args[1:], *(k.value for k in node.keywords if k.arg == "default")]
        yield from (("default", r) for v in values if about and (r := _role(v)))
        return
    given = [k.value for k in node.keywords if k.arg and _ABOUT.search(k.arg)]
    if _ABOUT.search(name) or re.search(r"load|resolve", name):
        given += node.args
    yield from (("asked for", r) for v in given if (r := _role(v)))


def _by_place(unit: Unit, rows: str, shelf: Shelf) -> Iterator[Choice]:
    """One end of a registry's rows, or of a listing, taken for the newest."""
    held: dict[str, str] = {}

    def how(node: ast.AST) -> str:
        text = _text(node)
        if isinstance(node, ast.GeneratorExp | ast.ListComp) and _TIMES.search(_text(node.elt)):
            return ""  # how old it is, not which
        if any(held.get(dotted(n)) == "on disk" for n in ast.walk(node)):
            return "on disk"
        known = _LISTS.search(text) and shelf.holds(text)
        return held.get(dotted(node), "") or ("on disk" if known else "")

    for node in sorted(_own(unit), key=lambda n: getattr(n, "lineno", 0)):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            text, targets = _text(node.value), _targets(node)
            if _LISTS.search(text) and shelf.holds(text) and _is_listing(node.value):
                held.update(dict.fromkeys(filter(None, targets), "on disk"))
            elif _SORTS.search(text) and not _LISTS.search(text):
                held.update(dict.fromkeys(targets, ""))  # in an order of its own
            elif rows and re.search(rf"['\"]{re.escape(rows)}['\"]", text):
                held.update(dict.fromkeys(targets, "by place"))
        elif isinstance(node, ast.Call) and _SORTS.search(dotted(node.func).rpartition(".")[2]):
            kept = dotted(node.func).rpartition(".")[0]
            if held.get(kept) != "on disk":
                held.pop(kept, None)
    for node in _own(unit):
        end = _end_of(node)
        if end and (told := how(end[1])) and (told == "on disk" or isinstance(node, ast.Subscript)):
            yield _choice(unit, node, told, end[0])


def _is_listing(node: ast.AST) -> bool:
    """True for what lists files, or puts what does in order."""
    called = dotted(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    whole = called in ("sorted", "list", "tuple", "reversed") or _LISTS.fullmatch(
        called.lstrip("r")
    )
    return bool(whole) or isinstance(node, ast.ListComp | ast.SetComp)


def _end_of(node: ast.AST) -> tuple[str, ast.AST] | None:
    """Which end of what a node takes: a subscript, ``max`` and ``min``, ``pop``, ``next``."""
    match node:
        case ast.Subscript(value=held, slice=index) if end := _end(index):
            return end, held
        case ast.Call(func=ast.Name("max" | "min" as of), args=[held]):
            return "last" if of == "max" else "first", held
        case ast.Call(func=ast.Attribute(held, "pop"), args=[] | [ast.Constant(0)]):
            return "first" if node.args else "last", held
        case ast.Call(func=ast.Name("next"), args=[held, *_]) if _SORTS.search(_text(held)):
            return "first", held
    return None


def _own(unit: Unit) -> Iterator[ast.AST]:
    """Nodes of a unit without those of functions and classes inside of it, itself among them."""
    assert unit.node is not None
    waiting: list[ast.AST] = [unit.node]
    while waiting:
        node = waiting.pop()
        yield node
        inner = ast.iter_child_nodes(node)
        scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        waiting += [n for n in inner if not isinstance(n, scopes)]


def _role(node: ast.AST | None) -> str:
    held = node.value if isinstance(node, ast.Constant) else None
    return _ROLES.get(held.lower(), "") if isinstance(held, str) else ""


def _end(node: ast.AST) -> str:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return "last" if isinstance(node.operand, ast.Constant) and node.operand.value == 1 else ""
    return "first" if isinstance(node, ast.Constant) and node.value == 0 else ""


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    return [dotted(t) for t in targets_of(node)]


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _choice(unit: Unit, node: ast.AST, how: str, role: str) -> Choice:
    line = getattr(node, "lineno", 1)
    text = (
        _text(node) if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else node.name
    )
    return Choice(Location(unit.path, line=line, symbol=unit.name), how, role, text[:80])
