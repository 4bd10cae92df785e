"""``workbook hooks``: help for whoever writes a subject's hooks."""

import json
from dataclasses import asdict

import click
from rich.text import Text

from audit_lib.cli.options import json_option, subject_options
from audit_lib.cli.output import echo
from audit_lib.probes.tryouts.hook_habits import habits
from audit_lib.probes.tryouts.tryout import TriedHook, try_hooks
from audit_lib.reporters.screen import Screen
from audit_lib.subject.subject import Subject

TONES = {"good": "green", "wrong": "bold red", "failed": "bold red", "refused": "yellow"}


@click.group()
def hooks() -> None:
    """Help with writing a subject's hooks."""


@hooks.command()
@subject_options(version=True)
@json_option
@click.pass_context
def check(ctx: click.Context, subject: Subject, output_format: str) -> None:
    """Call each written hook of SUBJECT once, on small data: what came back, what was wanted.

    Warns of hooks that show another engine than there is: an answer put together from two calls of
    the subject, an input that never reaches it, constants of the subject repeated in the hooks.

    Exit codes: 0 every hook answers in form, 1 some does not, 2 some could not be tried.
    """
    console, file = Screen(), subject.hooks.file.name
    progress = (lambda report: _say(report, console)) if output_format == "console" else None
    reports = try_hooks(subject, progress)
    warnings = habits(subject)
    if output_format == "json":
        texts = {r.hook: [h.said for h in warnings if h.hook == r.hook] for r in reports}
        plain = [asdict(report) | {"warnings": texts[report.hook]} for report in reports]
        echo(json.dumps(plain, indent=2))
    elif not reports:
        console.print(f"no hook is written in {file}")
    for habit in warnings if output_format == "console" else ():
        where = f"{file}:{habit.line}: "
        head = Text.assemble(("warning ", "yellow"), (f"{habit.hook} ", "bold"), where)
        console.print_entry(head, habit.said)
    states = {report.state for report in reports}
    if states & {"wrong", "failed", "refused"}:
        ctx.exit(1)
    ctx.exit(2 if "skipped" in states or not reports else 0)


def _say(report: TriedHook, console: Screen) -> None:
    head = Text.assemble(
        (f"{report.state:8}", TONES.get(report.state, "dim")), (f"{report.hook:28}", "bold")
    )
    took = Text(f"{report.seconds:.2f} s", style="dim")
    console.print_entry(head, report.got, took)
    if report.state != "good":
        console.print_entry(Text(" " * 8), f"wanted: {report.wanted}")
    for complaint in report.complaints:
        console.print_entry(Text(" " * 8), Text(complaint, style="red"))
