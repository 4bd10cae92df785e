"""Follows a loaded document forwards to every place where a key of it is read."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from audit_lib.model import Location
from audit_lib.probes.code.calls import bound
from audit_lib.probes.code.keyflow.calls import BLIND, SAME, WALKS
from audit_lib.probes.code.keyflow.naming import Naming
from audit_lib.probes.code.keyflow.paths import ANY, Flow, Path, Use
from audit_lib.probes.code.surroundings import surroundings
from audit_lib.subject.code import Code
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted, targets_of

LOADERS = frozenset(
    {"json.load", "json.loads", "yaml.safe_load", "yaml.load", "orjson.loads", "ujson.load",
     "ujson.loads", "simplejson.load", "simplejson.loads", "tomllib.load", "tomllib.loads",
     "pickle.load", "pickle.loads", "joblib.load", "torch.load", "np.load", "numpy.load",
     "cloudpickle.load", "dill.load", "toml.load"}
)  # fmt: skip
#: Keys in a path that is followed, and paths that one variable may hold.
_DEEP, _MOST = 12, 200


class Reads(Naming):
    """Follows a loaded document forwards until nothing new is reached."""

    def __init__(self, code: Code, name: str) -> None:
        super().__init__(code, name)
        self.flow = Flow()
        self.local: dict[tuple[str, str], set[Path]] = defaultdict(set)
        self.fields: dict[tuple[str, str], set[Path]] = defaultdict(set)
        self.returns: dict[str, set[Path]] = defaultdict(set)
        self.generic: set[str] = set()  # functions that return what they load, whatever its name
        self.queue: list[str] = []
        self.visited: set[str] = set()

    def settle(self) -> None:
        """Visit units until no variable, attribute, parameter or return gains a path."""
        for key, unit in self.units_near("load"):
            calls = [n for n in self.own(unit) if isinstance(n, ast.Call)]
            if any(dotted(c.func) in LOADERS for c in calls):
                self.queue.append(key)
        for _ in range(20_000):
            if not self.queue:
                return
            self._visit(self.units[self.queue.pop()])

    def _push(self, keys: Iterable[str]) -> None:
        self.queue.extend(k for k in keys if k in self.units and k not in self.queue)

    def _add(self, place: set[Path], paths: set[Path], wake: Iterable[str]) -> None:
        new = {p for p in paths if len(p) < _DEEP} - place
        # A value that is taken out of itself in a loop makes paths without end: no document.
        if new and len(place) + len(new) <= _MOST:
            place |= new
            self._push(wake)

    def _visit(self, unit: Unit) -> None:
        self.visited.add(unit.key)
        for node in self.own(unit):
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value:
                for target in targets_of(node):
                    self._assign(unit, target, node.value)
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                self._assign(unit, node.optional_vars, node.context_expr)
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                self._bind_loop(unit, node.target, node.iter)
            elif isinstance(node, ast.Return) and node.value is not None:
                self._returned(unit, node.value)
            elif isinstance(node, ast.Call):
                self._pass_on(unit, node)

    def _returned(self, unit: Unit, value: ast.expr) -> None:
        callers = self.code.references.sources.get(unit.key, frozenset())
        self._add(self.returns[unit.key], self.value(unit, value), callers)
        generic = self._is_generic(unit, value)
        if generic and unit.key not in self.generic:
            self.generic.add(unit.key)
            self._push(callers)

    def _is_generic(self, unit: Unit, value: ast.expr) -> bool:
        if isinstance(value, ast.Name):
            assigned = [
                n.value
                for n in self.own(unit)
                if isinstance(n, ast.Assign) and any(dotted(t) == value.id for t in n.targets)
            ]
            return any(self._is_load(unit, a) for a in assigned)
        return self._is_load(unit, value)

    def _is_load(self, unit: Unit, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call) or self.named_near(unit, node):
            return False
        if dotted(node.func) in LOADERS:
            given = node.args[0] if node.args else None
            copied = isinstance(given, ast.Call) and dotted(given.func) == "json.dumps"
            return not copied and self.named_by(unit, node) is None
        return self.callee_key(unit, node) in self.generic

    def _bind(self, unit: Unit, target: ast.expr, paths: set[Path]) -> None:
        if not paths:
            return
        if isinstance(target, ast.Name):
            self._add(self.local[unit.key, target.id], paths, [unit.key])
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = self.code.references.owner_class(unit)
            if owner is not None and target.value.id == "self":
                wake = [k for k, u in self.units.items() if u.path == owner.path]
                self._add(self.fields[owner.key, target.attr], paths, wake)

    def _assign(self, unit: Unit, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
            if len(target.elts) == len(value.elts):
                for inner, part in zip(target.elts, value.elts, strict=True):
                    self._assign(unit, inner, part)
            return
        self._bind(unit, target, self.value(unit, value))

    def _bind_loop(self, unit: Unit, target: ast.expr, source: ast.expr) -> None:
        method = ""
        base = source
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute):
            method, base = source.func.attr, source.func.value
        if method == "items" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
            self._bind(unit, target.elts[1], {(*p, ANY) for p in self.value(unit, base)})
        elif method == "values":
            self._bind(unit, target, {(*p, ANY) for p in self.value(unit, base)})
        elif method not in ("items", "keys"):
            self._bind(unit, target, {(*p, ANY) for p in self.value(unit, source)})

    def _pass_on(self, unit: Unit, call: ast.Call) -> None:
        target = self.callee(unit, call)
        if target is None or not isinstance(target.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        for name, argument in bound(target.node, call):
            paths = self.value(unit, argument)
            if paths:
                self._add(self.local[target.key, name], paths, [target.key])

    def value(self, unit: Unit, node: ast.expr) -> set[Path]:
        """Paths of the document that an expression may be."""
        if isinstance(node, ast.Name):
            return self._local(unit, node.id)
        if isinstance(node, ast.Attribute):
            return self._field(unit, node)
        if isinstance(node, ast.Subscript):
            if isinstance(node.slice, ast.Slice):  # some of the same elements
                return self.value(unit, node.value)
            key = self.key(unit, node.slice)
            return {(*p, key) for p in self.value(unit, node.value)}
        if isinstance(node, ast.BoolOp):
            return set().union(*(self.value(unit, v) for v in node.values))
        if isinstance(node, ast.IfExp):
            return self.value(unit, node.body) | self.value(unit, node.orelse)
        if isinstance(node, (ast.NamedExpr, ast.Await)):
            return self.value(unit, node.value)
        if isinstance(node, ast.Call):
            return self._called(unit, node)
        return set()

    def _local(self, unit: Unit, name: str) -> set[Path]:
        here: Unit | None = unit
        while here is not None and here.parent >= 0:
            if (here.key, name) in self.local:
                return self.local[here.key, name]
            if name in here.uses.binds:
                return set()
            here = self.code.files[here.path].units[here.parent]
        return set()

    def _field(self, unit: Unit, node: ast.Attribute) -> set[Path]:
        if not isinstance(node.value, ast.Name):
            return set()
        owner = self.code.references.owner_class(unit) if node.value.id == "self" else None
        if owner is None:
            thing = self.code.references.name(unit, node.value.id)
            owner = thing.unit if thing.instance else None
        return self.fields.get((owner.key, node.attr), set()) if owner else set()

    def _called(self, unit: Unit, call: ast.Call) -> set[Path]:
        name = dotted(call.func)
        if name in LOADERS:
            if self.named_near(unit, call):
                self.flow.loaded = True
                return {()}
            return set()
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("get", "pop", "setdefault"):
            base = self.value(unit, call.func.value)
            if base and call.args:
                key = self.key(unit, call.args[0])
                return {(*p, key) for p in base}
        if isinstance(call.func, ast.Attribute) and call.func.attr == "copy":
            return self.value(unit, call.func.value)
        if name.rpartition(".")[2] in SAME and len(call.args) == 1:
            return self.value(unit, call.args[0])
        key = self.callee_key(unit, call)
        paths = set(self.returns.get(key, set()))
        if key in self.generic and self.named_near(unit, call):
            self.flow.loaded = True
            paths.add(())
        return paths

    def holding(self) -> Iterator[Unit]:
        """The units that hold what was loaded, or read a field that does."""
        holders = {attribute for _, attribute in self.fields}
        for key, unit in self.units.items():
            read = {b for _, b in unit.uses.attributes} | {b for _, b, _ in unit.uses.members}
            if key in self.visited or holders & read:
                yield unit

    def record(self) -> None:
        """Note every read once all values are known."""
        for unit in self.holding():
            for node in self.own(unit):
                if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                    name, around = self.key(unit, node.slice), surroundings(self.code, unit.path)
                    handler = around.handler(node, "KeyError") if around is not None else None
                    instead = f"what the handler at line {handler.lineno} does" if handler else ""
                    self._read(unit, node, node.value, name, handler is None, instead)
                elif isinstance(node, ast.Assign) and not isinstance(node.value, ast.Dict):
                    for target in node.targets:  # what the reader itself puts there
                        if isinstance(target, ast.Subscript):
                            self.flow.open_writes |= self.value(unit, target)
                elif isinstance(node, ast.Compare) and len(node.ops) == 1:
                    self._test(unit, node)
                elif isinstance(node, ast.Call):
                    self._record_call(unit, node)
                elif isinstance(node, (ast.For, ast.comprehension)):
                    self.flow.open_reads |= self._iterated(unit, node.iter)
                elif isinstance(node, (ast.Return, ast.Dict)):
                    self._record_escape(unit, node)

    def _test(self, unit: Unit, node: ast.Compare) -> None:
        if isinstance(node.ops[0], (ast.In, ast.NotIn)):
            name = self.key(unit, node.left)
            base = self.value(unit, node.comparators[0])
            self.flow.tested |= {(*p, name) for p in base}

    def _record_call(self, unit: Unit, call: ast.Call) -> None:
        if isinstance(call.func, ast.Attribute):
            base = self.value(unit, call.func.value)
            self._put(unit, call, call.func.attr, base)
            if base and call.func.attr in ("get", "pop", "setdefault") and call.args:
                default = ast.unparse(call.args[1]) if len(call.args) > 1 else "None"
                required = call.func.attr == "pop" and len(call.args) == 1
                key = self.key(unit, call.args[0])
                if call.func.attr == "pop" and not required:  # taken out if it is there
                    self.flow.tested |= {(*p, key) for p in base}
                    return
                self._read(unit, call, call.func.value, key, required, default)
                return
        name = dotted(call.func).rpartition(".")[2]
        if name in BLIND or name in SAME or self.callee(unit, call) is not None:
            return
        for argument in (*call.args, *(k.value for k in call.keywords)):
            inner = argument.value if isinstance(argument, ast.Starred) else argument
            self.flow.open_reads |= self.value(unit, inner)

    def _put(self, unit: Unit, call: ast.Call, method: str, base: set[Path]) -> None:
        """What ``setdefault`` and ``update`` put into a document that was loaded."""
        if method == "setdefault" and call.args:
            place = Location(unit.path, line=call.lineno, symbol=unit.name)
            key = self.key(unit, call.args[0])
            self.flow.writes += [Use((*p, key), place) for p in base]
        elif method == "update":
            given = call.args[0] if call.args else None
            keys = given.keys if isinstance(given, ast.Dict) else [None] if given else []
            names = [self.key(unit, k) if k is not None else None for k in keys]
            names += [k.arg for k in call.keywords]
            self.flow.open_writes |= {(*p, n) if n else p for p in base for n in names}

    def _record_escape(self, unit: Unit, node: ast.Return | ast.Dict) -> None:
        """A value put into another structure or handed to callers that nobody follows."""
        if isinstance(node, ast.Return):
            if node.value is not None and not self.code.references.sources.get(unit.key):
                self.flow.open_reads |= self.value(unit, node.value)
            return
        for value in node.values:
            self.flow.open_reads |= self.value(unit, value)

    def _iterated(self, unit: Unit, source: ast.expr) -> set[Path]:
        """Mappings whose keys are walked over: every key is read, though not what is below."""
        walked = source
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute):
            walked = source.func.value if source.func.attr in WALKS else source
        return {(*p, ANY) for p in self.value(unit, walked)}

    def _read(
        self, unit: Unit, node: ast.expr, base: ast.expr, key: str, required: bool, default: str
    ) -> None:
        where = Location(unit.path, line=node.lineno, symbol=unit.name)
        for path in self.value(unit, base):
            self.flow.reads.append(Use((*path, key), where, required, default))
