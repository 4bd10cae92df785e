"""SARIF 2.1.0 (OASIS, 2020): what code-scanning tools and editors read.

Every result has a physical location: relative to a named base, never a machine's path.  A place
inside a document or artifact is a logical location that carries the JSON pointer.  Checks that
did not fail are results too (``pass``, ``notApplicable``, ``open``), so that a reader can tell a
kept promise from one that nobody looked at; a crashed check is also a notification, and makes the
invocation unsuccessful.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from audit_lib import __version__
from audit_lib.model import (
    CheckResult,
    Exempted,
    Finding,
    Location,
    Outcome,
    Severity,
    breaks,
    effective_outcome,
)
from audit_lib.reporters.json_report import dumps
from audit_lib.reporters.report import Report
from audit_lib.reporters.text import clean

Json = dict[str, Any]
SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT = "modelAudit/v1"

#: ids of the bases that locations are relative to, with what they mean
BASES = {
    "source": ("SRCROOT", "Root of the subject's source checkout."),
    "artifacts": ("ARTIFACTS", "Folder of the subject's artifact store."),
    "documents": ("DOCUMENTS", "Root of the checkout that holds the subject's documents."),
    "parameters": ("PARAMETERS", "Folder of the subject's audit parameters."),
}

#: middle of the CVSS band of each severity, as code-scanning tools rank by it
SECURITY_SEVERITY = {
    Severity.INFO: "0.0",
    Severity.LOW: "3.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}

_KINDS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "pass",  # only INFO findings, or exempted ones: they stand as their own results
    Outcome.NOT_APPLICABLE: "notApplicable",
    Outcome.NOT_ASSESSED: "open",
    Outcome.ERROR: "open",
}


def to_sarif(*reports: Report) -> str:
    """SARIF text, one run a report."""
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(r) for r in reports]})


def _run(report: Report) -> Json:
    codes = list(dict.fromkeys(r.code for r in report.results))
    rules = {r.code: r for r in report.results}
    waivers = {e.fingerprint: e for r in report.results for e in r.exempted}
    results = [
        {**result, "ruleIndex": codes.index(result["ruleId"])}
        for check in report.results
        for result in _results(check, waivers)
    ]
    name = "/".join(filter(None, (report.subject, report.version, report.run_id)))
    return {
        "tool": {
            "driver": {
                "name": "model-audit-workbook",
                "semanticVersion": __version__,
                "rules": [_rule(rules[code]) for code in codes],
            }
        },
        "automationDetails": {"id": f"model-audit/{clean(name)}"},
        "originalUriBaseIds": {
            name: {"description": {"text": meaning}} for name, meaning in BASES.values()
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, codes)],
        "results": results,
        "properties": {
            "subject": report.subject,
            "version": report.version,
            "verdict": report.verdict.value,
            "notRun": [task.value for task in report.not_run],
        },
    }


def _rule(result: CheckResult) -> Json:
    sections = documentation(result.code)
    text = "\n\n".join(f"{head}\n{body}" for head, body in sections.items())
    markdown = "\n\n".join(f"**{head}**\n\n{body}" for head, body in sections.items())
    meaning = " ".join(sections.get("What it checks", "").split())
    return {
        "id": result.code,
        "name": result.name,
        "shortDescription": {"text": clean(result.title)},
        "fullDescription": {"text": meaning or clean(result.title)},
        "help": {
            "text": text or clean(result.title),
            "markdown": markdown or clean(result.title),
        },
        "defaultConfiguration": {"level": result.severity.sarif_level},
        "properties": {
            "tags": sorted({"security", "model-audit", result.contract.value, result.task.value}),
            "precision": "high",
            "problem.severity": _problem(result.severity),
            "security-severity": SECURITY_SEVERITY[result.severity],
        },
    }


def documentation(code: str) -> dict[str, str]:
    """Sections of a check's documentation; none where the catalogue knows no such check."""
    # The catalogue imports the subject's readers and the host, which the other reporters spare.
    from audit_lib.checks.catalogue import CATALOGUE, check_class

    return check_class(code).sections() if code in CATALOGUE else {}


