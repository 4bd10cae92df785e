"""``workbook gate``: the fast checks before a training run, a backtest, live trading, a merge."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from audit_lib.checks.base import Check
from audit_lib.cli.codes import code_of
from audit_lib.cli.options import (
    format_option,
    inconclusive_option,
    opened,
    root_option,
    selection_options,
    workspace_option,
)
from audit_lib.cli.output import emit
from audit_lib.cli.places import shown
from audit_lib.gates import GateResult, gate_named, run_gate
from audit_lib.model import CheckResult, Verdict
from audit_lib.reporters import REPORTERS, Report


@click.command()
@click.argument("name", metavar="GATE")
@click.argument("subject")
@click.option("--version", default="latest", show_default=True, help="id, latest, champion or all")
@selection_options
@root_option
@workspace_option
@format_option
@inconclusive_option
@click.pass_context
def gate(
    ctx: click.Context,
    name: str,
    subject: str,
    version: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    root: Path | None,
    workspace: Path | None,
    output_format: str,
    allow_inconclusive: bool,
) -> None:
    """Run a gate: a fast set of checks, no notebook, an exit code.

    GATE is train, backtest, live, pull_request, or one of SUBJECT's own (`gates` in its
    subject.yaml).  Exit codes: 0 kept, 1 broken, 2 could not
    tell.
    """
    found, place = opened(subject, workspace=workspace, root=root)
    chosen = gate_named(name, found)
    console = Console(stderr=True)
    results: list[GateResult] = []
    try:
        with console.status("") as status:

            def progress(check: type[Check], result: CheckResult | None) -> None:
                if result is None:
                    status.update(f"{name}: {check.code} {check.title()}")

            for one in found.select(version):
                bound = found.at(one)
                results.append(
                    run_gate(
                        chosen,
                        bound,
                        today=datetime.now(UTC).date(),
                        select=select,
                        ignore=ignore,
                        progress=progress,
                    )
                )
    finally:
        found.close()
    where = shown(found, place)
    reports = [Report(found.name, r.version, f"gate {name}", r.results, **where) for r in results]
    emit(REPORTERS[output_format](*reports), output_format)
    verdicts = {r.verdict for r in results}
    worst = next(v for v in (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.KEPT) if v in verdicts)
    ctx.exit(code_of(worst, allow_inconclusive=allow_inconclusive))
