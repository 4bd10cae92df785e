"""The packet as plain, clean, formatted data: what both typesetters read.

Every text of the subject's passes :func:`audit_lib.reporters.text.clean` here, and prose is split
into runs of text and code, so that neither template has to know what a back-tick means and
nothing of the subject's is ever markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from audit_lib.model import (
    CheckResult,
    Contract,
    Evidence,
    Outcome,
    Scalar,
    Severity,
    Task,
    TaskResult,
    View,
    effective_outcome,
    verdict_of,
)
from audit_lib.packets.compare import Comparison
from audit_lib.packets.packet import Found, Packet
from audit_lib.packets.provenance import provenance_groups
from audit_lib.reporters.report import severities
from audit_lib.reporters.sarif import documentation
from audit_lib.reporters.text import clean, count, one_line, place

Doc = dict[str, Any]
TOP = 8
#: most characters of a finding's heading; what is longer follows below it
LINE = 400
_CODE = re.compile(r"``([^`\n]+)``|`([^`\n]+)`")


@dataclass(frozen=True)
class Style:
    """What a typesetter wants.

    Attributes:
        figure: evidence to SVG text, or None where it has no picture.
        rows: most rows of a table.
        characters: most characters of one text.
        passing_figures: False leaves out the pictures of checks that found nothing.
    """

    figure: Callable[[Evidence], str | None]
    rows: int = 500
    characters: int = 20_000
    passing_figures: bool = True


def document(packet: Packet, style: Style) -> Doc:
    """The packet as plain data."""
    said = packet.provenance
    return {
        "subject": one_line(said.subject),
        "version": one_line(said.version),
        "title": one_line(said.title),
        "role": one_line(said.role),
        "run_id": one_line(said.run_id),
        "date": _day(packet),
        "isolation": one_line(said.isolation) or "isolation not recorded",
        "verdict": packet.verdict.value,
        "headline": packet.headline,
        "problems": [runs(p, style) for p in packet.problems],
        "top": _top(packet, style),
        "more": _more(packet),
        "strip": _strip(packet),
        "comparisons": [_comparison(c, packet, style) for c in packet.comparisons],
        "severities": _severities(packet),
        "findings": [_finding(f, style) for f in packet.open],
        "exempted": [_finding(f, style) for f in packet.exempted],
        "contracts": [_contract(*row) for row in packet.contracts],
        "boundaries": [
            {
                "name": one_line(b.boundary),
                "risk": one_line(b.risk),
                "verdict": b.verdict.value,
                "reason": runs(b.reason, style),
                "findings": [f.id for f in packet.found if f.finding.fingerprint in b.findings],
            }
            for b in packet.boundaries
        ],
        "tasks": [_task(t, packet, style) for t in packet.tasks],
        "missing": [
            {"task": t.value, "title": t.title}
            for t in said.tasks
            if t not in {r.task for r in packet.tasks}
        ],
        "untold": [_untold(r, style) for r in packet.untold],
        "absent": [
            _untold(r, style) for r in packet.results if r.outcome is Outcome.NOT_APPLICABLE
        ],
        "provenance": provenance_groups(packet),
    }


def runs(text: str, style: Style | None = None) -> list[Doc]:
    """Text as runs of prose and code: ``[{"t": text, "c": is code}]``, on one line."""
    flat = one_line(text, style.characters if style else 0)
    made: list[Doc] = []
    end = 0
    for match in _CODE.finditer(flat):
        made += [
            {"t": flat[end : match.start()], "c": False},
            {"t": match.group(1) or match.group(2), "c": True},
        ]
        end = match.end()
    made.append({"t": flat[end:], "c": False})
    return [run for run in made if run["t"]]


def anchor(result: CheckResult, evidence: Evidence | None = None) -> str:
    """Anchor of a check, or of a piece of its evidence."""
    if evidence is None:
        return f"check-{result.code}"
    return f"evidence-{result.code}-{re.sub(r'[^A-Za-z0-9]+', '-', evidence.name)}"


def cell(value: Scalar) -> str:
    """A cell as people read it; floats with six significant digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else one_line(str(value), 400)


def _top(packet: Packet, style: Style) -> list[Doc]:
    """The first findings, one line a check: the worst of each, and how many more it has."""
    by_code: dict[str, list[Found]] = {}
    for found in packet.open:
        if found.finding.severity > Severity.INFO:
            by_code.setdefault(found.finding.code, []).append(found)
    return [
        {
            "id": group[0].id,
            "code": code,
            "severity": group[0].finding.severity.label,
            "task": group[0].finding.task.value,
            "place": place(group[0].finding.location),
            "message": runs(one_line(group[0].finding.message, 150)),
            "more": len(group) - 1,
            "state": group[0].state,
        }
        for code, group in list(by_code.items())[:TOP]
    ]


