"""Follows what is dumped backwards to the keys that it is made of."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from audit_lib.model import Location
from audit_lib.probes.code.calls import bound, parameter_names
from audit_lib.probes.code.keyflow.calls import BLIND, SAME
from audit_lib.probes.code.keyflow.paths import ANY, Dump, Path, Use
from audit_lib.probes.code.keyflow.reads import Reads
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted, targets_of

DUMPERS = frozenset(
    {"json.dump", "json.dumps", "yaml.dump", "yaml.safe_dump", "orjson.dumps", "ujson.dump",
     "ujson.dumps", "simplejson.dump", "simplejson.dumps", "pickle.dump", "pickle.dumps",
     "joblib.dump", "torch.save", "cloudpickle.dump", "dill.dump", "toml.dump"}
)  # fmt: skip
#: Writers whose keywords are the keys.
ARCHIVES = frozenset({"np.savez", "numpy.savez", "np.savez_compressed", "numpy.savez_compressed"})


class Writes:
    """Follows what is dumped backwards to the keys that it is made of."""

    def __init__(self, reads: Reads) -> None:
        self.reads, self.flow, self.code = reads, reads.flow, reads.code
        self.seen: set[tuple[str, int, Path]] = set()
        self.amended = False  # the document that is being dumped was read first
        self.passing: dict[str, set[str]] = defaultdict(set)  # dumper -> parameters it dumps

    def collect(self) -> None:
        """Find the dumps of this document among those of all documents, which are found once."""
        every = self.code.once("dumps", lambda: tuple(self._every_dump()))
        for unit, statement, nodes, dumped in every:
            if self._is_this(unit, nodes):
                self.flow.dumped = True
                self._dump(unit, dumped, statement)
        self.flow.writes = list(dict.fromkeys(self.flow.writes))

    def _every_dump(self) -> Iterator[tuple[Unit, ast.stmt, list[ast.AST], ast.expr]]:
        """Unit, statement, its nodes and what is dumped, of every dump of any document."""
        self._find_passing()
        near = self._near()
        sources = self.code.references.sources
        near |= {key for dumper in self.passing for key in sources.get(dumper, ())}
        for unit in (self.reads.units[k] for k in sorted(near & set(self.reads.units))):
            for statement in self._statements(unit):
                nodes = list(ast.walk(statement))
                for call in (n for n in nodes if isinstance(n, ast.Call)):
                    for dumped in self._dumped(unit, call):
                        yield unit, statement, nodes, dumped

    def _dump(self, unit: Unit, dumped: ast.expr, statement: ast.stmt) -> None:
        """What one call writes, told apart from what others do."""
        written_before, opened = len(self.flow.writes), self.flow.open_writes
        self.flow.open_writes, self.amended = set(), False
        self.seen.clear()
        self._keys(unit, dumped, (), statement)
        place = Location(unit.path, line=dumped.lineno, symbol=unit.name)
        paths = {u.path for u in self.flow.writes[written_before:]}
        self.flow.dumps.append(Dump(place, paths, set(self.flow.open_writes), self.amended))
        self.flow.open_writes |= opened

    def _near(self) -> set[str]:
        return {k for word in ("dump", "save") for k, _ in self.reads.units_near(word)}

    def _find_passing(self) -> None:
        near = self._near()
        for _ in range(3):
            near |= {k for d in self.passing for k in self.code.references.sources.get(d, ())}
            for unit in (self.reads.units[k] for k in near if k in self.reads.units):
                own = set(parameter_names(unit.node))
                for node in self.reads.own(unit) if own else ():
                    if isinstance(node, ast.Call):
                        for dumped in self._dumped(unit, node):
                            if isinstance(dumped, ast.Name) and dumped.id in own:
                                self.passing[unit.key].add(dumped.id)

    def _dumped(self, unit: Unit, call: ast.Call) -> list[ast.expr]:
        if dotted(call.func) in DUMPERS:
            return call.args[:1]
        if dotted(call.func) in ARCHIVES:
            return [call]
        target = self.reads.callee(unit, call) if self.passing else None
        if target is None or target.key not in self.passing:
            return []
        given = dict(bound(target.node, call))
        return [given[p] for p in self.passing[target.key] if p in given]

    def _is_this(self, unit: Unit, nodes: list[ast.AST]) -> bool:
        answers = {self.reads.tells(unit, n) for n in nodes if not isinstance(n, ast.Dict)}
        if True in answers:
            return True
        return False not in answers and self.reads.unit_tells(unit)

    def _statements(self, unit: Unit) -> Iterator[ast.stmt]:
        for node in self.reads.own(unit):
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
        elif parts := _joined(node):
            for part in parts:
                self._keys(unit, part, path, where)
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
            name = self.reads.key(unit, key)
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
            scopes = [u for k, u in self.reads.units.items()
                      if u.path == owner.path and u.name.startswith(owner.name + ".")]  # fmt: skip
        stored = False
        for scope in scopes:
            for item in self.reads.own(scope):
                stored |= self._stored(scope, item, text, path)
        if not stored and not self._from_callers(unit, text, path):
            self.flow.open_writes.add(path)

    def _stored(self, unit: Unit, item: ast.AST, text: str, path: Path) -> bool:
        if isinstance(item, (ast.Assign, ast.AnnAssign)) and item.value is not None:
            hit = False
            for target in targets_of(item):
                if dotted(target) == text and text:
                    former = () in self.reads.value(unit, item.value)  # its own content
                    self.amended |= former
                    if not former:
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
                if item.func.attr == "setdefault":
                    inner = (*inner, self.reads.key(unit, item.args[0]))
                    self._write(unit, item, (*path, *inner))
                    if len(item.args) > 1:
                        self._keys(unit, item.args[1], (*path, *inner), item)
                    return True
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
        while True:
            if isinstance(node, ast.Subscript):
                keys.append(self.reads.key(unit, node.slice))
                node = node.value
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "setdefault"
                and node.args
            ):
                keys.append(self.reads.key(unit, node.args[0]))
                node = node.func.value
            else:
                break
        return tuple(reversed(keys)) if dotted(node) == text and text else None

    def _from_callers(self, unit: Unit, text: str, path: Path) -> bool:
        if text not in unit.uses.binds:
            return False
        stored = False
        for key in self.code.references.sources.get(unit.key, frozenset()):
            caller = self.reads.units.get(key)
            if caller is None:
                continue
            for item in self.reads.own(caller):
                if isinstance(item, ast.Call) and self.reads.callee(caller, item) is unit:
                    argument = dict(bound(unit.node, item)).get(text)
                    if argument is not None:
                        stored = True
                        self._keys(caller, argument, path, item)
        return stored

    def _call(self, unit: Unit, call: ast.Call, path: Path) -> None:
        name = dotted(call.func).rpartition(".")[2]
        if dotted(call.func) in ARCHIVES or (name == "dict" and call.keywords):
            for place, argument in enumerate(call.args[1:] if name != "dict" else ()):
                self._write(unit, argument, (*path, f"arr_{place}"))
            for argument in call.args if name == "dict" else ():
                self._keys(unit, argument, path, call)
            for keyword in call.keywords:
                if keyword.arg:
                    self._write(unit, keyword.value, (*path, keyword.arg))
                    self._keys(unit, keyword.value, (*path, keyword.arg), call)
                else:
                    self._keys(unit, keyword.value, path, call)
            return
        if name in SAME and len(call.args) == 1:
            return self._keys(unit, call.args[0], path, call)
        if name == "asdict" and call.args:
            return self._dataclass(unit, call.args[0], path)
        target = self.reads.callee(unit, call)
        returned = [
            n.value
            for n in (self.reads.own(target) if target is not None else [])
            if isinstance(n, ast.Return) and n.value is not None
        ]
        if target is None or not returned:
            if not (
                name in BLIND or name in ("round", "isoformat", "strftime", "sum", "min", "max")
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


def _joined(node: ast.expr) -> list[ast.expr]:
    """What an expression is one of, or all of: branches, alternatives, merged mappings."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [node.left, node.right]
    return []
