"""``workbook gate``, ``smoke`` and ``check``: checks without notebooks, with an exit code."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from audit_lib.budget import begin as begin_budget
from audit_lib.checks.base import Check
from audit_lib.cli.codes import worst_code
from audit_lib.cli.options import (
    budget_option,
    format_option,
    inconclusive_option,
    selection_options,
    subject_options,
    version_option,
)
from audit_lib.cli.output import Output, echo, put, reporters_of
from audit_lib.cli.places import shown
from audit_lib.errors import AuditError, NotApplicable, NotAssessed
from audit_lib.execution.digests import digests, own_places
from audit_lib.gates import (
    Gate,
    GateResult,
    checks_named,
    gate_named,
    may_drive_hooks,
    run_gate,
    smoke_named,
    smoke_verdicts,
)
from audit_lib.host import HookError
from audit_lib.memory import anything_kept
from audit_lib.model import CheckResult
from audit_lib.packets.gate_record import KEPT, gate_manifest, write_records
from audit_lib.reporters import Report
from audit_lib.reporters.console import MARKS
from audit_lib.reporters.screen import Screen, one_row
from audit_lib.subject.subject import Subject

Command = Callable[..., Any]


def _gate_options(command: Command) -> Command:
    """Arguments and options that both commands take."""
    version = version_option("An id, latest, champion or all.")
    to = click.option(
        "--to",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for run_manifest.json (and checkpoint_metadata.json of gate train).  "
        "[default: live and train write to reports/SUBJECT/VERSION/gates/GATE, others nowhere]",
    )
    for decorate in (
        inconclusive_option,
        format_option,
        budget_option,
        selection_options,
        to,
        version,
        subject_options(place=True),
    ):
        command = decorate(command)
    return command


@click.command()
@click.argument("name", metavar="GATE")
@_gate_options
@click.pass_context
def gate(ctx: click.Context, /, name: str, subject: Subject, **options: Any) -> None:
    """Run a gate: a fast set of checks, no notebook, an exit code.

    GATE is train, backtest, live, pull_request, or one of SUBJECT's own (`gates` in its
    subject.yaml).  `live` leaves a run_manifest.json to attach to the trading log, `train` the
    metadata of the checkpoint beside it.  Exit codes: 0 kept, 1 broken, 2 could not tell.
    """
    _run(ctx, gate_named(name, subject), subject, **options)


@click.command()
@click.argument("name", metavar="CHECK")
@_gate_options
@click.pass_context
def smoke(ctx: click.Context, /, name: str, subject: Subject, **options: Any) -> None:
    """Run one of the seven smoke checks, or all.

    CHECK is 01_checkpoint_inventory, 02_feature_schema_alignment, 03_norm_stats_sanity,
    04_model_forward_contract, 05_output_distribution, 06_ruleset_execution_smoke,
    07_feature_pipeline_parity (the number or the name alone will do), or all.  Exit codes: 0 kept,
    1 broken, 2 could not tell.
    """
    _run(ctx, smoke_named(name), subject, **options)


@click.command()
@_gate_options
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@click.pass_context
def check(ctx: click.Context, /, subject: Subject, codes: tuple[str, ...], **options: Any) -> None:
    """Run checks by their codes, such as FEA101, or the beginning of several, such as SPL.

    What is selected, ignored, rated and waived holds as in a gate.  Exit codes: 0 kept, 1 broken,
    2 could not tell.
    """
    _run(ctx, checks_named(codes, subject), subject, **options)


def _run(
    ctx: click.Context,
    chosen: Gate,
    subject: Subject,
    *,
    place: Path,
    version: str,
    to: Path | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    budget: float | None,
    outputs: tuple[Output, ...],
    allow_inconclusive: bool,
) -> None:
    begin_budget(budget)
    if may_drive_hooks(chosen) and not anything_kept(subject):
        with suppress(AuditError):  # said where it is asked for
            subject.at(subject.select(version)[0]).prepare()
    wanted = reporters_of(outputs, subject.folder)
    results: list[GateResult] = []
    with Screen(stderr=True).status("") as status:

        def progress(check: type[Check], result: CheckResult | None) -> None:
            if result is None:
                status.update(one_row(f"{chosen.name}: {check.code} {check.title()}"))

        versions = subject.select(version)
        for one in versions:
            bound, started = subject.at(one), _now()
            result = run_gate(
                chosen,
                bound,
                today=datetime.now(UTC).date(),
                select=select,
                ignore=ignore,
                progress=progress,
            )
            results.append(result)
            folder = _folder(to, place, subject.name, result, several=len(versions) > 1)
            if folder:
                _record(folder, result, bound, place, started)
            if folder and chosen.name == "train":
                _learned(folder, bound, status.update)
    where = shown(subject, place)
    reports = [
        Report(subject.name, r.version, f"gate {chosen.name}", r.results, **where) for r in results
    ]
    smoked = "".join(map(_smoke_lines, results)) if len(chosen.smoke) > 1 else ""
    put(outputs, lambda form: wanted[form](*reports) + (smoked if form == "console" else ""))
    ctx.exit(worst_code((r.verdict for r in results), allow_inconclusive=allow_inconclusive))


def _folder(
    to: Path | None, workspace: Path, subject: str, result: GateResult, *, several: bool
) -> Path | None:
    """Where the records of a gate go; None where none are kept."""
    if to is not None:
        return to / result.version if several else to
    if result.gate.name not in KEPT:
        return None
    return workspace / "reports" / subject / result.version / "gates" / result.gate.name


def _record(
    folder: Path, result: GateResult, subject: Subject, workspace: Path, started: str
) -> None:
    trees = digests(subject, own_places(workspace / "reports", workspace, subject))
    seen = {name: tree.sha256 for name, tree in trees.items()}
    manifest = gate_manifest(result, subject, started=started, ended=_now(), digests=seen)
    for file in write_records(folder, manifest, subject):
        echo(f"written: {file}", err=True)


def _learned(folder: Path, subject: Subject, progress: Callable[[str], None]) -> None:
    """Leave what the new version learned beside its records; the verdict is of the checks."""
    if find_spec("sklearn") is None or find_spec("shap") is None:
        echo("not explained: shap or scikit-learn is missing (extra `explain`)", err=True)
        return
    from audit_lib.explain.run import explain_against_champion  # slow to import

    try:
        explained, changes = explain_against_champion(subject, progress=progress)
    except (NotAssessed, NotApplicable, HookError) as error:
        echo(f"not explained: {error}", err=True)
        return
    explained.write(folder)
    echo(f"written: {folder / 'learned_conditions'}", err=True)
    for finding in (f for r in explained.results for f in r.findings):
        echo(f"learned: {finding.code} {finding.message}", err=True)
    if changes:
        echo(f"learned: {changes.words}", err=True)


def _smoke_lines(result: GateResult) -> str:
    lines = (f"{MARKS[v][0]} {name}  {v.value}\n" for name, v in smoke_verdicts(result).items())
    return f"smoke checks of {result.version}\n" + "".join(lines)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
