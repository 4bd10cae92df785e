"""Names that are None, or nothing, where an import failed, and their use without a look.

An import may fail: ``try: import x`` with a handler that assigns None, or nothing, and goes on.  A
use is guarded where a condition of its function, of its class's constructor, of a helper that it
calls, or of everything that calls it, asks for the name or for a flag that was set beside it.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.probes.code.surroundings import Surroundings, catches, surroundings, unit_at
from audit_lib.probes.code.types.annotations import is_none
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import MODULE, Unit
from audit_lib.subject.uses import dotted, targets_of

_DEEP = 3
#: Functions that a name of a package is given to, and that refuse to go on without it.
_REFUSES = re.compile(r"(assert|require|ensure|need|check|validate)\w*$", re.I)


@dataclass(frozen=True)
class Optional:
    """A name that an import may leave without a value.

    Attributes:
        path: the module.
        name: the name.
        package: what is imported, as written.
        line: of the import.
        tried: line of the ``try``.
        none: the handler makes it None; else it leaves it unbound.
        flags: names that tell whether the import worked, the name itself among them.
    """

    path: str
    name: str
    package: str
    line: int
    tried: int
    none: bool
    flags: frozenset[str]


@dataclass(frozen=True)
class Use:
    """A use that fails where the import has failed."""

    optional: Optional
    unit: Unit
    node: ast.expr
    called: bool


def optionals(code: Code, path: str) -> list[Optional]:
    """Names of a module that a failed import leaves without a value."""
    tree = code.tree.by_path[path].tree
    imports: list[Optional] = []
    for statement in tree.body if tree is not None else ():
        if isinstance(statement, ast.Try) and tree is not None:
            imports += _of_try(code, path, statement, tree.body)
    return imports


def _of_try(code: Code, path: str, node: ast.Try, module: list[ast.stmt]) -> Iterator[Optional]:
    handler = next((h for h in node.handlers if catches(h, "ImportError")), None)
    if handler is None or any(isinstance(s, (ast.Return, ast.Import, ast.ImportFrom))
                              for s in ast.walk(handler)) or _leaves(handler.body[-1]):  # fmt: skip
        return
    else_bound = _assigned(handler.body)
    before = _assigned([s for s in module if s.lineno < node.lineno])
    # ``x = None`` ahead of the try is the same as in the handler.
    flags = frozenset(else_bound) | frozenset(_assigned([*node.body, *node.orelse]))
    for statement in node.body:
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            value = else_bound.get(name, before.get(name))
            none = value is not None and is_none(value)
            later = [
                n for n in code.index.module(path).bindings.get(name, []) if n is not statement
            ]
            others = [n for n in later if not (isinstance(n, ast.Assign) and is_none(n.value))]
            if others or (value is not None and not none) or name == "*":
                continue  # it has a stand-in
            package = alias.name if isinstance(statement, ast.Import) else (
                "." * statement.level + (statement.module or ""))  # fmt: skip
            if isinstance(statement, ast.ImportFrom) and _inside(code, path, statement, alias.name):
                continue
            if package.partition(".")[0] in sys.stdlib_module_names:
                continue  # it is there, whatever the handler is for
            about = _about(module, flags | {name})
            about |= _fields(module, about - {name})
            yield Optional(path, name, package, statement.lineno, node.lineno, none, about)


def _leaves(last: ast.stmt) -> bool:
    """True where the program goes no further: ``raise``, ``sys.exit()``."""
    call = last.value if isinstance(last, ast.Expr) else None
    ends = isinstance(call, ast.Call) and dotted(call.func) in ("sys.exit", "exit", "quit")
    return ends or isinstance(last, ast.Raise)


def _inside(code: Code, path: str, node: ast.ImportFrom, name: str) -> bool:
    """True where the import leads to a file of the repository that has the name."""
    target = code.index.target_of(path, node)
    return target.path is not None and code.index.binds(target.path, name) is not False


def _about(module: list[ast.stmt], flags: frozenset[str]) -> frozenset[str]:
    """Flags, and names of the module that are made from them: ``HAS_X = x is not None``."""
    names_about = set(flags)
    for statement in module:
        value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
        names = (n.id for n in ast.walk(value) if isinstance(n, ast.Name)) if value else ()
        if names_about.intersection(names):
            names_about.update(_assigned([statement]))
    return frozenset(names_about)


def _fields(module: list[ast.stmt], flags: frozenset[str]) -> frozenset[str]:
    """Fields that hold a flag: ``self.fast = HAS_X and wanted``."""
    return frozenset(
        target.attr
        for statement in module
        for node in ast.walk(statement)
        if isinstance(node, ast.Assign)
        and any(isinstance(n, ast.Name) and n.id in flags for n in ast.walk(node.value))
        for target in node.targets
        if isinstance(target, ast.Attribute)
    )


def unguarded(code: Code, optional: Optional) -> Iterator[Use]:
    """Uses of the name that nothing asks about first."""
    guards = _Guards(code, optional)
    for path in {optional.path, *code.imports.importers.get(optional.path, ())}:
        around = surroundings(code, path)
        if around is None or path not in code.files:
            continue
        for unit in code.files[path].units:
            if optional.name in unit.uses.names and _means(code, unit, optional):
                for node in _uses(unit, optional.name):
                    handled = any(
                        around.handler(node, e)
                        for e in ("TypeError", "AttributeError", "NameError")
                    )
                    if handled or around.in_annotation(node) or guards.near(around, node):
                        continue
                    if not guards.of(unit):
                        parent = around.parents.get(node)
                        called = isinstance(parent, ast.Call) and parent.func is node
                        yield Use(optional, unit, node, called)


def _means(code: Code, unit: Unit, optional: Optional) -> bool:
    """True where the name is the module's own within a unit, or imported from it."""
    for scope in code.references._scopes(unit) if unit.name != MODULE else ():
        if optional.name in scope.uses.imports:
            return _from(code, scope.path, scope.uses.imports[optional.name], optional)
        if optional.name in scope.uses.binds:
            return False
    if unit.path == optional.path:
        return True
    nodes = code.index.module(unit.path).bindings.get(optional.name, [])
    return len(nodes) == 1 and _from(code, unit.path, nodes[0], optional)


