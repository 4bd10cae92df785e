"""Letting a notebook fail for a scheduler, once everything is saved."""

import os
from collections.abc import Iterable

from audit_lib.errors import VerdictError
from audit_lib.model import TaskResult, Verdict, breaks, ranked, verdict_of
from audit_lib.model.merging import dependents
from audit_lib.workspace import PLACES

_SHOWN = 3
_FAILING = {
    "never": (),
    "broken": (Verdict.BROKEN,),
    "inconclusive": (Verdict.BROKEN, Verdict.INCONCLUSIVE),
}


def under_workbook_run() -> bool:
    """True in a notebook that ``workbook run`` executes: its exit code tells the verdict."""
    return PLACES["reports"] in os.environ


def fail_if_asked(fail_on: str, tasks: Iterable[TaskResult], missing: Iterable[str]) -> None:
    """Raise where the verdict is one that the notebook was asked to fail on.

    Args:
        fail_on: ``never``, ``broken`` or ``inconclusive``.
        tasks: the task itself; of the closing task, also those that it gathered.
        missing: tasks that the closing task did not find, which keep it from being kept.

    Raises:
        VerdictError: with the worst findings, or what could not be told.
    """
    listed, left_out = list(tasks), list(missing)
    results = [r for t in listed for r in t.results]
    verdict = verdict_of(results)
    if left_out and verdict is not Verdict.BROKEN:
        verdict = Verdict.INCONCLUSIVE
    if under_workbook_run() or verdict not in _FAILING[fail_on]:
        return
    worst = ranked((f for r in results for f in r.open_findings if breaks(f)), dependents(listed))
    reasons = [f"{f.location}: {f.code} {f.severity.label}: {f.message}" for f in worst]
    if verdict is Verdict.INCONCLUSIVE:
        reasons = [f"{task} was not run" for task in left_out]
        reasons += [
            f"{r.code}: {r.reason}" for r in results if r.reason and verdict_of([r]) is verdict
        ]
    more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    raise VerdictError(
        f"{verdict}: {'; '.join(reasons[:_SHOWN])}{more}",
        where=" ".join(t.task.value for t in listed),
        mend="results are saved; read them above, or in the packet; fail_on = 'never' passes on",
    )
