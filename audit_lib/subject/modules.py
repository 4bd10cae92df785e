"""What each module of the repository binds, and which file an import leads to.

Nothing is imported.  Names are found as Python would find them: a module's names are those bound at
its top level (through ``if``, ``try``, ``for`` and ``with``), names that its functions declare
``global``, names a star import brings, and, for a package, its submodules.  A module that makes
names at run time (``__getattr__``, ``globals()[...]``, ``exec``) is *open*: any name may exist.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from audit_lib.files import read_words
from audit_lib.subject.source import SourceFile, SourceTree
from audit_lib.subject.uses import last_name

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES = (*DEFINITIONS, ast.Lambda)
_RELATIVE = re.compile(r"^[ \t]*from[ \t]+(\.+)", re.MULTILINE)
_DOTTED_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)\.([\w.]*\w)", re.MULTILINE)
#: What a module puts into the table of modules, itself aside.
_ALIASED = re.compile(r"\bsys\.modules(?:\[|\.setdefault\()(?!__name__\])([^],]+)(?:,|\]\s*=[^=])")
#: Files of a build, which may name the modules that it makes.
BUILD_FILES = ("pyproject.toml", "setup.cfg", "setup.py", "meson.build")
#: Endings of extension modules and of what they are built from.
_COMPILED = (".so", ".pyd", ".pyx", ".tp", ".c", ".cpp", ".cu", ".f90")


@dataclass
class Module:
    """The names of one file.

    Attributes:
        source: the file.
        bindings: name to the nodes that bind it, in source order.
        stars: ``from x import *`` statements at the top level.
        open: True where names may come into being at run time.
    """

    source: SourceFile
    bindings: dict[str, list[ast.AST]] = field(default_factory=dict)
    stars: list[ast.ImportFrom] = field(default_factory=list)
    open: bool = False

    @property
    def is_package(self) -> bool:
        """True for an ``__init__`` file."""
        return PurePosixPath(self.source.path).stem == "__init__"

    @property
    def folder(self) -> str:
        """Folder of the file, '' at the root."""
        return folder_of(self.source.path)


@dataclass(frozen=True)
class Target:
    """Where a dotted name leads.

    Attributes:
        path: file, or None where there is none in the repository.
        inside: True where the name belongs to the repository, so that a missing file is a fault.
    """

    path: str | None
    inside: bool


class ModuleIndex:
    """Modules of a source tree by path and by dotted name."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self._modules: dict[str, Module] = {}

    @cached_property
    def package(self) -> str:
        """Import name of the package that the root folder itself is; '' where it is none.

        A declared name that a folder below the root bears means that folder. A root of whose
        folders imports begin, and which none names or climbs to, is none, whatever stands in it.
        """
        declared = self.tree.parameters.package
        if "__init__.py" in self.tree.by_path:
            name = declared or self.tree.root.name
            aside = not self._climbs(name) and any(self.holds(top) for top, *_ in self._dotted)
            return name if name.isidentifier() and not aside else ""
        held = any(self._file(_join(root, declared), "__init__") for root in self.search_roots)
        return "" if held else declared

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds Python files somewhere below, '' for the root."""
        names = {""}
        for path in self.tree.by_path:
            names.update(p.as_posix() for p in PurePosixPath(path).parents if p.as_posix() != ".")
        return frozenset(names)

    @cached_property
    def search_roots(self) -> tuple[str, ...]:
        """Folders from which absolute names are looked up.

        The root, and every folder that holds a top-level package but is none itself (``src/``).
        """
        roots = {""}
        for path in self.tree.by_path:
            if PurePosixPath(path).name == "__init__.py":
                parent = folder_of(folder_of(path))
                if self._file(parent, "__init__") is None:
                    roots.add(parent)
        return tuple(sorted(roots))

    def module(self, path: str) -> Module:
        """Names of the file at ``path``."""
        if path not in self._modules:
            self._modules[path] = _read(self.tree.by_path[path])
        return self._modules[path]

    # --- finding files ------------------------------------------------------------------------
    def absolute(self, name: str, importer: str = "") -> Target:
        """Where ``import name`` leads; scripts also see the modules beside them."""
        parts = name.split(".") if name else []
        if not parts:
            return Target(None, False)
        if self.package and parts[0] == self.package:
            return self._inside("", parts[1:])
        if parts[0] in sys.stdlib_module_names:
            return Target(None, False)
        beside = folder_of(importer)
        if self._file(beside, "__init__") is not None:
            beside = ""
        beside_root = not self.package or self._runs(importer) or parts[0] not in self._foreign
        roots = [r for r in self.search_roots if r or beside_root]
        roots = [r for r in roots if parts[0] not in self._foreign_below.get(r, ())]
        for root in dict.fromkeys((*([beside] if beside else []), *roots)):
            path = self.locate(root, parts)
            if path is not None:
                return Target(path, True)
        for root in roots:
            if len(parts) > 1 and self._file(_join(root, parts[0]), "__init__"):
                return self._inside(root, parts)
        return Target(None, False)

    def relative(self, importer: str, level: int, name: str) -> Target:
        """Where ``from ..name import`` leads; inside even where it climbs out of the root."""
        folder = PurePosixPath(importer).parent
        for _ in range(level - 1):
            if folder.as_posix() == ".":
                return Target(None, True)
            folder = folder.parent
        base = folder.as_posix().removeprefix(".")
        return self._inside(base, name.split(".") if name else [])

    def _inside(self, folder: str, parts: Sequence[str]) -> Target:
        """Where a name of the repository leads; outside where the build makes it."""
        path = self.locate(folder, parts)
        if path is None and parts:
            last = parts[-1]
            place = "/".join(p for p in (folder, *parts[:-1]) if p)
            if self.has_compiled(place, last) or f"{last}.py" in self._built:
                return Target(None, False)
            if self._aliased(folder, parts):
                return Target(None, False)
            stub = self.locate(folder, parts[:-1]) if len(parts) > 1 else None
            if stub is not None and self._stub_of_compiled(stub):
                return Target(None, False)  # a submodule that the extension makes
        return Target(path, True)

    def _aliased(self, folder: str, parts: Sequence[str]) -> bool:
        """True where a package on the way puts modules under other names into ``sys.modules``."""
        for place, part in enumerate(parts):
            package = self._file("/".join(p for p in (folder, *parts[:place]) if p), "__init__")
            for key in _ALIASED.findall(self.tree.by_path[package].text) if package else ():
                if key[0] not in "'\"" or part in key.strip("'\"").split("."):
                    return True
        return False

    def _runs(self, path: str) -> bool:
        """True for scripts: only for them is the folder of a package a place to import from."""
        file = self.tree.by_path.get(path)
        return file is None or "__main__" in file.text

    @cached_property
    def _foreign(self) -> frozenset[str]:
        """Names that some import takes for a package that the root folder does not hold.

        ``sklearn.py`` in the root of a package that also imports ``sklearn.base`` is not what
        ``import sklearn`` means.
        """
        return self._unheld("")

    @cached_property
    def _foreign_below(self) -> dict[str, frozenset[str]]:
        """Likewise of search roots that lie within a package: ``templates/ray`` is not ``ray``."""
        return {
            root: self._unheld(root)
            for root in self.search_roots
            if root and self.within_package(root)
        }

    def within_package(self, folder: str) -> bool:
        """True where a folder above it is a package."""
        above = self._above(folder)
        return any(self._file(p, "__init__") for p in above if p or self.package)

    def holds(self, name: str) -> bool:
        """True where imports that begin with a name lead into the root folder."""
        return any(parts[0] == name and self.locate("", parts) for parts in self._dotted)

    def _climbs(self, name: str) -> bool:
        """True where an import names the root folder as a package, or climbs up to it."""
        named = re.compile(rf"^[ \t]*(?:from|import)[ \t]+{re.escape(name)}\b", re.MULTILINE)
        return any(
            named.search(file.text)
            or any(len(dots) > file.path.count("/") for dots in _RELATIVE.findall(file.text))
            for file in self.tree.files
        )

    def _unheld(self, root: str) -> frozenset[str]:
        """First names of imports of which a folder holds none; it may lack one that is broken."""
        held = {parts[0] for parts in self._dotted if self.locate(root, parts)}
        return frozenset(parts[0] for parts in self._dotted) - held

    @cached_property
    def _dotted(self) -> frozenset[tuple[str, ...]]:
        """Dotted names that the source imports, in parts."""
        names = {name for file in self.tree.files for name in _DOTTED_IMPORT.findall(file.text)}
        return frozenset((top, *rest.split(".")) for top, rest in names)

    @staticmethod
    def _above(folder: str) -> Iterator[str]:
        while folder:
            folder = folder_of(folder)
            yield folder

    @cached_property
    def _built(self) -> str:
        """Text of the build's own files, which name the modules that it writes."""
        texts = []
        for name in BUILD_FILES:
            for folder in (self.tree.root, self.tree.root.parent):
                file = folder / name
                if file.is_file() and (folder == self.tree.root or self.package):
                    texts.append(read_words(file, errors="replace"))
        return "\n".join(texts)

    def locate(self, folder: str, parts: Sequence[str]) -> str | None:
        """File of a dotted name below ``folder``: module, package, or None.

        A folder without ``__init__`` is a namespace package; it has no file of its own, so it is
        answered as the folder's path with a trailing slash.
        """
        here = folder
        for part in parts[:-1]:
            here = _join(here, part)
            if here not in self.folders:
                return None
        last = parts[-1] if parts else ""
        inner = _join(here, last) if last else here
        package = self._file(inner, "__init__")
        if package is not None:
            return package
        if last:
            module = self._file(here, last)
            if module is not None:
                return module
        return f"{inner}/" if inner in self.folders and inner else None

    def has_compiled(self, folder: str, name: str = "") -> bool:
        """True where an extension module, of that name if one is given, stands in the folder."""
        base = self.tree.root / folder
        return base.is_dir() and any(
            p.name.split(".")[0] == (name or p.name.split(".")[0]) and p.suffix in _COMPILED
            for p in base.iterdir()
        )

    def _stub_of_compiled(self, path: str) -> bool:
        """True for a stub of an extension module, which may have more than the stub says."""
        if not path.endswith(".pyi") or path[:-1] in self.tree.by_path:
            return False
        file = PurePosixPath(path)
        place = file.parent if file.stem == "__init__" else file.with_suffix("")
        return self.has_compiled(folder_of(place.as_posix()), place.name)

    def _file(self, folder: str, stem: str) -> str | None:
        for ending in (".py", ".pyi"):
            path = _join(folder, stem + ending)
            if path in self.tree.by_path:
                return path
        return None

    # --- finding names ------------------------------------------------------------------------
    def binds(self, path: str, name: str) -> bool | None:
        """True or False where it is certain that the file binds the name; None where it is open."""
        if path.endswith("/"):
            return self.locate(path.rstrip("/"), [name]) is not None
        return self._binds(path, name, frozenset())

    def _binds(self, path: str, name: str, seen: frozenset[str]) -> bool | None:
        module = self.module(path)
        if name in module.bindings or name in _ALWAYS:
            return True
        if module.source.tree is None:
            return None
        if module.is_package and (
            self.locate(module.folder, [name]) is not None or self.has_compiled(module.folder, name)
        ):
            return True
        if f"{path}i" in self.tree.by_path and name in self.module(f"{path}i").bindings:
            return True  # made at run time, and declared in the stub beside the file
        unsure = module.open or self._stub_of_compiled(path)
        for star in module.stars:
            target = self.target_of(path, star)
            if target.path is None or target.path.endswith("/"):
                unsure = unsure or not target.inside
            elif target.path not in seen:
                answer = self._binds(target.path, name, seen | {path})
                if answer and not name.startswith("_"):
                    return True
                unsure = unsure or answer is None
        return None if unsure else False

    def target_of(self, importer: str, node: ast.ImportFrom) -> Target:
        """Where the module part of a ``from`` import leads."""
        if node.level:
            return self.relative(importer, node.level, node.module or "")
        return self.absolute(node.module or "", importer)

    def definition(
        self, path: str, name: str, _seen: frozenset[tuple[str, str]] = frozenset()
    ) -> tuple[str, ast.AST] | None:
        """File and node that finally define a name, followed through re-exports.

        None where it has no single definition: several bindings, a star, or a submodule.
        """
        if path.endswith("/") or (path, name) in _seen:
            return None
        module = self.module(path)
        nodes = module.bindings.get(name, [])
        if len(nodes) > 1:
            nodes = _without_placeholders(nodes)
            tree = module.source.tree
            if isinstance(nodes[-1], DEFINITIONS) and tree is not None and nodes[-1] in tree.body:
                nodes = nodes[-1:]  # it takes the place of what was imported above
        if len(nodes) != 1:
            return None
        node = nodes[0]
        if not isinstance(node, ast.ImportFrom):
            return path, node
        original = next(a.name for a in node.names if (a.asname or a.name) == name)
        target = self.target_of(path, node)
        if target.path is None:
            return None
        return self.definition(target.path, original, _seen | {(path, name)})


