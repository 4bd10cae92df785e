"""``workbook run``: audit versions through the six notebooks, into packets."""

import os
from pathlib import Path

import click

from audit_lib.budget import begin as begin_budget
from audit_lib.cli.completion import subjects
from audit_lib.cli.finish import finish
from audit_lib.cli.options import (
    TaskList,
    budget_option,
    format_option,
    inconclusive_option,
    reports_option,
    root_option,
    selection_options,
    version_option,
    workspace_option,
)
from audit_lib.cli.output import Output, echo
from audit_lib.cli.spread import BACKENDS, ask_elsewhere, shard_of, write_shard
from audit_lib.execution.plan import plan
from audit_lib.memory import VARIABLE as MEMORY
from audit_lib.model import Task
from audit_lib.reporters.screen import Screen
from audit_lib.workspace import find_workspace


@click.command()
@click.argument("subject", shell_complete=subjects)
@root_option
@version_option("An id, latest, champion or all.")
@click.option(
    "--tasks", type=TaskList(), default=",".join(Task), show_default=True, help="Such as T1,T6."
)
@selection_options
@reports_option
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
