"""Which keys of a stored document the code writes, and which it reads: key paths by syntax.

A document is known by a telling part of its file name (``meta.json``).  What ``json.load`` and its
like return near that name is the document; it is followed through variables, ``self`` attributes,
parameters and returns of the repository's functions, and every subscript and ``get`` on it is a
read.  What ``json.dump`` and its like are given near that name is followed back to dictionary
displays, stores and updates: the writes.  Where a value escapes what can be followed, the path is
*open*: anything may be read, or written, below it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from audit_lib.model import Location
from audit_lib.probes.constants import constant
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.source import uncollected
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

Path = tuple[str, ...]
ANY = "*"
_LOADERS = frozenset(
    {"json.load", "json.loads", "yaml.safe_load", "yaml.load", "orjson.loads", "ujson.load",
     "ujson.loads", "simplejson.load", "simplejson.loads", "tomllib.load", "tomllib.loads"}
)  # fmt: skip
_DUMPERS = frozenset(
    {"json.dump", "json.dumps", "yaml.dump", "yaml.safe_dump", "orjson.dumps", "ujson.dump",
     "ujson.dumps", "simplejson.dump", "simplejson.dumps"}
)  # fmt: skip
#: Calls that look at a value without looking at its keys.
_BLIND = frozenset(
    {"len", "isinstance", "bool", "type", "id", "print", "repr", "str", "float", "int", "hasattr"}
)
_WALKS = frozenset({"items", "keys", "values"})
_SAME = frozenset({"dict", "copy", "deepcopy", "list", "tuple", "sorted", "reversed"})


@dataclass(frozen=True)
class Use:
    """One place where a key is read or written.

    Attributes:
        path: keys from the top of the document; ``*`` for any key or element.
        required: a read that fails where the key is missing.
        default: source text of a read's default; '' where it has none.
    """

    path: Path
    location: Location
    required: bool = False
    default: str = ""


@dataclass
class Flow:
    """What the code does with one document."""

    reads: list[Use] = field(default_factory=list)
    writes: list[Use] = field(default_factory=list)
    open_reads: set[Path] = field(default_factory=set)
    open_writes: set[Path] = field(default_factory=set)
    tested: set[Path] = field(default_factory=set)
    loaded: bool = False
    dumped: bool = False


def overlaps(one: Path, other: Path) -> bool:
    """True where two paths of one length may be the same place."""
    return len(one) == len(other) and all(
        a == b or ANY in (a, b) for a, b in zip(one, other, strict=True)
    )


def within(path: Path, prefixes: Iterable[Path]) -> bool:
    """True where a path lies at or below one of the prefixes."""
    return any(overlaps(path[: len(p)], p) for p in prefixes if len(p) <= len(path))


def key_flow(code: Code, name: str) -> Flow:
    """Reads and writes of the document whose file name holds ``name``."""
    with uncollected():
        tracker = _Tracker(code, name)
        tracker.settle()
        tracker.record()
        _Writers(tracker).collect()
    return tracker.flow


class _Tracker:
    """Follows a loaded document forwards until nothing new is reached."""

    def __init__(self, code: Code, name: str) -> None:
        self.code, self.name, self.flow = code, name, Flow()
        self.units = {u.key: u for f in code.files.values() for u in f.units if u.node is not None}
        self.nodes: dict[str, list[ast.AST]] = {}
        self.local: dict[tuple[str, str], set[Path]] = defaultdict(set)
        self.fields: dict[tuple[str, str], set[Path]] = defaultdict(set)
        self.returns: dict[str, set[Path]] = defaultdict(set)
        self.generic: set[str] = set()  # functions that return what they load, whatever its name
        self.queue: list[str] = []
        self._variables: dict[str, dict[str, bool]] = {}
        self._handles: dict[str, dict[int, dict[str, bool | None]]] = {}
        self.visited: set[str] = set()

    # --- fixpoint -----------------------------------------------------------------------------
    def settle(self) -> None:
        """Visit units until no variable, attribute, parameter or return gains a path."""
        for key, unit in self.units_near("load"):
            calls = [n for n in self.own(unit) if isinstance(n, ast.Call)]
            if any(dotted(c.func) in _LOADERS for c in calls):
                self.queue.append(key)
        for _ in range(20_000):
            if not self.queue:
                return
            self._visit(self.units[self.queue.pop()])

    def units_near(self, word: str) -> Iterator[tuple[str, Unit]]:
        """Units of the files whose text holds a word."""
        texts = {path: word in file.file.text for path, file in self.code.files.items()}
        return ((key, unit) for key, unit in self.units.items() if texts[unit.path])

    def _push(self, keys: Iterable[str]) -> None:
        self.queue.extend(k for k in keys if k in self.units and k not in self.queue)

    def _add(self, place: set[Path], paths: set[Path], wake: Iterable[str]) -> None:
        new = {p for p in paths if len(p) < 12} - place
        if new:
            place |= new
            self._push(wake)

    def _visit(self, unit: Unit) -> None:
        self.visited.add(unit.key)
        for node in self.own(unit):
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    self._assign(unit, target, node.value)
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
        return dotted(node.func) in _LOADERS or self._callee_key(unit, node) in self.generic

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
        for name, argument in self.bound(target, call):
            paths = self.value(unit, argument)
            if paths:
                self._add(self.local[target.key, name], paths, [target.key])

    def bound(self, target: Unit, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        """(parameter, argument) pairs of a call of the repository's function."""
        node = target.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        if names[:1] in (["self"], ["cls"]):
            names = names[1:]
        for name, argument in zip(names, call.args, strict=False):
            if not isinstance(argument, ast.Starred):
                yield name, argument
        for keyword in call.keywords:
            if keyword.arg:
                yield keyword.arg, keyword.value

    # --- values -------------------------------------------------------------------------------
    def value(self, unit: Unit, node: ast.expr) -> set[Path]:
        """Paths of the document that an expression may be."""
        if isinstance(node, ast.Name):
            return self._local(unit, node.id)
        if isinstance(node, ast.Attribute):
            return self._field(unit, node)
        if isinstance(node, ast.Subscript):
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
        if name in _LOADERS:
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
        if name.rpartition(".")[2] in _SAME and len(call.args) == 1:
            return self.value(unit, call.args[0])
        key = self._callee_key(unit, call)
        found = set(self.returns.get(key, set()))
        if key in self.generic and self.named_near(unit, call):
            self.flow.loaded = True
            found.add(())
        return found

    def key(self, unit: Unit, node: ast.expr) -> str:
        """The key that a subscript names, or ``*``."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else ANY
        if isinstance(node, ast.Name) and node.id not in unit.uses.binds:
            found = constant(self.code.index, unit.path, node.id)
            if isinstance(found, str):
                return found
        return ANY

    # --- names of files -----------------------------------------------------------------------
    def named_near(self, unit: Unit, call: ast.Call) -> bool:
        """True where a call is of this document.

        Its arguments say so, or name no file at all while the unit names this one only.
        """
        handles = self._handles_of(unit).get(id(call), {})
        told = {
            handles[n.id] if isinstance(n, ast.Name) and n.id in handles else self.tells(unit, n)
            for a in (*call.args, *(k.value for k in call.keywords))
            for n in ast.walk(a)
        }
        if True in told:
            return True
        return False not in told and self.unit_tells(unit)

    def tells(self, unit: Unit, node: ast.AST) -> bool | None:
        """True: names this document; False: names another data file; None: names none."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._judge(node.value)
        if isinstance(node, ast.Name):
            found = self._told(unit).get(node.id)
            if found is not None:
                return found
            value = constant(self.code.index, unit.path, node.id)
            return self._judge(value) if isinstance(value, str) else None
        return None

    def _judge(self, text: str) -> bool | None:
        if self.name in text:
            return True
        return False if text.endswith((".json", ".yaml", ".yml", ".toml")) else None

    def _told(self, unit: Unit) -> dict[str, bool]:
        """Variables of a unit that hold a file name, a path or a handle, and of which document."""
        if unit.key not in self._variables:
            found: dict[str, bool] = {}
            self._variables[unit.key] = found
            for _ in range(3):
                for target, source in self._sources(unit):
                    told = {self.tells(unit, n) for n in ast.walk(source)}
                    if True in told or (False in told and target not in found):
                        found[target] = True in told
        return self._variables[unit.key]

    def _handles_of(self, unit: Unit) -> dict[int, dict[str, bool | None]]:
        """For calls within ``with open(...) as f``: what the innermost ``f`` is of."""
        if unit.key not in self._handles:
            found: dict[int, dict[str, bool | None]] = {}
            for node in self.own(unit):
                if not isinstance(node, (ast.With, ast.AsyncWith)):
                    continue
                named = {
                    i.optional_vars.id: self._says(unit, i.context_expr)
                    for i in node.items
                    if isinstance(i.optional_vars, ast.Name)
                }
                for inner in ast.walk(node) if named else ():
                    if isinstance(inner, ast.Call):
                        found.setdefault(id(inner), {}).update(named)
            self._handles[unit.key] = found
        return self._handles[unit.key]

    def _says(self, unit: Unit, node: ast.expr) -> bool | None:
        told = {self.tells(unit, n) for n in ast.walk(node)}
        return True if True in told else (False if False in told else None)

    def _sources(self, unit: Unit) -> Iterator[tuple[str, ast.expr]]:
        for node in self.own(unit):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if not isinstance(node.value, (ast.Dict, ast.List)):
                    yield node.targets[0].id, node.value
            elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
                yield node.optional_vars.id, node.context_expr
            elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(
                node.target, ast.Name
            ):
                yield node.target.id, node.iter

    def unit_tells(self, unit: Unit) -> bool:
        """True where the strings of a unit name this document and no other data file."""
        texts = [
            n.value
            for n in self.own(unit)
            if isinstance(n, ast.Constant) and isinstance(n.value, str)
        ]
        names = {self._judge(t) for t in texts}
        return True in names and False not in names

    # --- helpers ------------------------------------------------------------------------------
    def own(self, unit: Unit) -> list[ast.AST]:
        """Nodes of a unit, in source order; definitions inside it left out."""
        if unit.key not in self.nodes:
            found: list[ast.AST] = []
            assert unit.node is not None
            stack: list[ast.AST] = [
                n for n in reversed(unit.node.body) if not isinstance(n, DEFINITIONS)
            ]
            while stack:
                node = stack.pop()
                found.append(node)
                stack.extend(
                    c
                    for c in reversed(list(ast.iter_child_nodes(node)))
                    if not isinstance(c, DEFINITIONS)
                )
            self.nodes[unit.key] = found
        return self.nodes[unit.key]

    def callee(self, unit: Unit, call: ast.Call) -> Unit | None:
        """The repository's function that a call reaches; a class stands for its constructor."""
        text = dotted(call.func)
        if not text or text.count(".") > 2:
            return None
        found = self.code.references.chain(unit, text).unit
        if found is not None and isinstance(found.node, ast.ClassDef):
            return self.code.references.member(found, "__init__")
        return found

    def _callee_key(self, unit: Unit, call: ast.Call) -> str:
        found = self.callee(unit, call)
        return found.key if found is not None else ""

    # --- recording ----------------------------------------------------------------------------
    def record(self) -> None:
        """Note every read once all values are known."""
        holders = {attribute for _, attribute in self.fields}
        for key, unit in self.units.items():
            read = {b for _, b in unit.uses.attributes} | {b for _, b, _ in unit.uses.members}
            if key not in self.visited and not holders & read:
                continue
            for node in self.own(unit):
                if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                    name = self.key(unit, node.slice)
                    self._read(unit, node, node.value, name, True, "")
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
            if base and call.func.attr in ("get", "pop", "setdefault") and call.args:
                default = ast.unparse(call.args[1]) if len(call.args) > 1 else "None"
                required = call.func.attr == "pop" and len(call.args) == 1
                key = self.key(unit, call.args[0])
                self._read(unit, call, call.func.value, key, required, default)
                return
        name = dotted(call.func).rpartition(".")[2]
        if name in _BLIND or name in _SAME or self.callee(unit, call) is not None:
            return
        for argument in (*call.args, *(k.value for k in call.keywords)):
            inner = argument.value if isinstance(argument, ast.Starred) else argument
            self.flow.open_reads |= self.value(unit, inner)

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
            walked = source.func.value if source.func.attr in _WALKS else source
        return {(*p, ANY) for p in self.value(unit, walked)}

    def _read(
        self, unit: Unit, node: ast.expr, base: ast.expr, key: str, required: bool, default: str
    ) -> None:
        where = Location(unit.path, line=node.lineno, symbol=unit.name)
        for path in self.value(unit, base):
            self.flow.reads.append(Use((*path, key), where, required, default))


