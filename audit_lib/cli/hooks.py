"""``workbook hooks``: help for whoever writes a subject's hooks."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.text import Text

from audit_lib.cli.completion import subjects
from audit_lib.cli.options import json_option, opened, root_option, version_option, workspace_option
from audit_lib.cli.output import echo
from audit_lib.probes.tryouts.hook_habits import Habit, habits
from audit_lib.probes.tryouts.tryout import TriedHook, try_hooks
from audit_lib.reporters.screen import Screen

TONES = {"good": "green", "wrong": "bold red", "failed": "bold red", "refused": "yellow"}


@click.group()
def hooks() -> None:
    """Help with writing a subject's hooks."""


@hooks.command()
@click.argument("subject", shell_complete=subjects)
@version_option()
@root_option
@workspace_option
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    subject: str,
    version: str,
    root: Path | None,
    workspace: Path | None,
    output_format: str,
) -> None:
    """Call each written hook of SUBJECT once, on small data: what came back, what was wanted.

    Warns of hooks that show another engine than there is: an answer put together from two calls of
    the subject, an input that never reaches it, constants of the subject repeated in the hooks.

    Exit codes: 0 every hook answers in form, 1 some does not, 2 some could not be tried.
    """
    found, _ = opened(subject, workspace=workspace, root=root)
    console = Screen()
    try:
        bound = found.at(found.select(version)[0])
        told = (lambda report: _say(report, console)) if output_format == "console" else None
        reports = try_hooks(bound, told)
        asked = habits(bound)
    finally:
        found.close()
    if output_format == "json":
        echo(json.dumps([_plain(report, asked) for report in reports], indent=2))
    elif not reports:
        console.print(f"no hook is written in {found.hooks.file.name}")
    for habit in asked if output_format == "console" else ():
        where = f"{found.hooks.file.name}:{habit.line}"
        head = Text.assemble(("warning ", "yellow"), (f"{habit.hook} ", "bold"), f"{where}: ")
        console.print_entry(head, habit.said)
    states = {report.state for report in reports}
    if states & {"wrong", "failed", "refused"}:
        ctx.exit(1)
    ctx.exit(2 if "skipped" in states or not reports else 0)


def _plain(report: TriedHook, asked: tuple[Habit, ...]) -> dict[str, object]:
    warnings = [habit.said for habit in asked if habit.hook == report.hook]
    return asdict(report) | {"warnings": warnings}


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
