"""What reached code looks at and nothing gives it: inputs that callers leave out, unset state.

See `reachable.py` for what is reached.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from audit_lib.probes.code.calls import Function, bound, defaults, texts
from audit_lib.probes.code.reachable import Reachable
from audit_lib.probes.code.types.annotations import is_none
from audit_lib.subject.units import MODULE, Unit
from audit_lib.subject.uses import dotted, targets_of

_INITIAL = ("__init__", "__post_init__", "<class>")
_EMPTY_CALLS = frozenset({"dict", "list", "set", "deque", "defaultdict", "OrderedDict", "field"})
_NOTHING = {"False", "None", "0", "0.0"}
_GROWS = frozenset({"append", "extend", "add", "update", "insert", "appendleft", "setdefault"})


@dataclass(frozen=True)
class UnfedInput:
    """An input that a function looks at and no caller gives, or all give the same empty constant.

    Attributes:
        unit: the function.
        names: its inputs of that kind, in order.
        callers: (path, line) of its calls.
        always: what all of them give; '' where none gives anything.
    """

    unit: Unit
    names: tuple[str, ...]
    callers: tuple[tuple[str, int], ...]
    always: str = ""


@dataclass(frozen=True)
class UnfedState:
    """Attributes of an object that begin empty and that only code which nothing reaches fills.

    Attributes:
        cls: the class.
        names: the attributes.
        readers: its methods that are reached and read one of them.
        writers: what would fill them.
    """

    cls: Unit
    names: tuple[str, ...]
    readers: tuple[Unit, ...]
    writers: tuple[Unit, ...]


class Unfed:
    """Inputs and state of the files under audit that nothing feeds."""

    def __init__(
        self, reachable: Reachable, driven: frozenset[str], given: frozenset[str] = frozenset()
    ) -> None:
        """``driven`` are the names that hooks spell: only what they name is looked at.

        ``given`` are the inputs that hooks give by name, each something that they worked out.
        """
        self.reachable, self.calls, self.code = reachable, reachable.calls, reachable.code
        self.driven, self.given = driven, given
        self.asked = sum(
            self._in_question(u) for f in self.code.subsystem for u in f.units if u.name != MODULE
        )
        self.reached = [u for u in self.calls.units.values() if u.key in reachable.keys]

    def _in_question(self, unit: Unit) -> bool:
        """Whether a definition is reached, and hooks name it and the class it stands in."""
        return self._named(unit) and unit.key in self.reachable.keys

    def _named(self, unit: Unit) -> bool:
        return set(unit.name.split(".")) - {"__init__"} <= self.driven

    # --- inputs -------------------------------------------------------------------------------
    def inputs(self) -> Iterator[UnfedInput]:
        """Functions with inputs that every caller leaves out."""
        for file in self.code.subsystem:
            for unit in file.units:
                if not isinstance(unit.node, Function) or not self._named(unit):
                    continue
                if unit.key not in self.reachable.keys:
                    yield from self._always(unit, [])
                else:
                    names = [n for n in optional(unit.node) if looked_at(unit.node, n)]
                    calls = self._calls_of(unit) if names else []
                    left = [n for n in names if not any(_gives(unit, c, n) for _, c in calls)]
                    places = [(u.path, c.lineno) for u, c in calls if self._surely(u, c, unit)]
                    if left and places and not self._handed_on(unit):
                        yield UnfedInput(unit, tuple(left), tuple(sorted(places)))
                    yield from self._always(unit, left)

    def _always(self, unit: Unit, reported: list[str]) -> Iterator[UnfedInput]:
        """Inputs that hooks give as they find them, and every caller as False, None or 0."""
        assert isinstance(unit.node, Function)
        arguments = unit.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for name in (a.arg for a in every if a.arg in self.given and a.arg not in reported):
            calls = self._calls_of(unit) or self._calls_of(unit, self._anywhere)
            gives = [dict(bound(unit.node, call)).get(name) for _, call in calls]
            values = {repr(g.value) if isinstance(g, ast.Constant) else "" for g in gives}
            last = unit.name.rpartition(".")[2]
            alone = sum(u.name.rpartition(".")[2] == last for u in self.calls.units.values()) == 1
            sure = calls and (alone or all(self._surely(u, c, unit) for u, c in calls))
            if sure and len(values) == 1 and values <= _NOTHING and not self._handed_on(unit):
                places = tuple(sorted((u.path, c.lineno) for u, c in calls))
                yield UnfedInput(unit, (name,), places, *values)

    @cached_property
    def _calls(self) -> dict[str, list[tuple[Unit, ast.Call]]]:
        """Last name to the calls of it in reached code."""
        return self._calls_in(self.reached)

    @cached_property
    def _anywhere(self) -> dict[str, list[tuple[Unit, ast.Call]]]:
        """The same for all code: a scheduler may run what nothing here does."""
        return self._calls_in(self.calls.units.values())

    def _calls_in(self, units: Iterable[Unit]) -> dict[str, list[tuple[Unit, ast.Call]]]:
        found: dict[str, list[tuple[Unit, ast.Call]]] = defaultdict(list)
        for unit in units:
            for node in self.calls.own(unit):
                if isinstance(node, ast.Call) and (name := _called(node)):
                    found[name].append((unit, node))
        return found

    def _calls_of(
        self, unit: Unit, calls: dict[str, list[tuple[Unit, ast.Call]]] | None = None
    ) -> list[tuple[Unit, ast.Call]]:
        """Calls that reach a function, or may; its own apart."""
        name = unit.name.rpartition(".")[2]
        if name == "__init__":
            name = unit.name.split(".")[-2]
        every = [(u, c) for u, c in (calls or self._calls).get(name, ()) if u is not unit]
        return [(u, c) for u, c in every if self.calls.callee(u, c) in (unit, None)]

    def _surely(self, user: Unit, call: ast.Call, unit: Unit) -> bool:
        return self.calls.callee(user, call) is unit

    def _handed_on(self, unit: Unit) -> bool:
        """Whether the function is, or may be, mentioned elsewhere than where it is called."""
        name = unit.name.rpartition(".")[2]
        if name == "__init__":
            return False
        for user in self.reached:
            called = {id(n.func) for n in self.calls.own(user) if isinstance(n, ast.Call)}
            for node in self.calls.own(user):
                if id(node) in called or getattr(node, "attr", getattr(node, "id", "")) != name:
                    continue
                text = dotted(node)
                target = self.code.references.chain(user, text).unit if text else None
                if target is unit or (target is None and isinstance(node, ast.Attribute)):
                    return True
        return False

    # --- state --------------------------------------------------------------------------------
    def state(self) -> Iterator[UnfedState]:
        """Classes with attributes that begin empty and stay it."""
        for file in self.code.subsystem:
            for cls in file.units:
                if isinstance(cls.node, ast.ClassDef) and self._in_question(cls):
                    yield from self._state_of(cls)

    def _state_of(self, cls: Unit) -> Iterator[UnfedState]:
        methods = [u for u in self.code.files[cls.path].units if u.name.startswith(cls.name + ".")]
        start = _beginnings(cls, methods)
        groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name, empty in start.items():
            fillers = self._fillers.get(name, [])
            own = fillers and all(u in methods for u in fillers)
            if empty and own and not any(u.key in self.reachable.keys for u in fillers):
                groups[tuple(sorted(u.key for u in fillers))].append(name)
        for keys, names in groups.items():
            readers = [
                u
                for u in methods
                if u.key in self.reachable.keys
                and u.name.rpartition(".")[2] not in _INITIAL
                and any(_reads(self.calls.own(u), n) for n in names)
            ]
            if readers:
                writers = tuple(self.calls.units[k] for k in keys)
                yield UnfedState(cls, tuple(names), tuple(readers), writers)

    @cached_property
    def _fillers(self) -> dict[str, list[Unit]]:
        """Attribute to the units that set it or put something into it, beginnings apart."""
        by_name: dict[str, list[Unit]] = defaultdict(list)
        for unit in self.calls.units.values():
            if unit.name.rpartition(".")[2] in _INITIAL:
                continue
            for name in dict.fromkeys(_filled(self.calls.own(unit))):
                by_name[name].append(unit)
        return by_name


def optional(node: Function) -> list[str]:
    """Parameters whose default is None."""
    return [a.arg for a, d in defaults(node) if is_none(d)]


def looked_at(node: Function, name: str) -> bool:
    """Whether something is done where the input is given, and nothing stands in where it is not."""
    is_tested = False
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store):
            return False
        instead = (
            part.values if isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or) else ()
        )
        if any(isinstance(v, ast.Name) and v.id == name for v in instead):
            return False
        if isinstance(part, ast.IfExp) and name in _names(part.test):
            return False
        if isinstance(part, ast.If) and name in _names(part.test):
            if not _positive(part.test, name) or part.orelse:
                return False
            is_tested = True
    return is_tested


def _positive(test: ast.expr, name: str) -> bool:
    """``name``, ``name is not None``, or one of these and something more."""
    if isinstance(test, ast.BoolOp):
        return any(_positive(v, name) for v in test.values)
    if isinstance(test, ast.Compare):
        return (
            isinstance(test.left, ast.Name)
            and test.left.id == name
            and isinstance(test.ops[0], ast.IsNot)
        )
    return isinstance(test, ast.Name) and test.id == name


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _called(call: ast.Call) -> str:
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _gives(unit: Unit, call: ast.Call, name: str) -> bool:
    """Whether a call gives that parameter, or may."""
    assert isinstance(unit.node, Function)
    if any(isinstance(a, ast.Starred) for a in call.args):
        return True
    if any(k.arg is None for k in call.keywords):
        return True
    return any(n == name and not is_none(given) for n, given in bound(unit.node, call))


def _beginnings(cls: Unit, methods: list[Unit]) -> dict[str, bool]:
    """Attribute to whether it begins empty, as the class and its constructor say."""
    empty_at_first: dict[str, bool] = {}
    for unit in (cls, *methods):
        if unit is not cls and unit.name not in {f"{cls.name}.{m}" for m in _INITIAL}:
            continue
        assert unit.node is not None
        for node in ast.walk(unit.node) if unit is not cls else unit.node.body:
            targets = (
                node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            )
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                for target in targets:
                    name = dotted(target).removeprefix("self.")
                    if name and "." not in name:
                        empty_at_first[name] = empty_at_first.get(name, True) and _empty(node.value)
    return empty_at_first


def _empty(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None or node.value is False
    if isinstance(node, ast.Dict | ast.List | ast.Set | ast.Tuple):
        return not (node.keys if isinstance(node, ast.Dict) else node.elts)
    called = dotted(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    return called in _EMPTY_CALLS and not any(
        isinstance(a, ast.Name) and a.id not in _EMPTY_CALLS for a in getattr(node, "args", ())
    )


def _filled(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            if node.value is not None and not _empty(node.value):
                for target in targets_of(node):
                    yield from _attributes(target)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in _GROWS:
                yield from _attributes(node.func.value)
            elif node.func.attr in ("setattr", "__setattr__") and node.args:
                yield from texts(node.args)
        elif isinstance(node, ast.For | ast.AsyncFor):
            yield from _attributes(node.target)
        if isinstance(node, ast.Call) and dotted(node.func) == "setattr":
            yield from texts(node.args)


def _attributes(target: ast.expr) -> Iterator[str]:
    """Attributes that an assignment to this expression changes."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _attributes(part)
    while isinstance(target, ast.Subscript | ast.Starred):
        target = target.value
    if isinstance(target, ast.Attribute):
        yield target.attr


def _reads(nodes: list[ast.AST], name: str) -> bool:
    return any(
        isinstance(n, ast.Attribute) and n.attr == name and isinstance(n.ctx, ast.Load)
        for n in nodes
    )