class _Writers:
    """Follows what is dumped backwards to the keys that it is made of."""

    def __init__(self, tracker: _Tracker) -> None:
        self.tracker, self.flow, self.code = tracker, tracker.flow, tracker.code
        self.seen: set[tuple[str, int, Path]] = set()
        self.passing: dict[str, set[str]] = defaultdict(set)  # dumper -> parameters it dumps

    def collect(self) -> None:
        """Find the dumps of this document."""
        self._find_passing()
        near = {key for key, _ in self.tracker.units_near("dump")}
        sources = self.code.references.sources
        near |= {key for dumper in self.passing for key in sources.get(dumper, ())}
        for unit in (self.tracker.units[k] for k in sorted(near & set(self.tracker.units))):
            for statement in self._statements(unit):
                for node in ast.walk(statement):
                    if isinstance(node, ast.Call):
                        for dumped in self._dumped(unit, node):
                            if self._is_this(unit, statement, node):
                                self.flow.dumped = True
                                self._keys(unit, dumped, (), statement)

    def _find_passing(self) -> None:
        near = {key for key, _ in self.tracker.units_near("dump")}
        for _ in range(3):
            near |= {k for d in self.passing for k in self.code.references.sources.get(d, ())}
            for unit in (self.tracker.units[k] for k in near if k in self.tracker.units):
                if not isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                arguments = unit.node.args
                names = {a.arg for a in (*arguments.posonlyargs, *arguments.args,
                                         *arguments.kwonlyargs)}  # fmt: skip
                for node in self.tracker.own(unit):
                    if isinstance(node, ast.Call):
                        for dumped in self._dumped(unit, node):
                            if isinstance(dumped, ast.Name) and dumped.id in names:
                                self.passing[unit.key].add(dumped.id)

    def _dumped(self, unit: Unit, call: ast.Call) -> list[ast.expr]:
        if dotted(call.func) in _DUMPERS:
            return call.args[:1]
        target = self.tracker.callee(unit, call) if self.passing else None
        if target is None or target.key not in self.passing:
            return []
        bound = dict(self.tracker.bound(target, call))
        return [bound[p] for p in self.passing[target.key] if p in bound]

    def _is_this(self, unit: Unit, statement: ast.stmt, call: ast.Call) -> bool:
        told = {
            self.tracker.tells(unit, n) for n in ast.walk(statement) if not isinstance(n, ast.Dict)
        }
        if True in told:
            return True
        return False not in told and self.tracker.unit_tells(unit)

    def _statements(self, unit: Unit) -> Iterator[ast.stmt]:
        for node in self.tracker.own(unit):
            if isinstance(node, ast.stmt) and not hasattr(node, "body"):
                yield node

    # --- what it is made of -------------------------------------------------------------------
    def _keys(self, unit: Unit, node: ast.expr, path: Path, where: ast.AST) -> None:
        mark = (unit.key, id(node), path)
        if mark in self.seen or len(path) > 8:
            return
        self.seen.add(mark)
        if isinstance(node, ast.Dict):
            self._display(unit, node, path)
        elif isinstance(node, (ast.List, ast.Tuple)):
            for element in node.elts:
                self._keys(unit, element, (*path, ANY), where)
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            self._keys(unit, node.elt, (*path, ANY), where)
        elif isinstance(node, ast.DictComp):
            self._write(unit, node, (*path, ANY))
            self._keys(unit, node.value, (*path, ANY), where)
        elif isinstance(node, ast.IfExp):
            self._keys(unit, node.body, path, where)
            self._keys(unit, node.orelse, path, where)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                self._keys(unit, value, path, where)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            self._variable(unit, node, path)
        elif isinstance(node, ast.Call):
            self._call(unit, node, path)
        elif not isinstance(
            node, (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Compare, ast.UnaryOp)
        ):
            self.flow.open_writes.add(path)

    def _display(self, unit: Unit, node: ast.Dict, path: Path) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self._keys(unit, value, path, value)
                continue
            name = self.tracker.key(unit, key)
            self._write(unit, key, (*path, name))
            self._keys(unit, value, (*path, name), value)

    def _write(self, unit: Unit, node: ast.expr, path: Path) -> None:
        self.flow.writes.append(Use(path, Location(unit.path, line=node.lineno, symbol=unit.name)))

    def _variable(self, unit: Unit, node: ast.expr, path: Path) -> None:
        """Everything that is assigned to a variable or attribute, or stored into it."""
        text = dotted(node)
        scopes = [unit]
        owner = self.code.references.owner_class(unit) if text.startswith("self.") else None
        if owner is not None:
            scopes = [u for k, u in self.tracker.units.items()
                      if u.path == owner.path and u.name.startswith(owner.name + ".")]  # fmt: skip
        found = False
        for scope in scopes:
            for item in self.tracker.own(scope):
                found |= self._stored(scope, item, text, path)
        if not found and not self._from_callers(unit, text, path):
            self.flow.open_writes.add(path)

    def _stored(self, unit: Unit, item: ast.AST, text: str, path: Path) -> bool:
        if isinstance(item, (ast.Assign, ast.AnnAssign)) and item.value is not None:
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            hit = False
            for target in targets:
                if dotted(target) == text and text:
                    if () not in self.tracker.value(unit, item.value):  # its own former content
                        self._keys(unit, item.value, path, item)
                    hit = True
                elif isinstance(target, ast.Subscript):
                    inner = self._below(unit, target, text)
                    if inner is not None:
                        self._write(unit, target, (*path, *inner))
                        self._keys(unit, item.value, (*path, *inner), item)
                        hit = True
            return hit
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute):
            base = item.func.value
            inner = self._below(unit, base, text)
            if inner is not None and item.args:
                if item.func.attr == "update":
                    self._keys(unit, item.args[0], (*path, *inner), item)
                    return True
                if item.func.attr in ("append", "add", "insert", "extend"):
                    self._keys(unit, item.args[-1], (*path, *inner, ANY), item)
                    return True
        return False

    def _below(self, unit: Unit, node: ast.expr, text: str) -> Path | None:
        """Keys between a variable and a place within it; None where it is another variable."""
        keys: list[str] = []
        while isinstance(node, ast.Subscript):
            keys.append(self.tracker.key(unit, node.slice))
            node = node.value
        return tuple(reversed(keys)) if dotted(node) == text and text else None

    def _from_callers(self, unit: Unit, text: str, path: Path) -> bool:
        if text not in unit.uses.binds:
            return False
        found = False
        for key in self.code.references.sources.get(unit.key, frozenset()):
            caller = self.tracker.units.get(key)
            if caller is None:
                continue
            for item in self.tracker.own(caller):
                if isinstance(item, ast.Call) and self.tracker.callee(caller, item) is unit:
                    argument = dict(self.tracker.bound(unit, item)).get(text)
                    if argument is not None:
                        found = True
                        self._keys(caller, argument, path, item)
        return found

    def _call(self, unit: Unit, call: ast.Call, path: Path) -> None:
        name = dotted(call.func).rpartition(".")[2]
        if name == "dict" and not call.args:
            for keyword in call.keywords:
                if keyword.arg:
                    self._write(unit, keyword.value, (*path, keyword.arg))
                    self._keys(unit, keyword.value, (*path, keyword.arg), call)
            return
        if name in _SAME and len(call.args) == 1:
            return self._keys(unit, call.args[0], path, call)
        if name == "asdict" and call.args:
            return self._dataclass(unit, call.args[0], path)
        target = self.tracker.callee(unit, call)
        returned = [
            n.value
            for n in (self.tracker.own(target) if target is not None else [])
            if isinstance(n, ast.Return) and n.value is not None
        ]
        if target is None or not returned:
            if not (
                name in _BLIND or name in ("round", "isoformat", "strftime", "sum", "min", "max")
            ):
                self.flow.open_writes.add(path)
            return
        for value in returned:
            self._keys(target, value, path, call)

    def _dataclass(self, unit: Unit, node: ast.expr, path: Path) -> None:
        text = dotted(node)
        references = self.code.references
        thing = references.chain(unit, text) if text and text != "self" else None
        cls = references.owner_class(unit) if text == "self" else thing.unit if thing else None
        if cls is None or not isinstance(cls.node, ast.ClassDef):
            self.flow.open_writes.add(path)
            return
        for statement in cls.node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                self._write(cls, statement.target, (*path, statement.target.id))
                self.flow.open_writes.add((*path, statement.target.id))


__all__ = ["ANY", "Flow", "Use", "key_flow", "overlaps", "within"]
