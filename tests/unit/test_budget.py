"""A budget: the gravest first, what is left is not assessed, and nothing of it passes."""

import time
from typing import ClassVar

import pytest

from audit_lib import budget
from audit_lib.budget import OUT_OF_BUDGET, VARIABLE, seconds_of
from audit_lib.checks.base import Check, Reads
from audit_lib.engine import run_checks
from audit_lib.errors import ParameterError
from audit_lib.model import Contract, Examined, Location, Outcome, Severity, Task
from tests.made_repo import subject

HOOKS = """
import time
from audit_lib.hooks import surface

@surface("drift.psi")
def psi(at, a, b):
    time.sleep(a[0])
    return 1.0
"""


class _Slow(Check):
    """Asks for as long as it is told.

    What it checks
        Nothing.
    """

    contract = Contract.DRIFT
    task = Task.T4
    reads = Reads.BEHAVIOUR
    needs = ("drift.psi",)
    sleeps: ClassVar[float] = 0.0

    def run(self, subject):
        """Ask, and accuse."""
        try:
            subject.hook("drift.psi")([self.sleeps], [1.0])
        except Exception:  # noqa: BLE001 - a check that takes every failure for an answer
            yield self.finding(Location("a.py"), "it did not answer")
        yield Examined(1, "answers")


def slow(code, severity, sleeps):
    return type(code, (_Slow,), {"code": code, "severity": severity, "sleeps": sleeps})()


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("60s", 60), ("5m", 300), ("1.5h", 5400), ("2 min", 120)]
)
def test_times_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-1", "soon", "1d"])
def test_what_is_no_time_is_said(text):
    with pytest.raises(ParameterError, match="60s"):
        seconds_of(text)


def test_it_reaches_other_processes_by_the_environment(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    assert budget.used_up()
    budget.begin(60)
    time.sleep(0.2)  # what a kernel takes to start is not paid from it
    begun = time.time()
    assert budget.budget_until() >= begun + 60
    assert budget.budget_until() == budget.budget_until()
    assert 55 < budget.budget_until() - time.time() <= 60
    assert not budget.used_up()
    budget.begin(None)
    assert budget.budget_until() is None


def test_of_equally_grave_checks_those_that_read_come_first(tmp_path, monkeypatch):
    class Reading(Check):
        """Reads.

        What it checks
            Nothing.
        """

        contract, task, code, reads = Contract.DRIFT, Task.T4, "ZZZ009", Reads.CODE
        severity = Severity.HIGH

        def run(self, subject):
            """Read."""
            time.sleep(0.3)
            yield Examined(1, "lines")

    found = subject(tmp_path, {"a.py": ""}, own={"hooks.py": HOOKS})
    monkeypatch.setenv(VARIABLE, "")
    budget.begin(0.2)  # no host starts in that time
    light = type("Light", (Reading,), {"code": "ZZZ003", "severity": Severity.MEDIUM})
    asked = [slow("ZZZ001", Severity.HIGH, 0.0), Reading(), slow("ZZZ002", Severity.LOW, 0.0)]
    hooked, read, low, easy = run_checks([*asked, light()], found)
    assert [r.reason for r in (hooked, low, easy)] == [OUT_OF_BUDGET] * 3
    assert read.outcome is Outcome.PASS
    assert run_checks([Reading()], found)[0].outcome is Outcome.PASS  # though all is used up


def test_the_gravest_are_asked_first_and_the_rest_is_not_assessed(tmp_path, monkeypatch):
    found = subject(tmp_path, {"a.py": ""}, own={"hooks.py": HOOKS})
    found.hook("drift.psi")([0.0], [1.0])  # the host is up
    monkeypatch.setenv(VARIABLE, repr(time.time() + 3))
    low, hangs, grave = (
        slow("DRF901", Severity.LOW, 0),
        slow("DRF902", Severity.MEDIUM, 600),
        slow("DRF903", Severity.CRITICAL, 0),
    )
    began = time.time()
    results = {r.code: r for r in run_checks([low, hangs, grave], found)}
    assert time.time() - began < 30
    assert list(results) == ["DRF901", "DRF902", "DRF903"]
    assert results["DRF903"].outcome is Outcome.PASS
    for code in ("DRF901", "DRF902"):
        assert (results[code].outcome, results[code].reason) == (
            Outcome.NOT_ASSESSED,
            OUT_OF_BUDGET,
        )
        assert results[code].findings == ()
    found.close()
