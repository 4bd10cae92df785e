from __future__ import annotations

from pathlib import Path

import pytest
import toy_workspace

from audit_lib.errors import AuditError, ParameterError, RunError, VersionError
from audit_lib.execution.plan import plan
from audit_lib.model import Task


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return toy_workspace.make(tmp_path)


def test_versions_are_resolved_once_each_the_champion_first(workspace: Path) -> None:
    planned = plan(["toy"], ["latest", "all", "v1"], workspace=workspace)

    assert [j.version for j in planned.jobs] == ["v1", "v2"]
    assert planned.tasks == tuple(Task)
    assert len({j.run_id for j in planned.jobs}) == 2


def test_tasks_run_in_task_order(workspace: Path) -> None:
    assert plan(["toy"], ["v1"], [Task.T6, Task.T2], workspace=workspace).tasks == (
        Task.T2,
        Task.T6,
    )


def test_notebooks_are_told_absolute_paths_in_their_environment_only(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    planned = plan(
        ["toy"], ["v1"], workspace=Path(), root=Path("engine"), reports=Path("elsewhere")
    )

    assert planned.jobs[0].parameters() == {
        "subject": "toy",
        "version": "v1",
        "root": "",
        "reports": "",
        "run_id": planned.jobs[0].run_id,
    }
    assert planned.jobs[0].environment() == {
        "AUDIT_RUN_SUBJECT": "",
        "AUDIT_RUN_ROOT": str(workspace / "engine"),
        "AUDIT_RUN_REPORTS": str(workspace / "elsewhere"),
    }


def test_a_subject_may_be_named_by_its_folder(workspace: Path) -> None:
    folder = workspace / "parameters" / "toy"

    planned = plan([f"{folder}/"], ["v1"], workspace=workspace)

    assert planned.jobs[0].subject == "toy"
    assert planned.jobs[0].reference == f"{folder}/"
    assert planned.jobs[0].parameters()["subject"] == "toy"
    assert planned.jobs[0].environment()["AUDIT_RUN_SUBJECT"] == f"{folder}/"


def test_what_cannot_run_is_one_message(workspace: Path) -> None:
    with pytest.raises(VersionError, match="no version 'v9'"):
        plan(["toy"], ["v9"], workspace=workspace)
    with pytest.raises(VersionError, match="not safe"):
        plan(["toy"], ["../../etc"], workspace=workspace)
    with pytest.raises(ParameterError, match="no subject is called 'nobody'"):
        plan(["nobody"], ["v1"], workspace=workspace)
    with pytest.raises(RunError, match="nothing to run"):
        plan(["toy"], ["v1"], [], workspace=workspace)
    with pytest.raises(RunError, match="--timeout"):
        plan(["toy"], ["v1"], workspace=workspace, timeout=0)


def test_two_notebooks_of_one_task_are_one_message(workspace: Path) -> None:
    toy_workspace.notebook(workspace, "T1")
    (workspace / "notebooks" / "T1_copy.ipynb").write_text("{}")

    with pytest.raises(AuditError, match="two notebooks for T1"):
        plan(["toy"], ["v1"], [Task.T1], workspace=workspace)
