"""The static view of a source tree that the checks share: imports, units, references.

Everything is read once and kept with the tree it was read from.
"""

import ast
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from math import log2
from typing import TypeVar, cast

from audit_lib.subject.imports import ImportGraph
from audit_lib.subject.modules import ModuleIndex
from audit_lib.subject.references import References
from audit_lib.subject.source import SourceTree, uncollected
from audit_lib.subject.units import FileUnits, Unit, units_of

T = TypeVar("T")


class Code:
    """Static view of one source tree."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self.imports = ImportGraph(tree)
        self._once: dict[str, object] = {}
        self.own: dict[str, list[ast.AST]] = {}
        """unit key to its nodes in source order, and"""
        self.callees: dict[int, Unit | None] = {}
        """calls to the functions they reach, kept by the probe that follows keys"""

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What a probe made of this source under that name, made at the first request."""
        if name not in self._once:
            self._once[name] = make()
        return cast(T, self._once[name])

    @property
    def index(self) -> ModuleIndex:
        """Modules and the names they bind."""
        return self.imports.index

    @cached_property
    def files(self) -> Mapping[str, FileUnits]:
        """Units of every file of the system (tests are not part of it), by path.

        Complexities are worked out for the files under audit.
        """
        audited = {f.path for f in self.tree.subsystem}
        chosen = {f.path: f for f in (*self.imports.files, *self.tree.subsystem)}
        with uncollected():
            return {
                path: units_of(file, measured=path in audited)
                for path, file in sorted(chosen.items())
            }

    @cached_property
    def subsystem(self) -> tuple[FileUnits, ...]:
        """Units of the files under audit, by path."""
        return tuple(self.files[f.path] for f in self.tree.subsystem)

    @cached_property
    def connected(self) -> frozenset[str]:
        """Files under audit, those that import them, and those they import, at any distance."""
        audited = [f.path for f in self.tree.subsystem]
        below: dict[str, set[str]] = {}
        for edge in self.imports.edges:
            below.setdefault(edge.source, set()).add(edge.target)
        return frozenset(reachable(audited, self.imports.importers) | reachable(audited, below))

    def begins(self, path: str) -> bool:
        """True where somebody loads the file: it is under audit, imported, or a program."""
        if "/" not in path or self.imports.importers.get(path):
            return True
        tree = self.tree.by_path[path].parsed
        body = tree.body if isinstance(tree, ast.Module) else []
        return any(f.path == path for f in self.tree.subsystem) or any(
            isinstance(n, ast.If) and "__main__" in ast.unparse(n.test) for n in body
        )

    @cached_property
    def references(self) -> References:
        """Who refers to whom."""
        return References(self.index, self.files.values())

    def fan_in(self, unit: Unit) -> int:
        """How many other units of the system refer to this one."""
        return len(self.references.sources.get(unit.key, ()))

    def fan_out(self, unit: Unit) -> int:
        """How many definitions of the repository this unit refers to."""
        return len(self.references.targets.get(unit.key, ()))

    def risk(self, unit: Unit) -> float:
        """Cyclomatic complexity times log2(2 + fan-in), doubled in a high-risk file.

        Complexity says how easily a change goes wrong, fan-in how far that carries.
        """
        weight = 2 if self.tree.is_high_risk(unit.path) else 1
        return round(weight * (unit.cyclomatic or 1) * log2(2 + self.fan_in(unit)), 3)

    @cached_property
    def ranked(self) -> tuple[Unit, ...]:
        """Units of the subsystem, the riskiest first; ties by name."""
        units = [u for f in self.subsystem for u in f.units]
        return tuple(sorted(units, key=lambda u: (-self.risk(u), u.key)))


def reachable(start: Iterable[str], edges: Mapping[str, AbstractSet[str]]) -> set[str]:
    """Everything that can be reached from ``start``, itself among it."""
    seen = set(start)
    queue = list(seen)
    while queue:
        new = edges.get(queue.pop(), frozenset()) - seen
        seen |= new
        queue += new
    return seen


def code_of(tree: SourceTree) -> Code:
    """The view of a tree; the same one for every check that asks."""
    # Kept on the tree itself: a weak mapping would hold on to the tree through its own value.
    if tree.code is None:
        tree.code = Code(tree)
    assert isinstance(tree.code, Code)
    return tree.code
