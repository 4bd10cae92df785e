"""Page one as plain data: for a reader without time, and for one who decides whether to read on."""

import re
from collections.abc import Iterable, Sequence

from audit_lib.model import WORST_FIRST, Contract, Scalar, Task, Verdict, View, effective_outcome
from audit_lib.model.reviews import shares
from audit_lib.packets.acceptance import WORDS, answers
from audit_lib.packets.packet import Packet, PacketFinding
from audit_lib.packets.sections import (
    WORST,
    Doc,
    Style,
    anchor,
    drawing_id,
    outcome_words,
    runs,
    why_it_matters,
)
from audit_lib.reporters.report import NARROWEST, narrowest
from audit_lib.reporters.text import count, one_line, place

#: most findings of which a typesetter may show as many as fit
TOP = 24
#: first findings that come with why they matter, what to do and a picture
DECIDING = 3
#: most names on one line; the section has all
NAMES = 12
_DIGITS = 12
#: the check, and its evidence, that hold a version's metrics beside the champion's
BESIDE = ("SPL006", "champion")
_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def identity(packet: Packet) -> list[Doc]:
    """What was audited, exactly: revision, digests, the version and its files, run, isolation."""
    origin = packet.provenance
    taken = (tree.rpartition(":")[::2] for tree in origin.subject_before.split())
    digests = " · ".join(f"{name} {digest[:_DIGITS]}".strip() for name, digest in taken)
    own = [f" · files {i.sha256[:_DIGITS]}" for i in origin.inputs if i.kind == "version"]
    rows = [
        ("revision", origin.revision[:_DIGITS]),
        ("sha256", digests or "no digest was taken"),
        ("version", origin.version + (f" ({origin.role})" if origin.role else "") + "".join(own)),
        ("run", origin.run_id),
        ("isolation", origin.isolation.split(":")[0] or "not recorded"),
    ]
    return [{"label": label, "text": one_line(text)} for label, text in rows if text]


def overview(packet: Packet) -> list[Doc]:
    """A picture before the words: each contract with one cell a check, worst first."""
    return [
        {
            "name": contract.title,
            "verdict": verdict.value if verdict else "not applicable",
            "anchor": f"contract-{i}",
            "words": outcome_words(results),
            "cells": [o.value for o in sorted(map(effective_outcome, results), key=WORST.index)],
        }
        for i, (contract, verdict, results) in enumerate(packet.contracts, 1)
    ]


def brief(packet: Packet) -> list[Doc]:
    """How sure the audit is and what to do first, for who reads nothing else."""
    answered = len(packet.results) - len(packet.untold)
    sure = f"{answered} of {count(len(packet.results), 'check')} gave a whole answer"
    if reviewed := _reviewed(packet):
        sure += f"; of the lines {reviewed}"
    proved = packet.sensitivity
    sure += (
        f"; {proved.words}" if proved else "; what it would miss was not tried (`workbook prove`)"
    )
    parts = [("How sure:", sure)] if packet.results else []
    if packet.open:
        first = packet.open[0].finding
        parts.append(("Do first:", f"{first.remediation} ({first.code}, {place(first.location)})"))
    return [{"label": label, "text": runs(text)} for label, text in parts]


def top(packet: Packet, style: Style) -> list[Doc]:
    """The first findings, one line a check: the worst of each, and how many more it has.

    Those that decide also say why they matter and what to do, and show what they rest on, small.
    """
    listed = list(_by_code(packet).items())[:TOP]
    return [
        {
            "why": runs(why_it_matters(group[0].result)) if i < DECIDING else [],
            "mend": runs(one_line(group[0].finding.remediation, 200)) if i < DECIDING else [],
            "id": group[0].id,
            "code": code,
            "severity": group[0].finding.severity.label,
            "task": group[0].finding.task.value,
            "place": place(group[0].finding.location),
            "message": runs(one_line(group[0].finding.message, 150)),
            "more": len(group) - 1,
            "state": group[0].state,
            "picture": _picture(group[0], style) if i < DECIDING else None,
        }
        for i, (code, group) in enumerate(listed)
    ]