def _from(code: Code, path: str, node: ast.AST, optional: Optional) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and code.index.target_of(path, node).path == optional.path
        and any(a.name == optional.name and a.asname is None for a in node.names)
    )


def _uses(unit: Unit, name: str) -> Iterator[ast.expr]:
    """Where a name is called, or an attribute of it is read."""
    stack: list[ast.AST] = [unit.node] if unit.node is not None else []
    first = True
    while stack:
        node = stack.pop()
        if isinstance(node, DEFINITIONS) and not first:
            stack.extend(node.decorator_list)
            stack.extend(node.bases if isinstance(node, ast.ClassDef) else ())
            continue
        first = False
        inner = node.func if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Attribute):
            inner = node.value
        if isinstance(inner, ast.Name) and inner.id == name and isinstance(inner.ctx, ast.Load):
            yield inner
        stack.extend(ast.iter_child_nodes(node))


class _Guards:
    """Which units ask for a name, or for a flag beside it, before they use it."""

    def __init__(self, code: Code, optional: Optional) -> None:
        self.code, self.flags = code, optional.flags
        self.names = {n.strip("_") for n in (optional.name, *optional.package.split("."))}
        self.package = optional.package.partition(".")[0].lower()
        self._known: dict[tuple[str, int], bool] = {}

    def near(self, around: Surroundings, node: ast.AST) -> bool:
        """True where a condition around the node asks, or it stands in a handler of the import."""
        for child, parent in around.above(node):
            test = parent.test if isinstance(parent, (ast.If, ast.IfExp, ast.While)) else child
            if test is not child and (self._asks(test) or self._helper_asks(around, test)):
                return True
            if isinstance(parent, ast.BoolOp) and any(map(self._asks, parent.values[:-1])):
                return True
            if isinstance(parent, ast.Try):
                imports = [s for s in parent.body if isinstance(s, (ast.Import, ast.ImportFrom))]
                if imports:
                    return True
            if isinstance(parent, DEFINITIONS) and any(map(self._asks, parent.decorator_list)):
                return True
        return False

    def _helper_asks(self, around: Surroundings, test: ast.AST) -> bool:
        """True where a condition calls a function of the repository that knows the package."""
        unit = unit_at(self.code, around.file.path, getattr(test, "lineno", 1))
        calls = [n for n in ast.walk(test) if isinstance(n, ast.Call)] if unit is not None else []
        for call in calls:
            name = dotted(call.func).rpartition(".")[2]
            for file in self.code.files.values() if name else ():
                target = self.code.references.unit(file.file.path, name)
                text = ast.unparse(target.node) if target and target.node else ""
                if self.package in text.lower():
                    return True
        return False

    def of(self, unit: Unit, depth: int = 0) -> bool:
        """True where the unit, its class's constructor, or all that call it ask."""
        key = (unit.key, depth)
        if key not in self._known:
            self._known[key] = False
            self._known[key] = self._of(unit, depth)
        return self._known[key]

    def _of(self, unit: Unit, depth: int) -> bool:
        if self._within(unit, depth):
            return True
        if unit.name == MODULE:
            return False
        references = self.code.references
        owner = references.owner_class(unit)
        if owner is not None and self._class_asks(owner, depth):
            return True
        outer = self.code.files[unit.path].units[max(unit.parent, 0)]
        if outer.name != MODULE and outer is not owner and self.of(outer, depth):
            return True
        if depth >= _DEEP:
            return False
        keys = [k.partition("::") for k in references.sources.get(unit.key, ())]
        units = [references.unit(path, name) for path, _, name in keys if name != MODULE]
        callers = [u for u in units if u is not None]
        return bool(callers) and all(self.of(u, depth + 1) for u in callers)

    def _class_asks(self, owner: Unit, depth: int) -> bool:
        for name in ("__init__", "__new__", "__post_init__"):
            member = self.code.references.member(owner, name)
            if member is not None and self._within(member, depth):
                return True
        return False

    def _within(self, unit: Unit, depth: int) -> bool:
        """True where a condition in the unit asks, or a helper that it calls does."""
        if unit.node is None or unit.name == MODULE:
            return False
        for node in ast.walk(unit.node):
            test = getattr(node, "test", None)
            if isinstance(test, ast.expr) and self._asks(test):
                return True
            if isinstance(node, ast.Call) and _REFUSES.search(dotted(node.func)):
                texts = (a.value for a in node.args if isinstance(a, ast.Constant))
                if any(isinstance(t, str) and t.strip("_") in self.names for t in texts):
                    return True  # assert_import("booster")
        if depth < _DEEP:
            for key in self.code.references.targets.get(unit.key, ()):
                path, _, name = key.partition("::")
                target = self.code.references.unit(path, name)
                function = target is not None and not isinstance(target.node, ast.ClassDef)
                if target is not None and function and self._raises(target):
                    return True
        return False

    def _raises(self, unit: Unit) -> bool:
        """True for a helper that refuses to go on without the import."""
        nodes = list(ast.walk(unit.node)) if unit.node is not None else []
        asks = any(
            self._asks(t) for n in nodes if isinstance(t := getattr(n, "test", None), ast.expr)
        )
        return asks and any(isinstance(n, (ast.Raise, ast.Return)) for n in nodes)

    def _asks(self, test: ast.AST) -> bool:
        names = {n.id for n in ast.walk(test) if isinstance(n, ast.Name)}
        dots = {
            dotted(n).rpartition(".")[2] for n in ast.walk(test) if isinstance(n, ast.Attribute)
        }
        return bool((names | dots) & self.flags)


def _assigned(body: list[ast.stmt]) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
        for target in targets_of(node)
        if isinstance(target, ast.Name)
    }
