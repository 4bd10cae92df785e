"""``workbook run``: audit versions through the six notebooks, into packets."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from audit_lib.budget import begin as begin_budget
from audit_lib.cli.assembly import Assembly
from audit_lib.cli.codes import FAULT, code_of
from audit_lib.cli.completion import subjects
from audit_lib.cli.options import (
    TaskList,
    budget_option,
    folder_of,
    format_option,
    inconclusive_option,
    root_option,
    selection_options,
    version_option,
    workspace_option,
)
from audit_lib.cli.output import Output, echo, put
from audit_lib.cli.places import of_asked
from audit_lib.cli.spread import BACKENDS, ask_elsewhere, shard_of, write_shard
from audit_lib.cli.watch import MARKS, Watch
from audit_lib.execution.plan import Plan, plan
from audit_lib.execution.runner import RunOutcome, execute
from audit_lib.execution.same import Before
from audit_lib.memory import VARIABLE as MEMORY
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
from audit_lib.reporters.foreign import reporter_of
from audit_lib.reporters.report import by_reason, left_out, severities
from audit_lib.reporters.screen import Screen
from audit_lib.workspace import find_workspace

FIRST = 10


@click.command()
@click.argument("subject", shell_complete=subjects)
@root_option
@version_option("An id, latest, champion or all.")
@click.option(
    "--tasks", type=TaskList(), default=",".join(Task), show_default=True, help="Such as T1,T6."
)
@selection_options
@click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where packets are kept.  [default: reports/ of the workspace]",
)
@click.option(
    "--jobs", type=click.IntRange(1), default=2, show_default=True, help="Notebooks at a time."
)
@click.option("--timeout", type=float, help="Seconds that one notebook may take.")
@click.option(
    "--cold", is_flag=True, help="Start every kernel afresh instead of forking a warm one."
)
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Have checks asked by workers first: processes here (loky), or a cluster.",
)
@click.option("--scheduler", default="", help="Where the cluster is: tcp://HOST:8786.")
@click.option(
    "--shard",
    callback=shard_of,
    metavar="N/OF",
    help="Ask a part only, such as 2/5, and write its answers for `workbook merge`.",
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the shard's answers go.  [default: shards/N-of-OF]",
)
@budget_option
@click.option(
    "--resume/--fresh",
    default=True,
    show_default=True,
    help="Take up answers that are kept, or ask every check anew and keep none.",
)
@workspace_option
@format_option
@inconclusive_option
@click.pass_context
def run(
    ctx: click.Context,
    subject: str,
    root: Path | None,
    version: str,
    tasks: tuple[Task, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    reports: Path | None,
    jobs: int,
    timeout: float | None,
    cold: bool,
    backend: str | None,
    scheduler: str,
    shard: tuple[int, int] | None,
    to: Path | None,
    budget: float | None,
    resume: bool,
    workspace: Path | None,
    outputs: tuple[Output, ...],
    allow_inconclusive: bool,
) -> None:
    """Audit SUBJECT: every check of T1 to T6, through the notebooks, into a packet a version.

    SUBJECT is the name of a folder in parameters/, or the path of one.  A run of some tasks is
    PARTIAL: it may be broken, and is never kept.  Answers are kept while the checks run, so that an
    interrupted run goes on where it was; under a budget the gravest checks are asked first, and the
    rest is not assessed.  Exit codes: 0 every version is kept, 1 some is
    broken, 2 something could not be told or a run did not complete.
    """
    progress = Screen(stderr=True)
    begin_budget(budget)
    if not resume:
        os.environ[MEMORY] = "off"
    planned = plan(
        [subject],
        [version],
        tasks,
        workspace=find_workspace(workspace),
        root=root,
        reports=reports,
        timeout=timeout,
        select=select,
        ignore=ignore,
    )
    if shard is not None:
        echo(f"shard {shard[0]}/{shard[1]}: {write_shard(planned, *shard, to, progress)}")
        return
    if backend is not None:
        ask_elsewhere(planned, progress, backend=backend, jobs=jobs, scheduler=scheduler)
    finish(
        ctx,
        planned,
        outputs,
        allow_inconclusive=allow_inconclusive,
        jobs=jobs,
        warm=not cold,
        resume=resume,
    )


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
    folder = folder_of(first.asked, planned.workspace)
    wanted = {output.form: reporter_of(output.form, folder) for output in outputs}
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
    known = {j.run_id: o for j in planned.jobs if resume and (o := before.known(j))}
    left = replace(planned, jobs=tuple(j for j in planned.jobs if j.run_id not in known))
    if left.jobs:
        with Watch(left, progress) as watch:
            done = execute(left, assemble=Assembly(left), progress=watch.told, jobs=jobs, warm=warm)
            for outcome in done:
                before.note(outcome)
                known[outcome.job.run_id] = outcome
                for result in outcome.results:
                    watch.verdict(outcome.job.run_id, result.task, verdict_of(result.results))
    before.close()
    return [known[j.run_id] for j in planned.jobs]


def _write(
    outputs: Sequence[Output],
    wanted: Mapping[str, Reporter],
    planned: Plan,
    outcomes: Sequence[RunOutcome],
) -> None:
    """The summary for people on standard output, everything else from the whole results."""
    shown = Output("console", None)
    asked = [output for output in outputs if output != shown]
    if asked:
        job = planned.jobs[0]
        where = of_asked(job.asked, planned.workspace, job.root)
        whole = [report_of(o.results, **where) for o in outcomes if o.results]
        put(asked, lambda form: wanted[form](*whole))
    if shown in outputs:
        _summary(planned, outcomes, Screen())


def exit_code(outcomes: Sequence[RunOutcome], *, allow_inconclusive: bool = False) -> int:
    """The worst of all: broken, else a fault of the workbook, else inconclusive, else kept.

    A run that did not complete is inconclusive, whatever is allowed.
    """
    verdicts = {_verdict(o) for o in outcomes}
    if Verdict.BROKEN in verdicts:
        return Verdict.BROKEN.exit_code
    failures = [o.error for o in outcomes if o.error is not None]
    if any(error.fault for error in failures):
        return FAULT
    if failures:
        return Verdict.INCONCLUSIVE.exit_code
    worst = Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Verdict.KEPT
    return code_of(worst, allow_inconclusive=allow_inconclusive)


def _verdict(outcome: RunOutcome) -> Verdict:
    return run_verdict(outcome.results)


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
        verdict = _verdict(outcome) if outcome.results else None
        words = verdict_words(verdict, not_run(outcome.results)) if verdict else ""
        said = Text.assemble(MARKS[verdict], f" {words}") if verdict else Text("failed")
        table.add_row(
            Text(outcome.job.version, style="bold"),
            *cells,
            said,
            severities(_open(outcome)) or "none",
            f"{outcome.seconds:.0f} s",
        )
    console.print()
    console.print(table)
    left = [t for t in Task if t not in planned.tasks]
    if left:
        console.print(f"\nPARTIAL: {', '.join(left)} were not run, so nothing is kept as a whole")
    _kept(outcomes, console)
    _first_things(outcomes, console)
    _places(outcomes, console)


def _kept(outcomes: Sequence[RunOutcome], console: Console) -> None:
    """What was taken up from earlier runs, and what was asked again and why."""
    lines = []
    for outcome in outcomes:
        said = [t.provenance for t in outcome.results]
        kept, asked = (
            sum(int(p.get(k, 0)) for p in said) for k in ("answers_kept", "answers_asked")
        )
        files = dict.fromkeys(p["asked_again_for"] for p in said if p.get("asked_again_for"))
        again = ", ".join(p["asked_again"] for p in said if p.get("asked_again"))
        if outcome.same:
            lines.append(
                f"{outcome.job.version}  the same answer as run {outcome.job.run_id}: nothing that "
                "it rests on has changed"
            )
        elif kept:
            why = f"; {', '.join(files)} changed: asked again {again}" if files else ""
            lines.append(f"{outcome.job.version}  {kept} answers kept, {asked} asked{why}")
    if lines:
        console.print("\n[bold]kept from before[/]")
        for line in lines:
            console.print(Text(line), soft_wrap=True)


def _open(outcome: RunOutcome) -> list[Finding]:
    return [f for t in outcome.results for r in t.results for f in r.open_findings if breaks(f)]


def _first_things(outcomes: Sequence[RunOutcome], console: Console) -> None:
    broken = [(o, ranked(_open(o), dependents(o.results))) for o in outcomes if _open(o)]
    if not broken:
        return
    console.print("\n[bold]read first[/]")
    for outcome, findings in broken:
        console.print(Text(outcome.job.version, style="bold"))
        if console.is_terminal:
            console.print(*finding_groups(findings, FIRST), sep="\n")
            continue
        for line in finding_lines(findings[:FIRST]):
            console.print(line, soft_wrap=True)
        if len(findings) > FIRST:
            console.print(f"… and {len(findings) - FIRST} more in the packet")


def _places(outcomes: Sequence[RunOutcome], console: Console) -> None:
    _left_out(outcomes, console)
    asked = [r for o in outcomes for t in o.results for r in t.results if r.asked]
    untold = [
        f"{codes} {outcome.value.replace('_', ' ')}: {_first_line(reason)}"
        for outcome in (Outcome.ERROR, Outcome.NOT_ASSESSED)
        for codes, reason in by_reason(r for r in asked if r.outcome is outcome)
    ]
    if untold:
        console.print("\n[bold]could not be told[/]")
        for line in untold[:FIRST]:
            console.print(Text(line), soft_wrap=True)
        if len(untold) > FIRST:
            console.print(f"… and {len(untold) - FIRST} more reasons in the packets")
    published = [o.folder for o in outcomes if o.folder]
    if published:
        console.print("\n[bold]packets[/]")
        for folder in published:
            console.print(Text(str(_near(folder / "packet.html"))), soft_wrap=True)


def _left_out(outcomes: Sequence[RunOutcome], console: Console) -> None:
    told = left_out([r for o in outcomes for t in o.results for r in t.results])
    if told:
        console.print("\n[bold]left out[/]")
        for line in told:
            console.print(Text(line), soft_wrap=True)


def _first_line(reason: str) -> str:
    line = reason.split("\n", maxsplit=1)[0]
    return line if len(line) <= 160 else line[:157] + "..."


def _near(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
