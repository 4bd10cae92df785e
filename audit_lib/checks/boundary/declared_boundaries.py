"""BND003."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Evidence, Examined, Gap, Location, Severity, Task
from audit_lib.probes.boundaries import boundaries_under_audit, declared_boundaries
from audit_lib.probes.boundary_forms import Boundary, SharedArtifact, Symbol
from audit_lib.probes.signatures import callable_signature, differences, parse_signature
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.imports import Edge
from audit_lib.subject.references import Thing
from audit_lib.subject.subject import Subject

Row = tuple[str, str, str, str, str]


class DeclaredBoundariesHold(Check):
    """Every declared boundary that touches the subsystem is as it is declared.

    What it checks
        For each declared boundary: its symbols are defined where it says, imported by whom and when
        it says; signatures, constructor parameters, methods and constants are the declared ones;
        shared artifacts have their writer, their readers and their fields. Imports across the edge
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
        of the checks of behaviour; name them under `checks` in `boundaries.yaml`.
    Remediation
        Restore what was declared, or change the declaration together with every consumer.
    Sources
        B. Meyer, Applying "design by contract", IEEE Computer 1992.
    """

    code = "BND003"
    contract = Contract.BOUNDARY
    task = Task.T6
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Compare each boundary with the source."""
        boundaries = boundaries_under_audit(subject)
        code = code_of(subject.source)
        rows: list[Row] = []
        for boundary in boundaries:
            before = len(rows)
            for symbol in boundary.symbols:
                yield from self._symbol(code, boundary, symbol, rows)
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

    # --- symbols ------------------------------------------------------------------------------
    def _symbol(
        self, code: Code, boundary: Boundary, symbol: Symbol, rows: list[Row]
    ) -> Iterator[Answer]:
        for name in symbol.names:
            things = {f: _look_up(code, f, name) for f in symbol.defined_in}
            where = next((f for f, bound in things.items() if bound), "")
            shown = ", ".join(symbol.defined_in)
            if symbol.defined_in:
                rows.append(_row(boundary, name, f"in {shown}", where or "not there"))
            if symbol.defined_in and not where:
                unsure = any(bound is None for bound in things.values())
                if not unsure:
                    yield self._departs(
                        boundary, symbol, f"{name} is not defined in {shown}", name, "defined"
                    )
                continue
            yield from self._imported(code, boundary, symbol, name, rows)
            if where and not name.endswith("*"):
                yield from self._shape(code, boundary, symbol, name, where, rows)
        if symbol.more:
            yield from self._count(code, boundary, symbol, rows)

    def _imported(
        self, code: Code, boundary: Boundary, symbol: Symbol, name: str, rows: list[Row]
    ) -> Iterator[Answer]:
        if not symbol.imported_by:
            return
        edges = [
            e
            for e in code.imports.edges
            if e.source in symbol.imported_by and any(fnmatch(s, name) for s in e.symbols)
        ]
        by = ", ".join(symbol.imported_by)
        found = ", ".join(sorted({f"{e.source}:{e.line} {e.type.value}" for e in edges}))
        rows.append(_row(boundary, name, f"imported by {by}", found or "not imported"))
        if not edges:
            yield self._departs(
                boundary, symbol, f"{name} is not imported by {by}", name, "imported",
                severity=Severity.MEDIUM,
            )  # fmt: skip
        elif symbol.types and not symbol.types & {e.type.value for e in edges}:
            kinds = ", ".join(sorted({e.type.value for e in edges}))
            wanted = ", ".join(sorted(symbol.types))
            yield self._departs(
                boundary, symbol, f"{name} is imported {kinds}, declared {wanted}", name, "type",
                severity=Severity.LOW,
            )  # fmt: skip

    def _shape(
        self, code: Code, boundary: Boundary, symbol: Symbol, name: str, where: str,
        rows: list[Row],
    ) -> Iterator[Answer]:  # fmt: skip
        thing = code.references.module_name(where, name)
        if symbol.value is not None:
            yield from self._value(code, boundary, symbol, name, thing, rows)
        if thing.unit is None or len(symbol.names) > 1:
            return
        if symbol.signature:
            yield from self._signature(
                code, boundary, symbol, name, thing.unit.name, thing.unit.path, symbol.signature,
                rows,
            )  # fmt: skip
        if symbol.constructor is not None:
            yield from self._constructor(code, boundary, symbol, name, thing, rows)
        for method, text in symbol.methods.items():
            member = code.references.member(thing.unit, method)
            rows.append(
                _row(boundary, f"{name}.{method}", "a method", "there" if member else "not there")
            )
            if member is None:
                yield self._departs(
                    boundary, symbol, f"{name} has no method {method}", f"{name}.{method}", "method"
                )
            elif text:
                yield from self._signature(
                    code, boundary, symbol, f"{name}.{method}", member.name, member.path, text, rows
                )

    def _signature(
        self, code: Code, boundary: Boundary, symbol: Symbol, about: str, unit: str, path: str,
        text: str, rows: list[Row],
    ) -> Iterator[Answer]:  # fmt: skip
        declared = parse_signature(text)
        found = code.references.unit(path, unit)
        actual = callable_signature(code.references, found) if found else None
        if declared is None or actual is None:
            rows.append(_row(boundary, about, text, "cannot be compared"))
            why = "is no valid signature" if declared is None else "is decorated or redefined"
            yield Gap(f"{boundary.id}: signature of {about}", why)
            return
        if actual.names()[:1] in (["self"], ["cls"]) and declared.names()[:1] not in (
            ["self"], ["cls"],
        ):  # fmt: skip
            actual = actual.without_first()
        rows.append(_row(boundary, about, str(declared), str(actual)))
        found_differences = list(differences(declared, actual))
        if found_differences:
            fatal = any(breaks for _, _, breaks in found_differences)
            said = "; ".join(sentence for _, sentence, _ in found_differences)
            yield self._departs(
                boundary, symbol, f"{about}: {said}", about, "signature",
                severity=self.severity if fatal else Severity.INFO,
                measured=str(actual), expected=str(declared),
            )  # fmt: skip

    def _constructor(
        self, code: Code, boundary: Boundary, symbol: Symbol, name: str, thing: Thing,
        rows: list[Row],
    ) -> Iterator[Answer]:  # fmt: skip
        assert thing.unit is not None
        assert symbol.constructor is not None
        actual = callable_signature(code.references, thing.unit)
        shown = f"({', '.join(symbol.constructor)})"
        if actual is None:
            rows.append(_row(boundary, f"{name}()", shown, "cannot be compared"))
            yield Gap(f"{boundary.id}: constructor of {name}", "its parameters cannot be read")
            return
        rows.append(_row(boundary, f"{name}()", shown, str(actual)))
        present = [p for p in actual.parameters if p.kind not in ("args", "kwargs")]
        gone = [p for p in symbol.constructor if actual.get(p) is None]
        added = [p for p in present if p.name not in symbol.constructor]
        if gone or added:
            fatal = bool(gone) or any(p.required for p in added)
            said = "; ".join(
                [f"has no parameter {p!r}" for p in gone]
                + [f"takes {p.name!r}, which is not declared" for p in added]
            )
            yield self._departs(
                boundary, symbol, f"{name}() {said}", name, "constructor",
                severity=self.severity if fatal else Severity.INFO,
                measured=str(actual), expected=shown,
            )  # fmt: skip

    def _value(
        self, code: Code, boundary: Boundary, symbol: Symbol, name: str, thing: Thing,
        rows: list[Row],
    ) -> Iterator[Answer]:  # fmt: skip
        literal = _literal(code, thing, name)
        rows.append(_row(boundary, name, f"= {symbol.value}", f"= {literal or 'computed'}"))
        if literal is not None and literal.strip("'\"") != str(symbol.value).strip("'\""):
            yield self._departs(
                boundary, symbol, f"{name} is {literal}, declared {symbol.value}", name, "value"
            )

    def _count(
        self, code: Code, boundary: Boundary, symbol: Symbol, rows: list[Row]
    ) -> Iterator[Answer]:
        crossing = {
            s
            for e in code.imports.edges
            if e.source in symbol.imported_by and e.target in symbol.defined_in
            for s in e.symbols
        }
        rows.append(_row(boundary, "names", f"{symbol.more} or more", str(len(crossing))))
        if len(crossing) < symbol.more:
            yield self._departs(
                boundary, symbol,
                f"{len(crossing)} names cross, declared are {symbol.more} or more",
                "names", "count", severity=Severity.LOW,
            )  # fmt: skip

    # --- artifacts ----------------------------------------------------------------------------
    def _artifact(
        self, subject: Subject, boundary: Boundary, artifact: SharedArtifact, rows: list[Row]
    ) -> Iterator[Answer]:
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
    def _undeclared(self, subject: Subject, code: Code) -> Iterator[Answer]:
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

    def _departs(
        self, boundary: Boundary, symbol: Symbol, sentence: str, name: str, what: str,
        severity: Severity | None = None, measured: str = "", expected: str = "as declared",
    ) -> Answer:  # fmt: skip
        return self.finding(
            symbol.location,
            f"{boundary.id}: {sentence}",
            measured=measured or sentence,
            expected=expected,
            key=f"{boundary.id}: {name} {what}",
            severity=severity,
            evidence=("boundaries",),
        )


def _row(boundary: Boundary, about: str, declared: str, found: str) -> Row:
    return boundary.id, boundary.risk, about, declared, found


def _look_up(code: Code, path: str, name: str) -> bool | None:
    if path not in code.tree.by_path:
        return False
    if name.endswith("*"):
        return any(fnmatch(n, name) for n in code.index.module(path).bindings)
    return code.index.binds(path, name)


def _literal(code: Code, thing: Thing, name: str) -> str | None:
    if thing.constant is None:
        return None
    path, bound = thing.constant
    nodes = code.index.module(path).bindings.get(bound, [])
    if len(nodes) != 1 or not isinstance(nodes[0], ast.Assign | ast.AnnAssign):
        return None
    try:
        value = ast.literal_eval(nodes[0].value) if nodes[0].value is not None else None
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return None
    return str(value)


def _matching(root: Path, pattern: str) -> list[Path]:
    """Files that a declared path stands for, at most fifty; none where it is no relative glob."""
    try:
        return sorted(root.glob(pattern))[:50]
    except (ValueError, NotImplementedError, OSError, IndexError):
        return []


def _keys(file: Path) -> set[str] | None:
    try:
        data = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    return set(data) if isinstance(data, dict) else None
