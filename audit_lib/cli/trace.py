"""``workbook trace``: export decision traces, check a file of them, replay it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from audit_lib.cli.codes import code_of
from audit_lib.cli.options import format_option, inconclusive_option, subject_options
from audit_lib.cli.output import Output, echo, put, reporters_of
from audit_lib.cli.places import shown
from audit_lib.engine import run_check
from audit_lib.explain.rows import inputs_of
from audit_lib.explain.trace_checks import REPLAY, WHOLE, Traced
from audit_lib.explain.traces import exported, read
from audit_lib.files import write_whole
from audit_lib.model import Verdict, verdict_of
from audit_lib.reporters import Report
from audit_lib.subject.subject import Subject


@click.group()
def trace() -> None:
    """Decision traces: one JSON line a decision, with all that led to it."""


@trace.command()
@subject_options(version=True, place=True)
@click.option("--rows", default=250, show_default=True, help="Latest decisions, about as many.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="File.")
def export(subject: Subject, place: Path, rows: int, to: Path | None) -> None:
    """Write the trace of SUBJECT's latest decisions, through its hooks.

    It goes to reports/SUBJECT/VERSION/traces.jsonl, or the file that --to names.
    """
    chosen = inputs_of(subject).latest(rows)
    lines = [t.model_dump_json() for t in exported(subject, chosen)]
    file = to or place / "reports" / subject.name / subject.version / "traces.jsonl"
    write_whole(file, ("\n".join(lines) + "\n").encode())
    echo(f"written: {file} ({len(lines)} decisions)", err=True)


def _judging(command: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in (
        inconclusive_option,
        format_option,
        click.argument(
            "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
        ),
        subject_options(version=True, place=True),
    ):
        command = decorate(command)
    return command


@trace.command()
@_judging
@click.pass_context
def check(ctx: click.Context, /, **options: Any) -> None:
    """Check a FILE of traces: form, times, values, versions, orders without a line.

    Without FILE the subject's own is checked (`explain.traces`).  Exit codes: 0 kept, 1 broken, 2
    could not tell.
    """
    _judge(ctx, WHOLE, "trace check", **options)


@trace.command()
@_judging
@click.pass_context
def replay(ctx: click.Context, /, **options: Any) -> None:
    """Recompute every decision of a FILE, and say at which stage one departs first.

    Without FILE the subject's own is replayed.  Exit codes: 0 kept, 1 broken, 2 could not tell.
    """
    _judge(ctx, REPLAY, "trace replay", **options)


def _judge(
    ctx: click.Context,
    checks: tuple[type[Traced], ...],
    name: str,
    *,
    subject: Subject,
    place: Path,
    file: Path | None,
    outputs: tuple[Output, ...],
    allow_inconclusive: bool,
) -> None:
    wanted = reporters_of(outputs, subject.folder)
    seen = read(subject, file)
    results = tuple(run_check(c(seen=seen), subject) for c in checks)
    report = Report(subject.name, subject.version, name, results, **shown(subject, place))
    put(outputs, lambda form: wanted[form](report))
    verdict = verdict_of(results) or Verdict.INCONCLUSIVE
    ctx.exit(code_of(verdict, allow_inconclusive=allow_inconclusive))
