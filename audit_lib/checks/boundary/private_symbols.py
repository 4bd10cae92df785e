"""BND004."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from pydantic import Field as Option

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotApplicable
from audit_lib.model import Contract, Examined, Location, Severity, Task
from audit_lib.subject.code import code_of
from audit_lib.subject.imports import Edge, ImportGraph
from audit_lib.subject.subject import Subject


class NoPrivateSymbolsCross(Check):
    """No part of the repository imports another part's private names.

    What it checks
        Imports between two parts (first folder) of names or modules that begin with one underscore,
        where either side is under audit.
    Why it matters
        An underscore tells the owner that nobody else depends on a name. Its signature is changed
        without a thought, and the caller in the other part breaks, or trains on other folds than it
        believes.
    How
        Reads the symbols of every cross-module edge. All that one part imports of one file is one
        finding. A name that several parts import is the package's own helper whatever it is called:
        it is told once, as information. Names in `__all__`, and those that a package's `__init__`
        imports from within, are offered by their owner.
    Limitations
        Private attributes of objects that are passed across are not followed. Files of the same
        part may share private names; so may the files that stand at the root, and a private
        module there is the whole package's.
    Remediation
        Give the name a public spelling with a documented signature, or move the caller.
    Sources
        PEP 8, section "Public and Internal Interfaces".
    """

    code = "BND004"
    contract = Contract.BOUNDARY
    task = Task.T6
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    shared: int = Option(
        3, ge=1, description="how many other parts must import a private name for it to be shared"
    )

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Report private names on cross-module edges."""
        under_audit = {f.path for f in subject.source.subsystem}
        graph = code_of(subject.source).imports
        crossing = [
            edge
            for edge in graph.edges
            if edge.cross_module
            and under_audit & {edge.source, edge.target}
            and not _of_the_package(graph, edge)
        ]
        if all(graph.at_root(path) for path in under_audit) and not crossing:
            raise NotApplicable("every file under audit stands at the root, which is one part")
        users = _users(graph)
        shared: set[tuple[str, str]] = set()
        few: dict[tuple[str, str], list[tuple[Edge, str]]] = defaultdict(list)
        for edge in crossing:
            for name in _private_names(edge):
                if _offered(graph, edge.target, name):
                    continue
                parts = users[edge.target, name]
                if len(parts) < self.shared:
                    few[edge.source_group, edge.target].append((edge, name))
                elif (edge.target, name) not in shared:
                    shared.add((edge.target, name))
                    yield self._shared(edge, name, parts)
        for found in few.values():
            yield self._told(found)
        yield Examined(len(crossing), "imports across parts")

    def _told(self, found: list[tuple[Edge, str]]) -> Answer:
        """One finding for all that one part imports of one file."""
        edge = min((e for e, _ in found), key=lambda e: (e.source, e.line))
        name = ", ".join(dict.fromkeys(n for _, n in found))
        again = len({(e.source, e.line) for e, _ in found}) - 1
        return self.finding(
            Location(edge.source, line=edge.line, symbol=edge.symbol),
            f"imports {name}, private to {edge.target}"
            + (f" (here and at {again} more places of {edge.source_group})" if again else ""),
            measured=name,
            expected="a public name",
            key=f"{edge.source_group} {edge.target}",
        )

    def _shared(self, edge: Edge, name: str, parts: set[str]) -> Answer:
        return self.finding(
            Location(edge.target),
            f"{name} has a private name and is imported by {len(parts)} other parts",
            measured=", ".join(sorted(parts)),
            expected="a public name",
            key=f"shared {name}",
            severity=Severity.INFO,
        )


def _private_names(edge: Edge) -> list[str]:
    """Names of one underscore that an edge brings; ``import x as _x`` is the importer's own."""
    names = [name.rpartition(".")[2] for name in edge.symbols]
    return [
        n
        for n in names
        if n.startswith("_") and not n.startswith("__") and f" as {n}" not in edge.statement
    ]


def _users(graph: ImportGraph) -> dict[tuple[str, str], set[str]]:
    """(file, private name) to the other parts of the repository that import it."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edge in graph.edges:
        if edge.cross_module:
            for name in _private_names(edge):
                found[edge.target, name].add(edge.source_group)
    return found


def _offered(graph: ImportGraph, path: str, name: str) -> bool:
    """True where the owner shows a private name on purpose: by ``__all__``, or from a package."""
    module = graph.index.module(path)
    if module.is_package and any(
        isinstance(n, ast.ImportFrom) for n in module.bindings.get(name, [])
    ):
        return True
    return any(
        isinstance(part, ast.Constant) and part.value == name
        for node in module.bindings.get("__all__", [])
        for part in ast.walk(node)
    )


def _of_the_package(graph: ImportGraph, edge: Edge) -> bool:
    """True where both files stand at the root, or the target is a private module there."""
    if graph.at_root(edge.source) and graph.at_root(edge.target):
        return True
    stem = PurePosixPath(edge.target).stem
    private = stem.startswith("_") and stem != "__init__"
    if graph.private_part(edge.target):
        return True
    whole = stem == "__init__" and all(_compiled_module(graph, edge, n) for n in edge.symbols)
    return graph.at_root(edge.target) and (private or whole)


def _compiled_module(graph: ImportGraph, edge: Edge, name: str) -> bool:
    folder = PurePosixPath(edge.target).parent.as_posix().removeprefix(".")
    return graph.index.has_compiled(folder, name)
