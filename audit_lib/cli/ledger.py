"""``workbook ledger``: which lines were read, by whom, and what to read next."""

import json
from typing import Any

import click

from audit_lib import ledger as ledgers
from audit_lib.cli.options import json_option, subject_options, version_option
from audit_lib.cli.output import echo
from audit_lib.cli.tables import print_table
from audit_lib.host import Measure
from audit_lib.model import Review
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.subject.subject import Subject

gate_option = click.option("--gate", default="", help="Apply the policy of this gate on top.")
criteria_option = click.option(
    "--criteria", multiple=True, required=True, help="A criterion of ledger.toml; may be repeated."
)
who_option = click.option("--who", required=True, help="Who read it.")


@click.group()
def ledger() -> None:
    """Keep the review ledger of a subject: certifications of definitions, in ledger.toml."""


@ledger.command()
@subject_options()
@gate_option
@click.option(
    "--exercise",
    is_flag=True,
    help="Call each hook once on small data, and measure which lines that executes.",
)
@version_option("For --exercise.")
@json_option
@click.pass_context
def status(
    ctx: click.Context,
    subject: Subject,
    gate: str,
    exercise: bool,
    version: str,
    output_format: str,
) -> None:
    """Say how many lines are scanned, exercised and certified, and what the policy still misses.

    Exit codes: 0 nothing is missing and nothing is in breach, 1 something is.
    """
    figures = ledgers.status(
        subject, gate=gate, exercised=_exercised(subject, version) if exercise else None
    )
    if output_format == "json":
        echo(json.dumps(figures, indent=2))
    else:
        echo(f"{figures['files']} files, {figures['units']} units, {figures['lines']:,} lines")
        echo(f"scanned    {_share(figures['scanned'])}")
        echo(f"exercised  {_ran(figures)}")
        for name, share in figures["certified"].items():
            echo(f"certified  {_share(share)}  {name}")
        for entry in figures["violations"]:
            echo(f"violation  {entry['unit']}: {', '.join(entry['criteria'])}")
        echo(f"missing    {len(figures['missing'])} units")
    ctx.exit(1 if figures["missing"] or figures["violations"] else 0)


@ledger.command()
@subject_options()
@gate_option
@click.option("--criteria", multiple=True, help="To be reached; those of the policy by default.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True)
@json_option
def suggest(
    subject: Subject, gate: str, criteria: tuple[str, ...], limit: int, output_format: str
) -> None:
    """Name what to read next: the smallest unread part first."""
    rows = ledgers.suggest(subject, criteria=criteria, gate=gate, limit=limit)
    if output_format == "json":
        echo(json.dumps(rows, indent=2))
        return
    shown = ["unit", "read", "lines", "risk", "criteria", "why"]
    if len(missing := {_cell(row["criteria"]) for row in rows}) == 1:
        echo(f"to be reached: {missing.pop()}")  # said once, it leaves the names their width
        shown.remove("criteria")
    print_table([{key: _cell(row[key]) for key in shown} for row in rows])


@ledger.command()
@subject_options()
@click.argument("unit")
@json_option
def diff(subject: Subject, unit: str, output_format: str) -> None:
    """Show what changed in UNIT (path::name) since it was last certified."""
    change = ledgers.diff(subject, unit)
    if output_format == "json":
        echo(json.dumps(change, indent=2))
        return
    if change["same"]:
        echo(f"{unit} is as {change['by']} certified it on {change['when']}")
        return
    echo(f"{unit} was certified by {change['by']} on {change['when']}; since then:")
    if change["dependencies_changed"]:
        echo("what it depends on changed; its own statements did not")
    for line in change["changed"]:
        echo(f"{line['line']:>6} + {line['text']}")
    if change["removed_statements"]:
        echo(f"       - {change['removed_statements']} statements are gone")


@ledger.command()
@subject_options()
@click.argument("unit")
@criteria_option
@who_option
@click.option("--notes", default="", help="What was looked at.")
@click.option(
    "--delta", is_flag=True, help="Only the change since the last certification was read."
)
def certify(
    subject: Subject, unit: str, criteria: tuple[str, ...], who: str, notes: str, delta: bool
) -> None:
    """Record that a person vouches for UNIT (path::name) as it is now."""
    entry = ledgers.certify(subject, unit, criteria=criteria, who=who, notes=notes, delta=delta)
    echo(f"certified {unit} as {entry.hash[:12]}: {', '.join(entry.criteria)}")


@ledger.command()
@subject_options()
@click.argument("unit")
@criteria_option
@who_option
@click.option("--notes", required=True, help="What is wrong.")
def violation(subject: Subject, unit: str, criteria: tuple[str, ...], who: str, notes: str) -> None:
    """Record that UNIT (path::name), as it is now, was found wanting.

    A violation beats every certification and exemption of the unit.
    """
    entry = ledgers.violation(subject, unit, criteria=criteria, who=who, notes=notes)
    echo(f"{unit} violates {', '.join(entry.criteria)}")


@ledger.command()
@subject_options()
def export(subject: Subject) -> None:
    """Print the ledger with every unit's fingerprint and state, as JSON."""
    echo(json.dumps(ledgers.export(subject), indent=2))


def _exercised(subject: Subject, version: str) -> Review:
    """One measured call of each hook."""
    bound = subject.at(subject.select(version)[0])
    bound.inquiry.measure = Measure.ALWAYS
    try_hooks(bound)
    return ledgers.review(bound)


def _ran(figures: dict[str, Any]) -> str:
    ran = figures["exercised"]
    if ran is None:
        return f"not measured: {figures['exercised_reason']}"
    loaded = f"{ran['on_loading']:,} of them when modules were loaded"
    missing = "".join(f"\n           {line}" for line in ran["missing"])
    return (
        f"{ran['executed']:,} of {ran['statements']:,} statements ({ran['share']:.1%}), {loaded}"
        + missing
    )


def _share(share: dict[str, Any]) -> str:
    return f"{share['lines']:,} lines ({share['share']:.1%})" if "share" in share else str(share)


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
