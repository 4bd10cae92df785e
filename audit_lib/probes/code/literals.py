"""Numbers spelt out where a parameter or a field of that meaning is at hand.

``def sharpe(r, periods_per_year=252)`` that multiplies by ``sqrt(252)``; a class that keeps
``horizon`` and shifts by 10; a call that passes ``horizon=10`` inside a function that was given a
horizon.  Each works until somebody sets the parameter.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from re import Pattern

from audit_lib.probes.code.calls import Function, bound, defaults, parameter_names
from audit_lib.probes.code.constants import number_written
from audit_lib.probes.code.keyflow.calls import Calls
from audit_lib.probes.code.settings import constants
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

_DIGITS = 3
"""of a number that hardly anybody spells for another reason"""
_PLAIN = 4
"""whole numbers up to this are spelt for many reasons"""
_UNITS = frozenset({10, 24, 60, 100, 365, 1000, 3600, 10_000, 86_400, 1_000_000})


@dataclass(frozen=True)
class Literal:
    """A number in the place of a setting.

    Attributes:
        unit, line: where it is spelt.
        value: the number.
        name: the parameter or field that is at hand.
        why: what tells that it should be used, in words.
        sure: False where only the number tells.
    """

    unit: Unit
    line: int
    value: float
    name: str
    why: str
    sure: bool = True


def literals(code: Code, named: Pattern[str]) -> Iterator[Literal]:
    """Numbers in the place of settings whose name matches, one a function and name."""
    calls = Calls(code)
    for path in sorted(code.connected):
        for unit in code.files[path].units if path in code.files and not is_aside(path) else ():
            if not isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            seen: set[str] = set()
            for literal in (*_own(unit, named), *_passed(calls, unit, named)):
                if literal.name not in seen:
                    seen.add(literal.name)
                    yield literal
        yield from _of_classes(code, path, named)


def of_constants(code: Code, named: Pattern[str]) -> Iterator[Literal]:
    """Numbers of several digits that another module names, and others import from there."""
    constant_of: dict[float, tuple[str, str]] = {}
    for name, places in constants(code).items():
        value, home = places[0].value, places[0].location.path
        if not isinstance(value, (int, float)) or len(f"{value:g}".strip("0.")) < _DIGITS:
            continue
        if len(places) == 1 and named.search(name) and _imported(code, home, name):
            constant_of[float(value)] = (name, home)
    for path in sorted(code.connected) if constant_of else ():
        reported: set[float] = set()
        for unit in code.files[path].units if path in code.files and not is_aside(path) else ():
            if not isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            for number in _numbers(unit.node):
                value = number_written(number) or 0.0
                name, home = constant_of.get(value, ("", path))
                if home != path and value not in reported and _telling(value):
                    reported.add(value)
                    yield Literal(unit, number.lineno, value, name, f"{home} names it", False)


def _imported(code: Code, home: str, name: str) -> bool:
    """Whether another module takes the constant from where it stands."""
    return any(
        isinstance(i.node, ast.ImportFrom)
        and i.path != home
        and name in {a.name for a in i.node.names}
        for i in code.imports.imports
    )


def _own(unit: Unit, named: Pattern[str]) -> Iterator[Literal]:
    """A function that spells the default of its own parameter again."""
    assert isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    for name, value in _defaults(unit.node).items():
        if named.search(name) and _telling(value):
            line = next((n.lineno for n in _numbers(unit.node) if n.value == value), 0)
            if line and name not in _assigned(unit.node):
                yield Literal(unit, line, value, name, f"its parameter {name} is {value:g} too")


def _passed(calls: Calls, unit: Unit, named: Pattern[str]) -> Iterator[Literal]:
    """A call that passes a number for what the calling function was given itself."""
    assert isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    own = set(parameter_names(unit.node))
    for node in calls.own(unit):
        target = calls.callee(unit, node) if isinstance(node, ast.Call) else None
        if target is None or not isinstance(target.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        assert isinstance(node, ast.Call)
        for name, argument in bound(target.node, node):
            value = number_written(argument)
            at_hand = name in own and named.search(name) and target is not unit
            if at_hand and value is not None and value not in (0, 1):
                why = f"{target.name} takes {name}, and so does {unit.name}"
                yield Literal(unit, node.lineno, value, name, why)


def _of_classes(code: Code, path: str, named: Pattern[str]) -> Iterator[Literal]:
    """A method that spells what another method of the class takes from a field."""
    for cls in code.files[path].units if path in code.files and not is_aside(path) else ():
        if not isinstance(cls.node, ast.ClassDef):
            continue
        fields = {n: v for n, v in _fields(cls.node).items() if named.search(n) and _telling(v)}
        roles: dict[tuple[str, str], set[str]] = defaultdict(set)
        spelt: list[tuple[tuple[str, str], float, int, str]] = []
        for method in cls.node.body if fields else ():
            if isinstance(method, DEFINITIONS):
                for role, argument, line in _roles(method):
                    text = dotted(argument)
                    value = number_written(argument)
                    if text.startswith("self.") and text[5:] in fields:
                        roles[role].add(text[5:])
                    elif value is not None:
                        spelt.append((role, abs(value), line, method.name))
        reported: set[tuple[str, str]] = set()
        for role, value, line, method_name in spelt:
            for name in sorted(n for n in roles[role] if fields[n] == value):
                unit = code.references.unit(path, f"{cls.name}.{method_name}")
                if unit is not None and (method_name, name) not in reported:
                    reported.add((method_name, name))
                    why = f"{role[0]} takes self.{name} elsewhere in {cls.name}"
                    yield Literal(unit, line, value, name, why)


def _roles(method: ast.AST) -> Iterator[tuple[tuple[str, str], ast.expr, int]]:
    """((what is called, which argument), argument without its sign, line) of a method's calls."""
    for node in ast.walk(method):
        if isinstance(node, ast.Call):
            name = dotted(node.func).rpartition(".")[2] or getattr(node.func, "attr", "")
            for place, value in [*enumerate(node.args), *((k.arg, k.value) for k in node.keywords)]:
                plain = value.operand if isinstance(value, ast.UnaryOp) else value
                yield (name, str(place)), plain, node.lineno


