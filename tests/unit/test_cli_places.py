"""Paths of annotations: as the repository of a workflow knows them, or none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import toy_workspace

from audit_lib.cli.app import cli
from audit_lib.cli.places import in_repository
from audit_lib.subject.subject import open_subject


@pytest.fixture(autouse=True)
def outside_of_a_workflow(monkeypatch):
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a workspace in a folder of it; git ignores the artifact store."""
    toy_workspace.make(tmp_path / "audit")
    (tmp_path / ".gitignore").write_text("store/\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def located(repository: Path, base: str, path: str) -> str:
    workspace = repository / "audit"
    return in_repository(open_subject("toy", workspace=workspace), workspace)(base, path)


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        ("source", "engine.py", "audit/engine/engine.py"),
        ("parameters", "subject.yaml", "audit/parameters/toy/subject.yaml"),
        ("documents", "engine.py", "audit/engine/engine.py"),
        ("artifacts", "v1/meta.json", ""),
        ("source", "gone.py", ""),
        ("source", "../../../etc/passwd", ""),
        ("elsewhere", "engine.py", ""),
    ],
)
def test_what_git_keeps_has_a_path_and_nothing_else(repository, base, path, expected):
    assert located(repository, base, path) == expected


def test_artifacts_that_are_committed_have_a_path(repository):
    (repository / ".gitignore").unlink()
    assert located(repository, "artifacts", "v1/meta.json") == "audit/engine/store/v1/meta.json"


def test_a_checkout_without_git_is_known_by_its_files(tmp_path, monkeypatch):
    toy_workspace.make(tmp_path / "audit")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert located(tmp_path, "source", "engine.py") == "audit/engine/engine.py"
    assert located(tmp_path, "artifacts", "v1/meta.json") == ""


def test_without_a_repository_there_are_no_paths(tmp_path, monkeypatch):
    toy_workspace.make(tmp_path / "audit")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert located(tmp_path, "source", "engine.py") == ""


def test_a_gate_annotates_files_of_the_repository_only(repository, capsys):
    meta = repository / "audit/engine/store/v1/meta.json"
    meta.write_text(json.dumps({"version": "v9"}))
    asked = ["gate", "backtest", "toy", "--version", "v1", "--format", "github"]
    code = cli.main([*asked, "--workspace", str(repository / "audit")], standalone_mode=False)
    assert code == 1
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("::error")]
    assert any("artifacts: v1/meta.json" in x for x in lines)
    assert not any("file=" in x for x in lines if "meta.json" in x)
