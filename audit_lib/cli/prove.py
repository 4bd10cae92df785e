"""``workbook prove``: plant faults in a subject's answers, and say which would have been seen."""

import math
from collections.abc import Iterable
from pathlib import Path

import click

from audit_lib.cli.options import json_option, subject_options
from audit_lib.cli.output import echo, emit
from audit_lib.cli.tables import print_table
from audit_lib.errors import ParameterError
from audit_lib.faults.base import Fault
from audit_lib.faults.catalogue import all_faults
from audit_lib.faults.harmless import harmless
from audit_lib.faults.kept import NAME, read, state_of, write
from audit_lib.faults.prove import CASES
from audit_lib.faults.prove import prove as prove_subject
from audit_lib.faults.sensitivity import Planting, Sensitivity, State
from audit_lib.model import Contract
from audit_lib.reporters.json_report import dumps
from audit_lib.reporters.screen import Screen, one_row
from audit_lib.subject.subject import Subject


@click.command()
@subject_options(version=True, place=True)
@click.option("--fault", "names", multiple=True, help="Only this fault; may be repeated.")
@click.option(
    "--contract",
    "contracts",
    multiple=True,
    type=click.Choice([c.value for c in Contract]),
    help="Only faults of this contract; may be repeated.",
)
@click.option("--cases", default=CASES, show_default=True, help="Columns or heads for each fault.")
@click.option("--seed", default=0, show_default=True, help="For what is drawn.")
@click.option("--budget", type=float, help="Seconds after which no further fault is planted.")
@click.option("--anew", is_flag=True, help="Plant again what was settled on the same state.")
@click.option("--no-harmless", is_flag=True, help="Leave out changes that nothing may accuse.")
@click.option("--harmless", "only", is_flag=True, help="Only changes that nothing may accuse.")
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Exit with 1 where a smaller share is seen.",
)
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help=f"File; else {NAME}.")
@json_option
@click.pass_context
def prove(
    ctx: click.Context,
    /,
    subject: Subject,
    place: Path,
    names: tuple[str, ...],
    contracts: tuple[str, ...],
    cases: int,
    seed: int,
    budget: float | None,
    anew: bool,
    no_harmless: bool,
    only: bool,
    least: float,
    to: Path | None,
    output_format: str,
) -> None:
    """Plant faults in the answers of SUBJECT's hooks, one at a time, and see which are found.

    Nothing of the subject is changed: answers are spoiled on their way, and files in copies.
    Exit codes: 0 done, 1 fewer seen than --least, or a harmless change accused.
    """
    faults = [] if only and not names else _chosen(names, contracts)
    file = to or place / "reports" / subject.name / subject.version / NAME
    with Screen(stderr=True).status("asking for the clean answers") as status:

        def progress(planting: Planting) -> None:
            status.update(one_row(f"{planting.fault} {planting.case}: {planting.state.value}"))

        result = prove_subject(
            subject,
            faults,
            harmless=() if no_harmless or names else _of(harmless(), contracts),
            seed=seed,
            cases=cases,
            budget=budget or math.inf,
            told=progress,
            state=state_of(subject),
            known=None if anew else read(file),
            keep=lambda settled: write(file, settled),
        )
    if output_format == "json":
        emit(dumps(result.as_data()), output_format)
    else:
        _show(result)
        echo(f"written: {file}", err=True)
    ctx.exit(1 if result.accused or result.share < least else 0)


def _chosen(names: tuple[str, ...], contracts: tuple[str, ...]) -> list[Fault]:
    by_name = {f.name: f for f in all_faults()}
    unknown = [n for n in names if n not in by_name]
    if unknown:
        raise ParameterError(
            f"no fault is called {unknown[0]!r}",
            where="--fault",
            mend=f"use one of: {', '.join(by_name)}",
        )
    chosen = [by_name[n] for n in names] if names else list(by_name.values())
    return _of(chosen, contracts)


def _of(faults: Iterable[Fault], contracts: tuple[str, ...]) -> list[Fault]:
    return [f for f in faults if not contracts or f.contract.value in contracts]


def _show(result: Sensitivity) -> None:
    echo(f"{result.subject}/{result.version}: what this audit would have seen\n")
    counted = {c.value: result.of(c) for c in result.contracts} | {"all": result.of()}
    rows = [
        {"contract": name, "planted": str(n), "seen": str(seen), "share": f"{seen / n:.0%}"}
        for name, (n, seen) in counted.items()
        if n
    ]
    print_table(rows, right=("planted", "seen", "share"))
    for state in (State.UNSEEN, State.HIDDEN, State.INCONCLUSIVE, State.UNTOLD):
        some = [p for p in result.unseen if p.state is state]
        if some:
            echo(f"\n{state.value}: {len(some)}")
            for planting in some:
                where = f" ({planting.case})" if planting.case else ""
                echo(f"  {planting.told.rstrip('.')}{where}\n    {planting.why}")
    spared = sum(p.state is State.SPARED for p in result.plantings)
    echo(f"\n{spared} spared: nothing here that they could spoil")
    if result.harmless:
        echo(f"{result.harmless} harmless changes, {len(result.accused)} accused")
        for planting in result.accused:
            echo(f"  {planting.told}: {planting.by}: {planting.why}")
    if result.left:
        echo(f"{result.left} faults not planted: out of budget")
