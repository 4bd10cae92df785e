"""BND004."""

from __future__ import annotations

from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Location, Severity, Task
from audit_lib.subject.code import code_of
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
        part may share private names.
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

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Report private names on cross-module edges."""
        under_audit = {f.path for f in subject.source.subsystem}
        crossing = [
            edge
            for edge in code_of(subject.source).imports.edges
            if edge.cross_module and under_audit & {edge.source, edge.target}
        ]
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
