"""The console: one line a finding, place first; what could not be told; a table; a verdict."""

import io
import shutil
import sys
from collections.abc import Sequence

from rich.console import Group, RenderableType
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
from audit_lib.reporters.report import Report, and_more, left_out, remarks, severities
from audit_lib.reporters.screen import Screen
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
#: places are aligned up to this width; longer ones push their own line
_PLACE = 44
#: codes on one line, of checks that share what they could not tell
_CODES = 6
_OUTCOMES = (
    (Outcome.PASS, "kept"),
    (Outcome.FAIL, "broken"),
    (Outcome.ERROR, "error"),
    (Outcome.NOT_ASSESSED, "not assessed"),
    (Outcome.NOT_APPLICABLE, "not applicable"),
)


def to_console(*reports: Report) -> str:
    """Text for standard output: coloured and fitted on a terminal, plain one-liners elsewhere."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 100_000
    file = io.StringIO()
    writer = Screen(
        file=file, force_terminal=terminal, width=width, highlight=False, emoji=False, markup=False
    )
    for report in reports:
        for part in _parts(report):
            # A line of text is wrapped by the terminal itself, so that it can be copied whole.
            writer.print(part, soft_wrap=isinstance(part, Text))
    lines = [line.rstrip() for line in file.getvalue().split("\n")]
    return "\n".join(lines)


def renderable(report: Report) -> RenderableType:
    """Everything about one version, for a rich console or a notebook."""
    return Group(*_parts(report))


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


def _parts(report: Report) -> list[RenderableType]:
    heading = f"{report.subject}/{report.version}" if report.version else report.subject
    head = Text.assemble((one_line(heading), "bold"), "  ", (one_line(report.title), "dim"))
    told = [*finding_lines(report.breaking), *_notes(report), *_untold(report)]
    return [head, *told, Text(), summary([report]), verdict_strip(report), Text()]


def summary(reports: Sequence[Report]) -> Table:
    """How many checks of each task answered what, for every version."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    several = len(reports) > 1
    for name in (["version"] if several else []) + ["task", "verdict"]:
        table.add_column(name, no_wrap=True)
    for _, name in _OUTCOMES:
        table.add_column(name, justify="right")
    table.add_column("findings")
    for report in reports:
        for task in dict.fromkeys(r.task for r in report.results):
            results = [r for r in report.results if r.task is task]
            lead = [Text(one_line(report.version))] if several else []
            table.add_row(*lead, Text(f"{task.value} {task.title}"), *_row(results))
    return table


def verdict_strip(report: Report) -> Text:
    """The verdict, and what it rests on, on one line."""
    mark, tone = MARKS[report.verdict]
    done = count(len(report.results), "check")
    found = severities(report.breaking) or "no open findings"
    waived = f" · {len(report.exempted)} exempted" if report.exempted else ""
    took = f" · {report.seconds:.1f} s" if report.seconds else ""
    return Text.assemble((f"{mark} {report.words}", tone), f"  {found}{waived} · {done}{took}")


def _row(results: Sequence[CheckResult]) -> list[Text]:
    verdict = verdict_over(results)
    mark, tone = MARKS[verdict] if verdict else ("·", "dim")
    outcomes = [effective_outcome(r) for r in results]
    cells = [Text(f"{mark} {verdict.value if verdict else 'nothing applies'}", style=tone)]
    for outcome, _ in _OUTCOMES:
        number = outcomes.count(outcome)
        also = f" ({noted(results)} noted)" if outcome is Outcome.PASS and noted(results) else ""
        cells.append(Text(f"{number}{also}" if number else "·", style="" if number else "dim"))
    cells.append(Text(severities(f for r in results for f in r.open_findings if breaks(f))))
    return cells


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


def _codes(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - _CODES} more" if len(codes) > _CODES else ""
    return ", ".join(codes[:_CODES]) + more + (":" if len(codes) > 1 else "")


def _untold(report: Report) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for outcome, tone in ((Outcome.ERROR, "magenta"), (Outcome.NOT_ASSESSED, "yellow")):
        word = outcome.value.replace("_", " ")
        by_reason: dict[str, list[str]] = {}  # one missing hook keeps many checks from an answer
        for result in report.having(outcome):
            if result.asked:
                by_reason.setdefault(one_line(result.reason), []).append(result.code)
        lines += [
            Text.assemble((f"{word}: ", tone), f"{_codes(codes)} ", (reason, "dim"))
            for reason, codes in sorted(by_reason.items(), key=lambda item: -len(item[1]))
        ]
    for result in report.results:
        for said in remarks(result) if result.asked else ():
            lines.append(Text(one_line(f"{result.code} {said}"), style="dim"))
    for said in left_out(report.results):
        lines.append(Text.assemble(("left out: ", "yellow"), (one_line(said), "dim")))
    return lines
