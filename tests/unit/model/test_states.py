"""Baseline states: what a finding is against an earlier run."""

from __future__ import annotations

from dataclasses import replace

import made_up
import pytest

from audit_lib.model import Exempted, Location, Outcome, Severity, Task, TaskResult
from audit_lib.model.closure import compare
from audit_lib.model.states import baseline_states


def run(*findings, version="v1", exempted=(), outcome=Outcome.FAIL):
    result = made_up.result("SPL001", outcome, findings=findings)
    result = replace(result, exempted=exempted)
    return (TaskResult("engine", version, "r", Task.T2, (result,)),)


def states(before, after):
    return list(baseline_states(after, compare(before, after)).values())


F = made_up.finding("SPL001", location=Location("a.py", line=3, symbol="f"), measured="4")


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (F, "unchanged"),
        (replace(F, measured="5"), "updated"),
        (replace(F, location=replace(F.location, line=9)), "updated"),
        (replace(F, key="another"), "new"),
    ],
)
def test_a_finding_is_what_it_became(now, state):
    assert states(run(F), run(now)) == [state]


def test_what_is_gone_has_no_state():
    assert states(run(F), run(outcome=Outcome.PASS)) == []


def test_a_note_is_compared_too():
    note = replace(F, severity=Severity.INFO)
    assert states(run(note), run(note)) == ["unchanged"]
    assert states(run(outcome=Outcome.PASS), run(note)) == ["new"]


def test_a_waived_finding_is_unchanged_and_one_whose_waiver_ended_updated():
    waiver = Exempted(F.fingerprint, "desk", "known", "2030-01-01")
    assert states(run(F), run(F, exempted=(waiver,))) == ["unchanged"]
    assert states(run(F, exempted=(waiver,)), run(F)) == ["updated"]


def test_every_finding_has_a_state():
    tasks = made_up.tasks()
    found = {f.fingerprint for t in tasks for r in t.results for f in r.findings}
    assert set(baseline_states(tasks, compare(made_up.clean_tasks(), tasks))) == found
