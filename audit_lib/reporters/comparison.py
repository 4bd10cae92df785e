"""What became of findings between two runs, for people and scripts.  Comparisons in, text out.

What came is listed; what was fixed and what nobody can tell is cut short; what persists is counted
by check, since both runs have it.  Every form can be asked for all of it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from audit_lib.model import Severity
from audit_lib.model.closure import ALARMING, CAME, Closed, Comparison, Fate, Untold
from audit_lib.model.sight import NOT_RUN
from audit_lib.reporters.console import TONES
from audit_lib.reporters.json_report import dumps, plain
from audit_lib.reporters.report import severities
from audit_lib.reporters.screen import rendered, terminal_width
from audit_lib.reporters.text import count, one_line, place

FORMAT = "comparison/1"
#: how many findings of a check are listed under each fate
_LISTED = {Fate.UNKNOWN: 3, Fate.FIXED: 3, Fate.PERSISTING: 0, Fate.BETTER: 0, Fate.EXEMPTED: 0}
_OTHERWISE = 6
_STYLES = {
    Fate.NEW: ("+", "bold red"),
    Fate.REGRESSED: ("+", "bold red"),
    Fate.EXPIRED: ("+", "bold red"),
    Fate.WORSE: ("!", "bold red"),
    Fate.PERSISTING: ("=", "bold"),
    Fate.BETTER: ("<", "bold green"),
    Fate.UNKNOWN: ("?", "bold yellow"),
    Fate.EXEMPTED: ("~", "bold"),
    Fate.FIXED: ("-", "bold green"),
}
MEANINGS = {
    Fate.NEW: "not there before",
    Fate.REGRESSED: "gone before, and back",
    Fate.EXPIRED: "waived before, and not any more",
    Fate.WORSE: "there in both, and worse now",
    Fate.PERSISTING: "there in both",
    Fate.BETTER: "there in both, and better now",
    Fate.UNKNOWN: "there before, and not told now",
    Fate.EXEMPTED: "waived now",
    Fate.FIXED: "there before; looked for again and gone",
}
SHOWN = [s for s in sorted(Severity, reverse=True) if s > Severity.INFO]


@dataclass(frozen=True)
class Group:
    """Findings of one check that met one fate, worst first."""

    code: str
    title: str
    closed: tuple[Closed, ...]

    @property
    def severities(self) -> str:
        """How many of which severity."""
        return severities(c.matter.finding for c in self.closed)


def groups(comparison: Comparison, fate: Fate) -> list[Group]:
    """Findings that met a fate, by check; the check with the weightiest finding first."""
    held: dict[str, list[Closed]] = {}
    for closed in comparison.of(fate):
        held.setdefault(closed.matter.finding.code, []).append(closed)
    return [Group(code, cs[0].matter.title, tuple(cs)) for code, cs in held.items()]


def listed(group: Group, fate: Fate, *, everything: bool = False) -> tuple[Closed, ...]:
    """Findings of a group that are told one by one; those of moved files always are."""
    if everything:
        return group.closed
    assessed = fate is not Fate.UNKNOWN or group.closed[0].why != NOT_RUN
    first = group.closed[: _LISTED.get(fate, _OTHERWISE) if assessed else 0]
    return first or tuple(c for c in group.closed if c.was and c.was.path != c.matter.path)


def silence(comparison: Comparison) -> list[tuple[str, str]]:
    """Checks that told before and do not now, by reason: which they are, and the reason."""
    held: dict[str, list[Untold]] = {}
    for untold in comparison.untold:
        held.setdefault(one_line(untold.why, 200), []).append(untold)
    reasons = []
    for why, checks in held.items():
        codes = [f"{u.code} ({count(u.findings, 'finding')})" for u in checks if u.findings]
        codes += [u.code for u in checks if not u.findings]
        lead = f"{len(checks)} checks: " if len(checks) > 1 else ""
        reasons.append((lead + ", ".join(codes), why))
    return reasons


def verdict_line(comparison: Comparison) -> str:
    """What it comes to, in a sentence; goes with the exit code."""
    came, grown = comparison.of(*CAME), comparison.of(Fate.WORSE)
    if came:
        worse = severities(c.matter.finding for c in came)
        sentence = f"{count(len(came), 'finding')} came: {worse}"
    else:
        sentence = "nothing new"
    if grown:
        sentence += f"; {count(len(grown), 'finding')} got worse"
    lost = comparison.counts()[Fate.UNKNOWN]
    if comparison.untold:
        sentence += f"; {count(len(comparison.untold), 'check')} told before and not now"
        sentence += f", so that {count(lost, 'finding')} may be fixed or not" if lost else ""
    return sentence


# --- JSON -------------------------------------------------------------------------------------
def comparison_json(comparison: Comparison, *, notes: Sequence[str] = ()) -> str:
    """Everything, as JSON; ``notes`` say what else than the subject differs."""
    counted = Counter((c.fate, c.matter.finding.severity) for c in comparison.closed)
    return dumps(
        {
            "format": FORMAT,
            "before": comparison.before,
            "after": comparison.after,
            "exit_code": comparison.exit_code,
            "notes": list(notes),
            "counts": {
                fate.value: {s.label: counted[fate, s] for s in SHOWN if counted[fate, s]}
                for fate in Fate
            },
            "untold": [plain(u) for u in comparison.untold],
            "findings": [_record(c) for c in comparison.closed],
        }
    )


def _record(closed: Closed) -> dict[str, object]:
    matter, finding = closed.matter, closed.matter.finding
    return {
        "fate": closed.fate.value,
        "severity": finding.severity.label,
        "code": finding.code,
        "title": matter.title,
        "message": finding.message,
        "place": place(finding.location),
        "location": plain(finding.location),
        "moved_from": closed.moved_from,
        "dependents": matter.blast,
        "tasks": [t.value for t in matter.tasks],
        "why": closed.why,
        "exemption": plain(matter.waiver),
        "identity": matter.identity,
    }


# --- console ----------------------------------------------------------------------------------
def comparison_console(
    comparison: Comparison, *, notes: Sequence[str] = (), everything: bool = False
) -> str:
    """Text for a terminal: counts, then by fate, then by check."""
    return rendered(_parts(comparison, notes, everything=everything), terminal_width())


def _parts(
    comparison: Comparison, notes: Sequence[str], *, everything: bool
) -> Iterator[RenderableType]:
    yield Text.assemble(("before  ", "dim"), one_line(comparison.before))
    yield Text.assemble(("after   ", "dim"), one_line(comparison.after))
    for note in notes:
        yield Text.assemble(("note    ", "dim"), (one_line(note), "yellow"))
    yield Text()
    yield _table(comparison)
    for fate in Fate:
        held = groups(comparison, fate)
        if held:
            mark, tone = _STYLES[fate]
            number = sum(len(g.closed) for g in held)
            yield Text()
            yield Text.assemble((f"{mark} {fate.value}: {number}", tone),
                                (f"  {MEANINGS[fate]}", "dim"))  # fmt: skip
            for group in held:
                yield from _group(group, listed(group, fate, everything=everything))
    if comparison.untold:
        yield Text()
        yield Text(
            "checks that told before and not now (findings of unknown fate)", style="bold yellow"
        )
        for checks, why in silence(comparison):
            yield Text.assemble(f"  {checks}", (f"  {why}", "dim"))
    yield Text()
    mark, tone = (("✓", "green"), ("✗", "bold red"), ("?", "yellow"))[comparison.exit_code]
    yield Text.assemble((f"{mark} ", tone), verdict_line(comparison))
    every = ((fate, group) for fate in Fate for group in groups(comparison, fate))
    if not everything and any(len(g.closed) > len(listed(g, fate)) for fate, g in every):
        yield Text("  --all lists each finding", style="dim")


def _table(comparison: Comparison) -> Table:
    counted = Counter((c.fate, c.matter.finding.severity) for c in comparison.closed)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for severity in SHOWN:
        table.add_column(severity.label, justify="right")
    table.add_column("all", justify="right")
    always = (Fate.NEW, Fate.PERSISTING, Fate.FIXED)
    for fate, number in comparison.counts().items():
        if not number and fate not in always:
            continue
        cells = [
            Text(str(counted[fate, s]), style=TONES[s] if fate in ALARMING else "")
            if counted[fate, s]
            else Text("·", style="dim")
            for s in SHOWN
        ]
        mark, tone = _STYLES[fate]
        table.add_row(Text(f"{mark} {fate.value}", style=tone if number else "dim"), *cells,
                      str(number))  # fmt: skip
    return table


def _group(group: Group, shown: Sequence[Closed]) -> Iterator[Text]:
    worst = group.closed[0].matter.finding.severity
    yield Text.assemble(
        f"  {group.code}  ", (f"{group.severities}  ", TONES[worst]),
        (one_line(group.title, 120), "dim"),
    )  # fmt: skip
    for closed in shown:
        yield _line(closed)
    if shown and len(shown) < len(group.closed):
        yield Text(f"    … and {len(group.closed) - len(shown)} more", style="dim")


def _line(closed: Closed) -> Text:
    finding, blast = closed.matter.finding, closed.matter.blast
    moved = f"  (was {closed.moved_from})" if closed.moved_from else ""
    beside = f"  [{count(blast, 'dependent')}]" if blast else ""
    return Text.assemble(
        (f"    {finding.severity.label:<8}  ", TONES[finding.severity]),
        (place(finding.location), "cyan"), (f"{moved}{beside}", "dim"),
        f"  {one_line(finding.message, 300)}", (why_new(closed), "dim"),
    )  # fmt: skip


def why_new(closed: Closed) -> str:
    """Of what is new only because nobody told of it before; what grew or shrank, from what."""
    if closed.fate in (Fate.WORSE, Fate.BETTER) and closed.was is not None:
        was, now = closed.was.finding, closed.matter.finding
        if was.severity != now.severity:
            return f" (was {was.severity.label})"
        return f" (was {one_line(was.measured, 60)}, is {one_line(now.measured, 60)})"
    if closed.fate is not Fate.NEW or not closed.why:
        return ""
    return f" (not told before: {one_line(closed.why, 120)})"
