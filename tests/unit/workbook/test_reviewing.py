"""The review of lines in a notebook: T1 measures, T6 takes all tasks together."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from audit_lib.model import Exercised, FileReview, Review, Task
from audit_lib.model.reviews import executed, merged, numbers, ranges, shares
from audit_lib.reporters.json_report import dump_task, load_task
from audit_lib.workbook import Workbook, looking, reviewing

HOOKS = """
import sys
from audit_lib.hooks import surface

@surface("drift.psi")
def psi(at, reference, current):
    sys.path.insert(0, str(at.root))
    import engine
    return 0.0 if engine.decide(1, 2) == "higher" else 1.0
"""
ENGINE = """\
def decide(a, b):
    if a > b:
        return "lower"
    return "higher"


def unused(
    a,
):
    return a
"""


@pytest.fixture
def folder(workspace: Path) -> Path:
    (parameters,) = (workspace / "parameters").glob("*/subject.yaml")
    return parameters.parent


@pytest.fixture
def source(folder: Path) -> dict:
    """A subject with one hook; what its parameters say."""
    said = yaml.safe_load((folder / "subject.yaml").read_text())
    root = (folder / said["source"]["root"]).resolve()
    for old in root.rglob("*.py"):
        old.unlink()
    (root / "engine.py").write_text(ENGINE)
    said["source"] |= {"subsystem": {"files": ["**/*.py"]}, "high_risk": ["engine.py"]}
    (folder / "hooks.py").write_text(HOOKS)
    (folder / "subject.yaml").write_text(yaml.safe_dump(said))
    return said


@pytest.fixture
def shown(monkeypatch) -> list:
    parts: list = []
    monkeypatch.setattr(looking, "show", parts.extend)
    return parts


def opened(task: Task, folder: Path) -> Workbook:
    return Workbook.open(task.value, {"subject": folder.name, "version": "latest"})


def test_t1_calls_each_hook_once_and_shows_three_shares(folder, source, shown) -> None:
    audit = opened(Task.T1, folder)
    audit.run()
    assert audit.result is not None
    review = audit.result.review
    assert review is not None
    assert review.exercised == (Exercised("drift.psi", "engine.py", "2,4", "1,7"),)
    assert review.files == (FileReview("engine.py", 10, 10, 6, 2),)
    audit.review()
    share, _heading, picture, _note, by_file, surfaces, least = shown
    assert picture.alt.startswith("Lines under audit, by file")
    assert [row[:4] for row in share.rows] == [
        ("scanned", 10, 10, "100.0%"),
        ("exercised", 4, 6, "66.7%"),
        ("certified", 0, 10, "0.0%"),
    ]
    assert by_file.rows == (("engine.py", 10, 1.0, 0.6667),)
    assert surfaces.rows == (("drift", 4, 4),)
    assert [(r[0], r[1], *r[3:]) for r in least.rows] == [
        ("engine.py::unused", 7, True, 1, "0.0%", ""),
        ("engine.py::decide", 1, True, 3, "66.7%", "drift"),
    ]
    audit.close()
    assert load_task(dump_task(audit.result)).review == review


def test_a_subject_may_ask_for_none_or_for_every_call(folder, source, shown) -> None:
    file = folder / "subject.yaml"
    file.write_text(yaml.safe_dump({**source, "exercise": "never"}))
    audit = opened(Task.T1, folder)
    audit.run()
    audit.review()
    audit.close()
    share, by_file = shown[0], shown[-1]
    said = "not measured: the parameters say `exercise: never`"
    assert share.rows[1] == ("exercised", None, 6, None, said)
    assert by_file.rows == (("engine.py", 10, 1.0, None),)
    file.write_text(yaml.safe_dump({**source, "exercise": "every_call"}))
    audit = opened(Task.T4, folder)
    audit.run()
    assert audit.result is not None
    assert audit.result.review is not None
    assert audit.result.review.exercised[0].called == "2,4"
    audit.close()


def test_other_tasks_do_not_measure_by_default(folder, source, shown) -> None:
    audit = opened(Task.T4, folder)
    audit.run()
    assert audit.result is not None
    assert audit.result.review is None
    stopped = audit.result.provenance["isolation_stopped"]
    assert "python writes" in stopped.split(", ")
    told = audit.result.provenance["subject_environment"]
    assert f"python {sys.version.split()[0]}" in told
    assert "scikit-learn" in told
    audit.review()
    assert [p.text for p in shown] == ["no task of this run has taken stock of the lines: run T1"]
    audit.close()


def test_reviews_of_several_tasks_are_one() -> None:
    files = (FileReview("a.py", 20, 20, 10, 2, {"read": 5}), FileReview("b.py", 4, 0, 0, 0))
    one = Review(files, (Exercised("drift.psi", "a.py", "3-5", "1"),), 2, missing=("m",))
    two = Review(
        files,
        (Exercised("drift.psi", "a.py", "5-6"), Exercised("drift.cusum", "a.py", "3", "1-2")),
        3,
        missing=("m", "n"),
    )
    none = Review(files, unmeasured="no hook was called")
    both = merged([none, one, two])
    assert both is not None
    assert (both.calls, both.unmeasured, both.missing) == (5, "", ("m", "n"))
    assert executed(both) == {
        "a.py": {
            1: ("drift.cusum", "drift.psi"),
            2: ("drift.cusum",),
            3: ("drift.cusum", "drift.psi"),
            4: ("drift.psi",),
            5: ("drift.psi",),
            6: ("drift.psi",),
        }
    }
    assert [(s.kind, s.lines, s.of) for s in shares(both)] == [
        ("scanned", 20, 24),
        ("exercised", 6, 10),
        ("certified", 5, 24),
    ]
    assert merged([]) is None
    assert merged([none]) == none
    assert reviewing.percent(0, 0) is None


@pytest.mark.parametrize(
    ("lines", "text"), [(set(), ""), ({3}, "3"), ({1, 2, 3, 7, 9, 10}, "1-3,7,9-10")]
)
def test_lines_are_written_as_ranges_and_read_back(lines, text) -> None:
    assert ranges(lines) == text
    assert numbers(text) == lines
