"""What T6 shows of the closure, and which runs it compares with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import made_up
import pytest
import toy_workspace

from audit_lib.execution.layout import Place
from audit_lib.model import Exempted, Outcome, Task, TaskResult
from audit_lib.model.closure import compare
from audit_lib.packets.manifest import NAME
from audit_lib.subject.subject import Subject, open_subject
from audit_lib.workbook.baselines import baselines
from audit_lib.workbook.closing import closing_sheet
from audit_lib.workbook.sheets import identified


def run(*results, version: str = "v2") -> list[TaskResult]:
    made = made_up.tasks(version=version)[1]
    return [replace(made, results=results, boundaries=(), dependents={"engine/features.py": 3})]


def failing(*keys: str, **changes):
    findings = tuple(made_up.finding("SPL001", key=k) for k in keys)
    return made_up.result("SPL001", Outcome.FAIL, findings=findings, **changes)


def test_the_sheet_says_rank_fate_reach_place_and_exemption():
    waived = made_up.finding("SPL001", key="waived").fingerprint
    ended = made_up.finding("SPL001", key="ended").fingerprint
    now = run(
        failing(
            "a",
            "ended",
            "waived",
            exempted=(Exempted(waived, "desk", "known", "2027-01-01"),),
            lapsed=(Exempted(ended, "desk", "was known", "2026-01-01"),),
        )
    )
    before = run(failing("ended", "gone"))
    against = [compare(before, now, label="the previous run")]
    sheet = closing_sheet(now, against, identified(now[0].results), {})
    frame = sheet.frame
    assert sheet.title == "Closure: 2 open (2 high)"
    assert list(frame["finding"]) == ["SPL001-1", "SPL001-2", "SPL001-3", "SPL001"]
    assert list(frame["rank"].astype(object))[:2] == [1, 2]
    assert list(frame["state"]) == ["open", "open", "exempted", "fixed"]
    assert list(frame["against the previous run"]) == ["new", "persisting", "exempted", "fixed"]
    assert list(frame["dependents"]) == [3, 3, 3, 3]
    assert list(frame["tasks"]) == ["T2"] * 4
    assert list(frame["where"]) == ["engine/features.py:88"] * 4
    assert list(frame["exemption"].fillna("")) == [
        "",
        "EXPIRED 2026-01-01 desk: was known",
        "2027-01-01 desk: known",
        "",
    ]
    assert sheet.note.endswith("1 new · 1 persisting · 1 exempted · 1 fixed.")


# --- which runs -------------------------------------------------------------------------------
def publish(place: Place, run_id: str, *tasks: Task) -> Path:
    folder = place.published(run_id)
    for task in tasks or tuple(Task):
        folder.save(task, "{}")
    (folder.path / NAME).write_text("{}", encoding="utf-8")
    (place.folder / "latest").unlink(missing_ok=True)
    (place.folder / "latest").symlink_to(run_id)
    return folder.path


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return open_subject("toy", workspace=toy_workspace.make(tmp_path)).at("v2")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "reports", "toy", "v2")


def labels(found):
    return [(b.label, b.run_dir.name, [p.name for p in b.earlier]) for b in found]


def test_the_first_run_is_compared_with_nothing(subject, place):
    assert baselines(place, subject) == []


def test_the_champion_and_the_previous_run(subject, place):
    publish(Place(place.reports, "toy", "v1"), "c1")
    for run_id in ("r1", "r2", "r3"):
        publish(place, run_id)
    assert labels(baselines(place, subject, but="r4")) == [
        ("champion v1", "c1", []),
        ("the previous run", "r3", ["r1", "r2"]),
    ]


def test_a_run_is_never_compared_with_itself_or_a_later_one(subject, place):
    for run_id in ("r1", "r2", "r3"):
        publish(place, run_id)
    assert labels(baselines(place, subject, but="r2")) == [("the previous run", "r1", [])]
    assert labels(baselines(place, subject, but="r1")) == []


def test_a_run_of_some_tasks_is_no_previous_run_but_history(subject, place):
    publish(place, "r1", Task.T1)
    publish(place, "r2")
    publish(place, "r3", Task.T1)
    assert labels(baselines(place, subject)) == [("the previous run", "r2", ["r1"])]


def test_a_folder_without_manifest_is_no_run(subject, place):
    (publish(place, "r1") / NAME).unlink()
    assert baselines(place, subject) == []


def test_the_champion_is_not_compared_with_itself(subject, place):
    own = Place(place.reports, "toy", "v1")
    publish(own, "c1")
    assert labels(baselines(own, subject.at("v1"))) == [("the previous run", "c1", [])]
