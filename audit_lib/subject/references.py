"""Who refers to whom, definition by definition, as far as the text alone tells.

A reference is counted where a name resolves: through scopes, imports (re-exports followed), module
attributes, ``self`` and ``cls`` with bases inside the repository, and objects whose class is
visible where they are made (``x = Model()``, ``self.x = Model()``) or annotated (``x: Model``).
What is passed about untyped is not seen, so fan-in is a lower bound.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from audit_lib.subject.modules import DEFINITIONS, ModuleIndex
from audit_lib.subject.source import uncollected
from audit_lib.subject.units import MODULE, FileUnits, Unit
from audit_lib.subject.uses import dotted


@dataclass(frozen=True)
class Thing:
    """What a name stands for.

    Attributes:
        unit: the definition, or the class of an instance; None for a module or constant.
        instance: the thing is an object of the class ``unit``.
        module: path of the module that the thing is; '' otherwise.
        constant: (path, name) of a module-level assignment; None otherwise.
    """

    unit: Unit | None = None
    instance: bool = False
    module: str = ""
    constant: tuple[str, str] | None = None


NOTHING = Thing()
_SELF = ("self", "cls")


class References:
    """Resolves names to definitions over the units of many files."""

    def __init__(self, index: ModuleIndex, files: Iterable[FileUnits]) -> None:
        self.index = index
        self.files = {f.file.path: f for f in files}
        self._by_node = {id(u.node): u for f in self.files.values() for u in f.units}
        self._by_name = {p: {u.name: u for u in f.units} for p, f in self.files.items()}
        self._members: dict[tuple[str, str], Unit | None] = {}
        self._globals: dict[tuple[str, str], Thing] = {}
        self._locals: dict[tuple[str, str], Thing] = {}
        self._fields: dict[tuple[str, str], Thing] = {}

    @cached_property
    def targets(self) -> dict[str, frozenset[str]]:
        """Unit key to the keys of the definitions it refers to."""
        with uncollected():
            return {
                unit.key: frozenset(
                    thing.unit.key
                    for thing in self.things(unit)
                    if thing.unit is not None and thing.unit is not unit
                )
                for file in self.files.values()
                for unit in file.units
            }

    @cached_property
    def sources(self) -> dict[str, frozenset[str]]:
        """Unit key to the keys of the units that refer to it."""
        sources: dict[str, set[str]] = defaultdict(set)
        for source, targets in self.targets.items():
            for target in targets:
                sources[target].add(source)
        return {target: frozenset(keys) for target, keys in sources.items()}

    def unit(self, path: str, name: str) -> Unit | None:
        """The unit of that name in a file."""
        return self._by_name.get(path, {}).get(name)

    def things(self, unit: Unit) -> list[Thing]:
        """Everything in the repository that a unit refers to."""
        uses = unit.uses
        things = [self.name(unit, name) for name in sorted(uses.names)]
        things += [self.attribute(unit, [a, b]) for a, b in sorted(uses.attributes)]
        things += [self.attribute(unit, [a, b, c]) for a, b, c in sorted(uses.members)]
        things += [self.chain(unit, cls) for cls in sorted(set(uses.made.values())) if cls]
        return [thing for thing in things if thing is not NOTHING]

    # --- resolving ----------------------------------------------------------------------------
    def name(self, unit: Unit, name: str) -> Thing:
        """What a plain name means within a unit."""
        key = (unit.key, name)
        if key not in self._locals:
            self._locals[key] = NOTHING  # ``x = x.copy()`` says nothing about x
            self._locals[key] = self._local_name(unit, name)
        return self._locals[key]

    def _local_name(self, unit: Unit, name: str) -> Thing:
        for scope in self._scopes(unit):
            inner = self.unit(scope.path, f"{scope.name}.{name}")
            if inner is not None:
                return Thing(inner)
            if name in scope.uses.rivals:
                return NOTHING
            if name in scope.uses.imports:
                return self._imported(scope.path, scope.uses.imports[name], name)
            if name in scope.uses.binds:
                constructor = scope.uses.made.get(name, "")
                return self._object(scope, constructor) if constructor else NOTHING
        return self.module_name(unit.path, name)

    def chain(self, unit: Unit, text: str) -> Thing:
        """What a dotted name means within a unit."""
        parts = text.split(".")
        return self.name(unit, parts[0]) if len(parts) == 1 else self.attribute(unit, parts)

    def attribute(self, unit: Unit, parts: list[str]) -> Thing:
        """What ``a.b`` or ``a.b.c`` means within a unit."""
        own = self.owner_class(unit) if parts[0] in _SELF else None
        if own is not None:
            thing = Thing(own, instance=True)
            if len(parts) == 3:
                thing = self._field(own, parts[1])
                parts = parts[1:]
        else:
            thing = self.name(unit, parts[0])
        for part in parts[1:]:
            thing = self._member_of(thing, part)
        return thing

    def module_name(self, path: str, name: str) -> Thing:
        """What a name means at the top level of a module."""
        key = (path, name)
        if key not in self._globals:
            self._globals[key] = NOTHING  # a cycle of assignments ends here
            self._globals[key] = self._module_name(path, name)
        return self._globals[key]

    def member(self, cls: Unit, name: str) -> Unit | None:
        """The definition of a class member, looked up in bases of the repository too."""
        key = (cls.key, name)
        if key not in self._members:
            self._members[key] = None
            self._members[key] = self._find_member(cls, name)
        return self._members[key]

    @cached_property
    def _subclasses(self) -> dict[str, list[Unit]]:
        subclasses: dict[str, list[Unit]] = defaultdict(list)
        for unit in (unit for file in self.files.values() for unit in file.units):
            for base in self.bases(unit) if isinstance(unit.node, ast.ClassDef) else ():
                if base is not None:
                    subclasses[base.key].append(unit)
        return subclasses

    def overrides(self, method: Unit) -> list[Unit]:
        """Definitions of a method in classes of the repository below its own."""
        name = method.name.rpartition(".")[2]
        below, queue = dict[str, Unit](), [self._outer(method)]
        while queue:
            for cls in self._subclasses.get(queue.pop().key, ()):
                if cls.key not in below:
                    below[cls.key] = cls
                    queue.append(cls)
        own = (self.unit(cls.path, f"{cls.name}.{name}") for cls in below.values())
        return [definition for definition in own if definition is not None]

    def bases(self, cls: Unit) -> list[Unit | None]:
        """Base classes; None for those outside the repository."""
        assert isinstance(cls.node, ast.ClassDef)
        scope = self._outer(cls)
        return [
            thing.unit if (thing := self.chain(scope, dotted(base))).unit and dotted(base) else None
            for base in cls.node.bases
        ]

    def owner_class(self, unit: Unit) -> Unit | None:
        """The class whose ``self`` a unit sees."""
        here: Unit | None = unit
        while here is not None and here.name != MODULE:
            outer = self._outer(here)
            if isinstance(here.node, ast.FunctionDef | ast.AsyncFunctionDef) and isinstance(
                outer.node, ast.ClassDef
            ):
                return outer
            here = outer if outer is not here else None
        return None

    # --- helpers ------------------------------------------------------------------------------
    def _outer(self, unit: Unit) -> Unit:
        return self.files[unit.path].units[max(unit.parent, 0)]

    def _scopes(self, unit: Unit) -> list[Unit]:
        """The unit and the functions around it; class scopes are not seen from within."""
        scopes = [unit] if unit.name != MODULE else []
        here = unit
        while here.parent > 0:
            here = self._outer(here)
            if not isinstance(here.node, ast.ClassDef):
                scopes.append(here)
        return scopes

    def _object(self, scope: Unit, constructor: str) -> Thing:
        thing = self.chain(scope, constructor)
        if thing.unit is not None and isinstance(thing.unit.node, ast.ClassDef):
            return Thing(thing.unit, instance=True)
        return NOTHING

    def _field(self, cls: Unit, name: str) -> Thing:
        """The object that ``self.name`` holds, where exactly one origin is visible."""
        key = (cls.key, name)
        if key not in self._fields:
            self._fields[key] = NOTHING  # ``self.x = self.x.copy()`` says nothing about x
            self._fields[key] = self._field_of(cls, name)
        return self._fields[key]

    def _field_of(self, cls: Unit, name: str) -> Thing:
        origins = {}
        prefix = cls.name + "."
        for unit in self.files[cls.path].units:
            if unit.name.startswith(prefix) and (origin := unit.uses.made.get(f"self.{name}")):
                origins[origin] = unit
        if len(origins) != 1:
            return NOTHING
        origin, unit = origins.popitem()
        return self._object(unit, origin)

    def _member_of(self, thing: Thing, name: str) -> Thing:
        if thing.module.endswith("/"):
            inner = self.index.locate(thing.module.rstrip("/"), [name])
            return Thing(module=inner) if inner else NOTHING
        if thing.module:
            return self.module_name(thing.module, name)
        if thing.unit is not None and isinstance(thing.unit.node, ast.ClassDef):
            member = self.member(thing.unit, name)
            return Thing(member) if member is not None else NOTHING
        return NOTHING

    def _module_name(self, path: str, name: str) -> Thing:
        defined = self.index.definition(path, name)
        if defined is None:
            return self._unsure(path, name)
        where, node = defined
        if isinstance(node, DEFINITIONS):
            unit = self._by_node.get(id(node))
            return Thing(unit) if unit is not None else NOTHING
        if isinstance(node, ast.Import):
            return self._imported(where, node, name)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            if isinstance(node.value, ast.Call) and where in self.files:
                instance = self._object(self.files[where].units[0], dotted(node.value.func))
                if instance is not NOTHING:
                    return instance
            return Thing(constant=(where, name))
        return NOTHING

    def _unsure(self, path: str, name: str) -> Thing:
        """Imports of submodules, and constants that are assigned more than once."""
        module = self.index.module(path)
        nodes = module.bindings.get(name, [])
        imports = [n for n in nodes if isinstance(n, ast.ImportFrom)]
        if imports:
            return self._imported(path, imports[0], name)
        if nodes and all(isinstance(n, ast.Assign | ast.AnnAssign | ast.AugAssign) for n in nodes):
            return Thing(constant=(path, name))
        if nodes:
            return NOTHING
        inner = self.index.locate(module.folder, [name]) if module.is_package else None
        return Thing(module=inner) if inner else self._starred(path, name)

    def _starred(self, path: str, name: str) -> Thing:
        """What a star import of the repository brings; the last one wins."""
        for star in reversed(self.index.module(path).stars):
            target = self.index.target_of(path, star).path
            if target and not target.endswith("/") and not name.startswith("_"):
                thing = self.module_name(target, name)
                if thing is not NOTHING:
                    return thing
        return NOTHING

    def _imported(self, path: str, node: ast.AST, name: str) -> Thing:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if name == (alias.asname or alias.name.partition(".")[0]):
                    # ``import a.b`` binds a
                    file = self.index.absolute(alias.name if alias.asname else name, path).path
                    return Thing(module=file) if file else NOTHING
            return NOTHING
        assert isinstance(node, ast.ImportFrom)
        original = next((a.name for a in node.names if (a.asname or a.name) == name), name)
        target = self.index.target_of(path, node).path
        if target is None:
            return NOTHING
        # ``from . import utils`` in the package itself binds the submodule, not itself.
        itself = target == path and original == name
        module = None if target.endswith("/") or itself else self.index.module(target)
        if module is not None and original in module.bindings:
            return self.module_name(target, original)
        if target.endswith(("/", "/__init__.py")) or target == "__init__.py":
            folder = target.rstrip("/").removesuffix("__init__.py").rstrip("/")
            inner = self.index.locate(folder, [original])
            return Thing(module=inner) if inner else NOTHING
        return NOTHING

    def _find_member(self, cls: Unit, name: str) -> Unit | None:
        own = self.unit(cls.path, f"{cls.name}.{name}")
        if own is not None:
            return own
        for base in self.bases(cls):
            if base is not None and isinstance(base.node, ast.ClassDef):
                inherited = self.member(base, name)
                if inherited is not None:
                    return inherited
        return None
