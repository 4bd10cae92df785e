"""``workbook explain-model``: what a version learned, and which factors decide."""

from pathlib import Path

import click

from audit_lib.cli.codes import worst_code
from audit_lib.cli.options import (
    format_option,
    inconclusive_option,
    subject_options,
    version_option,
)
from audit_lib.cli.output import Output, echo, put, reporters_of
from audit_lib.cli.places import shown
from audit_lib.cli.tables import print_table
from audit_lib.explain.attribution import Setting
from audit_lib.explain.records import Summary
from audit_lib.explain.run import Explained, explain_against_champion
from audit_lib.model import verdict_of
from audit_lib.reporters import Report
from audit_lib.reporters.screen import Screen
from audit_lib.subject.subject import Subject

#: factors of each head, and rules, that the console shows
FACTORS, RULES = 5, 3


@click.command("explain-model")
@subject_options(place=True)
@version_option("An id, latest, champion or all.")
@click.option("--rows", default=1000, show_default=True, help="Most rows that are explained.")
@click.option("--seed", default=0, show_default=True, help="For what is drawn.")
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for learned_conditions/.  [default: reports/SUBJECT/VERSION/explained]",
)
@inconclusive_option
@format_option
@click.pass_context
def explain_model(
    ctx: click.Context,
    /,
    subject: Subject,
    place: Path,
    version: str,
    rows: int,
    seed: int,
    to: Path | None,
    allow_inconclusive: bool,
    outputs: tuple[Output, ...],
) -> None:
    """Say what a version of SUBJECT learned, and which factors decide.

    Writes learned_conditions/: inputs_schema.json, attribution_<head>.csv, rules_<head>.json,
    rules.md, summary.json.  Nothing of the subject is changed.  Exit codes: 0 kept, 1 a finding,
    2 could not tell.
    """
    wanted = reporters_of(outputs, subject.folder)
    console = Screen(stderr=True)
    explained: list[Explained] = []
    changed: list[str] = []
    chosen = subject.select(version)
    for one in chosen:
        with console.status(f"{one}: starting") as status:
            setting = Setting(rows=rows, seed=seed)
            answer, changes = explain_against_champion(
                subject.at(one), setting, progress=status.update
            )
        folder = to or place / "reports" / subject.name / one / "explained"
        folder = folder / one if to and len(chosen) > 1 else folder
        answer.write(folder)
        echo(f"written: {folder / 'learned_conditions'}", err=True)
        explained.append(answer)
        changed.append(changes.words if changes else "")
    where = shown(subject, place)
    reports = [
        Report(subject.name, a.summary.version, "explain-model", a.results, **where)
        for a in explained
    ]
    if Output("console", None) in outputs:
        for answer, words in zip(explained, changed, strict=True):
            _show(answer.summary, words)
    put(outputs, lambda form: wanted[form](*reports))
    verdicts = [verdict_of(a.results) for a in explained]
    ctx.exit(worst_code(verdicts, allow_inconclusive=allow_inconclusive))


def _show(summary: Summary, changed: str) -> None:
    echo(f"{summary.subject}/{summary.version}: {summary.rows} of {summary.of} rows")
    for head in summary.heads:
        echo(f"\n{head.name} ({head.method}, {head.perturbation}): {head.unit}")
        rows = [
            {
                "factor": f.factor,
                "importance": _number(f.importance.value),
                "95 %": f"{_number(f.importance.low)} to {_number(f.importance.high)}",
                "share": f"{f.share or 0:.0%}",
                "direction": _number(f.direction.value),
            }
            for f in head.factors[:FACTORS]
        ]
        print_table(rows, right=("importance", "share", "direction"))
        for pair in head.pairs[:2]:
            echo(f"  {pair.factors[0]} and {pair.factors[1]} act together")
    for one in summary.learned:
        echo(f"\n{one.head}: " + (one.why or f"skill {_number(one.skill.value)}"))
        for rule in one.rules[:RULES]:
            echo(f"  {rule.sentence}")
    if changed:
        echo(f"\n{changed}")
    for what, why in summary.not_assessed.items():
        echo(f"\nnot assessed: {what}: {why}")
    echo("")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
