"""The closing list of a packet: as data for both typesetters, as JSON for scripts, and as CSV."""

from collections.abc import Iterable
from typing import Any

from audit_lib.model import CheckResult, Contract, Evidence, Exempted, Finding
from audit_lib.model.closure import Comparison, Fate, Row
from audit_lib.model.sight import NOT_RUN
from audit_lib.packets.acceptance import answers
from audit_lib.packets.packet import Packet
from audit_lib.packets.sections import Doc, Style, cell, runs, waiver_doc
from audit_lib.reporters.csv_report import csv_text
from audit_lib.reporters.json_report import dumps, plain
from audit_lib.reporters.report import folded, severities
from audit_lib.reporters.text import clean, count, one_line, place

FORMAT = "closure/1"
#: most characters of a finding's message in the table; the whole of it stands under Findings
SAYS = 180
#: the check whose evidence lists the waivers, with what each comes to
WAIVERS = ("LED902", "waivers")
#: standing -> how its part of the list is headed, after the count
_PARTS = {
    "open": "open",
    "unknown": "of unknown fate, since their check could not tell this time",
    "exempted": "exempted",
    "fixed": "found before and gone",
}


def closure_doc(packet: Packet, style: Style) -> Doc:
    """The closing list as plain data: what stands, what became of it, and the waivers."""
    rows = packet.closing
    ids = _ids(packet)
    parts = []
    for name, meaning in _PARTS.items():
        held = [r for r in rows if standing(r) == name]
        digest = folded(held, lambda r: (r.matter.finding.severity, r.matter.finding.code, r.fates))
        shown = digest[: style.findings]
        parts.append(
            {
                "name": name,
                "meaning": meaning,
                "count": len(held),
                "severities": severities(r.matter.finding for r in held),
                "hidden": len(held) - sum(1 + more for _, more in shown),
                "rows": [_row(r, ids, style) | {"more": more} for r, more in shown],
                "folded": sum(more for _, more in shown),
                "all": [_row(r, ids, style) for r in held[: style.rows]],
            }
        )
    return {
        "against": [_against(c, style) for c in packet.comparisons],
        "parts": [p for p in parts if p["count"]],
        "widest": max((r.matter.blast or 0 for r in rows), default=0),
        "counted": any(t.dependents for t in packet.tasks),
        "waivers": _waivers(packet.results, style),
    }


def closure_json(packet: Packet) -> str:
    """The closing list as JSON: ``closure.json`` of a run."""
    ids = _ids(packet)
    labels = [c.label for c in packet.comparisons]
    return dumps(
        {
            "format": FORMAT,
            "subject": packet.provenance.subject,
            "version": packet.provenance.version,
            "run_id": packet.provenance.run_id,
            "verdict": packet.verdict.value,
            "not_run": [t.value for t in packet.not_run],
            "against": [comparison_record(c) for c in packet.comparisons],
            "findings": [_record(r, ids, labels) for r in packet.closing],
            "acceptance": [
                {"criterion": a.text, "answer": a.word, "rests_on": clean(a.rests_on)}
                for a in answers(packet)
            ],
        }
    )


def comparison_record(comparison: Comparison) -> Doc:
    """What a comparison comes to, without its findings, as JSON-ready data."""
    return {
        "label": comparison.label,
        "version": comparison.version,
        "run_id": comparison.run_id,
        "counts": {fate.value: n for fate, n in comparison.counts().items()},
        "untold": [plain(u) for u in comparison.untold],
    }


def closure_csv(packet: Packet) -> str:
    """The closing list as CSV, one row a finding; what is gone is in it as well."""
    ids, labels = _ids(packet), [c.label for c in packet.comparisons]
    records = [_record(r, ids, labels) for r in packet.closing]
    fates = [f"fate against {label}" for label in labels]
    columns = [
        "rank", "standing", "severity", *fates, "dependents", "tasks", "code", "id", "base",
        "path", "line", "pointer", "symbol", "message", "moved_from", "why", "exempted_by",
        "exempted_because", "exempted_until", "exemption_in_force", "identity",
    ]  # fmt: skip
    rows = []
    for record in records:
        waiver = record["exemption"] or {}
        flat = record | record["location"]
        flat |= {f"fate against {label}": fate for label, fate in record["fates"].items()}
        flat |= {
            "tasks": " ".join(record["tasks"]),
            "exempted_by": waiver.get("owner"),
            "exempted_because": waiver.get("reason"),
            "exempted_until": waiver.get("expires"),
            "exemption_in_force": waiver and ("yes" if waiver["in_force"] else "no"),
        }
        rows.append({key: value for key, value in flat.items() if value != {}})
    return csv_text(columns, rows)


