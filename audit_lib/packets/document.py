"""The packet as plain data, section by section: what both typesetters read."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from audit_lib.model import (
    CheckResult,
    Contract,
    Finding,
    Outcome,
    Severity,
    breaks,
    effective_outcome,
)
from audit_lib.model.merging import akin
from audit_lib.model.reviews import by_file, shares
from audit_lib.packets import page_one
from audit_lib.packets.acceptance import answers
from audit_lib.packets.closing import closure_doc, summary
from audit_lib.packets.packet import Packet, PacketFinding
from audit_lib.packets.provenance import provenance_groups
from audit_lib.packets.sections import (
    LINE,
    Doc,
    Style,
    anchor,
    evidence_doc,
    finding_doc,
    runs,
    task_doc,
)
from audit_lib.reporters.report import severities
from audit_lib.reporters.text import one_line, place


def document(packet: Packet, style: Style) -> Doc:
    """The packet as plain data."""
    provenance = packet.provenance
    most = style.findings
    cards = [*packet.open[:most], *packet.notes[:most], *packet.exempted[:most]]
    return {
        "shown": [f.id for f in cards],
        "cut": len(packet.findings) - len(cards),
        "subject": one_line(provenance.subject),
        "version": one_line(provenance.version),
        "title": one_line(provenance.title),
        "role": one_line(provenance.role),
        "run_id": one_line(provenance.run_id),
        "date": _day(packet),
        "verdict": packet.verdict.value,
        "words": packet.words,
        "headline": packet.headline,
        "partial": [runs(p, style) for p in packet.partial],
        "problems": [runs(p, style) for p in packet.problems],
        "identity": page_one.identity(packet),
        "overview": page_one.overview(packet),
        "brief": page_one.brief(packet),
        "top": page_one.top(packet, style),
        "codes": page_one.codes(packet),
        "strip": page_one.strip(packet),
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
        "contracts": [_contract(packet, *row) for row in packet.contracts],
        "sensitivity": _sensitivity(packet, style),
        "boundaries": [
            {
                "name": one_line(b.boundary),
                "risk": one_line(b.risk),
                "verdict": b.verdict.value,
                "reason": runs(b.reason, style),
                "findings": [f.id for f in packet.findings if f.finding.fingerprint in b.findings],
            }
            for b in packet.boundaries
        ],
        "review": _review(packet, style),
        "tasks": [task_doc(t, packet, style) for t in packet.tasks],
        "missing": [{"task": t.value, "title": t.title} for t in packet.not_run],
        "silent": len(packet.untold),
        "untold": _by_reason(packet.untold, style),
        "absent": _by_reason(
            [r for r in packet.results if r.outcome is Outcome.NOT_APPLICABLE], style
        ),
        "provenance": provenance_groups(packet),
    }


def _findings(findings: Sequence[PacketFinding], style: Style) -> list[Doc]:
    before, ids = [None, *findings], {f.finding: f.id for f in findings}
    near = akin(ids)
    roots: dict[Finding, str] = {}
    for finding, name in ids.items():  # the gravest of those that may have one root names it
        roots[finding] = next((roots[n] for n in near[finding] if n in roots), name)
    shared = Counter(roots.values())
    docs = [finding_doc(f, style, b) for f, b in zip(findings, before, strict=False)]
    return [
        d
        | {"near": [ids[n] for n in near[f.finding]]}
        | {"root": root if shared[root := roots[f.finding]] > 1 else ""}
        for d, f in zip(docs, findings, strict=True)
    ]


def _notes(notes: Sequence[PacketFinding], style: Style) -> list[Doc]:
    """What only informs, by check."""
    grouped: dict[str, list[PacketFinding]] = {}
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


def _contract(packet: Packet, contract: Contract, verdict: Any, results: list[CheckResult]) -> Doc:
    proved = packet.sensitivity
    planted, seen = proved.of(contract) if proved else (0, 0)
    outcomes = [effective_outcome(r) for r in results]
    return {
        "name": contract.title,
        "verdict": verdict.value if verdict else "not applicable",
        "outcomes": {o.value: outcomes.count(o) for o in Outcome},
        "findings": severities(f for r in results for f in r.open_findings if breaks(f)),
        "checks": [{"code": r.code, "anchor": anchor(r)} for r in results],
        "sensitivity": f"{seen} of {planted}" if planted else "",
    }


def _sensitivity(packet: Packet, style: Style) -> Doc | None:
    """What this audit would have seen of faults that were planted; None where none were."""
    sensitivity = packet.sensitivity
    if sensitivity is None:
        return None
    return {
        "words": sensitivity.words,
        "unseen": [
            {
                "contract": p.contract.title,
                "fault": one_line(p.told + (f" ({p.case})" if p.case else ""), LINE),
                "state": p.state.value,
                "why": runs(p.why, style),
            }
            for p in (*sensitivity.unseen, *sensitivity.accused)
        ],
    }


def _review(packet: Packet, style: Style) -> Doc | None:
    """How far the lines were reviewed, by file; None where no task took stock of them."""
    review = packet.review
    if review is None:
        return None
    lines = [
        f"{s.kind}: {s.said}" if s.lines is None else f"{s.kind}: {s.lines:,} of {s.of:,} {s.said}"
        for s in shares(review)
    ]
    return {
        "shares": [one_line(s) for s in lines],
        "files": evidence_doc("evidence-review", by_file(review), style, style.rows),
    }


def _by_reason(results: Sequence[CheckResult], style: Style) -> list[Doc]:
    """Checks without an answer under what kept them from one; what concerns most first."""
    groups: dict[tuple[str, str], list[CheckResult]] = {}
    for result in results:
        word = "not assessed in part" if result.outcome is Outcome.FAIL else result.outcome.value
        reason = result.reason or "; ".join(f"{g.what}: {g.why}" for g in result.gaps)
        groups.setdefault((word.replace("_", " "), reason), []).append(result)
    order = {outcome: i for i, (outcome, _) in reversed(list(enumerate(groups)))}
    return [
        {
            "outcome": outcome,
            "reason": runs(reason, style),
            "checks": [
                {"code": r.code, "anchor": anchor(r), "title": runs(r.title, style)}
                for r in members
            ],
        }
        for (outcome, reason), members in sorted(
            groups.items(), key=lambda item: (order[item[0][0]], -len(item[1]))
        )
    ]


def _day(packet: Packet) -> str:
    started = packet.provenance.started or (packet.tasks[0].started if packet.tasks else "")
    return one_line(started)[:16].replace("T", " ")
