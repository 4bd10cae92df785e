"""BND004."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

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
        Reads the symbols of every cross-module edge.
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
        for edge in crossing:
            for name in edge.symbols:
                last = name.rpartition(".")[2]
                if (
                    last.startswith("_")
                    and not last.startswith("__")
                    and f" as {last}" not in (edge.statement)
                ):
                    yield self.finding(
                        Location(edge.source, line=edge.line, symbol=edge.symbol),
                        f"imports {last}, private to {edge.target}",
                        measured=last,
                        expected="a public name",
                        key=f"{edge.target}:{last}",
                    )
        yield Examined(len(crossing), "imports across parts")


def _of_the_package(graph: ImportGraph, edge: Edge) -> bool:
    """True where both files stand at the root, or the target is a private module there."""
    if graph.at_root(edge.source) and graph.at_root(edge.target):
        return True
    stem = PurePosixPath(edge.target).stem
    private = stem.startswith("_") and stem != "__init__"
    whole = stem == "__init__" and all(_compiled_module(graph, edge, n) for n in edge.symbols)
    return graph.at_root(edge.target) and (private or whole)


def _compiled_module(graph: ImportGraph, edge: Edge, name: str) -> bool:
    folder = PurePosixPath(edge.target).parent.as_posix().removeprefix(".")
    return graph.index.has_compiled(folder, name)
