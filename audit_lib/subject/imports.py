"""Import edges of the whole repository: who imports what of whom, and when it happens.

Rule of the type, as architecture maps use it: ``conditional`` where any ``try`` or ``if`` encloses
the statement, else ``lazy`` inside a function, else ``top_level``.  One edge is one import
statement and one file it leads to; ``from package import module`` leads to the module.  The
*group* of a file is its first folder, or at the root its stem, where ``config_extra.py`` goes with
its sibling ``config``; an edge between two groups is cross-module.  Where one package holds nearly
all of the repository, folders are counted from it (``src/engine/models/a.py`` is of ``models``).
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from audit_lib.model import Location
from audit_lib.subject.modules import DEFINITIONS, ModuleIndex, Target, folder_of
from audit_lib.subject.source import SourceFile, SourceTree, matches, uncollected
from audit_lib.subject.uses import last_name

TESTS = ("**/tests/**", "**/test/**")
#: share of the files that a package must hold for its folders to be the repository's parts
MOST = 0.9


class ImportType(StrEnum):
    """When an import is executed."""

    TOP_LEVEL = "top_level"
    CONDITIONAL = "conditional"
    LAZY = "lazy"


@dataclass(frozen=True)
class Import:
    """One import statement in its surroundings.

    Attributes:
        path: file of the statement.
        node: the statement.
        type: when it is executed.
        symbol: qualified name of the enclosing definition, '' at module level.
        caught: the handler that would swallow its failure, or None.
        typing_only: it stands under ``if TYPE_CHECKING`` or in a stub, and never runs.
    """

    path: str
    node: ast.Import | ast.ImportFrom
    type: ImportType
    symbol: str = ""
    caught: ast.ExceptHandler | None = None
    typing_only: bool = False

    @property
    def statement(self) -> str:
        """The statement as one line of source."""
        return ast.unparse(self.node)

    @property
    def location(self) -> Location:
        """Where it stands."""
        return Location(
            self.path, line=self.node.lineno, end_line=self.node.end_lineno, symbol=self.symbol
        )


@dataclass(frozen=True)
class Edge:
    """An import that leads to a file of the repository."""

    source: str
    line: int
    target: str
    symbols: tuple[str, ...]
    type: ImportType
    statement: str
    source_group: str
    target_group: str
    symbol: str = ""
    typing_only: bool = False

    @property
    def cross_module(self) -> bool:
        """True between two groups."""
        return self.source_group != self.target_group


@dataclass(frozen=True)
class Broken:
    """An imported module or name of the repository that does not exist."""

    imported: Import
    name: str
    """``module`` or ``module:symbol`` as written"""
    reason: str
    target: str = ""
    """file that should bind the name; '' where the module itself is missing"""


@dataclass(frozen=True)
class Landing:
    """A module that an import statement touches.

    Attributes:
        written: the module as written, with leading dots.
        target: where that leads.
        symbols: names taken from it, or the name it is bound to.
        whole: the module itself is imported, not names of it.
    """

    written: str
    target: Target
    symbols: tuple[str, ...]
    whole: bool = False


class ImportGraph:
    """Imports of a source tree.

    Args:
        tree: the source.
    """

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self.index = ModuleIndex(tree)

    @cached_property
    def files(self) -> tuple[SourceFile, ...]:
        """Files whose imports count."""
        return tuple(f for f in self.tree.files if not any(matches(f.path, glob) for glob in TESTS))

    @cached_property
    def _root_names(self) -> frozenset[str]:
        return frozenset(group_of(self._from_package(path)) for path in self.tree.by_path)

    @cached_property
    def _package_folder(self) -> str:
        """The package that holds nearly all of the repository, with a slash; '' for none."""
        if "__init__.py" in self.tree.by_path:
            return ""
        packages = {p.removesuffix("__init__.py") for p in self.tree.by_path if _is_folder(p)}
        tops = {p for p in packages if PurePosixPath(p).parent.as_posix() + "/" not in packages}
        held = {top: sum(f.path.startswith(top) for f in self.files) for top in tops}
        largest = max(held, key=lambda top: held[top], default="")
        return largest if held.get(largest, 0) >= MOST * len(self.files) else ""

    def _from_package(self, path: str) -> str:
        return path.removeprefix(self._package_folder)

    def at_root(self, path: str) -> bool:
        """True for a file that stands at the root, or directly in the package that is all of it."""
        return "/" not in self._from_package(path)

    def private_part(self, path: str) -> bool:
        """True within a folder at the root with a private name: it is the whole package's own."""
        first, _, rest = self._from_package(path).partition("/")
        return bool(rest) and first.startswith("_") and not first.startswith("__")

    def group(self, path: str) -> str:
        """The part of the repository a file belongs to; see the module's rule."""
        path = self._from_package(path)
        name = group_of(path)
        if "/" not in path:
            parts = name.split("_")
            for size in range(1, len(parts)):
                if (prefix := "_".join(parts[:size])) in self._root_names:
                    return prefix
        return name

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import statement, in file and line order."""
        with uncollected():
            return tuple(imported for file in self.files for imported in imports_of(file))

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Edges between files of the repository, in file and line order."""
        unsorted = [edge for imported in self.imports for edge in self._edges_of(imported)]
        return tuple(sorted(unsorted, key=lambda e: (e.source, e.line, e.target)))

    @cached_property
    def broken(self) -> tuple[Broken, ...]:
        """Imports of the repository's own modules and names that cannot succeed."""
        return tuple(b for imported in self.imports for b in self._broken_in(imported))

    @cached_property
    def importers(self) -> dict[str, frozenset[str]]:
        """File to the files that import it directly."""
        by_target: dict[str, set[str]] = defaultdict(set)
        for edge in self.edges:
            by_target[edge.target].add(edge.source)
        return {path: frozenset(sources) for path, sources in by_target.items()}

    @cached_property
    def dependent_counts(self) -> dict[str, int]:
        """Every file of the tree to how many files depend on it, directly or through others.

        That is the blast radius of a change.
        """
        position = {path: i for i, path in enumerate(self.tree.by_path)}
        # Sets of files as the bits of integers: a large repository has few large cycles, in which
        # nearly every file depends on nearly every other.
        direct = {p: [(s, 1 << position[s]) for s in sources if s in position]
                  for p, sources in self.importers.items()}  # fmt: skip
        reached = dict.fromkeys(position, 0)
        changed = True
        while changed:
            changed = False
            for path, sources in direct.items():
                bits = reached.get(path, 0)
                for source, bit in sources:
                    bits |= bit | reached[source]
                if bits != reached.get(path, 0):
                    reached[path], changed = bits, True
        return {p: (reached[p] & ~(1 << i)).bit_count() for p, i in position.items()}

    # --- one statement ------------------------------------------------------------------------
    def targets(self, imported: Import) -> list[Landing]:
        """Where a statement leads: one landing a module it touches."""
        node, path = imported.node, imported.path
        if isinstance(node, ast.Import):
            return [
                Landing(a.name, self.index.absolute(a.name, path), (a.asname or a.name,), True)
                for a in node.names
            ]
        written = "." * node.level + (node.module or "")
        base = self.index.target_of(path, node)
        if base.path is None or not _is_folder(base.path):
            return [Landing(written, base, tuple(a.name for a in node.names))]
        folder = base.path.rstrip("/").removesuffix("/__init__.py").removesuffix("__init__.py")
        answers: list[Landing] = []
        own = []
        for alias in node.names:
            inner = None
            if base.path.endswith("/") or not self._bound_in(base.path, alias.name):
                inner = self.index.locate(folder, [alias.name])
            if inner is None:
                own.append(alias.name)
            else:
                answers.append(Landing(written, Target(inner, True), (alias.name,), True))
        if own:
            answers.insert(0, Landing(written, base, tuple(own)))
        return answers

    def _bound_in(self, path: str, name: str) -> bool:
        bindings = self.index.module(path).bindings.get(name, [])
        return any(not _imports_submodule(node, name) for node in bindings)

    def _edges_of(self, imported: Import) -> Iterator[Edge]:
        for landing in self.targets(imported):
            target = landing.target
            if target.path is None or target.path.endswith("/"):
                continue
            yield Edge(
                source=imported.path,
                line=imported.node.lineno,
                target=target.path,
                symbols=landing.symbols,
                type=imported.type,
                statement=imported.statement,
                source_group=self.group(imported.path),
                target_group=self.group(target.path),
                symbol=imported.symbol,
                typing_only=imported.typing_only,
            )

    def _broken_in(self, imported: Import) -> Iterator[Broken]:
        if imported.typing_only:
            return
        for landing in self.targets(imported):
            written, target = landing.written, landing.target
            if target.path is None:
                name, beside = written.rpartition(".")[2], folder_of(imported.path)
                if target.inside and not self.index.has_compiled(beside, name):
                    yield Broken(imported, written, "no such module in the repository")
                continue
            for symbol in () if landing.whole else landing.symbols:
                if imported.caught is not None and self.index.has_compiled(folder_of(target.path)):
                    continue  # an extension that is built elsewhere, and asked for
                if symbol != "*" and self.index.binds(target.path, symbol) is False:
                    yield Broken(
                        imported,
                        f"{written}:{symbol}",
                        f"{target.path} binds no name {symbol!r}",
                        target.path,
                    )


