from __future__ import annotations

from pathlib import Path

import pytest
import toy_workspace

from audit_lib.cli.init import make_workspace
from audit_lib.errors import AuditError
from audit_lib.model import Task
from audit_lib.workspace import find_workspace, notebook_path


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_WORKSPACE", raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


def test_it_is_found_upwards_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = toy_workspace.make(tmp_path)
    monkeypatch.chdir(workspace / "notebooks")

    assert find_workspace() == workspace


def test_subjects_alone_make_a_workspace(tmp_path: Path) -> None:
    workspace = toy_workspace.make(tmp_path)
    (workspace / "notebooks").rmdir()

    assert find_workspace(workspace / "engine") == workspace


def test_the_environment_names_it_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = toy_workspace.make(tmp_path)
    monkeypatch.setenv("AUDIT_WORKSPACE", str(workspace))

    assert find_workspace() == workspace


def test_a_jupyter_servers_notebook_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = toy_workspace.make(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(workspace / "notebooks" / "T1_x.ipynb"))

    assert find_workspace() == workspace


def test_the_checkout_of_the_tool_is_never_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(AuditError, match="`workbook init` makes one here"):
        find_workspace()


def test_what_init_makes_is_one_though_it_holds_nothing(tmp_path: Path) -> None:
    make_workspace(tmp_path / "audit")

    assert find_workspace(tmp_path / "audit" / "reports") == tmp_path / "audit"


def test_where_there_is_none_the_message_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AuditError, match=f"no workspace at or above {tmp_path}"):
        find_workspace(tmp_path)
    monkeypatch.setenv("AUDIT_WORKSPACE", str(tmp_path))
    with pytest.raises(AuditError, match=r"^AUDIT_WORKSPACE: no workspace"):
        find_workspace()


def test_a_workspaces_own_notebook_comes_first(tmp_path: Path) -> None:
    workspace = toy_workspace.make(tmp_path)
    own = toy_workspace.notebook(workspace, "T2")

    assert notebook_path(Task.T2, workspace) == own
    assert notebook_path(Task.T1, workspace).name == "T1_ledger_and_artifacts.ipynb"
