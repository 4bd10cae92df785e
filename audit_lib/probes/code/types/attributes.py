"""Attributes that nothing defines: of modules by the text, of classes as a type checker infers.

A type checker knows the class of an object and not what else may stand there: a subclass, an object
that merely looks alike, a class that makes attributes at run time.  So what it says is believed
only where no class of the repository has the attribute and nothing in it assigns such a name.
"""

import ast
import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from audit_lib.probes.code.calls import texts
from audit_lib.probes.code.surroundings import surroundings, unit_at
from audit_lib.probes.code.types.type_checker import Diagnostic
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.uses import dotted

_NO_ATTRIBUTE = re.compile(r'^"(?:type\[)?"?(?P<owner>\w+)[^"]*" has no attribute "(?P<name>\w+)"')

_PLAIN = frozenset({"object", "ABC", "Enum", "IntEnum", "StrEnum", "Exception", "NamedTuple"})
_ACCESSORS = frozenset({"setter", "getter", "deleter"})


@dataclass(frozen=True)
class Missing:
    """An attribute that is read and that nothing defines.

    Attributes:
        path, node: where it is read.
        owner: module or class that should have it.
        near: the most alike name that it has; '' for none.
    """

    path: str
    node: ast.Attribute
    owner: str
    near: str = ""


class Attributes:
    """What the repository defines and assigns, for telling what it does not."""

    def __init__(self, code: Code) -> None:
        self.code = code

    @cached_property
    def _stored(self) -> frozenset[str]:
        """Every attribute name that some statement assigns, whatever the object."""
        names: set[str] = set()
        for file in self.code.tree.files:
            for node in ast.walk(file.tree) if file.tree is not None else ():
                if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                    names.add(node.attr)
                elif isinstance(node, ast.Call) and dotted(node.func) in ("setattr", "hasattr"):
                    names.update(texts(node.args))
                elif isinstance(node, ast.ClassDef):
                    names.update(_members(node))
        return frozenset(names)

    @cached_property
    def _put(self) -> frozenset[tuple[str, str]]:
        """(module, name) that some statement puts into a module from outside."""
        references = self.code.references
        return frozenset(
            (references.chain(unit, dotted(node.value)).module, node.attr)
            for file in self.code.files.values()
            for unit in file.units
            for node in _own_attributes(unit.node, ast.Store)
            if dotted(node.value)
        )

    @cached_property
    def _named_in_texts(self) -> frozenset[str]:
        """Names that are asked for, or set, by a text: ``hasattr(x, "name")``."""
        return frozenset(
            text
            for file in self.code.tree.files
            for node in (ast.walk(file.tree) if file.tree is not None else ())
            if isinstance(node, ast.Call) and dotted(node.func) in ("setattr", "hasattr")
            for text in texts(node.args)
        )

    @cached_property
    def _classes(self) -> dict[str, list[ast.ClassDef]]:
        classes: dict[str, list[ast.ClassDef]] = {}
        for file in self.code.files.values():
            for unit in file.units:
                if isinstance(unit.node, ast.ClassDef):
                    classes.setdefault(unit.node.name, []).append(unit.node)
        return classes

    @cached_property
    def _bound_to_calls(self) -> frozenset[str]:
        """Names that some module binds to what a call makes: ``Kind = Enum("Kind", names)``."""
        return frozenset(
            target.id
            for file in self.code.tree.files
            for node in (file.tree.body if file.tree is not None else ())
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for target in node.targets
            if isinstance(target, ast.Name)
        )

    def of_modules(self, path: str) -> Iterator[Missing]:
        """Names that a file reads off modules of the repository, which do not bind them."""
        index, references = self.code.index, self.code.references
        for unit in self.code.files[path].units if path in self.code.files else ():
            for node in _own_attributes(unit.node):
                root = dotted(node.value)
                if not root or root.partition(".")[0] in ("self", "cls") or root.count(".") > 3:
                    continue
                if node.attr in _ACCESSORS and node in getattr(unit.node, "decorator_list", ()):
                    continue  # of a property of the class that has a module's name
                module = references.chain(unit, root).module
                if not module or module.endswith("/"):
                    continue
                if (module, node.attr) in self._put or node.attr in self._named_in_texts:
                    continue
                if index.binds(module, node.attr) is False and not _is_dunder(node.attr):
                    near = _nearest(node.attr, index.module(module).bindings)
                    yield Missing(path, node, module, near)

    def of_classes(self, error: Diagnostic) -> Missing | None:
        """What a type checker's error says of a class of the repository, where it is certain."""
        match = _NO_ATTRIBUTE.match(error.text)
        if error.code != "attr-defined" or match is None:
            return None
        if {match["name"], match["name"].removeprefix(f"_{match['owner']}")} & self._stored:
            return None  # by that name, or privately
        around = surroundings(self.code, error.path)
        owners = self._classes.get(match["owner"], [])
        if around is None or len(owners) != 1 or _is_dunder(match["name"]):
            return None
        if match["owner"] in self._bound_to_calls:
            return None  # another of that name, whose members are made
        if any(map(self._makes_attributes, self._with_bases(match["owner"]))):
            return None
        if any(map(self._makes_attributes, self._mixed_with(match["owner"]))):
            return None  # a mixin: what its other half has is there too
        for node in around.at(error.line, error.column):
            if isinstance(node, ast.Attribute) and node.attr == match["name"]:
                if is_plain_first(node.value, owners[0]):
                    continue
                names = [n for c in self._with_bases(match["owner"]) for n in _members(c)]
                return Missing(error.path, node, match["owner"], _nearest(node.attr, names))
        return None

    def _with_bases(self, name: str, seen: frozenset[str] = frozenset()) -> list[ast.ClassDef]:
        if name in seen:
            return []
        own = self._classes.get(name, [])
        bases = [dotted(b).rpartition(".")[2] for c in own for b in c.bases]
        return own + [c for b in bases for c in self._with_bases(b, seen | {name})]

    def _mixed_with(self, name: str) -> list[ast.ClassDef]:
        """Classes of the repository that inherit from one, and all they inherit from."""
        orders = [self._with_bases(below) for below in self._classes if below != name]
        return [c for order in orders if any(b.name == name for b in order) for c in order]

    def _makes_attributes(self, node: ast.ClassDef) -> bool:
        """True where a class makes attributes whose names the text does not tell."""
        plain_bases = self._classes.keys() | _PLAIN
        if node.keywords or any(_is_maker(d) for d in node.decorator_list):
            return True
        if any(dotted(b).rpartition(".")[2] not in plain_bases for b in node.bases):
            return True  # a library's class has what its stub does not tell
        for part in ast.walk(node):
            if isinstance(part, DEFINITIONS) and part.name in ("__getattr__", "__getattribute__"):
                return True
            of = part.args[:1] if isinstance(part, ast.Call) else []
            made = isinstance(part, ast.Call) and dotted(part.func) in ("setattr", "vars")
            if isinstance(part, ast.Attribute) and part.attr == "__dict__":
                of, made = [part.value], True
            if made and (not of or dotted(of[0]) in ("self", "cls", node.name)):
                return True  # what is set on others is theirs
        return False


