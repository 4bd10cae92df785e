"""Where values made of later rows go: from the call that makes them to the columns that hold them.

A small interpreter of assignments.  Every value carries the calls that it was made by; it passes
through names, fields, columns of one name, arguments and answers, over functions and methods.  What
moves rows forwards again, chooses rows, fits a model or only counts carries nothing on.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from audit_lib.probes.code.calls import bound, parameter_names, texts
from audit_lib.probes.code.keyflow.calls import BLIND, Calls
from audit_lib.probes.code.leaks.later_rows import moves_up
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted, targets_of

Origin = int | str
"""id of the node that reads later rows, or the name of a parameter"""
Values = frozenset[Origin]
Env = dict[str, Values]
NOTHING: Values = frozenset()
_ROUNDS, _DEEP, _MOST = 6, 8, 5000
"""runs of one function, calls within calls, runs in all"""
_READERS = 40
"""functions that may spell a column; one that more spell has a name too common to be followed"""
#: Attributes that say nothing of the values, and calls whose answer is no longer of these rows.
_ABOUT = frozenset({"index", "columns", "shape", "dtype", "dtypes", "name", "size", "empty"})
_ENDS = frozenset({"fit", "fit_transform", "train", "predict", "predict_proba", "score",
                   "join", "merge", "concat", "dropna", "notna", "isna", "drop"})  # fmt: skip
_BY_NAME = frozenset({"assign", "with_columns", "DataFrame", "dict", "mutate"})


@dataclass(frozen=True)
class Reached:
    """A column that a value made of later rows is put into, or a function that answers with it."""

    column: str
    path: str
    line: int
    answer: bool = False


@dataclass
class _Summary:
    """What a function answers with, and what it puts where."""

    returns: Values = NOTHING
    puts: dict[tuple[str, int], Values] = field(default_factory=dict)


class LaterFlow:
    """Follows values from their sources until nothing new is reached.

    Args:
        code: the static view.
        sources: nodes that read later rows, by id, with the unit in which each stands.
    """

    def __init__(self, code: Code, sources: Mapping[int, Unit]) -> None:
        self.calls, self.code, self.sources = Calls(code), code, sources
        self._summaries: dict[str, _Summary] = {}
        self._places: dict[str, set[Origin]] = defaultdict(set)
        self._columns: dict[int, set[Reached]] = defaultdict(set)
        self._runs: dict[str, int] = defaultdict(int)
        self._busy: set[str] = set()
        self._spelt: dict[str, frozenset[str]] = {}
        self._queue = list({unit.key: unit for unit in sources.values()}.values())
        while self._queue and sum(self._runs.values()) < _MOST:
            self._again(self._queue.pop(0))

    def reached(self, node: ast.AST) -> list[Reached]:
        """Columns that the value of a node is put into, in order of place."""
        return sorted(self._columns[id(node)], key=lambda r: (r.path, r.line, r.column))

    # --- units --------------------------------------------------------------------------------
    def _again(self, unit: Unit) -> None:
        """Run a unit, and queue what depends on what has changed."""
        if self._runs[unit.key] >= _ROUNDS:
            return
        before = self._summaries.get(unit.key, _Summary()).returns
        summary = self._run(unit)
        for (place, line), values in list(summary.puts.items()):
            self._put(unit, place, line, values)
        own = {} if unit.kind == "module" else {unit.name.rpartition(".")[2]: True}
        named = [*own.items(), *((name, False) for name in _registered(unit))]
        for origin in (v for v in summary.returns if isinstance(v, int)):
            self._columns[origin] |= {Reached(n, unit.path, unit.line, a) for n, a in named}
        if summary.returns != before:
            for key in self.code.references.sources.get(unit.key, ()):
                if key in self.calls.units:
                    self._queue.append(self.calls.units[key])

    def _run(self, unit: Unit) -> _Summary:
        self._runs[unit.key] += 1
        self._busy.add(unit.key)
        summary = self._summaries.setdefault(unit.key, _Summary())
        env: Env = {
            name: frozenset({name}) for name in parameter_names(unit.node) if name != "self"
        }
        _Run(self, unit, summary).block(unit.node.body if unit.node is not None else (), env)
        self._busy.discard(unit.key)
        return summary

    def summary(self, unit: Unit) -> _Summary:
        """What a unit does; run at the first request."""
        if unit.key not in self._summaries and len(self._busy) < _DEEP:
            self._run(unit)
        return self._summaries.get(unit.key, _Summary())

    # --- places -------------------------------------------------------------------------------
    def _put(self, unit: Unit, place: str, line: int, values: Values) -> None:
        """Note what is put into a column or a field, and queue the units that read it."""
        origins = {v for v in values if isinstance(v, int)}
        kind, _, name = place.partition(" ")
        if kind == "column":
            for origin in origins:
                self._columns[origin].add(Reached(name, unit.path, line))
        if origins <= self._places[place]:
            return
        word = name.rpartition(".")[2]
        readers = [
            u for _, u in self.calls.units_near(word) if u is not unit and word in self._words(u)
        ]
        if len(readers) <= _READERS:
            self._places[place] |= origins
            self._queue += [u for u in readers if self._runs[u.key] < _ROUNDS]

    def _words(self, unit: Unit) -> frozenset[str]:
        """Attributes and texts of a unit's own nodes."""
        if unit.key not in self._spelt:
            nodes = self.calls.own(unit)
            attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
            texts = (n.value for n in nodes if isinstance(n, ast.Constant))
            self._spelt[unit.key] = frozenset(attributes | {t for t in texts if isinstance(t, str)})
        return self._spelt[unit.key]

    def held(self, place: str) -> Values:
        """What a column or field holds of later rows."""
        return frozenset(self._places[place]) if place in self._places else NOTHING

    def field_of(self, unit: Unit, name: str) -> str:
        """The place of ``self.name`` in a method."""
        return f"field {unit.path}::{unit.name.rpartition('.')[0]}.{name}"


