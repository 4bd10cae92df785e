from __future__ import annotations

from dataclasses import replace

import made_up
import pytest

from audit_lib.model import Location, Outcome, Severity, Task, Verdict
from audit_lib.packets.document import document
from audit_lib.packets.sections import Style


def test_a_clean_whole_run_is_kept(packet_of):
    packet = packet_of(made_up.clean_tasks())
    assert packet.verdict is Verdict.KEPT
    assert packet.problems == ()
    assert packet.headline == "14 of 14 contracts kept; nothing is broken."


def test_a_broken_run_says_how_badly(packet_of):
    packet = packet_of(made_up.tasks())
    assert packet.verdict is Verdict.BROKEN
    assert packet.headline == (
        "5 of 14 contracts broken: 2 critical · 1 high · 14 medium · 1 low. "
        "3 contracts could not be told."
    )


@pytest.mark.parametrize("keep", [0, 1, 5])
def test_a_run_that_lacks_tasks_is_never_kept(packet_of, keep):
    packet = packet_of(made_up.clean_tasks(), keep=keep)
    assert packet.verdict is Verdict.INCONCLUSIVE
    assert len(packet.problems) == 6 - keep
    assert "not whole" in packet.headline


def test_a_run_that_lacks_tasks_can_still_be_broken(packet_of):
    assert packet_of(made_up.tasks(), keep=3).verdict is Verdict.BROKEN


def test_tasks_that_nobody_planned_make_no_problem_and_a_partial_run(packet_of):
    packet = packet_of(made_up.clean_tasks(), keep=2, tasks=(Task.T1, Task.T2))
    assert (packet.verdict, packet.words) == (Verdict.INCONCLUSIVE, "PARTIAL")


@pytest.mark.parametrize("tasks", [made_up.tasks(), made_up.clean_tasks()], ids=["bad", "clean"])
def test_a_subject_that_changed_voids_everything(packet_of, tasks):
    packet = packet_of(tasks, subject_after="00" * 32)
    assert packet.void
    assert packet.verdict is Verdict.INCONCLUSIVE
    assert "subject changed" in packet.problems[0]


def test_results_of_another_subject_are_a_problem(packet_of):
    packet = packet_of(made_up.clean_tasks(), subject="other")
    assert packet.problems == (
        "the run is of subject 'other', its results are of 'made_up_engine'",
    )
    assert packet.verdict is Verdict.INCONCLUSIVE


def test_findings_are_ranked_and_named_by_their_place_in_the_check(packet_of):
    packet = packet_of(made_up.tasks())
    ids = [f.id for f in packet.open]
    assert ids[:3] == ["HED001-1", "SPL001-1", "FEA001-1"]
    for found in packet.findings:
        code, _, position = found.id.partition("-")
        assert found.result.code == code
        assert repr(found.result.findings[int(position) - 1]) == repr(found.finding)


def test_exempted_findings_stand_apart(packet_of):
    packet = packet_of(made_up.tasks())
    assert [(f.id, f.exemption.owner) for f in packet.exempted] == [("DRF001-1", "risk desk")]
    assert "DRF001-1" not in [f.id for f in packet.open]
    verdicts = {c.value: v for c, v, _ in packet.contracts}
    assert verdicts["drift"] is Verdict.KEPT


def test_untold_checks_are_listed_crashes_first(packet_of):
    packet = packet_of(made_up.tasks())
    assert [(r.code, r.outcome) for r in packet.untold] == [
        ("GOV001", Outcome.ERROR),
        ("PRC002", Outcome.NOT_ASSESSED),
        ("ONL001", Outcome.NOT_ASSESSED),
    ]


def test_boundaries_are_worst_first(packet_of):
    packet = packet_of(made_up.tasks())
    assert [b.verdict.value for b in packet.boundaries] == ["broken", "inconclusive", "kept"]


def test_what_only_informs_stands_apart(packet_of):
    packet = packet_of(made_up.tasks())
    assert [f.id for f in packet.notes] == ["LED001-1"]
    assert "LED001-1" not in [f.id for f in packet.open]
    assert "info" not in packet.headline


def test_findings_of_other_checks_at_one_place_may_have_one_root(packet_of):
    serve = Location("engine/serve.py", line=3, symbol="serve")
    found = [
        made_up.finding("SPL001", severity=Severity.CRITICAL, key="purge"),
        made_up.finding("SPL002", severity=Severity.LOW, key="embargo"),
        made_up.finding("FEA001", location=serve, key="order"),
        made_up.finding("FEA002", location=serve, key="names", severity=Severity.MEDIUM),
        made_up.finding("HED001", location=replace(serve, symbol="decode"), key="heads"),
    ]
    results = tuple(made_up.result(f.code, Outcome.FAIL, findings=(f,)) for f in found)
    first, *others = made_up.clean_tasks()
    packet = packet_of([replace(first, results=results), *others])
    shown = document(packet, Style(lambda _: None))["findings"]
    assert {f["id"]: (f["root"], f["near"]) for f in shown} == {
        "SPL001-1": ("SPL001-1", ["SPL002-1"]),
        "SPL002-1": ("SPL001-1", ["SPL001-1"]),
        "FEA001-1": ("FEA001-1", ["FEA002-1"]),
        "FEA002-1": ("FEA001-1", ["FEA001-1"]),
        "HED001-1": ("", []),
    }