def imports_of(file: SourceFile) -> Iterator[Import]:
    """Import statements of a file with their surroundings, in source order."""
    if file.tree is None:
        return
    start = _Around(typing_only=file.path.endswith(".pyi"))
    stack: list[tuple[ast.AST, _Around]] = [(file.tree, start)]
    while stack:
        node, around = stack.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield Import(
                file.path, node, around.type, around.symbol, around.caught, around.typing_only
            )
            continue
        inner = [(child, around.within(node, child)) for child in _statements(node)]
        stack.extend(reversed(inner))


def group_of(path: str) -> str:
    """First folder of a path, or its stem at the root."""
    parts = PurePosixPath(path).parts
    return parts[0] if len(parts) > 1 else PurePosixPath(path).stem


def edges_report(tree: SourceTree) -> dict[str, Any]:
    """Edges as JSON-ready data, in the form of ``DEPENDENCY_EDGES.json``, with totals."""
    edges = ImportGraph(tree).edges
    cross = sum(e.cross_module for e in edges)
    return {
        "total": len(edges),
        "cross_module": cross,
        "same_module": len(edges) - cross,
        "by_type": {t.value: sum(e.type is t for e in edges) for t in ImportType},
        "edges": [
            {
                "source_file": e.source,
                "source_module": e.source_group,
                "source_line": e.line,
                "target_file": e.target,
                "target_module": e.target_group,
                "import_statement": e.statement,
                "symbols_imported": list(e.symbols),
                "import_type": e.type.value,
                "cross_module": e.cross_module,
            }
            for e in edges
        ],
    }


