import json
from collections import Counter
from pathlib import Path

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.files import read_words
from audit_lib.model import Evidence, Examined, Gap, Location, Severity
from audit_lib.probes.code.boundaries.forms import Boundary, SharedArtifact
from audit_lib.probes.code.boundaries.notes import judged
from audit_lib.probes.code.boundaries.symbols import Departure, Statement, SymbolsOf
from audit_lib.probes.code.boundaries.verdicts import boundaries_under_audit, declared_boundaries
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.imports import Edge

Row = tuple[str, str, str, str, str]


class DeclaredBoundariesHold(Check):
    """Every declared boundary that touches the subsystem is as it is declared.

    What it checks
        For each declared boundary: its symbols are defined where it says, imported by whom and when
        it says; signatures, constructor parameters, methods and constants are the declared ones;
        shared artifacts have their writer, their readers and their fields; and what its note says
        of the number and kind of imports, and of places, is so. Imports across the edge
        of the subsystem without a declared boundary are listed as information.
    Why it matters
        A boundary is where one team's change breaks another team's signal. Its declaration is worth
        something only while somebody checks that it is still true.
    How
        Resolves every symbol through re-exports, compares parameters by name, order, requiredness
        and default, and literals by value. A declaration such as "and 15+ constants" is checked by
        counting. A new optional parameter and a field that is not declared inform; all else breaks.
    Limitations
        Annotations and return types are not compared. A constant computed at run time, and an
        artifact that no file matches, are told in the table. What a function does is the business
        of the checks of behaviour; name them under `checks` in `boundaries.yaml`. A boundary whose
        note demands more (`Verify that ...`) is not kept while none is named.
    Remediation
        Restore what was declared, or change the declaration together with every consumer.
    Sources
        B. Meyer, Applying "design by contract", IEEE Computer 1992.
    """

    code = "BND003"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare each boundary with the source."""
        boundaries = boundaries_under_audit(subject)
        code = code_of(subject.source)
        rows: list[Row] = []
        for boundary in boundaries:
            before = len(rows)
            for part in (*SymbolsOf(code, boundary).compared(), *judged(code, boundary)):
                if isinstance(part, Statement):
                    rows.append(_row(boundary, part.about, part.declared, part.found))
                else:
                    yield self._departs(boundary, part) if isinstance(part, Departure) else part
            for artifact in boundary.artifacts:
                yield from self._artifact(subject, boundary, artifact, rows)
            if len(rows) == before and not boundary.checks:
                yield Gap(f"{boundary.id}: declaration", "names nothing that can be compared")
        yield from self._undeclared(subject, code)
        yield Evidence(
            "boundaries",
            "Boundaries, declared and found",
            ("boundary", "risk", "about", "declared", "found"),
            tuple(rows),
        )
        yield Examined(len(boundaries), "boundaries")
        yield Examined(len(rows), "statements about them")

    def _departs(self, boundary: Boundary, departure: Departure) -> Answer:
        return self.finding(
            departure.location,
            f"{boundary.id}: {departure.sentence}",
            measured=departure.measured or departure.sentence,
            expected=departure.expected,
            key=f"{boundary.id}: {departure.key}",
            severity=departure.severity,
            evidence=("boundaries",),
        )

    # --- artifacts ----------------------------------------------------------------------------
    def _artifact(
        self, subject: Subject, boundary: Boundary, artifact: SharedArtifact, rows: list[Row]
    ) -> Answers:
        for role, name in (("writer", artifact.writer), *(("reader", r) for r in artifact.readers)):
            there = name in subject.source.by_path
            rows.append(
                _row(boundary, artifact.path, f"{role} {name}", "there" if there else "not there")
            )
            if name and not there:
                yield self.finding(
                    artifact.location,
                    f"{boundary.id}: {role} {name} of {artifact.path} does not exist",
                    measured="no such file",
                    expected=name,
                    key=f"{boundary.id}: {artifact.path} {role} {name}",
                )
        if not artifact.fields or not artifact.path.endswith(".json"):
            return
        for file in _matching(subject.root, artifact.path):
            keys = _keys(file)
            gone = sorted(set(artifact.fields) - keys) if keys is not None else []
            where = file.relative_to(subject.root).as_posix()
            rows.append(
                _row(
                    boundary,
                    where,
                    f"{len(artifact.fields)} fields",
                    f"{len(gone)} of them missing",
                )
            )
            if gone:
                yield self.finding(
                    Location(where, base="documents"),
                    f"{boundary.id}: {where} lacks declared fields: {', '.join(gone)}",
                    measured=f"{len(gone)} missing",
                    expected=", ".join(artifact.fields),
                    key=f"{boundary.id}: {where} fields",
                    severity=Severity.MEDIUM,
                    evidence=("boundaries",),
                )

    # --- what nobody declared -----------------------------------------------------------------
    def _undeclared(self, subject: Subject, code: Code) -> Answers:
        under_audit = {f.path for f in subject.source.subsystem}
        declared = declared_boundaries(subject)
        graph = code.imports
        pairs: Counter[tuple[str, str]] = Counter()
        first: dict[tuple[str, str], Edge] = {}
        for edge in graph.edges:
            if edge.cross_module and (edge.source in under_audit) != (edge.target in under_audit):
                if any(
                    b.consumes(graph, edge.source) and b.provides(graph, edge.target)
                    for b in declared
                ):
                    continue
                pair = (edge.source_group, edge.target_group)
                pairs[pair] += 1
                first.setdefault(pair, edge)
        for (consumer, provider), times in sorted(pairs.items()):
            edge = first[consumer, provider]
            yield self.finding(
                Location(edge.source, line=edge.line, symbol=edge.symbol),
                f"{consumer} imports {provider} ({times} edges); no boundary declares it",
                measured=f"{times} edges",
                expected="a declared boundary",
                key=f"undeclared {consumer} {provider}",
                severity=Severity.INFO,
            )


def _row(boundary: Boundary, about: str, declared: str, actual: str) -> Row:
    return boundary.id, boundary.risk, about, declared, actual


def _matching(root: Path, pattern: str) -> list[Path]:
    """Files that a declared path stands for, at most fifty; none where it is no relative glob."""
    try:
        return sorted(root.glob(pattern))[:50]
    except (ValueError, NotImplementedError, OSError, IndexError):
        return []


def _keys(file: Path) -> set[str] | None:
    try:
        data = json.loads(read_words(file, encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    return set(data) if isinstance(data, dict) else None
