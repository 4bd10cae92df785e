"""Parts of a packet as plain, clean, formatted data: texts, findings, checks, evidence.

Every text of the subject's passes :func:`audit_lib.reporters.text.clean` here, and prose is split
into runs of text and code, so that neither template has to know what a back-tick means and
nothing of the subject's is ever markup.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from audit_lib.checks.size_power import measured
from audit_lib.model import (
    CheckResult,
    Evidence,
    Exempted,
    Location,
    Outcome,
    Scalar,
    Severity,
    TaskResult,
    View,
    effective_outcome,
    noted,
    verdict_of,
)
from audit_lib.packets.packet import Packet, PacketFinding
from audit_lib.reporters.report import remarks, unread
from audit_lib.reporters.sarif_rules import documentation
from audit_lib.reporters.text import clean, one_line, place

Doc = dict[str, Any]
#: most characters of a finding's heading; what is longer follows below it
LINE = 400
#: most notes listed under their check; they have a section of their own
NOTES = 3
#: in which checks are read
WORST = (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_ASSESSED, Outcome.PASS, Outcome.NOT_APPLICABLE)
#: fewest items that make a text a list
LISTED = 3
#: lines of source shown above and below a place, of the place itself, and characters of a line
ABOVE, BELOW, MOST, WIDTH = 1, 4, 5, 160
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z`])")
_CODE = re.compile(r"``([^`\n]+)``|`([^`\n]+)`")


@dataclass(frozen=True)
class Style:
    """What a typesetter wants.

    Attributes:
        figure: evidence to SVG text, or None where it has no picture.
        rows: most rows of a table.
        passing_rows: most rows of a table of a check that found nothing.
        characters: most characters of one text.
        cells: most characters of a table's cell.
        findings: most findings told in full.
        listed: most findings listed under their check.
        passing_figures: False leaves out the pictures of checks that found nothing.
        excerpt: the lines of a place in a text file of the subject; '' where they are not known.
    """

    figure: Callable[[Evidence], str | None]
    rows: int = 500
    passing_rows: int = 500
    characters: int = 20_000
    cells: int = 400
    findings: int = 1000
    listed: int = 50
    passing_figures: bool = True
    excerpt: Callable[[Location], str] = unread


def runs(text: str, style: Style | None = None) -> list[Doc]:
    """Text as runs of prose and code: ``[{"t": text, "c": is code}]``, on one line."""
    flat = one_line(text, style.characters if style else 0)
    parts: list[Doc] = []
    end = 0
    for match in _CODE.finditer(flat):
        parts += [
            {"t": flat[end : match.start()], "c": False},
            {"t": match.group(1) or match.group(2), "c": True},
        ]
        end = match.end()
    parts.append({"t": flat[end:], "c": False})
    return [run for run in parts if run["t"]]


def anchor(result: CheckResult, evidence: Evidence | None = None) -> str:
    """Anchor of a check, or of a piece of its evidence."""
    if evidence is None:
        return f"check-{result.code}"
    return f"evidence-{result.code}-{re.sub(r'[^A-Za-z0-9]+', '-', evidence.name)}"


def _examined(result: CheckResult, *, passed: bool) -> str:
    """What was looked at; of a promise that no figure measures, that nothing broke it."""
    counts = ", ".join(f"{e.count:,} {one_line(e.what)}" for e in result.examined)
    if not counts:
        return ""
    exact = passed and not result.margins and not result.findings
    return f"0 findings in {counts}; 0 allowed" if exact else f"examined {counts}"


def drawing_id(evidence: Evidence) -> str:
    """The name of a drawing within a page, which may show it twice."""
    return f"figure-{evidence.digest[:16]}"


def cell(value: Scalar, limit: int = 400) -> str:
    """A cell as people read it; floats with six significant digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else one_line(str(value), limit)


def finding_doc(cited: PacketFinding, style: Style, before: PacketFinding | None = None) -> Doc:
    """A finding; ``brief`` where the one before it is of the same check and says the rest."""
    finding = cited.finding
    return {
        "id": cited.id,
        "code": finding.code,
        "title": runs(cited.result.title, style),
        "brief": before is not None and before.result is cited.result,
        "severity": finding.severity.label,
        "task": finding.task.value,
        "contract": finding.contract.title,
        "place": place(finding.location),
        "file": one_line(finding.location.path, 200),
        "source": _source(finding.location, style),
        "symbol": one_line(finding.location.symbol, style.characters),
        "message": runs(one_line(finding.message, LINE), style),
        "whole": runs(finding.message, style) if len(finding.message) > LINE else [],
        "measured": _against(finding.measured, finding.expected, style),
        "expected": _against(finding.expected, finding.measured, style),
        "remediation": runs(finding.remediation, style),
        "fingerprint": finding.fingerprint,
        "state": cited.state,
        "check": anchor(cited.result),
        "evidence": [
            {"anchor": anchor(cited.result, e), "title": one_line(e.title)}
            for e in cited.result.evidence
            if e.name in finding.evidence
        ],
        "waiver": cited.exemption and waiver_doc(cited.exemption, style),
    }


def waiver_doc(waiver: Exempted, style: Style) -> Doc:
    """A waiver, as it stands with its finding."""
    return {
        "owner": one_line(waiver.owner),
        "reason": runs(waiver.reason, style),
        "expires": one_line(waiver.expires),
    }