def symbol_of(code: Code, missing: Missing) -> str:
    """The definition in which the attribute is read."""
    unit = unit_at(code, missing.path, missing.node.lineno)
    return "" if unit is None or unit.name == "<module>" else unit.name


def _own_attributes(
    node: ast.AST | None, how: type[ast.expr_context] = ast.Load
) -> Iterator[ast.Attribute]:
    stack = list(ast.iter_child_nodes(node)) if node is not None else []
    while stack:
        part = stack.pop()
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, how):
            yield part
        if not isinstance(part, DEFINITIONS):
            stack.extend(ast.iter_child_nodes(part))


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Names that a class body and the methods in it give to the class or its objects."""
    for part in ast.walk(node):
        if isinstance(part, DEFINITIONS):
            yield part.name
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
            yield part.attr


def _is_maker(decorator: ast.expr) -> bool:
    name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
    harmless = ("dataclass", "final", "total_ordering", "runtime_checkable", "unique")
    return name.rpartition(".")[2] not in harmless


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _nearest(name: str, names: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name, list(names), n=1, cutoff=0.75)), "")


def is_plain_first(value: ast.expr, cls: ast.AST | None) -> bool:
    """True for the first parameter of a function that stands in a class and takes no instance.

    ``def week(series)`` in a class that only holds functions: a type checker takes it for one.
    """
    firsts = {
        f.args.args[0].arg
        for f in getattr(cls, "body", [])
        if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef)) and f.args.args
    }
    return isinstance(value, ast.Name) and value.id in firsts - {"self", "cls", "mcs", "this"}
