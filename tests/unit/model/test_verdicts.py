"""How outcomes become verdicts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_lib.model import (
    CheckResult,
    Contract,
    Exempted,
    Finding,
    Gap,
    Location,
    Outcome,
    Severity,
    Task,
    Verdict,
    effective_outcome,
    noted,
    ranked,
    verdict_of,
)


def finding(severity=Severity.HIGH, key="", line=1):
    return Finding(
        "SPL001",
        Contract.SPLITS,
        Task.T2,
        severity,
        Location("a.py", line=line, symbol="f"),
        "m",
        key=key,
    )


def result(outcome=Outcome.PASS, findings=(), **more):
    return CheckResult(
        "SPL001",
        "Name",
        "title",
        Contract.SPLITS,
        Task.T2,
        Severity.HIGH,
        outcome,
        findings=tuple(findings),
        **more,
    )


def waived(*findings):
    return tuple(Exempted(f.fingerprint, "desk", "known", "2099-01-01") for f in findings)


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([], None),
        ([Outcome.NOT_APPLICABLE], None),
        ([Outcome.PASS], Verdict.KEPT),
        ([Outcome.PASS, Outcome.NOT_APPLICABLE], Verdict.KEPT),
        ([Outcome.PASS, Outcome.NOT_ASSESSED], Verdict.INCONCLUSIVE),
        ([Outcome.NOT_ASSESSED], Verdict.INCONCLUSIVE),
        ([Outcome.PASS, Outcome.ERROR], Verdict.INCONCLUSIVE),
        ([Outcome.ERROR, Outcome.FAIL], Verdict.BROKEN),
    ],
)
def test_verdict(outcomes, verdict):
    found = [finding()]
    results = [result(o, found if o is Outcome.FAIL else ()) for o in outcomes]
    assert verdict_of(results) is verdict


@given(st.lists(st.sampled_from(list(Outcome)), min_size=1))
def test_kept_means_that_something_passed_and_nothing_else_spoke(outcomes):
    results = [result(o, [finding()] if o is Outcome.FAIL else ()) for o in outcomes]
    kept = verdict_of(results) is Verdict.KEPT
    assert kept == (
        set(outcomes) <= {Outcome.PASS, Outcome.NOT_APPLICABLE} and Outcome.PASS in outcomes
    )


def test_a_waived_finding_no_longer_breaks():
    found = finding()
    failed = result(Outcome.FAIL, [found])
    assert verdict_of([failed]) is Verdict.BROKEN
    assert verdict_of([replace(failed, exempted=waived(found))]) is Verdict.KEPT


def test_a_waiver_of_one_finding_does_not_cover_another():
    one, other = finding(key="a"), finding(key="b")
    failed = result(Outcome.FAIL, [one, other], exempted=waived(one))
    assert effective_outcome(failed) is Outcome.FAIL
    assert failed.open_findings == (other,)


def test_a_waived_result_with_gaps_is_still_not_a_pass():
    found = finding()
    failed = result(Outcome.FAIL, [found], exempted=waived(found), gaps=(Gap("x", "unreadable"),))
    assert effective_outcome(failed) is Outcome.NOT_ASSESSED


def test_fingerprint_ignores_line_and_measured_value_and_sees_place_and_key():
    base = finding()
    assert finding(line=99).fingerprint == base.fingerprint
    assert replace(base, measured="7", message="other").fingerprint == base.fingerprint
    assert finding(key="fold 3").fingerprint != base.fingerprint
    assert replace(base, location=Location("b.py", symbol="f")).fingerprint != base.fingerprint


def test_ranked_puts_the_worst_first():
    found = [finding(Severity.LOW), finding(Severity.CRITICAL), finding(Severity.MEDIUM)]
    assert [f.severity.label for f in ranked(found)] == ["critical", "medium", "low"]


def test_severities_by_name():
    assert Severity.parse("High") is Severity.HIGH
    with pytest.raises(ValueError, match="known: info, low, medium, high, critical"):
        Severity.parse("fatal")
    assert [s.sarif_level for s in Severity] == ["note", "note", "warning", "error", "error"]


def test_a_kept_check_that_informs_is_counted_as_such():
    said = result(Outcome.PASS, (finding(Severity.INFO),))
    assert noted([said, result(), result(Outcome.FAIL, (finding(),))]) == 1
    silent = result(Outcome.PASS, (told := finding(Severity.INFO),), exempted=waived(told))
    assert noted([silent]) == 0
