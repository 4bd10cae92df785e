"""A fit in one function and the split in another: rows followed through calls.

A function *fits* the parameters and fields that it gives to a scaler or its kin, and *splits* those
that it parts into train and test rows; so does one that passes its own on to such a function.  What
was fitted whole and is split afterwards, or what was made of it, is the leak.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from audit_lib.probes.code.calls import bound, called, own_nodes
from audit_lib.probes.code.leaks.leak_patterns import FITTING, is_other_split
from audit_lib.subject.code import Code
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

_TRAIN = re.compile(r"train|_tr\b|fold|past|history", re.I)
_PARTS = re.compile(r"train|test|valid|holdout|oos", re.I)
_FIT = re.compile(r"\.fit(_transform)?\(")
_DEEP = 3


@dataclass(frozen=True)
class _Event:
    """A fit or a split in a function: what goes in, what the statement assigns."""

    kind: str
    node: ast.Call
    inputs: frozenset[str]
    made: frozenset[str]
    through: str = ""


@dataclass(frozen=True)
class FitThenSplit:
    """Rows that are fitted whole and split afterwards, by at least one other function.

    Attributes:
        unit: the function in which both happen.
        fit, split: the calls.
        fitter, splitter: functions that do it; '' where it happens on the spot.
    """

    unit: Unit
    fit: ast.Call
    split: ast.Call
    fitter: str
    splitter: str


class FitFlow:
    """Follows rows from fits to splits over the functions of the repository."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._known: dict[str, list[_Event]] = {}

    def fits(self, unit: Unit) -> Iterator[FitThenSplit]:
        """Fits in a function, or in what it calls, of rows that are split later."""
        if not self._fits:
            return
        reported: set[str] = set()
        for fit, split in self._pairs(unit):
            what = "" if fit.through or split.through else ast.unparse(fit.node.func)
            if what not in reported:
                reported.add(what)
                yield FitThenSplit(unit, fit.node, split.node, fit.through, split.through)

    @cached_property
    def _fits(self) -> bool:
        """True where any file fits anything: most repositories are told by their text alone."""
        return any(_FIT.search(f.file.text) for f in self.code.files.values())

    def _pairs(self, unit: Unit) -> Iterator[tuple[_Event, _Event]]:
        events = self._events(unit, 0)
        if {e.kind for e in events} != {"fit", "split"}:
            return
        for fit in (e for e in events if e.kind == "fit"):
            rows = set(fit.inputs | fit.made)
            for statement in _statements(unit):
                names_made = _outputs(statement)
                if statement.lineno > fit.node.lineno and rows & _read(statement):
                    rows |= names_made
            for split in (e for e in events if e.kind == "split"):
                if split.node is fit.node or (fit.through and fit.through == split.through):
                    continue  # one call, or one function, does both, and is looked at by itself
                inner = any(n is fit.node for n in ast.walk(split.node)) and not _sliced(fit.node)
                if (split.node.lineno > fit.node.lineno and split.inputs & rows) or inner:
                    yield fit, split

    def _events(self, unit: Unit, depth: int) -> list[_Event]:
        key = f"{unit.key} {depth}"
        if key not in self._known:
            self._known[key] = []
            self._known[key] = list(self._look(unit, depth))
        return self._known[key]

    def _look(self, unit: Unit, depth: int) -> Iterator[_Event]:
        for statement in _statements(unit):
            outputs = frozenset(_outputs(statement))
            for node in _calls(statement):
                given = _names([*node.args, *(k.value for k in node.keywords)])
                kind = _kind(node)
                if kind == "fit" and not any(map(_TRAIN.search, given)):
                    yield _Event("fit", node, given, outputs)
                elif kind == "split":
                    yield _Event("split", node, given, outputs)
                elif not kind and depth < _DEEP and not any(map(_TRAIN.search, given)):
                    yield from self._called(unit, node, outputs, depth)
            if isinstance(statement, ast.Assign) and any(map(_PARTS.search, outputs)):
                rows = _sliced(statement.value)
                if rows:
                    call = ast.Call(statement.value, [], [])
                    yield _Event("split", ast.copy_location(call, statement), rows, outputs)

    def _called(
        self, unit: Unit, node: ast.Call, outputs: frozenset[str], depth: int
    ) -> Iterator[_Event]:
        """What a function of the repository does to what it is given."""
        text = dotted(node.func)
        target = self.code.references.chain(unit, text).unit if text.count(".") < 3 else None
        if not text or target is None or target is unit:
            return
        if not isinstance(target.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        given = {name: sorted(_names([a])) for name, a in bound(target.node, node)}
        for event in self._events(target, depth + 1):
            names = [n for i in event.inputs for n in given.get(i, _own_field(i))]
            fields = [m for m in event.made if m.startswith("self.")]
            if names:
                inputs = frozenset(names)
                yield _Event(event.kind, node, inputs, outputs | frozenset(fields), target.name)


def _kind(node: ast.Call) -> str:
    name = called(node) or ""
    if name in ("train_test_split", "split", "TimeSeriesSplit") and not is_other_split(node):
        return "split"
    if name in ("fit", "fit_transform") and isinstance(node.func, ast.Attribute):
        return "fit" if FITTING.search(ast.unparse(node.func.value)) else "other"
    return ""


def _own_field(name: str) -> list[str]:
    return [name] if name.startswith("self.") else []


def _statements(unit: Unit) -> list[ast.stmt]:
    """Statements of a unit without definitions in it, in source order."""
    nodes = own_nodes(unit.node.body if unit.node is not None else ())
    return sorted((n for n in nodes if isinstance(n, ast.stmt)), key=lambda s: s.lineno)


_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def _calls(statement: ast.stmt) -> list[ast.Call]:
    """Calls of a statement itself, what stands in its body left out, inner ones first."""
    parts = (c for c in ast.iter_child_nodes(statement) if not isinstance(c, _HOLDERS))
    return [n for n in own_nodes(parts, but=(ast.Lambda,)) if isinstance(n, ast.Call)][::-1]


def _outputs(statement: ast.stmt) -> set[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For)):
        targets = [statement.target]
    return set(_names(targets))


def _read(statement: ast.stmt) -> set[str]:
    value = getattr(statement, "value", None) or getattr(statement, "iter", None)
    return set(_names([value])) if isinstance(value, ast.expr) else set()


def _sliced(node: ast.expr) -> frozenset[str]:
    """Names that an assignment cuts in two: ``x[:n]``, ``x.iloc[n:]``."""
    names: set[str] = set()
    for part in ast.walk(node):
        cut = part.slice if isinstance(part, ast.Subscript) else None
        if not isinstance(part, ast.Subscript) or not isinstance(cut, ast.Slice):
            continue
        if (cut.lower is None) != (cut.upper is None):
            names |= _names([part.value])
    return frozenset(names)


def _names(nodes: list[ast.expr]) -> frozenset[str]:
    """Variables and own fields in expressions: ``x``, ``self.x``."""
    names: set[str] = set()
    stack: list[ast.AST] = list(nodes)
    while stack:
        node = stack.pop()
        text = dotted(node)
        if text.startswith("self.") and isinstance(node, ast.Attribute):
            names.add(".".join(text.split(".")[:2]))
            continue
        if isinstance(node, ast.Call):
            stack += [*node.args, *(k.value for k in node.keywords)]
            stack += [node.func.value] if isinstance(node.func, ast.Attribute) else []
            continue
        if isinstance(node, ast.Name) and node.id != "self":
            names.add(node.id)
        stack.extend(ast.iter_child_nodes(node))
    return frozenset(names)
