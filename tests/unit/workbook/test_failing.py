"""When the last cell of a notebook raises."""

from __future__ import annotations

import made_up
import pytest

from audit_lib.errors import ParameterError, VerdictError
from audit_lib.model import Outcome, Task, TaskResult
from audit_lib.workbook.failing import fail_if_asked
from audit_lib.workbook.parameters import from_namespace


def task(outcome, name=Task.T2):
    findings = (made_up.finding("SPL001"),) if outcome is Outcome.FAIL else ()
    result = made_up.result("SPL001", outcome, findings=findings, reason="why not")
    return TaskResult("engine", "v1", "r", name, (result,))


BROKEN, UNTOLD, KEPT = map(task, (Outcome.FAIL, Outcome.NOT_ASSESSED, Outcome.PASS))
ABSENT = task(Outcome.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("fail_on", "tasks", "missing", "raises"),
    [
        ("never", [BROKEN], [], ""),
        ("broken", [BROKEN], [], "broken: engine/features.py:88: SPL001 high: fold 3"),
        ("broken", [UNTOLD], [], ""),
        ("broken", [KEPT], ["T3"], ""),
        ("inconclusive", [BROKEN], [], "broken: "),
        ("inconclusive", [UNTOLD], [], "inconclusive: SPL001: why not"),
        ("inconclusive", [KEPT], [], ""),
        ("inconclusive", [ABSENT], [], ""),
        ("inconclusive", [KEPT], ["T3"], "inconclusive: T3 was not run"),
        ("broken", [KEPT, BROKEN], [], "broken: "),
        ("broken", [BROKEN], ["T3"], "broken: "),
    ],
)
def test_it_raises_on_the_verdict_that_was_asked_for(fail_on, tasks, missing, raises):
    if not raises:
        fail_if_asked(fail_on, tasks, missing)
        return
    with pytest.raises(VerdictError) as caught:
        fail_if_asked(fail_on, tasks, missing)
    assert caught.value.message.startswith(raises)


def test_under_a_run_the_exit_code_of_the_run_tells(monkeypatch):
    monkeypatch.setenv("AUDIT_RUN_REPORTS", "")
    assert fail_if_asked("inconclusive", [BROKEN], []) is None  # where it would raise alone


def test_an_unknown_choice_is_refused_before_anything_runs():
    with pytest.raises(ParameterError, match="'fail_on' is 'brokne'") as caught:
        from_namespace({"subject": "toy", "fail_on": "brokne"}, "T2")
    assert caught.value.mend == "use one of: never, broken, inconclusive"
