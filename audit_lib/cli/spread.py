"""``workbook merge``, and how ``workbook run`` asks elsewhere: backends and shards."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from audit_lib.cli.finish import finish
from audit_lib.cli.options import (
    format_option,
    inconclusive_option,
    reports_option,
    root_option,
    workspace_option,
)
from audit_lib.cli.output import Output
from audit_lib.execution.plan import Plan, plan
from audit_lib.execution.shards import agreed, run_shard
from audit_lib.execution.shards import merge as take_in
from audit_lib.execution.spread import Spreading, Unit, spread
from audit_lib.model import Task
from audit_lib.selection import listed
from audit_lib.workspace import find_workspace

BACKENDS = ("loky", "dask", "ray")
_SHARD = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")


def shard_of(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """``2/5`` as two numbers."""
    match = _SHARD.fullmatch(value) if value else None
    if value and (match is None or int(match[1]) > int(match[2])):
        raise click.BadParameter(
            f"{value!r} is no shard; write 2/5 for the second of five", ctx=ctx, param=param
        )
    return (int(match[1]), int(match[2])) if match else None


def write_shard(planned: Plan, number: int, of: int, to: Path | None, console: Console) -> Path:
    """Ask one shard of a plan, and say where its answers are."""
    folder = to or Path("shards") / f"{number}-of-{of}"
    spreading = Spreading(planned)
    with closing(spreading), _progress(console, f"shard {number}/{of}") as progress:
        run_shard(spreading, number, of, folder, progress)
    return folder


def ask_elsewhere(
    planned: Plan, console: Console, *, backend: str, jobs: int, scheduler: str
) -> None:
    """Have workers ask what is not known yet; what they refuse is asked here afterwards."""
    spreading = Spreading(planned)
    with closing(spreading), _progress(console, backend) as progress:
        refused = spread(
            spreading, backend=backend, jobs=jobs, scheduler=scheduler, progress=progress
        )
    for reason in refused:
        console.print(Text(f"a worker refused: {reason}; its checks are asked here"))


@contextmanager
def _progress(console: Console, what: str) -> Iterator[Callable[[int, int, Unit], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[unit]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        line = shown.add_task(what, total=None, unit="")

        def update(done: int, of: int, unit: Unit) -> None:
            unit_text = f"{unit.version} {unit.codes[0][:3]}"
            shown.update(line, completed=done, total=of, unit=unit_text)
            if not console.is_terminal:
                console.print(f"{what}  {done}/{of}  {unit_text}", highlight=False)

        yield update


@click.command()
@click.argument(
    "folders",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@root_option
@reports_option
@workspace_option
@format_option
@inconclusive_option
@click.pass_context
def merge(
    ctx: click.Context,
    folders: Sequence[Path],
    root: Path | None,
    reports: Path | None,
    workspace: Path | None,
    outputs: tuple[Output, ...],
    allow_inconclusive: bool,
) -> None:
    """Make the packets of a run that was asked in shards (`workbook run --shard 2/5`).

    RUN are the folders that the shards wrote, all of them.  What no shard could keep (a crash, a
    time limit) is asked here.  Exit codes as for `run`.
    """
    shard = agreed(folders)
    planned = plan(
        [shard.asked],
        shard.versions,
        [Task(t) for t in shard.tasks],
        workspace=find_workspace(workspace),
        root=root,
        reports=reports,
        select=listed(shard.select),
        ignore=listed(shard.ignore),
    )
    with closing(Spreading(planned)) as spreading:
        take_in(folders, spreading)
    finish(ctx, planned, outputs, allow_inconclusive=allow_inconclusive)