class _Run:
    """One pass over the statements of a unit."""

    def __init__(self, flow: LaterFlow, unit: Unit, summary: _Summary) -> None:
        self.flow, self.unit, self.summary = flow, unit, summary

    def block(self, statements: Iterable[ast.stmt], env: Env) -> None:
        """Run statements in order; branches are joined, loops run twice."""
        for statement in statements:
            if isinstance(statement, DEFINITIONS):
                continue
            inner = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
            inner += [h.body for h in getattr(statement, "handlers", [])]
            inner += [c.body for c in getattr(statement, "cases", [])]
            self._statement(statement, env)
            for _ in range(2 if isinstance(statement, (ast.For, ast.While)) else 1):
                for part in filter(None, inner):
                    branch = dict(env)
                    self.block(part, branch)
                    for name, values in branch.items():
                        env[name] = env.get(name, NOTHING) | values

    def _statement(self, statement: ast.stmt, env: Env) -> None:
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            value = self.of(statement.value, env)
            if id(statement) in self.flow.sources:
                value |= {id(statement)}
            if isinstance(statement, ast.AugAssign):
                value |= self.of(statement.target, env)
            for target in targets_of(statement):
                self._assign(target, value, env, statement.lineno)
        elif isinstance(statement, ast.Return):
            self.summary.returns |= self.of(statement.value, env)
        elif isinstance(statement, (ast.For, ast.AsyncFor)):
            value = self.of(statement.iter, env)
            self._assign(statement.target, value, env, statement.lineno)
        else:
            for child in ast.iter_child_nodes(statement):
                if isinstance(child, ast.expr):
                    values = self.of(child, env)
                    if isinstance(child, (ast.Yield, ast.YieldFrom)):
                        self.summary.returns |= values

    def _assign(self, target: ast.expr, value: Values, env: Env, line: int) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._assign(part, value, env, line)
        elif isinstance(target, ast.Name):
            env[target.id] = value
        elif isinstance(target, ast.Subscript):
            for name in _named(target.slice):
                self._note(f"column {name}", line, value)
            if not _named(target.slice) and isinstance(target.value, ast.Name):
                env[target.value.id] = env.get(target.value.id, NOTHING) | value
        elif isinstance(target, ast.Attribute) and dotted(target).startswith("self."):
            self._note(self.flow.field_of(self.unit, target.attr), line, value)

    def _note(self, place: str, line: int, value: Values) -> None:
        if value:
            before = self.summary.puts.get((place, line), NOTHING)
            self.summary.puts[place, line] = before | value

    # --- expressions --------------------------------------------------------------------------
    def of(self, node: ast.expr | None, env: Env) -> Values:
        """The calls that an expression's value was made by."""
        if node is None or isinstance(node, ast.Constant):
            return NOTHING
        if isinstance(node, ast.Lambda):  # what it answers with, wherever it is called
            own = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
            return self.of(node.body, {n: v for n, v in env.items() if n not in own})
        values = self._of(node, env)
        return values | {id(node)} if id(node) in self.flow.sources else values

    def _of(self, node: ast.expr, env: Env) -> Values:
        if isinstance(node, ast.Name):
            return env.get(node.id, NOTHING)
        if isinstance(node, ast.Attribute):
            if node.attr in _ABOUT:
                return NOTHING
            if dotted(node.value) == "self":
                return self.flow.held(self.flow.field_of(self.unit, node.attr))
            return self.of(node.value, env) | self.flow.held(f"column {node.attr}")
        if isinstance(node, ast.Subscript):
            held = [self.flow.held(f"column {name}") for name in _named(node.slice)]
            return self.of(node.value, env).union(*held)
        if isinstance(node, ast.Dict):
            self._by_name(zip(node.keys, node.values, strict=True), env, node.lineno)
            return NOTHING
        if isinstance(node, ast.Call):
            return self._call(node, env)
        parts = (c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr))
        return NOTHING.union(*(self.of(part, env) for part in parts))

    def _call(self, node: ast.Call, env: Env) -> Values:
        name = dotted(node.func).rpartition(".")[2] or getattr(node.func, "attr", "")
        if name in _BY_NAME:
            self._by_name(((k.arg, k.value) for k in node.keywords), env, node.lineno)
            return NOTHING.union(*(self.of(a, env) for a in node.args))
        on = node.func.value if isinstance(node.func, ast.Attribute) else None
        arguments = [*node.args, *(k.value for k in node.keywords)]
        given = {id(a): self.of(a, env) | self._answers(a, env) for a in arguments}
        target = self.flow.calls.callee(self.unit, node)
        if target is not None and isinstance(target.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self._enter(target, node, given)
        back = name in ("shift", "roll", "shift_and_fill") and moves_up(node) is False
        if name in _ENDS or name in BLIND or back:
            return NOTHING
        return self.of(on, env).union(*given.values())

    def _enter(self, target: Unit, node: ast.Call, given: Mapping[int, Values]) -> Values:
        """A call of the repository's own function: its parameters become what they are given."""
        summary = self.flow.summary(target)
        taken_in = {n: given.get(id(a), NOTHING) for n, a in bound(target.node, node)}
        for (place, _), values in list(summary.puts.items()):
            if taken := _filled(values, taken_in) - _filled(values, {}):
                self._note(place, node.lineno, taken)
        return _filled(summary.returns, taken_in)

    def _by_name(
        self, pairs: Iterable[tuple[ast.expr | str | None, ast.expr]], env: Env, line: int
    ) -> None:
        """Columns that are given by name: ``assign(x=...)``, ``{"x": ...}``."""
        for key, value in pairs:
            values = self.of(value, env) | self._answers(value, env)
            name = key.value if isinstance(key, ast.Constant) else key
            if isinstance(name, str):
                self._note(f"column {name}", line, values)

    def _answers(self, node: ast.expr, env: Env) -> Values:
        """What a function answers with that is given by name: ``x.pipe(smooth)``."""
        text = dotted(node)
        if not text or text.partition(".")[0] in env:
            return NOTHING
        maker = self.flow.code.references.chain(self.unit, text).unit
        if maker is None or maker.kind not in ("function", "nested"):
            return NOTHING
        return _filled(self.flow.summary(maker).returns, {})


def _filled(values: Values, bound: Mapping[str, Values]) -> Values:
    """Values with each parameter replaced by what it was given."""
    plain = frozenset(v for v in values if isinstance(v, int))
    return plain.union(*(bound.get(v, NOTHING) for v in values if isinstance(v, str)))


def _named(node: ast.expr) -> list[str]:
    """Columns that a subscript names: ``x["a"]``, ``x.loc[rows, "a"]``."""
    return texts(node.elts if isinstance(node, ast.Tuple) else [node])


def _registered(unit: Unit) -> list[str]:
    """Names under which decorators register a function: ``@feature("momentum")``."""
    calls = [d for d in getattr(unit.node, "decorator_list", []) if isinstance(d, ast.Call)]
    return [n for d in calls for a in d.args for n in _named(a)]
