"""What became of findings between two runs, as Markdown for a comment on a change."""

import re
from collections import Counter
from collections.abc import Sequence

from audit_lib.model.closure import ALARMING, Comparison, Fate
from audit_lib.reporters.comparison import (
    MEANINGS,
    SHOWN,
    Group,
    groups,
    listed,
    silence,
    verdict_line,
    why_new,
)
from audit_lib.reporters.text import one_line, place

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#@~])")


def comparison_markdown(
    comparison: Comparison, *, notes: Sequence[str] = (), everything: bool = False
) -> str:
    """Markdown for a comment on a change: what came stands open, the rest is folded away."""
    mark = ("✅", "❌", "❔")[comparison.exit_code]
    lines = [f"### {mark} Audit: {_md(verdict_line(comparison))}", ""]
    lines += [f"{_md(comparison.before)} → {_md(comparison.after)}", ""]
    lines += [line for note in notes for line in (f"Note: {_md(note)}.", "")]
    counted = Counter((c.fate, c.matter.finding.severity) for c in comparison.closed)
    lines += ["| | " + " | ".join(s.label for s in SHOWN) + " |", "|---" * 5 + "|"]
    for fate, number in comparison.counts().items():
        if number:
            cells = " | ".join(str(counted[fate, s] or "") for s in SHOWN)
            lines.append(f"| {fate.value} | {cells} |")
    for fate in Fate:
        held = groups(comparison, fate)
        if held:
            lines += ["", *_section(fate, held, everything=everything)]
    if comparison.untold:
        lines += ["", "**Checks that told before and not now (findings of unknown fate)**", ""]
        lines += [f"- {checks}: {_md(why)}" for checks, why in silence(comparison)]
    return "\n".join(lines) + "\n"


def _section(fate: Fate, held: Sequence[Group], *, everything: bool) -> list[str]:
    number = sum(len(g.closed) for g in held)
    title = f"{number} {fate.value}: {MEANINGS[fate]}"
    body = []
    for group in held:
        body.append(f"- **{group.code}** {group.severities}: {_md(one_line(group.title, 120))}")
        shown = listed(group, fate, everything=everything)
        for closed in shown:
            finding = closed.matter.finding
            moved = f" (was {_md(closed.moved_from)})" if closed.moved_from else ""
            text = _md(one_line(finding.message, 300) + why_new(closed))
            where = _md(place(finding.location))
            body.append(f"  - {finding.severity.label} {where}{moved}: {text}")
        if shown and len(shown) < len(group.closed):
            body.append(f"  - … and {len(group.closed) - len(shown)} more")
    if fate in ALARMING:
        return [f"**{title}**", "", *body]
    return ["<details>", f"<summary>{title}</summary>", "", *body, "", "</details>"]


def _md(text: str) -> str:
    """Text of the subject that can mean nothing to a renderer, and mention nobody."""
    escaped = _SPECIAL.sub(r"\\\1", one_line(text))
    return escaped.replace("\\@", "@\u200b").replace("\\<", "&lt;").replace("\\>", "&gt;")
