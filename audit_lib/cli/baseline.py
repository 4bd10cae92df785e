"""``workbook baseline``: accept what an old engine has today, and fail on new findings alone."""

import os
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import click

from audit_lib.checks.base import Check
from audit_lib.cli.options import subject_options
from audit_lib.cli.output import echo
from audit_lib.errors import ParameterError
from audit_lib.execution.layout import new_run_id
from audit_lib.exemptions import BASELINE, load_exemptions
from audit_lib.model import CheckResult
from audit_lib.reporters.screen import Screen, one_row
from audit_lib.selection import check_parameters
from audit_lib.subject.subject import Subject
from audit_lib.workbook.accepting import UNTOLD, BaselineChange, accept, prune, write
from audit_lib.workbook.asking import ask_all


@click.command()
@subject_options()
@click.option("--version", default="all", show_default=True, help="An id, latest, champion or all.")
@click.option("--owner", help="Who answers for what is accepted.")
@click.option("--reason", help="Why it is accepted.")
@click.option(
    "--expires", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it is accepted."
)
@click.option(
    "--prune", "only_prune", is_flag=True, help="Drop what is expired or gone; accept nothing."
)
def baseline(
    subject: Subject,
    version: str,
    owner: str | None,
    reason: str | None,
    expires: datetime | None,
    only_prune: bool,
) -> None:
    """Accept the findings that SUBJECT has today, in baseline.toml of its parameters.

    Runs every check, and writes what is open with owner, reason and expiry.  From then on these
    findings count as waived, and new ones break.  Asked again, it keeps what still stands as it
    was decided, adds what is new, and drops what is gone.
    """
    today = datetime.now(UTC).date()
    decided = None if only_prune else _decision(owner, reason, expires, today)
    check_parameters(subject)
    load_exemptions(subject.folder)
    results = _results(subject, version)
    if decided is None:
        change = prune(subject.folder, results, today=today)
    else:
        change = accept(
            subject.folder,
            results,
            owner=decided[0],
            reason=decided[1],
            expires=decided[2],
            today=today,
        )
    file = write(subject.folder, change.entries)
    _say(change, results, file)


def _decision(
    owner: str | None, reason: str | None, expires: datetime | None, today: date
) -> tuple[str, str, date]:
    if not owner or not reason or expires is None:
        raise click.UsageError("a baseline needs --owner, --reason and --expires YYYY-MM-DD")
    if expires.date() < today:
        raise ParameterError(
            f"{expires.date()} is past", where="--expires", mend="name a day to come"
        )
    return owner, reason, expires.date()


def _results(subject: Subject, version: str) -> dict[str, list[CheckResult]]:
    console, results = Screen(stderr=True), dict[str, list[CheckResult]]()
    with console.status("") as status:
        for one in subject.select(version):

            def progress(check: type[Check], result: CheckResult | None, one: str = one) -> None:
                if result is None:
                    status.update(one_row(f"{one}: {check.code} {check.title()}"))

            tasks = ask_all(subject.at(one), run_id=new_run_id(), progress=progress)
            results[one] = [r for t in tasks for r in t.results]
    return results


def _say(change: BaselineChange, results: dict[str, list[CheckResult]], file: Path) -> None:
    by_check = Counter(entry.code for entry in change.added)
    echo(
        f"{len(change.added)} findings accepted, of {len(by_check)} checks"
        f" in {len(results)} version{'s'[: len(results) != 1]}; {len(change.dropped)} dropped;"
        f" {BASELINE} holds {len(change.entries)}"
    )
    for code, number in sorted(by_check.items()):
        echo(f"  {code}  {number}")
    silent = {r.code for held in results.values() for r in held if r.outcome in UNTOLD}
    if silent:
        echo(
            f"not covered, since they could not tell: {', '.join(sorted(silent))}; what they find"
            " once they can will be new"
        )
    echo(f"wrote {os.path.relpath(file)}" if change.entries else f"no {BASELINE} is needed")