def standing(row: Row) -> str:
    """How a matter stands in this run: ``open``, ``unknown``, ``exempted`` or ``fixed``."""
    if row.rank is not None:
        return "open"
    if row.matter.waived:
        return "exempted"
    return "unknown" if Fate.UNKNOWN in row.fates else "fixed"


def _ids(packet: Packet) -> dict[Finding, str]:
    return {f.finding: f.id for f in packet.findings}


def _record(row: Row, ids: dict[Finding, str], labels: list[str]) -> Doc:
    matter, finding = row.matter, row.matter.finding
    fates = zip(labels, row.fates, strict=True)
    return {
        "rank": row.rank,
        "standing": standing(row),
        "id": ids.get(finding, "") if row.here else "",
        "identity": matter.identity,
        "code": finding.code,
        "contract": finding.contract.value,
        "severity": finding.severity.label,
        "fates": {label: fate.value for label, fate in fates if fate is not None},
        "dependents": matter.blast,
        "tasks": [t.value for t in matter.tasks],
        "location": plain(finding.location),
        "message": finding.message,
        "measured": finding.measured,
        "expected": finding.expected,
        "moved_from": row.moved_from,
        "why": row.why,
        "exemption": _waiver_record(matter.waiver, in_force=matter.waived),
    }


def _waiver_record(waiver: Exempted | None, *, in_force: bool) -> Doc | None:
    if waiver is None:
        return None
    return {
        "owner": waiver.owner,
        "reason": waiver.reason,
        "expires": waiver.expires,
        "in_force": in_force,
    }


def _row(row: Row, ids: dict[Finding, str], style: Style) -> Doc:
    matter, finding = row.matter, row.matter.finding
    waiver = matter.waiver if row.here else None
    return {
        "rank": row.rank or "",
        "more": 0,
        "id": ids.get(finding, "") if row.here else "",
        "code": finding.code,
        "severity": finding.severity.label,
        "fates": [{"word": fate.value if fate else ""} for fate in row.fates],
        "blast": matter.blast,
        "tasks": [t.value for t in matter.tasks],
        "place": place(finding.location),
        "was": _was(row),
        "message": runs(one_line(finding.message, SAYS), style),
        "why": runs(one_line(row.why, SAYS), style),
        "waiver": waiver and waiver_doc(waiver, style) | {"in_force": matter.waived},
    }


def _was(row: Row) -> str:
    """Where it stood before, in words; '' where it stands there still."""
    path, _, line = row.moved_from.rpartition(":")
    if path == row.matter.path:
        return f"was on line {line}"
    return f"moved from {one_line(row.moved_from, 200)}" if row.moved_from else ""


def _against(comparison: Comparison, style: Style) -> Doc:
    # What a whole task would have told is not worth a line a check.
    untold = [u for u in comparison.untold if u.findings or u.why != NOT_RUN]
    return {
        "label": one_line(comparison.label),
        "before": one_line(comparison.before),
        "summary": summary(comparison),
        "silent": len(comparison.untold),
        "untold": [
            {
                "code": u.code,
                "title": runs(u.title, style),
                "why": runs(one_line(u.why, 300), style),
                "said": count(u.findings, "finding") if u.findings else "",
            }
            for u in untold
        ],
    }


def summary(comparison: Comparison) -> str:
    """How many findings met which fate, in a line; the usual ones are said even where none did."""
    always = (Fate.NEW, Fate.PERSISTING, Fate.FIXED)
    met = comparison.counts().items()
    return " · ".join(f"{n} {fate.value}" for fate, n in met if n or fate in always)


def _waivers(results: Iterable[CheckResult], style: Style) -> Doc | None:
    """The waivers with what each comes to, as the closing task lists them."""
    code, name = WAIVERS
    tables: list[Evidence] = [
        e for r in results if r.code == code and r.contract is Contract.LEDGER
        for e in r.evidence if e.name == name
    ]  # fmt: skip
    if not tables:
        return None
    table = tables[0]
    rows: list[list[Any]] = [[cell(c, style.cells) for c in row] for row in table.rows]
    return {"columns": list(table.columns), "rows": rows[: style.rows]}
