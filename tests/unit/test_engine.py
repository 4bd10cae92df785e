"""Checks run to an outcome, whatever they do."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import Field

from audit_lib import engine
from audit_lib.checks.base import Check, Reads
from audit_lib.engine import run_check, run_task
from audit_lib.errors import NotApplicable, NotAssessed, ParameterError
from audit_lib.model import (
    Contract,
    Evidence,
    Examined,
    Gap,
    Location,
    Outcome,
    Severity,
    Task,
)
from audit_lib.selection import configured
from audit_lib.subject.inquiry import Inquiry
from audit_lib.subject.parameters import SubjectParameters

HERE = Location("a.py", line=3)


class Scripted(Check):
    """A check that yields what the test put into the subject.

    Remediation
        Mend the place. And look again.
    """

    code = "SPL001"
    contract = Contract.SPLITS
    task = Task.T2
    severity = Severity.HIGH
    reads = Reads.CODE

    limit: float = Field(1.0, gt=0, description="a limit")

    def run(self, subject):
        for answer in subject.script:
            if isinstance(answer, Exception):
                raise answer
            yield self.finding(HERE, answer, key=answer) if isinstance(answer, str) else answer


def subject(*script, options=None, folder="."):
    made = SimpleNamespace(
        script=script,
        name="s",
        version="1",
        folder=Path(folder),
        root=Path("/repository"),
        parameters=SubjectParameters(subject="s", options=options or {}),
        hook=lambda name: None,
        hooks=SimpleNamespace(variants=lambda hook: ()),
        variant="",
        noting=lambda: nullcontext({}),
        every_key=lambda: [{}],
        inquiry=Inquiry(),
    )
    made.base, made.bound = made, lambda variant, key: made
    return made


def outcome(*script):
    result = run_check(Scripted(), subject(*script))
    return result.outcome


def test_outcomes():
    assert outcome(Examined(3, "rows")) is Outcome.PASS
    assert outcome(Examined(3, "rows"), "found") is Outcome.FAIL
    assert outcome() is Outcome.NOT_ASSESSED
    assert outcome(Examined(0, "rows")) is Outcome.NOT_ASSESSED
    assert outcome(Examined(3, "rows"), Gap("b", "unreadable")) is Outcome.NOT_ASSESSED
    assert outcome(NotAssessed("no hook")) is Outcome.NOT_ASSESSED
    assert outcome(NotApplicable("no surface")) is Outcome.NOT_APPLICABLE
    assert outcome(ZeroDivisionError("x")) is Outcome.ERROR


def test_findings_before_a_crash_are_kept_and_decide():
    result = run_check(Scripted(), subject("found", RuntimeError("later")))
    assert result.outcome is Outcome.FAIL
    assert [f.message for f in result.findings] == ["found"]
    assert "the check crashed: RuntimeError: later (test_engine.py:" in result.reason


def test_a_finding_with_gaps_still_fails():
    result = run_check(Scripted(), subject("found", Gap("b", "c")))
    assert result.outcome is Outcome.FAIL
    assert result.gaps == (Gap("b", "c"),)


def test_an_informing_finding_does_not_break():
    note = Scripted().finding(HERE, "by the way", severity=Severity.INFO)
    result = run_check(Scripted(), subject(Examined(1, "row"), note))
    assert result.outcome is Outcome.PASS
    assert result.findings == (note,)


def test_a_finding_is_filled_in_from_its_check():
    (found,) = run_check(Scripted(), subject("found")).findings
    assert (found.code, found.severity, found.contract) == (
        "SPL001",
        Severity.HIGH,
        Contract.SPLITS,
    )
    assert found.remediation == "Mend the place."


def test_evidence_is_kept():
    table = Evidence("t", "T", ("a",), ((1,),))
    assert run_check(Scripted(), subject(Examined(1, "row"), table)).evidence == (table,)


def test_options_reach_the_check_and_bad_ones_name_the_key():
    given = configured(Scripted, subject(options={"SPL001": {"limit": 2}}))
    assert given.limit == 2.0
    with pytest.raises(ParameterError, match=r"options\.SPL001\.limt") as caught:
        configured(Scripted, subject(options={"SPL001": {"limt": 2}}))
    assert "options of SPL001: limit" in str(caught.value)


def test_a_task_tells_its_progress_and_runs_nothing_on_bad_options():
    told = []
    result = run_task(
        Task.T2,
        subject(Examined(1, "row")),
        [Scripted],
        run_id="r",
        progress=lambda check, done: told.append((check.code, done and done.outcome)),
    )
    assert told == [("SPL001", None), ("SPL001", Outcome.PASS)]
    assert (result.task, result.run_id, result.version) == (Task.T2, "r", "1")
    with pytest.raises(ParameterError):
        run_task(Task.T2, subject(options={"SPL001": {"x": 1}}), [Scripted], run_id="r")


def test_each_check_sees_what_came_before_it_in_its_task():
    seen = []

    class Looking(Scripted):
        """Look at what came before."""

        def run(self, subject):
            seen.append([r.code for r in subject.inquiry.so_far])
            yield Examined(1, "row")

    run_task(Task.T2, subject(), [Looking, Looking], run_id="r")
    assert seen == [[], ["SPL001"]]


def test_who_runs_checks_by_hand_takes_all_from_the_engine():
    wanted = {"check_parameters", "configured", "run_check", "run_checks"}
    assert wanted <= set(engine.__all__)
    assert all(callable(getattr(engine, name)) for name in wanted)
