"""Page one as plain data: for a reader without time, and for one who decides whether to read on."""

import re
from collections.abc import Iterable, Sequence

from audit_lib.model import Contract, Scalar, Task, Verdict, View, effective_outcome
from audit_lib.model.reviews import merged, shares
from audit_lib.packets.acceptance import WORDS, answers
from audit_lib.packets.packet import Found, Packet
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
    said = packet.provenance
    taken = (tree.rpartition(":")[::2] for tree in said.subject_before.split())
    digests = " · ".join(f"{name} {digest[:_DIGITS]}".strip() for name, digest in taken)
    own = [f" · files {i.sha256[:_DIGITS]}" for i in said.inputs if i.kind == "version"]
    rows = [
        ("revision", said.revision[:_DIGITS]),
        ("sha256", digests or "no digest was taken"),
        ("version", said.version + (f" ({said.role})" if said.role else "") + "".join(own)),
        ("run", said.run_id),
        ("isolation", said.isolation.split(":")[0] or "not recorded"),
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
    told = len(packet.results) - len(packet.untold)
    sure = f"{told} of {count(len(packet.results), 'check')} gave a whole answer"
    if reviewed := _reviewed(packet):
        sure += f"; of the lines {reviewed}"
    proved = packet.sensitivity
    sure += (
        f"; {proved.words}" if proved else "; what it would miss was not tried (`workbook prove`)"
    )
    said = [("How sure:", sure)] if packet.results else []
    if packet.open:
        first = packet.open[0].finding
        said.append(("Do first:", f"{first.remediation} ({first.code}, {place(first.location)})"))
    return [{"label": label, "text": runs(text)} for label, text in said]


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


def _picture(found: Found, style: Style) -> Doc | None:
    """The first drawn evidence that a finding cites."""
    for evidence in found.result.evidence:
        if evidence.name in found.finding.evidence and evidence.view is not View.TABLE:
            svg = style.figure(evidence)
            if svg and (size := _SIZE.search(svg)):
                return {
                    "anchor": anchor(found.result, evidence),
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
        _line(
            "contracts",
            _tally(v for _, v, _ in contracts),
            _chips(contracts, "contracts"),
            "contracts",
        ),
        _line(
            "boundaries",
            _tally(v for _, v, _ in boundaries),
            _chips(boundaries, "boundaries"),
            "boundaries",
        ),
        _line("acceptance", *_accepted(packet)),
        _line("metrics", *_metrics(packet)),
        _line("narrowest", *_narrowest(packet)),
        _line("sensitivity", *_proved(packet)),
        _line("what decides", one_line(packet.learned[0]), rest=one_line(packet.learned[1])),
        _line(
            "ledger", " · ".join(_examined(packet)[:4]), [], "review" if _reviewed(packet) else ""
        ),
        _line("not assessed", _untold(packet), [], "untold"),
        _line("exempted", _number(packet.exempted, ""), [], "exempted"),
        _line("notes", _number(packet.notes, " that only inform"), [], "notes"),
        _line("subject", _state(packet), [], "provenance"),
    ]
    return [line for line in lines if line["text"]]


def _by_code(packet: Packet) -> dict[str, list[Found]]:
    by_code: dict[str, list[Found]] = {}
    for found in packet.open:
        by_code.setdefault(found.finding.code, []).append(found)
    return by_code


def _line(
    label: str, text: str, chips: Sequence[Doc] = (), anchor: str = "", rest: str = ""
) -> Doc:
    return {"label": label, "text": text, "chips": list(chips), "anchor": anchor, "rest": rest}


def _chips(named: Iterable[tuple[str, Verdict, str]], section: str) -> list[Doc]:
    """Those that are not kept, broken before inconclusive."""
    order = (Verdict.BROKEN, Verdict.INCONCLUSIVE)
    listed = sorted((n for n in named if n[1] in order), key=lambda n: order.index(n[1]))
    made = [{"name": name, "verdict": v.value, "anchor": at} for name, v, at in listed[:NAMES]]
    if len(listed) > NAMES:
        made.append({"name": f"and {len(listed) - NAMES} more", "verdict": "", "anchor": section})
    return made


def _tally(verdicts: Iterable[Verdict]) -> str:
    listed = list(verdicts)
    order = (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.KEPT)
    return " · ".join(f"{listed.count(v)} {v.value}" for v in order if v in listed)


def _accepted(packet: Packet) -> tuple[str, list[Doc], str, str]:
    told = answers(packet)
    verdicts = [a.verdict for a in told]
    counts = " · ".join(f"{verdicts.count(v)} {w}" for v, w in WORDS.items() if v in verdicts)
    unmet = "; ".join(a.text for a in told if a.verdict is Verdict.BROKEN)
    return counts, [], "acceptance", f"not met: {unmet}" if unmet else ""


def _proved(packet: Packet) -> tuple[str, list[Doc], str, str]:
    found = packet.sensitivity
    if found is None:
        return "", [], "", ""
    blind = dict.fromkeys(p.contract.title for p in found.unseen)
    return found.words, [], "sensitivity", f"unseen: {', '.join(blind)}" if blind else ""


def _examined(packet: Packet) -> list[str]:
    said = (
        f"{e.count:,} {one_line(e.what)}"
        for r in packet.results
        if r.contract is Contract.LEDGER and r.task is Task.T1
        for e in r.examined
        if e.count
    )
    return list(dict.fromkeys(said))


def _metrics(packet: Packet) -> tuple[str, list[Doc], str, str]:
    """What this version and the champion both recorded out of sample; what parts them first."""
    held = [(r, e) for r in packet.results for e in r.evidence if (r.code, e.name) == BESIDE]
    for result, evidence in held:
        by_metric: dict[str, list[tuple[Scalar, ...]]] = {}
        for row in evidence.rows:
            by_metric.setdefault(str(row[0]), []).append(row)
        pairs = [(m, rows[0], rows[1]) for m, rows in by_metric.items() if len(rows) == 2]
        told = [
            f"{one_line(m)} {_interval(mine)}, {one_line(str(theirs[2]))} {_interval(theirs)}"
            for m, mine, theirs in sorted(pairs, key=lambda p: _overlap(p[1], p[2]))
        ]
        shown, left = told[:NARROWEST], len(told) - NARROWEST
        rest = "; ".join([*shown[1:], *([f"and {left} more"] if left > 0 else [])])
        return (shown[0] if shown else ""), [], anchor(result, evidence), rest
    return "", [], "", ""


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


def _narrowest(packet: Packet) -> tuple[str, list[Doc], str, str]:
    """Of a version without findings, the promises that left the least room."""
    said = [] if packet.open else narrowest(packet.results)
    return (said[0] if said else ""), [], "", "; ".join(said[1:])


def _reviewed(packet: Packet) -> str:
    """Shares of the lines that were scanned, exercised, and certified by every criterion."""
    found = merged(t.review for t in packet.tasks if t.review)
    least: dict[str, float] = {}
    for part in shares(found) if found else ():
        if part.share is not None:
            least[part.kind] = min(part.share, least.get(part.kind, 1.0))
    return " · ".join(f"{kind} {share:.0%}" for kind, share in least.items())


def _untold(packet: Packet) -> str:
    said = f"{len(packet.untold)} of {count(len(packet.results), 'check')}"
    if packet.not_run:
        said += f" that were run; none of {', '.join(packet.not_run)} was"
    of = ", ".join(dict.fromkeys(r.contract.title.lower() for r in packet.untold))
    return f"{said}: {of}" if of else said


def _number(found: Sequence[Found], rest: str) -> str:
    return count(len(found), "finding") + rest if found else ""


def _state(packet: Packet) -> str:
    if packet.void:
        return "CHANGED while it was audited"
    taken = packet.provenance.subject_before
    return "unchanged by the audit" if taken else "no digest of it was taken"