def _more(packet: Packet) -> int:
    counted = [f for f in packet.open if f.finding.severity > Severity.INFO]
    return max(0, len({f.finding.code for f in counted}) - TOP)


def _strip(packet: Packet) -> list[Doc]:
    """The lines of page one below the findings."""
    verdicts = [v.value for _, v, _ in packet.contracts if v is not None]
    boundaries = [b.verdict.value for b in packet.boundaries]
    checks, untold = len(packet.results), packet.untold
    examined = [
        f"{e.count:,} {one_line(e.what)}"
        for r in packet.results
        if r.contract is Contract.LEDGER and r.task is Task.T1
        for e in r.examined
        if e.count
    ]
    why = ", ".join(dict.fromkeys(r.contract.title.lower() for r in untold))
    said = packet.provenance
    unchanged = f"unchanged by the audit (sha256 {said.subject_before[:12]}… before and after)"
    state = unchanged if said.subject_before else "no digest of it was taken"
    lines = [
        ("contracts", _tally(verdicts), "contracts"),
        ("boundaries", _tally(boundaries), "boundaries"),
        ("ledger", " · ".join(examined[:4]), ""),
        (
            "not assessed",
            f"{len(untold)} of {count(checks, 'check')}" + (f": {why}" if why else ""),
            "untold",
        ),
        ("exempted", count(len(packet.exempted), "finding") if packet.exempted else "", "exempted"),
        ("subject", "CHANGED while it was audited" if packet.void else state, "provenance"),
    ]
    return [{"label": a, "text": b, "anchor": c} for a, b, c in lines if b]


def _tally(verdicts: Sequence[str]) -> str:
    order = ("kept", "broken", "inconclusive")
    return " · ".join(f"{verdicts.count(v)} {v}" for v in order if v in verdicts)


def _severities(packet: Packet) -> list[Doc]:
    counted = [f.finding.severity for f in packet.open]
    return [
        {"name": s.label, "count": counted.count(s)}
        for s in sorted(Severity, reverse=True)
        if s in counted
    ]


def _comparison(comparison: Comparison, packet: Packet, style: Style) -> Doc:
    ids = {f.finding: f.id for f in packet.found}
    groups = []
    for name in ("new", "regressed", "persisting", "exempted", "fixed", "untold"):
        findings = getattr(comparison, name)
        groups.append(
            {
                "name": "not told" if name == "untold" else name,
                "count": len(findings),
                "findings": [
                    {
                        "id": ids.get(f, ""),
                        "code": f.code,
                        "severity": f.severity.label,
                        "place": place(f.location),
                        "message": runs(one_line(f.message, 200), style),
                    }
                    for f in findings[: style.rows]
                ],
            }
        )
    shown = [g for g in groups if g["count"] or g["name"] in ("new", "fixed", "persisting")]
    return {
        "label": one_line(comparison.label),
        "before": one_line(comparison.before),
        "summary": " · ".join(f"{g['count']} {g['name']}" for g in shown),
        "groups": [g for g in groups if g["count"]],
    }


def _finding(found: Found, style: Style) -> Doc:
    finding = found.finding
    waiver = found.exemption
    return {
        "id": found.id,
        "code": finding.code,
        "title": runs(found.result.title, style),
        "severity": finding.severity.label,
        "task": finding.task.value,
        "contract": finding.contract.title,
        "place": place(finding.location),
        "symbol": one_line(finding.location.symbol, style.characters),
        "message": runs(one_line(finding.message, LINE), style),
        "whole": runs(finding.message, style) if len(finding.message) > LINE else [],
        "measured": runs(finding.measured, style),
        "expected": runs(finding.expected, style),
        "remediation": runs(finding.remediation, style),
        "key": one_line(finding.key, 200),
        "fingerprint": finding.fingerprint,
        "state": found.state,
        "check": anchor(found.result),
        "evidence": [
            {"anchor": anchor(found.result, e), "title": one_line(e.title)}
            for e in found.result.evidence
            if e.name in finding.evidence
        ],
        "waiver": waiver
        and {
            "owner": one_line(waiver.owner),
            "reason": runs(waiver.reason, style),
            "expires": one_line(waiver.expires),
        },
    }


