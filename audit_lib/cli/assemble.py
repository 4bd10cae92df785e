"""``workbook assemble``: the packet of notebooks that a scheduler ran one by one."""

from dataclasses import replace
from pathlib import Path

import click

from audit_lib.cli.assembly import Assembly
from audit_lib.cli.options import (
    folder_of,
    format_option,
    reports_option,
    root_option,
    workspace_option,
)
from audit_lib.cli.output import Output, echo, put, reporters_of
from audit_lib.cli.places import of_asked
from audit_lib.errors import RunError
from audit_lib.execution import publish
from audit_lib.execution.collect import collect
from audit_lib.execution.layout import Place, RunFolder, check_run_id
from audit_lib.execution.plan import Job, Plan
from audit_lib.model import Task, TaskResult, Verdict
from audit_lib.packets.index import update_index
from audit_lib.packets.manifest import read_manifest
from audit_lib.packets.run import read_run
from audit_lib.reporters import report_of
from audit_lib.workspace import find_workspace, notebook_path


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--notebooks",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the scheduler put the executed notebooks; those of the run go into the packet.",
)
@click.option("--subject", help="Its parameters folder, where that is not in parameters/.")
@reports_option
@root_option
@workspace_option
@format_option
@click.pass_context
def assemble(
    ctx: click.Context,
    run: str,
    notebooks: Path | None,
    subject: str | None,
    reports: Path | None,
    root: Path | None,
    workspace: Path | None,
    outputs: tuple[Output, ...],
) -> None:
    """Make the packet of a run whose notebooks a scheduler ran one by one.

    RUN is the `run_id` that the notebooks were given, or the folder in which the run works
    (reports/<subject>/<version>/.work/<run_id>).  Tasks that did not run leave the packet partial;
    the subject must be what it was when the first of them began.  Exit codes as those of `run`.
    """
    place = find_workspace(workspace)
    folder = _folder(run, reports or place / "reports")
    name = subject or folder.path.parents[2].name
    tasks = _whole(folder)
    published = _published(folder, tasks, name, place, root, notebooks)
    echo(f"packet: {published / 'packet.html'}", err=True)
    verdict = Verdict(read_manifest(published).verdict)
    report = report_of(tasks, forced=verdict)
    report = replace(report, **of_asked(name, place, root))
    reporters = reporters_of(outputs, folder_of(name, place))
    put(outputs, lambda form: reporters[form](report))
    ctx.exit(verdict.exit_code)


def _published(
    folder: RunFolder,
    tasks: tuple[TaskResult, ...],
    subject: str,
    workspace: Path,
    root: Path | None,
    notebooks: Path | None,
) -> Path:
    """Assemble and publish a run; its folder then."""
    place = Place(folder.path.parents[3], tasks[0].subject, tasks[0].version)
    if place.work(folder.run_id).path != folder.path:
        raise RunError(
            f"its results are of {place.subject} {place.version}",
            where=str(folder.path),
            mend="leave results in the folder in which the notebooks wrote them",
        )
    job = Job(subject, place, folder.run_id, root.absolute() if root else None)
    sources = {t.task: notebook_path(t.task, workspace) for t in tasks}
    plan = Plan((job,), sources, workspace)
    if notebooks is not None:
        from audit_lib.execution.render import render

        taken = collect(notebooks, folder, {t: p.name for t, p in sources.items()})
        lacking = [t.value for t in sources if t not in taken]
        if lacking:
            echo(f"no executed notebook of this run: {', '.join(lacking)}", err=True)
        render(folder.notebooks)
    Assembly(plan, {place.subject: _before(tasks, folder)})(folder.path)
    published = publish.publish(place, folder)
    if set(plan.tasks) == set(Task):
        publish.point_latest(place, published)
    update_index(place.reports, place.subject)
    return published.path


def _folder(run: str, reports: Path) -> RunFolder:
    """The one folder at work that RUN names."""
    named = Path(run)
    if named.is_dir() and named.absolute().parent.name == ".work":
        return RunFolder(named.absolute())
    if "/" in run:
        raise RunError(
            f"{run} is no folder of a run at work",
            where="RUN",
            mend="name reports/<subject>/<version>/.work/<run_id>",
        )
    name = check_run_id(run)
    folders = sorted(p for p in reports.absolute().glob(f"*/*/.work/{name}") if p.is_dir())
    if len(folders) == 1:
        return RunFolder(folders[0])
    if folders:
        versions = ", ".join(p.parents[1].name for p in folders)
        raise RunError(
            f"{len(folders)} versions have a run {run}: {versions}",
            where="RUN",
            mend=f"name its folder, such as {folders[0]}",
        )
    published = sorted(reports.absolute().glob(f"*/*/{name}/run_manifest.json"))
    raise RunError(
        f"run {run} has a packet already"
        if published
        else f"no notebook saved results of run {run}",
        where=str(published[0].parent if published else reports),
        mend="give the notebooks a new run_id each time"
        if published
        else "give the notebooks `run_id` and `reports`, or name --reports",
    )


def _whole(folder: RunFolder) -> tuple[TaskResult, ...]:
    """Results of the run, every one of which has its sentinel."""
    run = read_run(folder.path, ())
    for task, why in run.problems.items():
        raise RunError(why, where=f"{task.value} of run {folder.run_id}", mend="run it once more")
    if not run.tasks:
        raise RunError(
            "there are no results here",
            where=str(folder.path),
            mend="run its notebooks to their last cell first",
        )
    return run.tasks


def _before(tasks: tuple[TaskResult, ...], folder: RunFolder) -> str:
    """What the subject was when the first task began; every later one must have found the same."""
    noted = {t.task.value: t.provenance.get("subject_digest", "") for t in tasks}
    unknown = [task for task, digest in noted.items() if not digest]
    if unknown:
        raise RunError(
            f"{', '.join(unknown)} did not note what the subject was before",
            where=f"run {folder.run_id}",
            mend="run them again, with the parameter run_id",
        )
    if len(set(noted.values())) > 1:
        raise RunError(
            "the subject changed between its notebooks; the run is void",
            where=f"run {folder.run_id}",
            mend="audit a checkout that nothing else writes to, with a new run_id",
        )
    return next(iter(noted.values()))
