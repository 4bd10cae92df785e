"""Commands about published packets: show, open, compare."""

from dataclasses import replace
from pathlib import Path

import click

from audit_lib.cli.codes import code_of
from audit_lib.cli.completion import subjects
from audit_lib.cli.options import (
    folder_of,
    format_of,
    format_option,
    inconclusive_option,
    opened,
    reports_option,
    root_option,
    version_option,
    workspace_option,
)
from audit_lib.cli.output import Output, echo, emit, put, reporters_of
from audit_lib.cli.places import of_asked
from audit_lib.errors import RunError
from audit_lib.execution.layout import Place
from audit_lib.model import TaskResult, Verdict
from audit_lib.model.closure import compare as compare_runs
from audit_lib.packets.differences import differences
from audit_lib.packets.manifest import NAME, read_manifest
from audit_lib.packets.run import read_run
from audit_lib.packets.schema import form_differences
from audit_lib.reporters import REPORTERS, report_of
from audit_lib.reporters.comparison import comparison_console, comparison_json
from audit_lib.reporters.comparison_markdown import comparison_markdown
from audit_lib.subject.registry import check_id
from audit_lib.workspace import find_workspace

#: forms that name no files of the repository, about which git would have to be asked
_UNPLACED = frozenset({"console", "json", "junit", "csv"})


@click.command()
@click.argument("subject", shell_complete=subjects)
@root_option
@version_option()
@click.option("--run", "run_id", default="latest", show_default=True, help="A run id, or latest.")
@reports_option
@workspace_option
@format_option
@inconclusive_option
@click.pass_context
def show(
    ctx: click.Context,
    subject: str,
    root: Path | None,
    version: str,
    run_id: str,
    reports: Path | None,
    workspace: Path | None,
    outputs: tuple[Output, ...],
    allow_inconclusive: bool,
) -> None:
    """Show the findings of a published packet in the terminal.

    Exit codes as those of the run: 0 kept, 1 broken, 2 could not tell.
    """
    subject, version = _named(subject, version, root, workspace)
    folder = published(subject, version, run_id, reports=reports, workspace=workspace)
    tasks = tasks_of(folder)
    manifest = read_manifest(folder)
    report = report_of(tasks, forced=manifest.verdict)
    if not {output.form for output in outputs} <= _UNPLACED:
        report = replace(report, **of_asked(subject, find_workspace(workspace), root))

    # Ours need no workspace: a packet can be shown wherever it was copied to.
    ours = {output.form for output in outputs} <= REPORTERS.keys()
    wanted = reporters_of(outputs, None if ours else folder_of(subject, find_workspace(workspace)))
    put(outputs, lambda form: wanted[form](report))
    ctx.exit(code_of(Verdict(manifest.verdict), allow_inconclusive=allow_inconclusive))


@click.command("open")
@click.argument("subject", required=False, shell_complete=subjects)
@root_option
@version_option()
@click.option("--run", "run_id", default="latest", show_default=True, help="A run id, or latest.")
@click.option("--pdf", is_flag=True, help="The PDF instead of the page.")
@reports_option
@workspace_option
def open_(
    subject: str | None,
    root: Path | None,
    version: str,
    run_id: str,
    pdf: bool,
    reports: Path | None,
    workspace: Path | None,
) -> None:
    """Open a packet in the browser; without SUBJECT the index of all reports.

    Prints the file's path, so that a machine without a browser tells where it is.
    """
    if subject is None:
        file = (reports or find_workspace(workspace) / "reports") / "index.html"
        if not file.is_file():
            raise RunError(
                "no packet has been published yet",
                where=str(file.parent),
                mend="`workbook run SUBJECT` makes one",
            )
    else:
        subject, version = _named(subject, version, root, workspace)
        folder = published(subject, version, run_id, reports=reports, workspace=workspace)
        file = folder / ("packet.pdf" if pdf else "packet.html")
    echo(str(file.resolve()))
    click.launch(file.resolve().as_uri())


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="List every finding; fold nothing.")
@format_of(
    "console",
    "json",
    "markdown",
    text="json holds everything; markdown suits a comment on a change.",
)
@click.pass_context
def compare(
    ctx: click.Context, before: Path, after: Path, everything: bool, output_format: str
) -> None:
    """Compare the findings of two runs: what is new, fixed, still there, or not known.

    BEFORE and AFTER are folders of runs, of the same or of different versions.  A finding is the
    same in both where its check, its place and what it is about are the same; lines, measured
    values and the version's id do not count, and a file that was moved takes its findings along.

    Exit codes: 0 nothing new, 1 something that breaks a contract is new, has come back or is no
    longer waived, 2 nothing new was seen and some check that told before does not tell now.
    """
    comparison = compare_runs(tasks_of(before), tasks_of(after), label=before.name)
    notes = _notes(before, after)
    if output_format == "json":
        text = comparison_json(comparison, notes=notes)
    else:
        form = comparison_markdown if output_format == "markdown" else comparison_console
        text = form(comparison, notes=notes, everything=everything)
    emit(text, output_format)
    ctx.exit(comparison.exit_code)


def _named(
    subject: str, version: str, root: Path | None, workspace: Path | None
) -> tuple[str, str]:
    """Name and version id; the subject is opened only where its registry must be asked."""
    if version not in ("latest", "champion"):
        return subject, version
    audited, _ = opened(subject, workspace=workspace, root=root)
    return audited.name, audited.select(version)[0]


def published(
    subject: str, version: str, run_id: str, *, reports: Path | None, workspace: Path | None
) -> Path:
    """Folder of a published run.

    Raises:
        RunError: there is none; the message says what to run.
    """
    root = reports or find_workspace(workspace) / "reports"
    place = Place(root, check_id(subject), check_id(version))
    folder = place.latest() if run_id == "latest" else place.published(run_id)
    if folder is None or not folder.path.is_dir():
        raise RunError(
            f"there is no complete run {run_id!r} of {subject} {version}",
            where=str(place.folder),
            mend=f"`workbook run {subject} --version {version}` makes one",
        )
    return folder.path


def tasks_of(folder: Path) -> tuple[TaskResult, ...]:
    """Results of a published run.

    Raises:
        RunError: the folder holds none.
    """
    tasks = read_run(folder, ()).tasks
    if not tasks:
        raise RunError(
            "there are no results here", where=str(folder), mend="name the folder of a complete run"
        )
    return tasks


def _notes(before: Path, after: Path) -> list[str]:
    """What differs between two runs besides the subject; nothing where one has no manifest."""
    if not all((folder / NAME).is_file() for folder in (before, after)):
        return []
    notes = differences(read_manifest(before), read_manifest(after))
    return [*notes, *form_differences(before, after)]