@dataclass(frozen=True)
class _Around:
    symbol: str = ""
    in_function: bool = False
    in_branch: bool = False
    caught: ast.ExceptHandler | None = None
    typing_only: bool = False

    @property
    def type(self) -> ImportType:
        if self.in_branch:
            return ImportType.CONDITIONAL
        return ImportType.LAZY if self.in_function else ImportType.TOP_LEVEL

    def within(self, node: ast.AST, child: ast.AST) -> _Around:
        symbol, caught = self.symbol, self.caught
        in_function, in_branch, typing_only = self.in_function, self.in_branch, self.typing_only
        if isinstance(node, DEFINITIONS):
            symbol = f"{symbol}.{node.name}" if symbol else node.name
            if not isinstance(node, ast.ClassDef):
                in_function, caught = True, None
        elif isinstance(node, (ast.If, ast.Try, ast.TryStar)):
            in_branch = True
            if isinstance(node, ast.If):
                typing = last_name(node.test) == "TYPE_CHECKING"
                typing_only = typing_only or (typing and child in node.body)
            elif child in node.body:
                caught = _swallows(node) or caught
        elif isinstance(node, ast.With) and (suppressed := _suppressed(node)):
            in_branch, caught = True, suppressed
        return _Around(symbol, in_function, in_branch, caught, typing_only)


def _suppressed(node: ast.With) -> ast.ExceptHandler | None:
    """``with suppress(ImportError)`` as the handler that it stands for."""
    for item in node.items:
        call = item.context_expr
        if not isinstance(call, ast.Call) or last_name(call.func) != "suppress":
            continue
        if {last_name(a) for a in call.args} & _IMPORT_ERRORS:
            kinds = ast.Tuple(elts=call.args, ctx=ast.Load())
            handler = ast.ExceptHandler(type=kinds, name=None, body=[ast.Pass()])
            return ast.fix_missing_locations(ast.copy_location(handler, node))
    return None


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield child


def _swallows(node: ast.Try | ast.TryStar) -> ast.ExceptHandler | None:
    """The handler that catches ImportError and goes on; None where it raises again."""
    for handler in node.handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if handler.type is None or {last_name(kind) for kind in kinds} & _IMPORT_ERRORS:
            raises = any(isinstance(n, ast.Raise) for s in handler.body for n in ast.walk(s))
            return None if raises else handler
    return None


_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def _is_folder(path: str) -> bool:
    return path.endswith("/") or PurePosixPath(path).stem == "__init__"


def _imports_submodule(node: ast.AST, name: str) -> bool:
    """True for ``from . import name``, which binds the submodule itself."""
    return (
        isinstance(node, ast.ImportFrom)
        and node.level == 1
        and not node.module
        and any(a.name == name for a in node.names)
    )
