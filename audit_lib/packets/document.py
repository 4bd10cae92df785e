"""The packet as plain data, section by section: what both typesetters read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit_lib.model import (
    CheckResult,
    Contract,
    Outcome,
    Severity,
    Task,
    breaks,
    effective_outcome,
)
from audit_lib.packets.acceptance import WORDS, answers
from audit_lib.packets.closing import closure_doc, summary
from audit_lib.packets.packet import Found, Packet
from audit_lib.packets.provenance import provenance_groups
from audit_lib.packets.sections import LINE, Doc, Style, anchor, finding_doc, runs, task_doc
from audit_lib.reporters.report import severities
from audit_lib.reporters.text import count, one_line, place

TOP = 8


def document(packet: Packet, style: Style) -> Doc:
    """The packet as plain data."""
    said = packet.provenance
    most = style.findings
    told = [*packet.open[:most], *packet.notes[:most], *packet.exempted[:most]]
    return {
        "shown": [f.id for f in told],
        "cut": len(packet.found) - len(told),
        "subject": one_line(said.subject),
        "version": one_line(said.version),
        "title": one_line(said.title),
        "role": one_line(said.role),
        "run_id": one_line(said.run_id),
        "date": _day(packet),
        "isolation": one_line(said.isolation).split(":")[0] or "isolation not recorded",
        "verdict": packet.verdict.value,
        "headline": packet.headline,
        "problems": [runs(p, style) for p in packet.problems],
        "top": _top(packet, style),
        "more": _more(packet),
        "strip": _strip(packet),
        "comparisons": [
            {"label": one_line(c.label), "summary": summary(c)} for c in packet.comparisons
        ],
        "closure": closure_doc(packet, style),
        "severities": _severities(packet),
        "findings": _findings(packet.open[:most], style),
        "notes": _notes(packet.notes[:most], style),
        "exempted": _findings(packet.exempted[:most], style),
        "acceptance": [
            {
                "text": a.text,
                "verdict": a.verdict.value,
                "word": a.word,
                "must_not": a.must_not,
                "rests_on": runs(a.rests_on, style),
            }
            for a in answers(packet)
        ],
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
        "tasks": [task_doc(t, packet, style) for t in packet.tasks],
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


def _top(packet: Packet, style: Style) -> list[Doc]:
    """The first findings, one line a check: the worst of each, and how many more it has."""
    by_code: dict[str, list[Found]] = {}
    for found in packet.open:
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
    return max(0, len({f.finding.code for f in packet.open}) - TOP)


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
    state = "unchanged by the audit" if said.subject_before else "no digest of it was taken"
    lines = [
        ("contracts", _tally(verdicts), "contracts"),
        ("boundaries", _tally(boundaries), "boundaries"),
        ("acceptance", _accepted(packet), "acceptance"),
        ("ledger", " · ".join(list(dict.fromkeys(examined))[:4]), ""),
        (
            "not assessed",
            f"{len(untold)} of {count(checks, 'check')}" + (f": {why}" if why else ""),
            "untold",
        ),
        ("exempted", count(len(packet.exempted), "finding") if packet.exempted else "", "exempted"),
        (
            "notes",
            count(len(packet.notes), "finding") + " that only inform" if packet.notes else "",
            "notes",
        ),
        ("subject", "CHANGED while it was audited" if packet.void else state, "provenance"),
    ]
    return [{"label": a, "text": b, "anchor": c} for a, b, c in lines if b]


def _accepted(packet: Packet) -> str:
    verdicts = [a.verdict for a in answers(packet)]
    return " · ".join(f"{verdicts.count(v)} {w}" for v, w in WORDS.items() if v in verdicts)


def _tally(verdicts: Sequence[str]) -> str:
    order = ("kept", "broken", "inconclusive")
    return " · ".join(f"{verdicts.count(v)} {v}" for v in order if v in verdicts)


def _findings(found: Sequence[Found], style: Style) -> list[Doc]:
    before = [None, *found]
    return [finding_doc(f, style, b) for f, b in zip(found, before, strict=False)]


def _notes(notes: Sequence[Found], style: Style) -> list[Doc]:
    """What only informs, by check."""
    grouped: dict[str, list[Found]] = {}
    for note in notes:
        grouped.setdefault(note.finding.code, []).append(note)
    return [
        {
            "code": code,
            "title": runs(group[0].result.title, style),
            "check": anchor(group[0].result),
            "rows": [
                {
                    "id": n.id,
                    "place": place(n.finding.location),
                    "message": runs(one_line(n.finding.message, LINE), style),
                }
                for n in group
            ],
        }
        for code, group in grouped.items()
    ]


def _severities(packet: Packet) -> list[Doc]:
    counted = [f.finding.severity for f in packet.open]
    return [
        {"name": s.label, "count": counted.count(s)}
        for s in sorted(Severity, reverse=True)
        if s in counted
    ]


def _contract(contract: Contract, verdict: Any, results: list[CheckResult]) -> Doc:
    outcomes = [effective_outcome(r) for r in results]
    return {
        "name": contract.title,
        "verdict": verdict.value if verdict else "not applicable",
        "outcomes": {o.value: outcomes.count(o) for o in Outcome},
        "findings": severities(f for r in results for f in r.open_findings if breaks(f)),
        "checks": [{"code": r.code, "anchor": anchor(r)} for r in results],
    }


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
