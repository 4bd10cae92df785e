"""Declared boundaries between parts of a repository, and the verdict on each.

Two forms are read.  The first is a document of the repository (``documents.boundaries``): a list
``boundaries`` of mappings with ``id``, ``consumer_module``, ``provider_module``, ``boundary_risk``,
``symbols`` (``name``, ``defined_in``, ``imported_by``, ``import_type``, ``signature``,
``parameters``, ``constructor_params``, ``key_methods``, ``current_value``) and
``shared_artifacts`` (``path``, ``writer``, ``readers``, ``schema_fields``).

The second is ours, ``boundaries.yaml`` beside ``subject.yaml``; an entry with the id of a declared
boundary adds to it::

    boundaries:
      predictor_to_features:
        risk: high
        consumer: predictor.py          # files, globs or folders; one or a list
        provider: features.py
        symbols:
          build: {in: features.py, signature: "(panel)"}
          Predictor: {in: predictor.py, constructor: [store], methods: {predict: "(self, rows)"}}
          HORIZON: {in: targets.py, value: 5}
        artifacts:
          - {path: "store/*/meta.json", writer: train.py, readers: [predictor.py], fields: [heads]}
        checks: [FEA001, "HED*"]        # a finding of these breaks the boundary

Verdicts: *broken* where a finding stands against the boundary that no waiver covers, *inconclusive*
where a check it rests on could not tell, else *kept*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from typing import Any

from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.model import (
    BoundaryVerdict,
    CheckResult,
    Contract,
    Finding,
    Location,
    Outcome,
    Verdict,
    breaks,
    ranked,
)
from audit_lib.subject.code import code_of
from audit_lib.subject.documents import Document, read_document
from audit_lib.subject.imports import ImportGraph
from audit_lib.subject.source import matches
from audit_lib.subject.subject import Subject

FILE = "boundaries.yaml"
#: The check that dispositions declared boundaries, and those about imports themselves.
DISPOSITION, RESOLUTION = "BND003", "BND001"


@dataclass(frozen=True)
class Symbol:
    """Something that crosses a boundary.

    Attributes:
        names: identifiers; a trailing ``*`` stands for any ending.
        more: at least so many names cross in all, where the declaration says "and 15+ constants".
        defined_in, imported_by: files; empty where not declared.
        types: import types it may have; empty where not declared.
        signature: declared signature, as text.
        constructor: declared constructor parameters; None where not declared.
        methods: method to declared signature.
        value: declared literal, as text; None where not declared.
    """

    names: tuple[str, ...]
    location: Location
    more: int = 0
    defined_in: tuple[str, ...] = ()
    imported_by: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    signature: str = ""
    constructor: tuple[str, ...] | None = None
    methods: dict[str, str] = field(default_factory=dict)
    value: str | None = None


@dataclass(frozen=True)
class SharedArtifact:
    """A file that one part writes and another reads."""

    path: str
    writer: str
    readers: tuple[str, ...]
    fields: tuple[str, ...]
    location: Location


@dataclass(frozen=True)
class Boundary:
    """A declared boundary."""

    id: str
    risk: str
    consumer: tuple[str, ...]
    provider: tuple[str, ...]
    symbols: tuple[Symbol, ...]
    artifacts: tuple[SharedArtifact, ...]
    location: Location
    checks: tuple[str, ...] = ()

    def files(self) -> set[str]:
        """Every file that the declaration names."""
        named = {f for s in self.symbols for f in (*s.defined_in, *s.imported_by)}
        return named | {f for a in self.artifacts for f in (a.writer, *a.readers)}

    def consumes(self, graph: ImportGraph, path: str) -> bool:
        """True for files on the consuming side."""
        return _within(graph, path, self.consumer) or any(
            path in s.imported_by for s in self.symbols
        )

    def provides(self, graph: ImportGraph, path: str) -> bool:
        """True for files on the providing side."""
        return _within(graph, path, self.provider) or any(
            path in s.defined_in for s in self.symbols
        )

    def touches(self, graph: ImportGraph, paths: Iterable[str]) -> bool:
        """True where any of the files stands on either side."""
        named = self.files()
        return any(p in named or self.consumes(graph, p) or self.provides(graph, p) for p in paths)


def declared_boundaries(subject: Subject) -> tuple[Boundary, ...]:
    """Boundaries that the repository's document and our own file declare.

    Raises:
        NotAssessed: neither is there.
        ParameterError: our own file does not have the form above.
    """
    found: dict[str, Boundary] = {}
    missing = ""
    if "boundaries" in subject.parameters.documents:
        try:
            found = {b.id: b for b in _from_document(subject.document("boundaries"))}
        except NotAssessed as error:
            missing = str(error)
    for boundary in own_boundaries(subject):
        before = found.get(boundary.id)
        found[boundary.id] = _merged(before, boundary) if before else boundary
    if not found:
        raise NotAssessed(
            missing or f"no boundaries are declared (documents.boundaries, or {FILE})"
        )
    return tuple(found.values())


def own_boundaries(subject: Subject) -> list[Boundary]:
    """Boundaries that ``boundaries.yaml`` beside ``subject.yaml`` declares; none without it.

    Raises:
        ParameterError: the file does not parse, or a key or value does not fit.
    """
    own = subject.folder / FILE
    if not own.is_file():
        return []
    try:
        document = read_document(own, path=FILE, base="parameters")
    except NotAssessed as error:
        raise ParameterError(
            str(error), where=str(own), mend="correct the syntax at the line named"
        ) from None
    return _from_ours(document)


def boundaries_under_audit(subject: Subject) -> tuple[Boundary, ...]:
    """Declared boundaries with a file of the subsystem on either side.

    Raises:
        NotAssessed: none is declared.
    """
    graph = code_of(subject.source).imports
    under_audit = [f.path for f in subject.source.subsystem]
    return tuple(b for b in declared_boundaries(subject) if b.touches(graph, under_audit))


def boundary_verdicts(
    subject: Subject, results: Iterable[CheckResult]
) -> tuple[BoundaryVerdict, ...]:
    """Disposition of every declared boundary that touches the subsystem, riskiest first.

    Args:
        subject: the audited subject.
        results: results of all tasks that ran.

    Returns:
        one verdict a boundary; none where no boundary is declared.
    """
    listed = list(results)
    try:
        boundaries = boundaries_under_audit(subject)
    except NotAssessed:
        return ()
    graph = code_of(subject.source).imports
    verdicts = [_verdict(boundary, graph, listed) for boundary in boundaries]
    order = {"critical": 0, "high": 1, "medium": 2, "low": 3}
    return tuple(sorted(verdicts, key=lambda v: (order.get(v.risk, 4), v.boundary)))


def against(boundary: Boundary, graph: ImportGraph, finding: Finding) -> bool:
    """True where a finding stands against a boundary."""
    if finding.code == DISPOSITION:
        return finding.key.startswith(f"{boundary.id}: ")
    if any(fnmatch(finding.code, pattern) for pattern in boundary.checks):
        return True
    place = finding.location
    if place.base != "source" or finding.contract is Contract.LEDGER:
        return False
    if finding.contract is Contract.BOUNDARY:
        other = re.split(r"::|[: ]", finding.key, maxsplit=1)[0]
        return boundary.consumes(graph, place.path) and boundary.provides(graph, other)
    return any(
        place.path in symbol.defined_in
        and any(place.symbol == n or place.symbol.startswith(f"{n}.") for n in symbol.names)
        for symbol in boundary.symbols
    )


def _verdict(
    boundary: Boundary, graph: ImportGraph, results: Sequence[CheckResult]
) -> BoundaryVerdict:
    findings = ranked(
        f for r in results for f in r.open_findings if breaks(f) and against(boundary, graph, f)
    )
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        return BoundaryVerdict(
            boundary.id,
            boundary.risk,
            Verdict.BROKEN,
            findings[0].message + more,
            tuple(f.fingerprint for f in findings),
        )
    unsure = _unsure(boundary, results)
    if unsure:
        return BoundaryVerdict(boundary.id, boundary.risk, Verdict.INCONCLUSIVE, unsure)
    names = sum(len(s.names) for s in boundary.symbols)
    said = f"{names} symbols and {len(boundary.artifacts)} artifacts are as declared"
    return BoundaryVerdict(boundary.id, boundary.risk, Verdict.KEPT, said)


def _unsure(boundary: Boundary, results: Sequence[CheckResult]) -> str:
    for code in (DISPOSITION, RESOLUTION):
        ran = [r for r in results if r.code == code]
        if not ran:
            return f"{code} did not run"
        for result in ran:
            gap = next((g for g in result.gaps if g.what.startswith(f"{boundary.id}: ")), None)
            if gap:
                return f"{gap.what.removeprefix(boundary.id + ': ')}: {gap.why}"
            if result.outcome is Outcome.ERROR or (
                result.outcome is Outcome.NOT_ASSESSED and not result.gaps
            ):
                return f"{code}: {result.reason}"
    for pattern in boundary.checks:
        ran = [r for r in results if fnmatch(r.code, pattern)]
        if not ran:
            return f"{pattern} did not run"
        for result in ran:
            if result.outcome in (Outcome.ERROR, Outcome.NOT_ASSESSED):
                return f"{result.code}: {result.reason}"
    return ""


def _within(graph: ImportGraph, path: str, places: Sequence[str]) -> bool:
    return any(
        path == place
        or graph.group(path) == place
        or path.startswith(place.rstrip("/") + "/")
        or matches(path, place)
        for place in places
    )


def _merged(before: Boundary, extra: Boundary) -> Boundary:
    return replace(
        before,
        risk=extra.risk or before.risk,
        symbols=(*before.symbols, *extra.symbols),
        artifacts=(*before.artifacts, *extra.artifacts),
        checks=(*before.checks, *extra.checks),
    )


# --- the repository's document --------------------------------------------------------------------
_TYPES = ("top_level", "conditional", "lazy")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\*?")
_MORE = re.compile(r"(\d+)\+? (?:\w+ )?(?:constants|classes|functions|symbols|names)")
_PYTHON_FILE = re.compile(r"[\w./-]+\.pyi?\b")


def _from_document(document: Document) -> list[Boundary]:
    rows = document.get("/boundaries")
    if not isinstance(rows, list):
        raise NotAssessed(f"{document.path} holds no list at /boundaries")
    return [
        _boundary(document, row, f"/boundaries/{position}")
        for position, row in enumerate(rows)
        if isinstance(row, dict) and row.get("id")
    ]


def _boundary(document: Document, row: dict[str, Any], pointer: str) -> Boundary:
    symbols = [s for s in _listed(row.get("symbols")) if isinstance(s, dict)]
    artifacts = [a for a in _listed(row.get("shared_artifacts")) if isinstance(a, dict)]
    return Boundary(
        id=str(row["id"]),
        risk=str(row.get("boundary_risk", "")).lower(),
        consumer=_texts(row.get("consumer_module")),
        provider=_texts(row.get("provider_module")),
        symbols=tuple(
            _symbol(s, document.location(f"{pointer}/symbols/{i}")) for i, s in enumerate(symbols)
        ),
        artifacts=tuple(
            SharedArtifact(
                str(a.get("path", a.get("artifact", ""))),
                str(a.get("writer", "")),
                _texts(a.get("readers")),
                _texts(a.get("schema_fields")),
                document.location(f"{pointer}/shared_artifacts/{i}"),
            )
            for i, a in enumerate(artifacts)
        ),
        location=document.location(pointer),
    )


def _symbol(row: dict[str, Any], location: Location) -> Symbol:
    text = str(row.get("name", ""))
    more = _MORE.search(text)
    pieces = [p.strip().removeprefix("and ").strip() for p in text.split(",")]
    constructor = row.get("constructor_params")
    signature = str(row.get("signature", ""))
    return Symbol(
        names=tuple(p for p in pieces if _IDENTIFIER.fullmatch(p)),
        more=int(more.group(1)) if more else 0,
        location=location,
        defined_in=tuple(_PYTHON_FILE.findall(str(row.get("defined_in", "")))),
        imported_by=tuple(_PYTHON_FILE.findall(str(row.get("imported_by", "")))),
        types=frozenset(t for t in _TYPES if t in str(row.get("import_type", ""))),
        signature=signature if signature.startswith(("def ", "async def ")) else "",
        constructor=None
        if constructor is None
        else tuple(str(p.get("name")) for p in _listed(constructor) if isinstance(p, dict)),
        methods={
            str(m.get("name")): str(m.get("signature", ""))
            for m in _listed(row.get("key_methods"))
            if isinstance(m, dict)
        },
        value=None if row.get("current_value") is None else str(row["current_value"]),
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(v) for v in _listed(value))


# --- our own form ---------------------------------------------------------------------------------
_KEYS = {"risk", "consumer", "provider", "symbols", "artifacts", "checks"}
_SYMBOL_KEYS = {"in", "by", "type", "signature", "constructor", "methods", "value"}
_ARTIFACT_KEYS = {"path", "writer", "readers", "fields"}


def _from_ours(document: Document) -> list[Boundary]:
    entries = document.get("/boundaries")
    if not isinstance(entries, dict):
        raise ParameterError(
            "holds no mapping `boundaries`", where=FILE, mend="begin with `boundaries:`"
        )
    return [_own(document, str(name), entry) for name, entry in entries.items()]


def _own(document: Document, name: str, entry: Any) -> Boundary:
    _known_keys(entry, _KEYS, f"boundaries.{name}")
    provider = _texts(entry.get("provider"))
    pointer = f"/boundaries/{name}"
    symbols = []
    for symbol, facts in (entry.get("symbols") or {}).items():
        row = facts or {}
        _known_keys(row, _SYMBOL_KEYS, f"boundaries.{name}.symbols.{symbol}")
        files = _texts(row.get("in")) or tuple(p for p in provider if p.endswith(".py"))
        symbols.append(
            Symbol(
                names=(str(symbol),),
                location=document.location(f"{pointer}/symbols/{symbol}"),
                defined_in=files,
                imported_by=_texts(row.get("by")),
                types=frozenset(_texts(row.get("type"))),
                signature=str(row.get("signature", "")),
                constructor=_texts(row["constructor"]) if "constructor" in row else None,
                methods={str(k): str(v) for k, v in (row.get("methods") or {}).items()},
                value=None if row.get("value") is None else str(row["value"]),
            )
        )
    artifacts = []
    for position, row in enumerate(_listed(entry.get("artifacts"))):
        _known_keys(row, _ARTIFACT_KEYS, f"boundaries.{name}.artifacts.{position}")
        artifacts.append(
            SharedArtifact(
                str(row.get("path", "")),
                str(row.get("writer", "")),
                _texts(row.get("readers")),
                _texts(row.get("fields")),
                document.location(f"{pointer}/artifacts/{position}"),
            )
        )
    return Boundary(
        id=name,
        risk=str(entry.get("risk", "")).lower(),
        consumer=_texts(entry.get("consumer")),
        provider=provider,
        symbols=tuple(symbols),
        artifacts=tuple(artifacts),
        location=document.location(pointer),
        checks=_texts(entry.get("checks")),
    )


def _known_keys(entry: Any, known: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise ParameterError(
            "is no mapping", where=f"{FILE}: {where}", mend=f"use keys {', '.join(sorted(known))}"
        )
    unknown = sorted(set(map(str, entry)) - known)
    if unknown:
        raise ParameterError(
            f"key {unknown[0]!r} is not known",
            where=f"{FILE}: {where}",
            mend=f"use keys {', '.join(sorted(known))}",
        )
