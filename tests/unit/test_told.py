"""Answers that several tasks rest on are told once, and again where anything changed."""

from contextlib import suppress
from pathlib import Path

import pytest

from audit_lib.host import HookError, Measure
from audit_lib.memory import FOLDER, Memory
from audit_lib.subject.subject import Subject, open_subject
from audit_lib.subject.told import Told
from tests.made_repo import subject
from tests.unit.test_memory_of_hooks import FILES, HOOKS, PSI


@pytest.fixture(autouse=True)
def _on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_CACHE")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    subject(tmp_path, FILES, own={"hooks.py": HOOKS.replace("{body}", "pass")}).close()
    return tmp_path


class Task:
    """One task, in a process of its own but for the saying."""

    def __init__(self, folder: Path, version: str = "v1") -> None:
        found = open_subject("made", workspace=folder, root=folder / "repo")
        self.subject: Subject = found.at(version)
        self.memory = Memory(self.subject, [PSI])

    def __enter__(self) -> Subject:
        return self.subject

    def __exit__(self, *_: object) -> None:
        self.memory.close()
        self.subject.close()

    @property
    def told(self) -> Told:
        assert self.subject.inquiry.told is not None
        return self.subject.inquiry.told


def psi(found: Subject, *, again: bool = False) -> float:
    value: float = found.hook("drift.psi", again=again)([1.0], [2.0])
    return value


def test_the_next_task_starts_no_host_for_it(folder: Path) -> None:
    with Task(folder) as found:
        first = psi(found)
        rests, entered = found.inquiry.rests(["drift.psi"]), found.entered("drift.psi")
    task = Task(folder)
    with task as found:
        assert psi(found) == first
        assert (task.told.recalled, found.host.isolation_so_far) == (1, "")
        assert found.inquiry.rests(["drift.psi"]) == rests  # so that checks rest on the same
        assert found.entered("drift.psi") == entered
        assert found.heard("drift.psi").held == 1
    assert task.memory.said()["answers_isolation"]  # the level that it ran at then


def test_a_batch_stands_whole_and_another_question_is_asked(folder: Path) -> None:
    calls = [([1.0], [2.0]), ([1.0, 2.0], [2.0])]
    with Task(folder) as found:
        answers = found.hook("drift.psi", again=False).many(calls)
    task = Task(folder)
    with task as found:
        assert found.hook("drift.psi", again=False).many(calls) == answers
        assert task.told.recalled == 2
        assert found.hook("drift.psi", again=False).many(calls[:1]) == answers[:1]
        assert task.told.recalled == 2


def test_who_looks_for_what_differs_is_not_told_what_was(folder: Path) -> None:
    with Task(folder) as found:
        psi(found)
    task = Task(folder)
    with task as found:
        psi(found, again=True)
        assert found.elsewhere(1).hook("drift.psi", again=False).told is None
        assert found.through(lambda host: host).inquiry.told is None
        assert found.hook("drift.psi", again=False).together().told is None
        assert found.hook("drift.psi", again=False).on(folder).told is None
        found.inquiry.measure = Measure.CHEAPLY
        assert found.hook("drift.psi", again=False).told is None
        assert task.told.recalled == 0


@pytest.mark.parametrize(("hook", "recalled"), [("drift.psi", 1), ("drift.cusum", 0)])
def test_another_version_is_told_where_none_was_asked_for(
    folder: Path, hook: str, recalled: int
) -> None:
    given = ([1.0], [2.0])[: 2 if hook == "drift.psi" else 1]
    for version in ("v1", "v2"):
        task = Task(folder, version)
        with task as found:
            found.hook(hook, again=False)(*given)
    assert task.told.recalled == recalled


def _source(folder: Path) -> None:
    (folder / "repo/pkg/rules.py").write_text("FACTOR = 3\n")


def _cut(folder: Path) -> None:
    (kept,) = (folder / FOLDER).glob("*.told")
    kept.write_bytes(kept.read_bytes()[:-3])


@pytest.mark.parametrize("change", [_source, _cut])
def test_what_changed_is_asked_again(folder: Path, change: object) -> None:
    with Task(folder) as found:
        psi(found)
    change(folder)  # type: ignore[operator]  # one of the two above
    task = Task(folder)
    with task as found:
        assert psi(found) == (3 if change is _source else 2)
        assert task.told.recalled == 0


@pytest.fixture
def spoilt(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    own = {"hooks.py": HOOKS.replace("{body}", request.param)}
    subject(tmp_path, FILES, own=own).close()
    return tmp_path


@pytest.mark.parametrize(
    "spoilt",
    ["raise ValueError('no')", "subprocess.run(['true'])", "open('/usr/bin/env', 'rb').close()"],
    indirect=True,
)
def test_a_failure_and_what_no_digest_holds_are_not_kept(spoilt: Path) -> None:
    with Task(spoilt) as found, suppress(HookError):
        found.hook("drift.shifted", again=False)([1.0])
    assert not list((spoilt / FOLDER).glob("*.told"))


def test_nothing_is_kept_of_a_subject_that_changed_meanwhile(folder: Path) -> None:
    with Task(folder) as found:
        psi(found)
        _source(folder)
    assert not list((folder / FOLDER).glob("*.told"))