def _contract(contract: Contract, verdict: Any, results: list[CheckResult]) -> Doc:
    outcomes = [effective_outcome(r) for r in results]
    return {
        "name": contract.title,
        "verdict": verdict.value if verdict else "not applicable",
        "outcomes": {o.value: outcomes.count(o) for o in Outcome},
        "findings": severities(f for r in results for f in r.open_findings),
        "checks": [{"code": r.code, "anchor": anchor(r)} for r in results],
    }


def _task(task: TaskResult, packet: Packet, style: Style) -> Doc:
    verdict = verdict_of(task.results)
    return {
        "id": task.task.value,
        "title": task.task.title,
        "verdict": verdict.value if verdict else "not applicable",
        "started": one_line(task.started),
        "seconds": f"{task.seconds:.1f}",
        "summary": _outcomes(task.results),
        "checks": [_check(r, packet, style) for r in task.results],
    }


def _outcomes(results: Iterable[CheckResult]) -> str:
    outcomes = [effective_outcome(r) for r in results]
    words = {Outcome.PASS: "kept", Outcome.FAIL: "broken", Outcome.ERROR: "in error"}
    return " · ".join(
        f"{outcomes.count(o)} {words.get(o, o.value.replace('_', ' '))}"
        for o in Outcome
        if o in outcomes
    )


def _check(result: CheckResult, packet: Packet, style: Style) -> Doc:
    outcome = effective_outcome(result)
    drawn = style.passing_figures or outcome is not Outcome.PASS
    return {
        "anchor": anchor(result),
        "code": result.code,
        "title": runs(result.title, style),
        "contract": result.contract.title,
        "severity": result.severity.label,
        "outcome": outcome.value,
        "waived": outcome is not result.outcome,
        "reason": runs(result.reason, style),
        "examined": ", ".join(f"{e.count:,} {one_line(e.what)}" for e in result.examined),
        "gaps": [{"what": runs(g.what, style), "why": runs(g.why, style)} for g in result.gaps],
        "seconds": f"{result.seconds:.2f}",
        "findings": [
            {
                "id": f.id,
                "severity": f.finding.severity.label,
                "message": runs(one_line(f.finding.message, 200), style),
                "exempted": f.exemption is not None,
            }
            for f in packet.found
            if f.result is result
        ],
        "evidence": [_evidence(result, e, style, drawn=drawn) for e in result.evidence],
        "about": _about(result) if outcome is not Outcome.PASS else [],
    }


def _about(result: CheckResult) -> list[Doc]:
    wanted = ("Why it matters", "How", "Limitations", "Remediation", "Sources")
    sections = documentation(result.code)
    return [
        {
            "head": head,
            "paragraphs": [runs(p) for p in re.split(r"\n\s*\n", clean(sections[head])) if p],
        }
        for head in wanted
        if sections.get(head)
    ]


def _evidence(result: CheckResult, evidence: Evidence, style: Style, *, drawn: bool) -> Doc:
    rows = evidence.rows[: style.rows]
    wide = range(len(evidence.columns))
    return {
        "anchor": anchor(result, evidence),
        "title": one_line(evidence.title),
        "note": runs(evidence.note, style),
        "columns": [one_line(c.replace("_", " ")) for c in evidence.columns],
        "numeric": [_numeric(row[i] for row in evidence.rows if i < len(row)) for i in wide],
        "rows": [[cell(c) for c in (*row, *[None] * len(wide))[: len(wide)]] for row in rows],
        "hidden": len(evidence.rows) - len(rows),
        "total": len(evidence.rows),
        "digest": evidence.digest,
        "view": evidence.view.value,
        "svg": style.figure(evidence) if drawn and evidence.view is not View.TABLE else None,
    }


def _numeric(cells: Iterable[Scalar]) -> bool:
    filled = [c for c in cells if c is not None]
    return bool(filled) and all(
        isinstance(c, int | float) and not isinstance(c, bool) for c in filled
    )


def _untold(result: CheckResult, style: Style) -> Doc:
    word = "not assessed in part" if result.outcome is Outcome.FAIL else result.outcome.value
    reason = result.reason or "; ".join(f"{g.what}: {g.why}" for g in result.gaps)
    return {
        "code": result.code,
        "anchor": anchor(result),
        "title": runs(result.title, style),
        "contract": result.contract.title,
        "task": result.task.value,
        "outcome": word.replace("_", " "),
        "reason": runs(reason, style),
    }


def _day(packet: Packet) -> str:
    started = packet.provenance.started or (packet.tasks[0].started if packet.tasks else "")
    return one_line(started)[:16].replace("T", " ")
