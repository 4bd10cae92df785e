"""The console: one line a finding, place first; what could not be told; a table; a verdict."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from audit_lib.model import (
    CheckResult,
    Finding,
    Outcome,
    Severity,
    Verdict,
    breaks,
    effective_outcome,
    noted,
)
from audit_lib.model import verdict_of as verdict_over
from audit_lib.reporters.report import (
    Report,
    and_more,
    by_reason,
    left_out,
    narrowest,
    remarks,
    severities,
)
from audit_lib.reporters.screen import rendered, terminal_width
from audit_lib.reporters.text import count, one_line, place

TONES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
MARKS = {
    Verdict.KEPT: ("✓", "green"),
    Verdict.BROKEN: ("✗", "bold red"),
    Verdict.INCONCLUSIVE: ("?", "yellow"),
}
#: most checks whose findings a terminal lists, and columns from which its table has room
MOST, _WIDE = 12, 110
#: places are aligned up to this width; longer ones push their own line
_PLACE = 44
_OUTCOMES = (
    (Outcome.PASS, "kept"),
    (Outcome.FAIL, "broken"),
    (Outcome.ERROR, "error"),
    (Outcome.NOT_ASSESSED, "not assessed"),
    (Outcome.NOT_APPLICABLE, "not applicable"),
)


def to_console(*reports: Report) -> str:
    """Text for standard output: coloured and fitted on a terminal, plain one-liners elsewhere."""
    width = terminal_width()
    return rendered((part for report in reports for part in _parts(report, width)), width)


def finding_lines(findings: Sequence[Finding]) -> list[Text]:
    """One line a finding: place, code, severity, message."""
    places = [place(f.location) for f in findings]
    wide = min(_PLACE, max(map(len, places), default=0))
    return [
        Text.assemble(
            (f"{where:<{wide}}  ", "cyan"),
            f"{f.code}  ",
            (f"{f.severity.label:<8}", TONES[f.severity]),
            f"  {one_line(f.message, 400)}",
        )
        for where, f in zip(places, findings, strict=True)
    ]


def finding_groups(
    findings: Sequence[Finding],
    most: int = MOST,
    *,
    rest: str = "with | cat, each finding on its line",
) -> list[RenderableType]:
    """For a person: one entry a check, worst first, its message wrapped below its place.

    Args:
        most: entries that are shown.
        rest: where the others are.
    """
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.code, []).append(finding)
    entries: list[RenderableType] = []
    for number, (code, group) in enumerate(list(groups.items())[:most], 1):
        severity, where = group[0].severity, place(group[0].location)
        head = (f"{number:>3}  ", (f"{severity.label:<8}", TONES[severity]), f"  {code}  ")
        entries.append(Text.assemble(*head, (where, "cyan")))
        entries.append(Padding(Text(one_line(group[0].message, 300)), (0, 0, 0, 5)))
        if others := list(dict.fromkeys(place(f.location) for f in group[1:])):
            others_line = f"and {len(group) - 1} more: {', '.join(others[:3])}"
            entries.append(Padding(Text(others_line, style="dim"), (0, 0, 0, 5)))
    if len(groups) > most:
        left = count(len(groups) - most, "more check")
        entries.append(Text(f"     … and {left}; {rest}", style="dim"))
    return entries


def _parts(report: Report, width: int = 0) -> list[RenderableType]:
    """What is shown; on a terminal of that width, for a person, else a line a finding."""
    heading = f"{report.subject}/{report.version}" if report.version else report.subject
    head = Text.assemble((one_line(heading), "bold"), "  ", (one_line(report.title), "dim"))
    list_ = finding_groups if width else finding_lines
    lines = [*list_(report.breaking), *_notes(report), *_untold(report)]
    table = _summary(report, narrow=0 < width < _WIDE)
    return [head, *lines, Text(), table, verdict_strip(report), Text()]


def _summary(report: Report, *, narrow: bool) -> Table:
    """How many checks of each task answered what; without their findings where that is narrow."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("task", "verdict"):
        table.add_column(name, no_wrap=True)
    for _, name in _OUTCOMES:
        table.add_column("n/a" if narrow and name == "not applicable" else name, justify="right")
    if not narrow:
        table.add_column("findings")
    for task in dict.fromkeys(r.task for r in report.results):
        results = [r for r in report.results if r.task is task]
        table.add_row(Text(f"{task.value} {task.title}"), *_row(results, narrow=narrow))
    return table


def verdict_strip(report: Report) -> Text:
    """The verdict, and what it rests on, on one line."""
    mark, tone = MARKS[report.verdict]
    done = count(len(report.results), "check")
    counted = severities(report.breaking) or "no open findings"
    waived = f" · {len(report.exempted)} exempted" if report.exempted else ""
    took = f" · {report.seconds:.1f} s" if report.seconds else ""
    return Text.assemble((f"{mark} {report.words}", tone), f"  {counted}{waived} · {done}{took}")


def _row(results: Sequence[CheckResult], *, narrow: bool) -> list[Text]:
    verdict = verdict_over(results)
    mark, tone = MARKS[verdict] if verdict else ("·", "dim")
    outcomes = [effective_outcome(r) for r in results]
    cells = [Text(f"{mark} {verdict.value if verdict else 'nothing applies'}", style=tone)]
    for outcome, _ in _OUTCOMES:
        number = outcomes.count(outcome)
        says = outcome is Outcome.PASS and noted(results) and not narrow
        also = f" ({noted(results)} noted)" if says else ""
        cells.append(Text(f"{number}{also}" if number else "·", style="" if number else "dim"))
    counted = severities(f for r in results for f in r.open_findings if breaks(f))
    return cells if narrow else [*cells, Text(counted)]


def _notes(report: Report) -> list[Text]:
    """What only informs, one line a check."""
    return [
        Text.assemble(
            ("note: ", TONES[Severity.INFO]),
            f"{first.code} {place(first.location)} ",
            (one_line(and_more(first.message, number), 400), "dim"),
        )
        for first, number in report.notes
    ]


def _untold(report: Report) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for outcome, tone in ((Outcome.ERROR, "magenta"), (Outcome.NOT_ASSESSED, "yellow")):
        word = outcome.value.replace("_", " ")
        lines += [
            Text.assemble((f"{word}: ", tone), f"{codes}: ", (one_line(reason), "dim"))
            for codes, reason in by_reason(r for r in report.having(outcome) if r.asked)
        ]
    for text in [] if report.breaking else narrowest(report.results):
        lines.append(Text.assemble(("narrowest: ", "green"), (text, "dim")))
    for result in report.results:
        for text in remarks(result) if result.asked else ():
            lines.append(Text(one_line(f"{result.code} {text}"), style="dim"))
    for text in left_out(report.results):
        lines.append(Text.assemble(("left out: ", "yellow"), (one_line(text), "dim")))
    return lines
