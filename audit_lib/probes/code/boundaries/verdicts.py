"""Declared boundaries of a subject, and the verdict on each.

How they are declared stands in ``boundary_forms.py``.  Verdicts: *broken* where a finding stands
against the boundary that no waiver covers, *inconclusive* where a check it rests on could not tell,
else *kept*.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatch

from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.model import (
    BoundaryVerdict,
    CheckResult,
    Contract,
    Finding,
    Outcome,
    Verdict,
    breaks,
    ranked,
)
from audit_lib.probes.code.boundaries.forms import FILE, Boundary, from_document, from_ours
from audit_lib.probes.code.boundaries.notes import unjudged
from audit_lib.subject.code import code_of
from audit_lib.subject.documents import read_document
from audit_lib.subject.imports import ImportGraph
from audit_lib.subject.subject import Subject

#: The check that dispositions declared boundaries, and those about imports themselves.
DISPOSITION, RESOLUTION = "BND003", "BND001"


def declared_boundaries(subject: Subject) -> tuple[Boundary, ...]:
    """Boundaries that the repository's document and our own file declare.

    Raises:
        NotAssessed: neither is there.
        ParameterError: our own file does not have the form above.
    """
    boundaries: dict[str, Boundary] = {}
    missing = ""
    if "boundaries" in subject.parameters.documents:
        try:
            boundaries = {b.id: b for b in from_document(subject.document("boundaries"))}
        except NotAssessed as error:
            missing = str(error)
    for boundary in own_boundaries(subject):
        before = boundaries.get(boundary.id)
        boundaries[boundary.id] = _merged(before, boundary) if before else boundary
    if not boundaries:
        raise NotAssessed(
            missing or f"no boundaries are declared (documents.boundaries, or {FILE})"
        )
    return tuple(boundaries.values())


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
    return from_ours(document, str(own))


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
    held = (f for r in results for f in r.open_findings if breaks(f))
    findings = ranked((f for f in held if against(boundary, graph, f)), graph.dependent_counts)
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
    counted = {"symbol": names, "artifact": len(boundary.artifacts)}
    reason = " and ".join(f"{n} {what}{'s' * (n != 1)}" for what, n in counted.items() if n)
    if not reason:
        why = "it names no symbol and no artifact that could break it"
        return BoundaryVerdict(boundary.id, boundary.risk, Verdict.INCONCLUSIVE, why)
    are = "is" if sum(counted.values()) == 1 else "are"
    return BoundaryVerdict(boundary.id, boundary.risk, Verdict.KEPT, f"{reason} {are} as declared")


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
    if not boundary.checks and (demand := unjudged(boundary)):
        return f"no check is named that judges its note ({FILE}: checks): {demand}"
    return ""


def _merged(before: Boundary, extra: Boundary) -> Boundary:
    return replace(
        before,
        risk=extra.risk or before.risk,
        symbols=(*before.symbols, *extra.symbols),
        artifacts=(*before.artifacts, *extra.artifacts),
        checks=(*before.checks, *extra.checks),
        note=f"{before.note} {extra.note}".strip(),
    )
