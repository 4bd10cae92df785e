"""``workbook why``: one decision taken apart."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from audit_lib.cli.completion import subjects
from audit_lib.cli.options import json_option, opened, root_option, version_option, workspace_option
from audit_lib.cli.output import echo
from audit_lib.cli.tables import print_table
from audit_lib.explain.whatif import WhatIf, what_if

#: factors that the console shows
FACTORS = 8


@click.command("why")
@click.argument("subject", shell_complete=subjects)
@version_option()
@click.option("--asset", default="", help="Of the row, where there are several.")
@click.option("--date", default="", help="Of the row, such as 2015-03-16.  [default: the last]")
@click.option("--seed", default=0, show_default=True, help="For what is drawn.")
@json_option
@root_option
@workspace_option
def why(
    subject: str,
    version: str,
    asset: str,
    date: str,
    seed: int,
    output_format: str,
    root: Path | None,
    workspace: Path | None,
) -> None:
    """Say what made one decision of SUBJECT, and what would have turned it.

    Contributions of factors, the learned rule that covers the row, and the smallest changes within
    the observed ranges that give another decision.
    """
    found, _ = opened(subject, workspace=workspace, root=root)
    try:
        (chosen,) = found.select(version)[:1]
        told = what_if(found.at(chosen), asset=asset, date=date, seed=seed)
    finally:
        found.close()
    if output_format == "json":
        told_ = {"subject": found.name, "version": chosen, **asdict(told)}
        echo(json.dumps(told_, indent=1, ensure_ascii=False))
        return
    echo(f"{found.name}/{chosen} {told.where}".rstrip())
    _show(told)


def _show(told: WhatIf) -> None:
    decided = ", ".join(f"{name} {value:.4g}" for name, value in told.answers.items())
    echo(f"decided: {decided}\n")
    echo(f"what made {told.of} {told.answers[told.of]:.4g}, from {told.base:.4g} on average:")
    rows = [
        {
            "factor": c.factor,
            "value": f"{c.value:.4g}" if isinstance(c.value, float) else str(c.value),
            "contribution": f"{c.contribution:+.3g}",
            "error": f"{c.error:.1g}",
        }
        for c in told.contributions[:FACTORS]
    ]
    print_table(rows, right=("value", "contribution", "error"))
    echo(f"\nrule: {told.rule or 'no learned rule covers it and foretells it'}")
    if not told.opposite:
        echo(f"\nnone of {told.tried:,} changes of one or two factors turns it")
        return
    echo("\nnearest other decisions (distance in interquartile ranges):")
    rows = [
        {"decision": f"{c.decision:g}", "distance": f"{c.distance:.2f}", "change": c.words}
        for c in told.opposite
    ]
    print_table(rows, right=("decision", "distance"))