def _picture(cited: PacketFinding, style: Style) -> Doc | None:
    """The first drawn evidence that a finding cites."""
    for evidence in cited.result.evidence:
        if evidence.name in cited.finding.evidence and evidence.view is not View.TABLE:
            svg = style.figure(evidence)
            if svg and (size := _SIZE.search(svg)):
                return {
                    "anchor": anchor(cited.result, evidence),
                    "title": one_line(evidence.title),
                    "svg": svg,
                    "id": drawing_id(evidence),
                    "wide": size.group(1),
                    "high": size.group(2),
                }
    return None


def codes(packet: Packet) -> int:
    """How many checks have open findings."""
    return len(_by_code(packet))


def strip(packet: Packet) -> list[Doc]:
    """The lines of page one below the findings.

    A line has chips (names with a verdict, those that are not kept), a text after them, and what
    else there is to say below.
    """
    contracts = [
        (c.title, v, f"contract-{i}") for i, (c, v, _) in enumerate(packet.contracts, 1) if v
    ]
    boundaries = [
        (one_line(b.boundary), b.verdict, f"boundary-{i}")
        for i, b in enumerate(packet.boundaries, 1)
    ]
    lines = [
        _verdicts("contracts", contracts),
        _verdicts("boundaries", boundaries),
        _line("acceptance", *_accepted(packet)),
        _line("metrics", *_metrics(packet)),
        _line("narrowest", *_narrowest(packet)),
        _line("sensitivity", *_proved(packet)),
        _line("what decides", one_line(packet.learned[0]), rest=one_line(packet.learned[1])),
        _line("ledger", " · ".join(_examined(packet)[:4]), "review" if _reviewed(packet) else ""),
        _line("not assessed", _untold(packet), "untold"),
        _line("exempted", _number(packet.exempted, ""), "exempted"),
        _line("notes", _number(packet.notes, " that only inform"), "notes"),
        _line("subject", _state(packet), "provenance"),
    ]
    return [line for line in lines if line["text"]]


def _by_code(packet: Packet) -> dict[str, list[PacketFinding]]:
    by_code: dict[str, list[PacketFinding]] = {}
    for cited in packet.open:
        by_code.setdefault(cited.finding.code, []).append(cited)
    return by_code


def _line(label: str, text: str, anchor: str = "", rest: str = "") -> Doc:
    return {"label": label, "text": text, "chips": [], "anchor": anchor, "rest": rest}


def _verdicts(label: str, named: list[tuple[str, Verdict, str]]) -> Doc:
    """How many came to which verdict, and a chip for each that is not kept."""
    return _line(label, _tally(v for _, v, _ in named), label) | {"chips": _chips(named, label)}


def _chips(named: Iterable[tuple[str, Verdict, str]], section: str) -> list[Doc]:
    """Those that are not kept, broken before inconclusive."""
    unkept = [n for n in named if n[1] is not Verdict.KEPT]
    listed = sorted(unkept, key=lambda n: WORST_FIRST.index(n[1]))
    chips = [{"name": name, "verdict": v.value, "anchor": at} for name, v, at in listed[:NAMES]]
    if len(listed) > NAMES:
        chips.append({"name": f"and {len(listed) - NAMES} more", "verdict": "", "anchor": section})
    return chips


def _tally(verdicts: Iterable[Verdict]) -> str:
    listed = list(verdicts)
    return " · ".join(f"{listed.count(v)} {v.value}" for v in WORST_FIRST if v in listed)


def _accepted(packet: Packet) -> tuple[str, str, str]:
    criteria = answers(packet)
    verdicts = [a.verdict for a in criteria]
    counts = " · ".join(f"{verdicts.count(v)} {w}" for v, w in WORDS.items() if v in verdicts)
    unmet = "; ".join(a.text for a in criteria if a.verdict is Verdict.BROKEN)
    return counts, "acceptance", f"not met: {unmet}" if unmet else ""


