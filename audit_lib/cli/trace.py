"""``workbook trace``: export decision traces, check a file of them, replay it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from audit_lib.cli.codes import code_of
from audit_lib.cli.completion import subjects
from audit_lib.cli.options import (
    format_option,
    inconclusive_option,
    opened,
    root_option,
    version_option,
    workspace_option,
)
from audit_lib.cli.output import Output, echo, put
from audit_lib.cli.places import shown
from audit_lib.engine import run_check
from audit_lib.explain.rows import inputs_of
from audit_lib.explain.trace_checks import REPLAY, WHOLE, Traced
from audit_lib.explain.traces import exported, read
from audit_lib.files import write_whole
from audit_lib.model import Verdict, verdict_of
from audit_lib.reporters import Report
from audit_lib.reporters.foreign import reporter_of


@click.group()
def trace() -> None:
    """Decision traces: one JSON line a decision, with all that led to it."""


@trace.command()
@click.argument("subject", shell_complete=subjects)
@version_option()
@click.option("--rows", default=250, show_default=True, help="Latest decisions, about as many.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="File.")
@root_option
@workspace_option
def export(
    subject: str,
    version: str,
    rows: int,
    to: Path | None,
    root: Path | None,
    workspace: Path | None,
) -> None:
    """Write the trace of SUBJECT's latest decisions, through its hooks.

    It goes to reports/SUBJECT/VERSION/traces.jsonl, or the file that --to names.
    """
    found, place = opened(subject, workspace=workspace, root=root)
    try:
        bound = found.at(found.select(version)[0])
        chosen = inputs_of(bound).latest(rows)
        lines = [t.model_dump_json() for t in exported(bound, chosen)]
    finally:
        found.close()
    file = to or place / "reports" / found.name / bound.version / "traces.jsonl"
    write_whole(file, ("\n".join(lines) + "\n").encode())
    echo(f"written: {file} ({len(lines)} decisions)", err=True)


def _judging(command: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in (
        inconclusive_option,
        format_option,
        workspace_option,
        root_option,
        version_option(),
        click.argument(
            "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
        ),
        click.argument("subject", shell_complete=subjects),
    ):
        command = decorate(command)
    return command


@trace.command()
@_judging
@click.pass_context
def check(ctx: click.Context, /, **asked: Any) -> None:
    """Check a FILE of traces: form, times, values, versions, orders without a line.

    Without FILE the subject's own is checked (`explain.traces`).  Exit codes: 0 kept, 1 broken, 2
    could not tell.
    """
    _judge(ctx, WHOLE, "trace check", **asked)


@trace.command()
@_judging
@click.pass_context
def replay(ctx: click.Context, /, **asked: Any) -> None:
    """Recompute every decision of a FILE, and say at which stage one departs first.

    Without FILE the subject's own is replayed.  Exit codes: 0 kept, 1 broken, 2 could not tell.
    """
    _judge(ctx, REPLAY, "trace replay", **asked)


def _judge(
    ctx: click.Context,
    checks: tuple[type[Traced], ...],
    name: str,
    *,
    subject: str,
    file: Path | None,
    version: str,
    root: Path | None,
    workspace: Path | None,
    outputs: tuple[Output, ...],
    allow_inconclusive: bool,
) -> None:
    found, place = opened(subject, workspace=workspace, root=root)
    wanted = {output.form: reporter_of(output.form, found.folder) for output in outputs}
    try:
        bound = found.at(found.select(version)[0])
        seen = read(bound, file)
        results = tuple(run_check(c(seen=seen), bound) for c in checks)
    finally:
        found.close()
    told = Report(found.name, bound.version, name, results, **shown(found, place))
    put(outputs, lambda form: wanted[form](told))
    verdict = verdict_of(results) or Verdict.INCONCLUSIVE
    ctx.exit(code_of(verdict, allow_inconclusive=allow_inconclusive))