_ALWAYS = frozenset(
    {"__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__", "__loader__",
     "__builtins__", "__dict__", "__annotations__"}
)  # fmt: skip


def folder_of(path: str) -> str:
    """Folder of a POSIX path that is relative to the root; '' at the root."""
    return path.rpartition("/")[0]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _without_placeholders(nodes: list[ast.AST]) -> list[ast.AST]:
    """Bindings without ``name = None`` stand-ins and stubs that an overload leaves."""

    def stands_in(node: ast.AST) -> bool:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return "overload" in map(last_name, node.decorator_list)
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            return False
        return isinstance(node.value, ast.Constant) and node.value.value is None

    return [node for node in nodes if not stands_in(node)] or nodes


def _read(source: SourceFile) -> Module:
    module = Module(source)
    tree = source.tree
    if tree is None:
        module.open = True
        return module
    for name, node in _bound(tree.body, declared=source.path.endswith(".pyi")):
        if name == "*" and isinstance(node, ast.ImportFrom):
            module.stars.append(node)
        else:
            module.bindings.setdefault(name, []).append(node)
    text = source.text
    if re.search(r"\b(global |(globals|locals|vars)\(\)|exec\(|sys\.modules)", text):
        _dynamic(module, tree)
    module.open = module.open or "__getattr__" in module.bindings
    return module


