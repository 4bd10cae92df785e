"""The closing checks see what the run found before."""

from datetime import UTC, datetime, timedelta

import made_up
import pytest

from audit_lib.model import Gap, Location, Outcome, Severity, Task, TaskResult
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant

TODAY = datetime.now(UTC).date()


def closing(subject, *results):
    """The subject as T6 sees it after tasks T1 to T5, the given results among them."""
    for task in Task:
        if task is not Task.T6:
            own = tuple(r for r in results if r.task is task)
            subject.inquiry.earlier += (TaskResult(subject.name, subject.version, "r", task, own),)
    return subject


@pytest.mark.fails("LED901")
def test_a_serious_finding_in_a_high_risk_file_stays_open(engine):
    edit_source(engine, "trainer.py", "from __future__ import annotations", "def broken(:")
    with mutant(engine) as subject:
        parsed = run_check("LED002", subject)
        result = run_check("LED901", closing(subject, parsed))
    finding = assert_fails(result, path="trainer.py")
    assert finding.message.endswith("open in high-risk files: trainer.py (1)")
    assert finding.severity is Severity.CRITICAL
    row = result.evidence[0].rows[0]
    assert (row[0], row[-1]) == ("LED002", parsed.findings[0].fingerprint)


@pytest.mark.fails("LED901")
def test_a_finding_of_its_own_task_counts_as_well(engine):
    edit_source(engine, "trainer.py", "from __future__ import annotations", "def broken(:")
    with mutant(engine) as subject:
        parsed = run_check("LED002", subject)
        closing(subject).inquiry.so_far = (parsed,)
        result = run_check("LED901", subject)
    finding = assert_fails(result, path="trainer.py")
    assert result.evidence[0].rows[0][-1] == parsed.findings[0].fingerprint
    assert finding.key == "open"


@pytest.mark.passes("LED901")
def test_what_a_waiver_in_force_covers_may_stand(engine, tmp_path):
    edit_source(engine, "trainer.py", "from __future__ import annotations", "def broken(:")
    with mutant(engine) as subject:
        closing(subject).inquiry.so_far = (run_check("LED002", subject),)
        waive(subject, tmp_path, code="LED002", path="trainer.py")
        assert_passes(run_check("LED901", subject))


@pytest.mark.fails("LED901")
def test_what_an_ended_waiver_covered_may_not(engine, tmp_path):
    edit_source(engine, "trainer.py", "from __future__ import annotations", "def broken(:")
    with mutant(engine) as subject:
        closing(subject).inquiry.so_far = (run_check("LED002", subject),)
        ended = TODAY - timedelta(1)
        waive(subject, tmp_path, code="LED002", path="trainer.py", expires=ended)
        assert_fails(run_check("LED901", subject), path="trainer.py")


def test_behaviour_of_which_nobody_knows_the_file_is_a_gap(reference):
    place = Location("hooks.py", base="parameters", line=3, symbol="registry.resolve")
    found = made_up.finding("GOV001", location=place, severity=Severity.CRITICAL)
    shown = made_up.result("GOV001", Outcome.FAIL, findings=(found,))
    result = run_check("LED901", closing(reference.at(reference.version), shown))
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.gaps[0].what == "serious findings shown by registry.resolve"


@pytest.mark.parametrize(("path", "there"), [("registry.py", Outcome.FAIL), ("x.py", Outcome.PASS)])
def test_behaviour_counts_in_the_file_where_it_stands(reference, path, there):
    hook = Location("hooks.py", base="parameters", line=3, symbol="registry.resolve")
    place = Location(path, line=3)
    found = made_up.finding("GOV001", location=place, severity=Severity.HIGH, related=hook)
    shown = made_up.result("GOV001", Outcome.FAIL, findings=(found,))
    assert run_check("LED901", closing(reference.at(reference.version), shown)).outcome is there


@pytest.mark.passes("LED901")
def test_the_same_in_another_file_is_not_counted(engine):
    edit_source(engine, "drift.py", "from __future__ import annotations", "def broken(:")
    with mutant(engine) as subject:
        parsed = run_check("LED002", subject)
        assert parsed.outcome is Outcome.FAIL
        assert_passes(run_check("LED901", closing(subject, parsed)))


def test_a_task_that_did_not_run_is_a_gap(reference):
    subject = reference.at(reference.version)
    subject.inquiry.earlier = (TaskResult(subject.name, subject.version, "r", Task.T1, ()),)
    result = run_check("LED901", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert Gap("T2", "has no results in this run") in result.gaps


def test_alone_it_assesses_nothing(reference):
    result = run_check("LED901", reference.at(reference.version))
    assert (result.outcome, result.reason) == (
        Outcome.NOT_ASSESSED,
        "no earlier task of this run has results to close over",
    )


def waive(subject, folder, **entry):
    """The subject with its parameters elsewhere, and one waiver among them."""
    given = {"owner": "desk", "reason": "known", "expires": TODAY + timedelta(30), **entry}
    lines = [f"{k} = {v if k == 'expires' else repr(v)}" for k, v in given.items()]
    (folder / "exemptions.toml").write_text("[[exemption]]\n" + "\n".join(lines) + "\n")
    subject.folder = folder
    return subject


@pytest.mark.fails("LED902")
def test_a_waiver_past_its_date(reference, tmp_path):
    yesterday = TODAY - timedelta(1)
    subject = closing(reference.at(reference.version))
    result = run_check("LED902", waive(subject, tmp_path, fingerprint="abc", expires=yesterday))
    finding = assert_fails(result, path="exemptions.toml", key="expired abc ")
    assert finding.measured == yesterday.isoformat()
    assert finding.message == f"the waiver of abc by desk ended on {yesterday}"
    assert [row[0] for row in result.evidence[0].rows] == ["expired"]


@pytest.mark.fails("LED902")
def test_a_waiver_that_covers_nothing(reference, tmp_path):
    subject = closing(reference.at(reference.version))
    result = run_check("LED902", waive(subject, tmp_path, fingerprint="abc"))
    assert assert_fails(result, key="unused abc ").measured == "0 findings"


@pytest.mark.passes("LED902")
def test_a_waiver_in_force_that_covers_a_finding(engine, tmp_path):
    edit_source(engine, "drift.py", "from __future__ import annotations", "def broken(:")
    with mutant(engine) as subject:
        parsed = run_check("LED002", subject)
        waive(closing(subject, parsed), tmp_path, code="LED002", path="drift.py")
        result = run_check("LED902", subject)
    assert_passes(result)
    until = (TODAY + timedelta(30)).isoformat()
    assert result.evidence[0].rows == (
        ("in force", "LED002 at drift.py", "all", 1, "desk", "known", until),
    )


@pytest.mark.passes("LED902")
def test_no_waiver_at_all(reference):
    assert_passes(run_check("LED902", closing(reference.at(reference.version))))


def test_unused_is_not_told_before_every_task_has_run(reference, tmp_path):
    result = run_check(
        "LED902", waive(reference.at(reference.version), tmp_path, fingerprint="abc")
    )
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "unused waivers" in result.reason
