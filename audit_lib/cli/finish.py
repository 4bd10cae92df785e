"""What came of a run: its packets, a summary for people, and its exit code."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from audit_lib.cli.assembly import Assembly
from audit_lib.cli.codes import FAULT, code_of
from audit_lib.cli.options import folder_of
from audit_lib.cli.output import Output, put, reporters_of
from audit_lib.cli.places import of_asked
from audit_lib.cli.watch import MARKS, Watch
from audit_lib.execution.plan import Plan
from audit_lib.execution.runner import RunOutcome, execute
from audit_lib.execution.same import Before
from audit_lib.model import (
    Finding,
    Outcome,
    Task,
    Verdict,
    breaks,
    not_run,
    ranked,
    run_verdict,
    verdict_of,
    verdict_words,
)
from audit_lib.model.merging import dependents
from audit_lib.packets.index import update_index
from audit_lib.reporters import Reporter, report_of
from audit_lib.reporters.console import finding_groups, finding_lines
from audit_lib.reporters.report import by_reason, left_out, severities
from audit_lib.reporters.screen import Screen

FIRST = 10


def finish(
    ctx: click.Context,
    planned: Plan,
    outputs: tuple[Output, ...],
    *,
    allow_inconclusive: bool,
    jobs: int = 2,
    warm: bool = True,
    resume: bool = True,
) -> None:
    """Execute a plan, say what came of it, and end with its exit code."""
    progress = Screen(stderr=True)
    first = planned.jobs[0]
    wanted = reporters_of(outputs, folder_of(first.reference, planned.workspace))
    outcomes = _outcomes(planned, progress, jobs=jobs, warm=warm, resume=resume)
    if any(outcome.folder and not outcome.same for outcome in outcomes):
        update_index(first.place.reports, first.subject)
    _say_failures(outcomes, progress)
    _write(outputs, wanted, planned, outcomes)
    ctx.exit(exit_code(outcomes, allow_inconclusive=allow_inconclusive))


def _outcomes(
    planned: Plan, progress: Console, *, jobs: int, warm: bool, resume: bool
) -> list[RunOutcome]:
    """What becomes of every job: executed, or known from a run of the same bytes."""
    before = Before(planned)
    settled = {j.run_id: o for j in planned.jobs if resume and (o := before.outcome_of(j))}
    left = replace(planned, jobs=tuple(j for j in planned.jobs if j.run_id not in settled))
    if left.jobs:
        with Watch(left, progress) as watch:
            done = execute(left, assemble=Assembly(left), progress=watch.note, jobs=jobs, warm=warm)
            for outcome in done:
                before.note(outcome)
                settled[outcome.job.run_id] = outcome
                for result in outcome.results:
                    watch.verdict(outcome.job.run_id, result.task, verdict_of(result.results))
    before.close()
    return [settled[j.run_id] for j in planned.jobs]


def _write(
    outputs: Sequence[Output],
    wanted: Mapping[str, Reporter],
    planned: Plan,
    outcomes: Sequence[RunOutcome],
) -> None:
    """The summary for people on standard output, everything else from the whole results."""
    shown = Output("console", None)
    files = [output for output in outputs if output != shown]
    if files:
        job = planned.jobs[0]
        where = of_asked(job.reference, planned.workspace, job.root)
        whole = [replace(report_of(o.results), **where) for o in outcomes if o.results]
        put(files, lambda form: wanted[form](*whole))
    if shown in outputs:
        _summary(planned, outcomes, Screen())


def exit_code(outcomes: Sequence[RunOutcome], *, allow_inconclusive: bool = False) -> int:
    """The worst of all: broken, else a fault of the workbook, else inconclusive, else kept.

    A run that did not complete is inconclusive, whatever is allowed.
    """
    verdicts = {run_verdict(o.results) for o in outcomes}
    if Verdict.BROKEN in verdicts:
        return Verdict.BROKEN.exit_code
    failures = [o.error for o in outcomes if o.error is not None]
    if any(error.fault for error in failures):
        return FAULT
    if failures:
        return Verdict.INCONCLUSIVE.exit_code
    worst = Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Verdict.KEPT
    return code_of(worst, allow_inconclusive=allow_inconclusive)


def _say_failures(outcomes: Sequence[RunOutcome], console: Console) -> None:
    for outcome in outcomes:
        if outcome.error is not None:
            console.print(
                Text.assemble(
                    ("failed ", "bold red"),
                    f"{outcome.job.subject} {outcome.job.version}: {outcome.error}",
                )
            )


def _summary(planned: Plan, outcomes: Sequence[RunOutcome], console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("version", no_wrap=True)
    for task in planned.tasks:
        table.add_column(task.value, justify="center", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("findings", overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    for outcome in outcomes:
        marks = {t.task: verdict_of(t.results) for t in outcome.results}
        cells = [
            MARKS[verdict] if (verdict := marks.get(task)) else Text("–", style="dim")
            for task in planned.tasks
        ]
        verdict = run_verdict(outcome.results) if outcome.results else None
        words = verdict_words(verdict, not_run(outcome.results)) if verdict else ""
        verdict_cell = Text.assemble(MARKS[verdict], f" {words}") if verdict else Text("failed")
        table.add_row(
            Text(outcome.job.version, style="bold"),
            *cells,
            verdict_cell,
            severities(_open(outcome)) or "none",
            f"{outcome.seconds:.0f} s",
        )
    console.print()
    console.print(table)
    left = [t for t in Task if t not in planned.tasks]
    if left:
        console.print(f"\nPARTIAL: {', '.join(left)} were not run, so nothing is kept as a whole")
    _reused(outcomes, console)
    _first_things(outcomes, console)
    _places(outcomes, console)


def _reused(outcomes: Sequence[RunOutcome], console: Console) -> None:
    """What was taken up from earlier runs, and what was asked again and why."""
    lines = []
    for outcome in outcomes:
        noted = [t.provenance for t in outcome.results]
        reused, fresh = (
            sum(int(p.get(k, 0)) for p in noted) for k in ("answers_kept", "answers_asked")
        )
        changed = dict.fromkeys(p["asked_again_for"] for p in noted if p.get("asked_again_for"))
        again = ", ".join(p["asked_again"] for p in noted if p.get("asked_again"))
        if outcome.same:
            lines.append(
                f"{outcome.job.version}  the same answer as run {outcome.job.run_id}: nothing that "
                "it rests on has changed"
            )
        elif reused:
            why = f"; {', '.join(changed)} changed: asked again {again}" if changed else ""
            lines.append(f"{outcome.job.version}  {reused} answers kept, {fresh} asked{why}")
    _section(console, "kept from before", lines)


def _open(outcome: RunOutcome) -> list[Finding]:
    return [f for t in outcome.results for r in t.results for f in r.open_findings if breaks(f)]


def _first_things(outcomes: Sequence[RunOutcome], console: Console) -> None:
    broken = [(o, ranked(_open(o), dependents(o.results))) for o in outcomes if _open(o)]
    if not broken:
        return
    console.print("\n[bold]read first[/]")
    for outcome, findings in broken:
        version = outcome.job.version
        if console.is_terminal:
            console.print(Text(version, style="bold"))
            console.print(*finding_groups(findings, FIRST, rest="in the packet"), sep="\n")
            continue
        for line in finding_lines(findings[:FIRST]):
            console.print(Text.assemble(f"{version}  ", line), soft_wrap=True)
        if len(findings) > FIRST:
            console.print(f"{version}  … and {len(findings) - FIRST} more in the packet")


def _places(outcomes: Sequence[RunOutcome], console: Console) -> None:
    results = [r for o in outcomes for t in o.results for r in t.results]
    _section(console, "left out", left_out(results))
    untold = [
        f"{codes} {outcome.value.replace('_', ' ')}: {_first_line(reason)}"
        for outcome in (Outcome.ERROR, Outcome.NOT_ASSESSED)
        for codes, reason in by_reason(r for r in results if r.asked and r.outcome is outcome)
    ]
    _section(console, "could not be told", untold[:FIRST])
    if len(untold) > FIRST:
        console.print(f"… and {len(untold) - FIRST} more reasons in the packets")
    published = [str(_near(o.folder / "packet.html")) for o in outcomes if o.folder]
    _section(console, "packets", published)


def _section(console: Console, heading: str, lines: Sequence[str]) -> None:
    """Lines under a heading; nothing where there is none."""
    if lines:
        console.print(f"\n[bold]{heading}[/]")
        for line in lines:
            console.print(Text(line), soft_wrap=True)


def _first_line(reason: str) -> str:
    line = reason.split("\n", maxsplit=1)[0]
    return line if len(line) <= 160 else line[:157] + "..."


def _near(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