def _dynamic(module: Module, tree: ast.Module) -> None:
    """Names that functions declare ``global``, and signs that names are made at run time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                module.bindings.setdefault(name, []).append(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            module.open = module.open or node.func.id in ("exec", "setattr")
        elif _writes_namespace(node):
            module.open = True


def _writes_namespace(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return _is_globals(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("update", "setdefault") and _is_globals(node.func.value)
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Subscript)
        and isinstance(node.targets[0].value, ast.Attribute)
        and node.targets[0].value.attr == "modules"
    )


def _is_globals(node: ast.AST) -> bool:
    named = ("globals", "locals", "vars")
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in named


def _bound(body: Iterable[ast.stmt], *, declared: bool = False) -> Iterator[tuple[str, ast.AST]]:
    """Names that statements bind in their own scope, with the binding node, in source order.

    Args:
        body: the statements.
        declared: a bare ``name: type`` binds too, as it does in stubs.
    """
    stack: list[ast.AST] = list(reversed(list(body)))
    while stack:
        node = stack.pop()
        targets: list[ast.expr] = []
        if isinstance(node, DEFINITIONS):
            yield node.name, node
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                whole = alias.asname or alias.name
                yield (whole if isinstance(node, ast.ImportFrom) else whole.split(".")[0]), node
            continue
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            if isinstance(node, ast.AnnAssign) and node.value is None and not declared:
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for part in (part for target in targets for part in ast.walk(target)):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield part.id, node
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node
            continue
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name, node
        stack.extend(
            child
            for child in reversed(list(ast.iter_child_nodes(node)))
            if child not in targets and _may_bind(child)
        )


def _may_bind(node: ast.AST) -> bool:
    if isinstance(node, ast.expr):
        return isinstance(node, ast.Name | ast.Tuple | ast.List | ast.Starred) or any(
            isinstance(n, ast.NamedExpr) for n in ast.walk(node)
        )
    return not isinstance(node, ast.expr_context | ast.Lambda)
