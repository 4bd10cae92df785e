"""A published run of the same bytes is the answer; of others it is not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import toy_workspace

from audit_lib.execution.plan import Plan, plan
from audit_lib.execution.runner import RunOutcome
from audit_lib.execution.same import Before
from audit_lib.files import digest_of
from audit_lib.model import CheckResult, Contract, Outcome, Severity, Task, TaskResult
from audit_lib.reporters.json_report import dump_task


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.delenv("AUDIT_CACHE")
    workspace = toy_workspace.make(tmp_path)
    toy_workspace.real_notebooks(workspace)
    return plan(["toy"], ["v1"], [Task.T4], workspace=workspace)


def published(planned: Plan, outcome: Outcome = Outcome.PASS, **said: str) -> RunOutcome:
    """A run of the plan's job, as if its notebooks had been executed."""
    (job,) = planned.jobs
    check = CheckResult("A1", "A", "a", Contract.DRIFT, Task.T4, Severity.LOW, outcome)
    result = TaskResult(
        "toy", "v1", job.run_id, Task.T4, (check,), started="", seconds=0.0, provenance=said
    )
    folder = job.place.published(job.run_id)
    folder.save(Task.T4, dump_task(result))
    files = [
        {"path": str(f.relative_to(folder.path)), "sha256": digest_of(f)}
        for f in folder.path.rglob("*.json")
    ]
    (folder.path / "run_manifest.json").write_text(json.dumps({"files": files}))
    return RunOutcome(job, folder.path, (result,), None, 1.0, "")


def again(planned: Plan) -> RunOutcome | None:
    """What is known to another command, which has another run id."""
    (job,) = planned.jobs
    before = Before(planned)
    try:
        return before.outcome_of(replace(job, run_id="another"))
    finally:
        before.close()


def note(planned: Plan, outcome: RunOutcome) -> None:
    before = Before(planned)
    before.note(outcome)
    before.close()


def test_the_same_bytes_have_the_same_answer(planned: Plan) -> None:
    assert again(planned) is None
    made = published(planned)
    note(planned, made)
    found = again(planned)
    assert found is not None
    assert (found.same, found.folder, found.results) == (True, made.folder, made.results)
    assert found.job.run_id == made.job.run_id


@pytest.mark.parametrize(
    "change",
    ["engine/engine.py", "parameters/toy/subject.yaml", "notebook", "packet", "selection"],
)
def test_anything_else_is_run(planned: Plan, change: str) -> None:
    made = published(planned)
    note(planned, made)
    if change == "selection":
        planned = replace(planned, jobs=(replace(planned.jobs[0], select="DRF"),))
    else:
        file = planned.workspace / change
        if change == "notebook":
            file = planned.notebooks[Task.T4]
        elif change == "packet":
            assert made.folder is not None
            file = made.folder / "results" / "T4.json"
        with file.open("a") as text:
            text.write("\n")
    assert again(planned) is None


def test_what_crashed_or_was_cut_short_is_run_again(planned: Plan) -> None:
    note(planned, published(planned, Outcome.ERROR))
    assert again(planned) is None
    note(planned, published(planned, Outcome.PASS, answers_unsteady="A1"))
    assert again(planned) is None


def test_digests_of_the_packet_are_those_of_its_files(planned: Plan) -> None:
    made = published(planned)
    assert made.folder is not None
    content = (made.folder / "results" / "T4.json").read_bytes()
    assert digest_of(made.folder / "results" / "T4.json") == hashlib.sha256(content).hexdigest()
