"""Findings as the results of a SARIF run."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from audit_lib.model import (
    CheckResult,
    Exempted,
    Finding,
    Location,
    Outcome,
    breaks,
    effective_outcome,
    ranked,
)
from audit_lib.reporters.report import Report
from audit_lib.reporters.sarif_limits import SNIPPET_CHARACTERS, cut
from audit_lib.reporters.sarif_rules import SECURITY_SEVERITY
from audit_lib.reporters.text import clean, place

Json = dict[str, Any]
FINGERPRINT = "modelAudit/v1"
#: the one that code scanning tells results by; without it, it takes the text of the line, which
#: all findings in one artifact share
LINE_HASH = "primaryLocationLineHash"

#: ids of the bases that locations are relative to, with what they mean
BASES = {
    "repository": ("%SRCROOT%", "Root of the repository that was checked out."),
    "source": ("SOURCE", "Root of the subject's source checkout."),
    "artifacts": ("ARTIFACTS", "Folder of the subject's artifact store."),
    "documents": ("DOCUMENTS", "Root of the checkout that holds the subject's documents."),
    "parameters": ("PARAMETERS", "Folder of the subject's audit parameters."),
}
STORE_FILE = "subject.yaml"

_KINDS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "pass",  # only INFO findings, or exempted ones: they stand as their own results
    Outcome.NOT_APPLICABLE: "notApplicable",
    Outcome.NOT_ASSESSED: "open",
    Outcome.ERROR: "open",
}


def findings(report: Report) -> Iterator[Json]:
    """Every finding once, worst first."""
    every = []
    for result in report.results:
        waivers = {e.fingerprint: e for e in result.exempted}
        every += [(f, waivers.get(f.fingerprint)) for f in result.findings]
    # A finding of many versions is one; where one of them does not waive it, it stands.
    waived = {f.fingerprint: w for f, w in every if w is not None}
    for finding, waiver in every:
        if waiver is None:
            waived.pop(finding.fingerprint, None)
    by_fingerprint = {f.fingerprint: f for f, _ in reversed(every)}
    for finding in ranked(by_fingerprint.values(), report.dependents):
        yield _finding(finding, waived.get(finding.fingerprint), report)


def unfailed(check: CheckResult) -> Json:
    """The result of a check that did not fail.  Spec, 3.27.10: its level is "none"."""
    looked = ", ".join(f"{e.count:,} {clean(e.what)}" for e in check.examined)
    seen = f"{clean(check.title)} Examined: {looked or 'nothing'}."
    artifact = {"uri": STORE_FILE, "uriBaseId": BASES["parameters"][0]}
    logical = {"fullyQualifiedName": check.contract.value, "kind": "module"}
    return {
        "ruleId": check.code,
        "kind": _KINDS[effective_outcome(check)],
        "level": "none",
        "message": {"text": clean(check.reason) or seen},
        "locations": [
            {"physicalLocation": {"artifactLocation": artifact}, "logicalLocations": [logical]}
        ],
        "suppressions": [],
        "properties": {"outcome": check.outcome.value},
    }


def _finding(finding: Finding, waiver: Exempted | None, report: Report) -> Json:
    broken = breaks(finding)
    location, apart = _location(finding.location, report)
    detail = {
        "contract": finding.contract.value,
        "task": finding.task.value,
        "severity": finding.severity.label,
        "measured": clean(finding.measured),
        "expected": clean(finding.expected),
        "remediation": clean(finding.remediation),
        "key": clean(finding.key),
    }
    state = report.states.get(finding.fingerprint, "")
    return {
        "ruleId": finding.code,
        "kind": "fail" if broken else "informational",
        "level": finding.severity.sarif_level if broken else "none",
        "message": {"text": clean(f"{apart}{finding.message}")},
        "locations": [location],
        **_related(finding, report),
        "partialFingerprints": {
            FINGERPRINT: finding.fingerprint,
            LINE_HASH: f"{finding.fingerprint}:1",
        },
        **({"baselineState": state} if state else {}),
        # Spec, 3.27.23: where one result of a run has suppressions, every one has the property.
        "suppressions": [_suppression(waiver)] if waiver else [],
        "properties": {k: v for k, v in detail.items() if v}
        | {"security-severity": SECURITY_SEVERITY[finding.severity]},
    }


def _related(finding: Finding, report: Report) -> Json:
    """The second place of a finding, where it has one."""
    if finding.related is None:
        return {}
    location, apart = _location(finding.related, report)
    what = "The hook through which it was seen." if finding.related.symbol else "Its declaration."
    text = clean(f"{apart}{what}")
    return {"relatedLocations": [{"id": 1, "message": {"text": text}, **location}]}


def _location(location: Location, report: Report) -> tuple[Json, str]:
    """Where a result is shown, and what its message begins with where that is another place."""
    file, apart = report.locate(location.base, location.path), ""
    shown, base = file, BASES["repository"][0]
    if not file:
        stand_in = report.locate("parameters", STORE_FILE)
        apart = f"{place(location)}: " if stand_in else ""
        shown = stand_in or location.path
        base = base if stand_in else BASES.get(location.base, BASES["source"])[0]
    physical: Json = {"artifactLocation": {"uri": uri(shown), "uriBaseId": base}}
    if location.line is not None and location.line > 0 and not apart:
        last = max(location.line, location.end_line or location.line)
        physical["region"] = {"startLine": location.line, "endLine": last}
        text = report.snippet(location)
        if text:
            physical["region"]["snippet"] = {"text": cut(text, SNIPPET_CHARACTERS)}
    located: Json = {"physicalLocation": physical}
    logical = []
    if location.symbol:
        logical.append({"fullyQualifiedName": clean(location.symbol), "kind": "function"})
    if location.pointer:
        logical.append({"fullyQualifiedName": clean(location.pointer), "kind": "member"})
    if logical:
        located["logicalLocations"] = logical
    return located, apart


def uri(path: str) -> str:
    """A relative path as a URI reference (RFC 3986)."""
    return quote(path.encode("utf-8", "surrogatepass"), safe="/~!$&'()*+,;=@") or "."


def _suppression(waiver: Exempted) -> Json:
    return {
        "kind": "external",
        "status": "accepted",
        "justification": clean(f"{waiver.reason} ({waiver.owner}, until {waiver.expires})"),
    }
