"""``workbook why``: one decision taken apart."""

import json
from dataclasses import asdict

import click

from audit_lib.cli.options import json_option, subject_options
from audit_lib.cli.output import echo
from audit_lib.cli.tables import print_table
from audit_lib.explain.whatif import WhatIf, what_if
from audit_lib.subject.subject import Subject

#: factors that the console shows
FACTORS = 8


@click.command("why")
@subject_options(version=True)
@click.option("--asset", default="", help="Of the row, where there are several.")
@click.option("--date", default="", help="Of the row, such as 2015-03-16.  [default: the last]")
@click.option("--seed", default=0, show_default=True, help="For what is drawn.")
@json_option
def why(subject: Subject, asset: str, date: str, seed: int, output_format: str) -> None:
    """Say what made one decision of SUBJECT, and what would have turned it.

    Contributions of factors, the learned rule that covers the row, and the smallest changes within
    the observed ranges that give another decision.
    """
    decision = what_if(subject, asset=asset, date=date, seed=seed)
    if output_format == "json":
        record = {"subject": subject.name, "version": subject.version, **asdict(decision)}
        echo(json.dumps(record, indent=1, ensure_ascii=False))
        return
    echo(f"{subject.name}/{subject.version} {decision.where}".rstrip())
    _show(decision)


def _show(decision: WhatIf) -> None:
    decided = ", ".join(f"{name} {value:.4g}" for name, value in decision.answers.items())
    echo(f"decided: {decided}\n")
    answer = f"{decision.of} {decision.answers[decision.of]:.4g}"
    echo(f"what made {answer}, from {decision.base:.4g} on average:")
    rows = [
        {
            "factor": c.factor,
            "value": f"{c.value:.4g}" if isinstance(c.value, float) else str(c.value),
            "contribution": f"{c.contribution:+.3g}",
            "error": f"{c.error:.1g}",
        }
        for c in decision.contributions[:FACTORS]
    ]
    print_table(rows, right=("value", "contribution", "error"))
    echo(f"\nrule: {decision.rule or 'no learned rule covers it and foretells it'}")
    if not decision.opposite:
        echo(f"\nnone of {decision.tried:,} changes of one or two factors turns it")
        return
    echo("\nnearest other decisions (distance in interquartile ranges):")
    rows = [
        {"decision": f"{c.decision:g}", "distance": f"{c.distance:.2f}", "change": c.words}
        for c in decision.opposite
    ]
    print_table(rows, right=("decision", "distance"))
