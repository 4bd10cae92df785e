"""The project's own notebooks, on a subject that has nothing but a registry and one file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import toy_workspace

from audit_lib.checks.catalogue import checks_of
from audit_lib.execution.layout import Place
from audit_lib.execution.plan import plan
from audit_lib.execution.progress import Event, Stage
from audit_lib.execution.runner import execute
from audit_lib.model import Outcome, Task
from audit_lib.reporters.json_report import load_task


@pytest.fixture
def workspace(workspace: Path) -> Path:
    toy_workspace.real_notebooks(workspace)
    return workspace


def papermill(
    workspace: Path, task: str, *parameters: str
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run papermill's own command from a folder that has nothing to do with the workspace."""
    elsewhere = workspace / "elsewhere"
    elsewhere.mkdir()
    (source,) = (workspace / "notebooks").glob(f"{task}_*.ipynb")
    given = [word for text in parameters for word in ("-p", *text.split("=", 1))]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", str(source), "out.ipynb", *given],
        cwd=elsewhere,
        env={**os.environ, "AUDIT_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, elsewhere / "out.ipynb"


def test_all_six_run_headlessly_and_close_over_each_other(workspace: Path) -> None:
    before = {p: p.read_bytes() for p in (workspace / "engine").rglob("*") if p.is_file()}
    events: list[Event] = []
    planned = plan(["toy"], ["latest"], workspace=workspace)

    (outcome,) = execute(planned, assemble=lambda folder: None, progress=events.append)

    assert outcome.error is None
    assert outcome.folder is not None
    assert Place(workspace / "reports", "toy", "v2").latest() is not None
    for task, result in zip(Task, outcome.results, strict=True):
        assert [r.code for r in result.results] == [c.code for c in checks_of(task)]
        assert [r.reason for r in result.results if r.outcome is Outcome.ERROR] == []
        told = [e for e in events if e.stage is Stage.CHECK and e.task is task]
        assert {e.check for e in told} == {c.code for c in checks_of(task)}
        assert told[-1].done == told[-1].total == len(checks_of(task))
    closure = outcome.results[-1]
    assert closure.provenance["gathered_from"] == outcome.job.run_id
    assert "missing_tasks" not in closure.provenance
    for page in (outcome.folder / "notebooks").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", text) == []
        assert "<script" not in text
    for notebook in (outcome.folder / "notebooks").glob("*.ipynb"):
        assert "audit-workbook.progress" not in notebook.read_text(encoding="utf-8")
        read = nbformat.read(notebook, as_version=4)
        said = [o.data["text/plain"] for o in read.cells[-1].outputs]
        assert said[0].startswith(f"{notebook.name[:2]} complete · run {outcome.job.run_id}")
    after = {p: p.read_bytes() for p in (workspace / "engine").rglob("*") if p.is_file()}
    assert after == before


def test_papermill_alone_runs_one_from_anywhere(workspace: Path) -> None:
    done, out = papermill(workspace, "T4", "subject=toy", "version=v1", "run_id=nightly-1")

    assert done.returncode == 0, done.stderr
    assert out.is_file()
    folder = Place(workspace / "reports", "toy", "v1").work("nightly-1")
    assert folder.check(Task.T4) == ""
    result = load_task(folder.results(Task.T4).read_text(encoding="utf-8"))
    assert (result.version, result.run_id, result.task) == ("v1", "nightly-1", Task.T4)


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("verison=v1", "unknown parameter 'verison'"),
        pytest.param("version=v9", "toy has no version 'v9'", marks=pytest.mark.slow),
    ],
)
def test_papermill_alone_fails_on_what_does_not_exist(
    workspace: Path, parameter: str, expected: str
) -> None:
    done, out = papermill(workspace, "T4", "subject=toy", parameter)

    assert done.returncode != 0
    assert expected in done.stderr
    read = nbformat.read(out, as_version=4)
    traces = [o.traceback for c in read.cells for o in c.get("outputs", []) if "traceback" in o]
    assert len(traces) == 1
    assert len("\n".join(traces[0]).splitlines()) <= 3
    assert not (workspace / "reports").exists()
