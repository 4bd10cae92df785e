"""Reading calls in syntax trees: what is called, on what, with which arguments."""

import ast
import re
from collections.abc import Iterable, Iterator

from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import Unit

DATES = re.compile(
    r"(^|[_.\W])(date|dates|datetime|day|days|time|timestamp|session|era)s?($|[_.\W])"
)
ASSETS = re.compile(
    r"(^|[_.\W])(asset|ticker|symbol|permno|instrument|stock|security|isin|sid|code|pair)s?($|[_.\W])"
)

CALENDAR = re.compile(
    r"(^|_)(day_?of_?(week|year)|weekday|week|month|quarter|year|hour|minute|is_month_end)$"
)


Function = ast.FunctionDef | ast.AsyncFunctionDef


def own_nodes(
    body: Iterable[ast.AST], *, but: tuple[type[ast.AST], ...] = DEFINITIONS
) -> Iterator[ast.AST]:
    """Nodes of a body, those in definitions inside it left out."""
    stack = list(body)
    while stack:
        node = stack.pop()
        if not isinstance(node, but):
            yield node
            stack.extend(ast.iter_child_nodes(node))


def own_calls(unit: Unit) -> Iterator[ast.Call]:
    """Calls in a unit, those in definitions inside it left out."""
    nodes = own_nodes(unit.node.body if unit.node is not None else ())
    return (node for node in nodes if isinstance(node, ast.Call))


def parameters(node: ast.AST | None, *, open_ones: bool = False) -> list[ast.arg]:
    """Parameters of a function, with ``*args`` and ``**kwargs`` where asked; none of others."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    a = node.args
    rest = [x for x in (a.vararg, a.kwarg) if x is not None] if open_ones else []
    return [*a.posonlyargs, *a.args, *a.kwonlyargs, *rest]


def parameter_names(node: ast.AST | None) -> list[str]:
    """Names of those parameters."""
    return [a.arg for a in parameters(node)]


def defaults(node: ast.AST | None) -> list[tuple[ast.arg, ast.expr]]:
    """Parameters that may be left out, with what they then are, in order."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    a = node.args
    placed = [*a.posonlyargs, *a.args]
    pairs = [*zip(placed[len(placed) - len(a.defaults) :], a.defaults, strict=True)]
    return pairs + [(k, d) for k, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d]


def bound(node: ast.AST | None, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """(parameter, argument) pairs of a call of a function; a leading ``self`` is not counted."""
    a = node.args if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
    placed = [x.arg for x in (*a.posonlyargs, *a.args)] if a is not None else []
    if placed[:1] in (["self"], ["cls"]):
        placed = placed[1:]
    for name, argument in zip(placed, call.args, strict=False):
        if not isinstance(argument, ast.Starred):
            yield name, argument
    yield from ((k.arg, k.value) for k in call.keywords if k.arg)


def called(node: ast.AST) -> str | None:
    """Last name of what a call calls; None for other nodes."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def argument(call: ast.Call, position: int | None, name: str) -> ast.expr | None:
    """An argument by name, or by position where one is given."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is not None and len(call.args) > position:
        return call.args[position]
    return None


def given(call: ast.Call) -> list[ast.expr]:
    """All arguments, named ones too."""
    return [*call.args, *(k.value for k in call.keywords)]


def text(node: ast.expr | None) -> str | None:
    """The text of a constant; None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts(nodes: Iterable[ast.expr]) -> list[str]:
    """The texts of those that are constants."""
    return [said for node in nodes if (said := text(node)) is not None]


def owner(call: ast.Call) -> ast.expr | None:
    """What a method is called on; None for a function."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def chain(call: ast.Call) -> list[ast.Call]:
    """Calls that a method call stands on: of ``x.groupby(k)["y"].rank()`` the ``groupby``."""
    calls: list[ast.Call] = []
    node: ast.expr | None = owner(call)
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Call):
            calls.append(node)
            node = owner(node)
        else:
            node = node.value
    return calls


def groups_of_a_date(call: ast.Call) -> bool:
    """True for a call on ``groupby`` of a key called a date."""
    return any(called(c) == "groupby" and _keys_match(c, DATES) for c in chain(call)[:1])


def across_time(call: ast.Call) -> bool:
    """True where a method sees all dates: of the whole, or of one asset's rows.

    Windows, groups by anything but the asset or the season, and ``axis=1`` see fewer.
    """
    axis = argument(call, None, "axis")
    if isinstance(axis, ast.Constant) and axis.value in (1, "columns"):
        return False
    for link in chain(call):
        name = called(link)
        if name in ("rolling", "expanding", "ewm", "resample"):
            return False
        whole = name == "groupby" and (_keys_match(link, ASSETS) or _keys_match(link, CALENDAR))
        if name == "groupby" and not (whole or _first_level(link)):
            return False
    return True


def _keys_match(call: ast.Call, names: re.Pattern[str]) -> bool:
    """True where a key is called so; ``index.date`` is computed, of times within a day."""
    keys = [
        k for a in given(call) for k in (a.elts if isinstance(a, (ast.List, ast.Tuple)) else [a])
    ]
    plain = [k.id if isinstance(k, ast.Name) else text(k) or "" for k in keys]
    if names is CALENDAR:  # and no other key: one season of all years
        spelt = [
            k.attr if isinstance(k, ast.Attribute) else p for k, p in zip(keys, plain, strict=True)
        ]
        return bool(keys) and all(names.search(name.lower()) for name in spelt)
    return any(names.search(n) for n in map(str.lower, plain) if not CALENDAR.search(n))


def _first_level(call: ast.Call) -> bool:
    level = argument(call, None, "level")
    return isinstance(level, ast.Constant) and level.value == 0
