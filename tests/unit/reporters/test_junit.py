from __future__ import annotations

import xml.etree.ElementTree as ET

import made_up
import pytest

from audit_lib.model import Outcome
from audit_lib.reporters import Report, report_of
from audit_lib.reporters.junit import to_junit


def cases(*results):
    root = ET.fromstring(to_junit(Report("engine", "v1", "gate", results)))
    return root, {c.get("name")[:6]: c for c in root.iter("testcase")}


def test_one_case_a_check_one_suite_a_task():
    tasks = made_up.tasks()
    root = ET.fromstring(to_junit(report_of(tasks)))
    assert len(root.findall("testsuite")) == 6
    assert len(list(root.iter("testcase"))) == sum(len(t.results) for t in tasks)


@pytest.mark.parametrize(
    ("outcome", "tag", "says"),
    [
        (Outcome.ERROR, "error", "boom"),
        (Outcome.NOT_ASSESSED, "skipped", "not assessed: boom"),
        (Outcome.NOT_APPLICABLE, "skipped", "not applicable: boom"),
    ],
)
def test_outcomes_are_told_apart(outcome, tag, says):
    root, found = cases(made_up.result("GOV001", outcome, reason="boom"))
    (child,) = found["GOV001"]
    assert (child.tag, child.get("message")) == (tag, says)
    counted = {k: int(root.get(k)) for k in ("failures", "errors", "skipped")}
    assert counted == {"failures": 0, "errors": 0, "skipped": 0} | {
        {"error": "errors", "skipped": "skipped"}[tag]: 1
    }


def test_a_failure_lists_its_findings_and_a_waiver_is_none():
    _, found = cases(*(r for t in made_up.tasks() for r in t.results))
    failure = found["SPL001"].find("failure")
    assert failure.get("message").startswith("1 critical: fold 3 trains")
    assert failure.text.startswith("engine/features.py:88: critical: fold 3")
    assert "measured purge 4, expected purge of at least 10" in failure.text
    waived = found["DRF001"]
    assert waived.find("failure") is None
    assert "exempted until 2026-12-31: engine/features.py:88" in waived.find("system-out").text


def test_a_pass_has_no_child_but_what_it_examined():
    _, found = cases(made_up.result("SPL001"))
    assert [(c.tag, c.text) for c in found["SPL001"]] == [("system-out", "examined 12 columns")]


@pytest.mark.parametrize("text", made_up.HOSTILE)
def test_hostile_text_is_well_formed_and_encodable(text):
    finding = made_up.finding("SEC001", message=text, measured=text)
    made = to_junit(
        Report(text, text, text, (
            made_up.result("SEC001", Outcome.FAIL, findings=(finding,)),
            made_up.result("GOV001", Outcome.ERROR, reason=text, title=text),
        ))
    )  # fmt: skip
    root = ET.fromstring(made.encode("utf-8"))
    assert {e.tag for e in root.iter()} <= {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error",
    }  # fmt: skip