def _proved(packet: Packet) -> tuple[str, str, str]:
    sensitivity = packet.sensitivity
    if sensitivity is None:
        return "", "", ""
    blind = dict.fromkeys(p.contract.title for p in sensitivity.unseen)
    return sensitivity.words, "sensitivity", f"unseen: {', '.join(blind)}" if blind else ""


def _examined(packet: Packet) -> list[str]:
    counts = (
        f"{e.count:,} {one_line(e.what)}"
        for r in packet.results
        if r.contract is Contract.LEDGER and r.task is Task.T1
        for e in r.examined
        if e.count
    )
    return list(dict.fromkeys(counts))


def _metrics(packet: Packet) -> tuple[str, str, str]:
    """What this version and the champion both recorded out of sample; what parts them first."""
    held = [(r, e) for r in packet.results for e in r.evidence if (r.code, e.name) == BESIDE]
    for result, evidence in held:
        by_metric: dict[str, list[tuple[Scalar, ...]]] = {}
        for row in evidence.rows:
            by_metric.setdefault(str(row[0]), []).append(row)
        pairs = [(m, rows[0], rows[1]) for m, rows in by_metric.items() if len(rows) == 2]
        compared = [
            f"{one_line(m)} {_interval(mine)}, {one_line(str(theirs[2]))} {_interval(theirs)}"
            for m, mine, theirs in sorted(pairs, key=lambda p: _overlap(p[1], p[2]))
        ]
        shown, left = compared[:NARROWEST], len(compared) - NARROWEST
        rest = "; ".join([*shown[1:], *([f"and {left} more"] if left > 0 else [])])
        return (shown[0] if shown else ""), anchor(result, evidence), rest
    return "", "", ""


def _interval(row: tuple[Scalar, ...]) -> str:
    value, low, high = (f"{x:.3g}" if isinstance(x, float) else "" for x in (row[1], *row[3:5]))
    return f"{value} ({low} to {high})" if low else value


def _overlap(mine: tuple[Scalar, ...], theirs: tuple[Scalar, ...]) -> bool:
    """Whether the intervals meet, or one of them is not known."""
    ends = [x for row in (mine, theirs) for x in row[3:5] if isinstance(x, float)]
    if len(ends) < 4:
        return True
    low, high, other_low, other_high = ends
    return low <= other_high and other_low <= high


def _narrowest(packet: Packet) -> tuple[str, str, str]:
    """Of a version without findings, the promises that left the least room."""
    margins = [] if packet.open else narrowest(packet.results)
    return (margins[0] if margins else ""), "", "; ".join(margins[1:])


def _reviewed(packet: Packet) -> str:
    """Shares of the lines that were scanned, exercised, and certified by every criterion."""
    least: dict[str, float] = {}
    for part in shares(packet.review) if packet.review else ():
        if part.share is not None:
            least[part.kind] = min(part.share, least.get(part.kind, 1.0))
    return " · ".join(f"{kind} {share:.0%}" for kind, share in least.items())


def _untold(packet: Packet) -> str:
    text = f"{len(packet.untold)} of {count(len(packet.results), 'check')}"
    if packet.not_run:
        text += f" that were run; none of {', '.join(packet.not_run)} was"
    of = ", ".join(dict.fromkeys(r.contract.title.lower() for r in packet.untold))
    return f"{text}: {of}" if of else text


def _number(findings: Sequence[PacketFinding], rest: str) -> str:
    return count(len(findings), "finding") + rest if findings else ""


def _state(packet: Packet) -> str:
    if packet.void:
        return "CHANGED while it was audited"
    taken = packet.provenance.subject_before
    return "unchanged by the audit" if taken else "no digest of it was taken"