def _against(text: str, other: str, style: Style) -> list[Doc]:
    """Runs of a text; held against a list, a list has what stands elsewhere there marked."""
    items, others = text.split(", "), other.split(", ")
    if min(len(items), len(others)) < LISTED or len(text) > style.characters:
        return runs(text, style)
    parts: list[Doc] = []
    for i, item in enumerate(items):
        moved = i >= len(others) or others[i] != item
        parts.append({"t": one_line(item), "c": False, "moved": moved})
        parts.append({"t": ", ", "c": False})
    return parts[:-1]


def _source(location: Location, style: Style) -> list[Doc]:
    """A few lines of the subject's text around a place; none where lines mean nothing."""
    if location.line is None or location.line < 1:
        return []
    first = max(1, location.line - ABOVE)
    last = min(location.end_line or location.line, location.line + MOST) + BELOW
    text = style.excerpt(replace(location, line=first, end_line=last))
    lines = [clean(line.expandtabs(4))[:WIDTH] for line in text.split("\n")] if text else []
    hit = range(location.line, last - BELOW + 1)
    return [{"number": n, "text": t, "hit": n in hit} for n, t in enumerate(lines, first)]


def task_doc(task: TaskResult, packet: Packet, style: Style) -> Doc:
    """A task with its checks."""
    verdict = verdict_of(task.results)
    worst = sorted(task.results, key=lambda r: WORST.index(effective_outcome(r)))
    return {
        "id": task.task.value,
        "title": task.task.title,
        "verdict": verdict.value if verdict else "not applicable",
        "seconds": f"{task.seconds:.1f}",
        "summary": outcome_words(task.results),
        "checks": [_check(r, packet, style) for r in worst],
    }


def outcome_words(results: Iterable[CheckResult]) -> str:
    """How many checks came to what: ``8 kept (2 with notes) · 1 broken``."""
    held = list(results)
    outcomes = [effective_outcome(r) for r in held]
    with_notes = f" ({noted(held)} with notes)" if noted(held) else ""
    words = {Outcome.PASS: "kept", Outcome.FAIL: "broken", Outcome.ERROR: "in error"}
    return " · ".join(
        f"{outcomes.count(o)} {words.get(o, o.value.replace('_', ' '))}"
        + (with_notes if o is Outcome.PASS else "")
        for o in Outcome
        if o in outcomes
    )


def _check(result: CheckResult, packet: Packet, style: Style) -> Doc:
    outcome = effective_outcome(result)
    passed = outcome is Outcome.PASS
    drawn = style.passing_figures or not passed
    most = style.passing_rows if passed else style.rows
    cited = [f for f in packet.findings if f.result is result]
    worse = sum(f.finding.severity > Severity.INFO for f in cited)
    listed = cited[: min(style.listed, worse + NOTES)]
    return {
        "anchor": anchor(result),
        "code": result.code,
        "title": runs(result.title, style),
        "contract": result.contract.title,
        "outcome": outcome.value,
        "waived": outcome is not result.outcome,
        "reason": runs(result.reason, style),
        "remarks": one_line("; ".join(remarks(result))),
        "measured": [one_line(m.words) for m in measured().get(result.code, ())],
        "margins": [one_line(m.words) for m in result.margins],
        "examined": _examined(result, passed=passed),
        "gaps": [{"what": runs(g.what, style), "why": runs(g.why, style)} for g in result.gaps],
        "seconds": f"{result.seconds:.2f}",
        "findings": [
            {
                "id": f.id,
                "severity": f.finding.severity.label,
                "message": runs(one_line(f.finding.message, 200), style),
                "exempted": f.exemption is not None,
            }
            for f in listed
        ],
        "unlisted": len(cited) - len(listed),
        "evidence": [
            evidence_doc(anchor(result, e), e, style, most, drawn=drawn) for e in result.evidence
        ],
        "about": _about(result) if not passed else [],
    }


def why_it_matters(result: CheckResult) -> str:
    """Why a check's property matters, in its first sentences."""
    text = " ".join(clean(documentation(result).get("Why it matters", "")).split())
    sentences = _SENTENCE.split(text)
    while len(sentences) > 1 and len(" ".join(sentences)) > 220:
        sentences.pop()
    return " ".join(sentences)


def _about(result: CheckResult) -> list[Doc]:
    wanted = ("Why it matters", "How", "Limitations", "Remediation", "Sources")
    sections = documentation(result)
    return [
        {
            "head": head,
            "paragraphs": [runs(p) for p in re.split(r"\n\s*\n", clean(sections[head])) if p],
        }
        for head in wanted
        if sections.get(head)
    ]


def evidence_doc(
    at: str, evidence: Evidence, style: Style, most: int, *, drawn: bool = True
) -> Doc:
    """A table with its picture, under the anchor ``at``."""
    rows = evidence.rows[:most]
    wide = range(len(evidence.columns))
    return {
        "anchor": at,
        "title": one_line(evidence.title),
        "note": runs(evidence.note, style),
        "columns": [one_line(c.replace("_", " ")) for c in evidence.columns],
        "numeric": [_numeric(row[i] for row in evidence.rows if i < len(row)) for i in wide],
        "rows": [
            [cell(c, style.cells) for c in (*row, *[None] * len(wide))[: len(wide)]] for row in rows
        ],
        "hidden": len(evidence.rows) - len(rows),
        "total": len(evidence.rows),
        "svg": style.figure(evidence) if drawn and evidence.view is not View.TABLE else None,
    }


def _numeric(cells: Iterable[Scalar]) -> bool:
    filled = [c for c in cells if c is not None]
    return bool(filled) and all(
        isinstance(c, int | float) and not isinstance(c, bool) for c in filled
    )
