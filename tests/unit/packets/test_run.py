from __future__ import annotations

import json

import made_up
import pytest

from audit_lib.model import Task
from audit_lib.packets.run import read_run


@pytest.fixture
def folder(tmp_path):
    return made_up.lay(tmp_path, made_up.tasks())


def test_a_whole_run_has_no_problems(folder):
    run = read_run(folder)
    assert [t.task for t in run.tasks] == list(Task)
    assert run.problems == {}


def test_a_task_without_results_is_a_problem_where_it_was_planned(folder):
    (folder / "results/T3.json").unlink()
    assert read_run(folder).problems == {Task.T3: "did not finish: it left no results"}
    assert read_run(folder, (Task.T1,)).problems == {}


def _cut(folder):
    file = folder / "results/T2.json"
    file.write_bytes(file.read_bytes()[:100])


def _swap(folder):
    (folder / "results/T1.json").replace(folder / "results/T2.json")


def _other_run(folder):
    made_up.lay(folder, [made_up.tasks(run_id="another")[1]])


def _other_version(folder):
    made_up.lay(folder, [made_up.tasks(version="v9")[1]])


def _edited(folder):
    file = folder / "results/T2.json"
    file.write_text(file.read_text().replace('"critical"', '"info"'))


def _unsealed(folder):
    (folder / "sentinels/T2.json").unlink()


def _seal_of(folder, **changes):
    file = folder / "sentinels/T2.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_cut, "results/T2.json: is not JSON"),
        (_swap, "its results are those of T1"),
        (_other_run, "its results have run_id 'another'"),
        (_other_version, "its results have version 'v9'"),
        (_edited, "its sentinel holds results_sha256"),
        (_unsealed, "its last cell left no sentinel"),
        (lambda f: _seal_of(f, run_id="x"), "its sentinel holds run_id 'x'"),
        (lambda f: (f / "sentinels/T2.json").write_text("{"), "its sentinel cannot be read"),
        (lambda f: (f / "sentinels/T2.json").write_text("[]"), "its sentinel holds run_id None"),
        (lambda f: (f / "results/T2.json").write_bytes(b"\xff"), "its results cannot be read"),
    ],
)
def test_what_is_not_as_a_task_left_it_is_a_problem(folder, spoil, says):
    spoil(folder)
    assert says in read_run(folder).problems[Task.T2]