def _fields(node: ast.ClassDef) -> dict[str, float]:
    """Fields with the number that they have by default."""
    values: dict[str, float] = {}
    for part in node.body:
        if isinstance(part, (ast.AnnAssign, ast.Assign)):
            target = part.target if isinstance(part, ast.AnnAssign) else part.targets[0]
            value = number_written(part.value)
            if isinstance(target, ast.Name) and value is not None:
                values[target.id] = value
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            given = _defaults(part)
            for inner in ast.walk(part):
                if isinstance(inner, ast.Assign) and dotted(inner.targets[0]).startswith("self."):
                    name = dotted(inner.targets[0])[5:]
                    value = given.get(dotted(inner.value), number_written(inner.value))
                    if value is not None:
                        values[name] = value
    return values


def _defaults(node: Function) -> dict[str, float]:
    return {a.arg: v for a, d in defaults(node) if (v := number_written(d)) is not None}


def _assigned(node: Function) -> set[str]:
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _numbers(node: Function) -> Iterator[ast.Constant]:
    """Numbers in calls and arithmetic of a body, definitions in it left out."""
    stack: list[ast.AST] = list(node.body)
    while stack:
        part = stack.pop(0)
        if isinstance(part, (*DEFINITIONS, ast.Compare, ast.Subscript)):
            continue
        inner = list(ast.iter_child_nodes(part))
        if isinstance(part, ast.Assign):  # what is called by its number: ``return_5d``
            digits = set(re.findall(r"\d+", ast.unparse(part.targets[0])))
            inner = [] if digits & set(re.findall(r"\d+", ast.unparse(part.value))) else inner
        if isinstance(part, (ast.BinOp, ast.Call)):
            yield from (
                c for c in inner if isinstance(c, ast.Constant) and number_written(c) is not None
            )
        if isinstance(part, ast.keyword) and isinstance(part.value, ast.Constant):
            yield from [part.value] if number_written(part.value) is not None else []
        stack += inner


def _telling(value: float) -> bool:
    """True for a number that is not spelt by chance, nor to change a unit."""
    whole = value > _PLAIN and value not in _UNITS
    return whole or (0 < value < 1 and value not in (0.5, 0.1, 0.25) and 1 / value not in _UNITS)