def _problem(severity: Severity) -> str:
    return "recommendation" if severity.sarif_level == "note" else severity.sarif_level


def _results(check: CheckResult, waivers: dict[str, Exempted]) -> Iterator[Json]:
    for finding in check.findings:
        yield _finding(check, finding, waivers.get(finding.fingerprint))
    if effective_outcome(check) is Outcome.FAIL:
        return
    # Spec, 3.27.10: a result that is no failure has level "none".
    yield {
        "ruleId": check.code,
        "kind": _KINDS[effective_outcome(check)],
        "level": "none",
        "message": {"text": clean(check.reason) or _seen(check)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "subject.yaml", "uriBaseId": "PARAMETERS"}
                },
                "logicalLocations": [
                    {"fullyQualifiedName": check.contract.value, "kind": "module"}
                ],
            }
        ],
        "suppressions": [],
        "properties": {"outcome": check.outcome.value},
    }


def _seen(check: CheckResult) -> str:
    looked = ", ".join(f"{e.count:,} {clean(e.what)}" for e in check.examined)
    return f"{clean(check.title)} Examined: {looked or 'nothing'}."


def _finding(check: CheckResult, finding: Finding, waiver: Exempted | None) -> Json:
    broken = breaks(finding)
    detail = {
        "contract": finding.contract.value,
        "task": finding.task.value,
        "severity": finding.severity.label,
        "measured": clean(finding.measured),
        "expected": clean(finding.expected),
        "remediation": clean(finding.remediation),
        "key": clean(finding.key),
    }
    return {
        "ruleId": check.code,
        "kind": "fail" if broken else "informational",
        "level": finding.severity.sarif_level if broken else "none",
        "message": {"text": clean(finding.message)},
        "locations": [_location(finding.location)],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        # Spec, 3.27.23: where one result of a run has suppressions, every one has the property.
        "suppressions": [_suppression(waiver)] if waiver else [],
        "properties": {k: v for k, v in detail.items() if v}
        | {"security-severity": SECURITY_SEVERITY[finding.severity]},
    }


def _location(location: Location) -> Json:
    base = BASES.get(location.base, BASES["source"])[0]
    physical: Json = {"artifactLocation": {"uri": uri(location.path), "uriBaseId": base}}
    if location.line is not None and location.line > 0:
        last = max(location.line, location.end_line or location.line)
        physical["region"] = {"startLine": location.line, "endLine": last}
    made: Json = {"physicalLocation": physical}
    logical = []
    if location.symbol:
        logical.append({"fullyQualifiedName": clean(location.symbol), "kind": "function"})
    if location.pointer:
        logical.append({"fullyQualifiedName": clean(location.pointer), "kind": "member"})
    if logical:
        made["logicalLocations"] = logical
    return made


def uri(path: str) -> str:
    """A relative path as a URI reference (RFC 3986)."""
    return quote(path.encode("utf-8", "surrogatepass"), safe="/~!$&'()*+,;=@") or "."


def _suppression(waiver: Exempted) -> Json:
    return {
        "kind": "external",
        "status": "accepted",
        "justification": clean(f"{waiver.reason} ({waiver.owner}, until {waiver.expires})"),
    }


def _invocation(report: Report, codes: list[str]) -> Json:
    crashed = report.having(Outcome.ERROR)
    made: Json = {
        "executionSuccessful": not crashed,
        "exitCode": report.verdict.exit_code,
        "exitCodeDescription": report.words,
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": {"text": clean(r.reason) or "the check crashed"},
                "associatedRule": {"id": r.code, "index": codes.index(r.code)},
            }
            for r in crashed
        ],
    }
    try:
        began = datetime.fromisoformat(report.started)
    except ValueError:
        return made
    ended = began + timedelta(seconds=report.seconds)
    for key, moment in (("startTimeUtc", began), ("endTimeUtc", ended)):
        made[key] = moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    return made
