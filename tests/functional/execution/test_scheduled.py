"""Notebooks that a scheduler runs one by one: what fails, and the packet that is made of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import toy_workspace
from click.testing import CliRunner

from audit_lib.cli.app import cli
from audit_lib.execution.layout import Place
from audit_lib.model import Task

RUN = "nightly-20260101"


@pytest.fixture
def workspace(workspace: Path) -> Path:
    toy_workspace.real_notebooks(workspace)
    return workspace


def scheduled(workspace: Path, task: str, **parameters: str) -> subprocess.CompletedProcess[str]:
    """One notebook, by papermill's own command, into a folder of the scheduler's."""
    out = workspace / "scheduler"
    out.mkdir(exist_ok=True)
    (source,) = (workspace / "notebooks").glob(f"{task}_*.ipynb")
    given = {"subject": "toy", "version": "v2", "run_id": RUN, **parameters}
    words = [word for name, value in given.items() for word in ("-r", name, value)]
    return subprocess.run(
        [sys.executable, "-m", "papermill", str(source), f"{task.lower()}-out.ipynb", *words],
        cwd=out,
        env={**os.environ, "AUDIT_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
    )


def assembled(workspace: Path, *words: str):
    return CliRunner().invoke(cli, ["assemble", *words, "--workspace", str(workspace)])


def work(workspace: Path) -> Path:
    return Place(workspace / "reports", "toy", "v2").work(RUN).path


@pytest.mark.slow
def test_the_six_one_by_one_make_the_packet_that_a_run_makes(workspace):
    for task in Task:
        done = scheduled(workspace, task.value)
        assert done.returncode == 0, done.stderr[-2000:]

    made = assembled(workspace, RUN, "--notebooks", str(workspace / "scheduler"))

    assert made.exit_code in (1, 2), made.output
    place = Place(workspace / "reports", "toy", "v2")
    folder = place.latest().path
    assert folder.name == RUN
    assert len(list((folder / "notebooks").glob("T?_*.html"))) == 6
    for form in ("packet.html", "packet.pdf", "findings.sarif", "run_manifest.json"):
        assert (folder / form).is_file()
    manifest = json.loads((folder / "run_manifest.json").read_text())
    assert manifest["verdict"] == {1: "broken", 2: "inconclusive"}[made.exit_code]
    assert (
        str(workspace) not in (folder / "notebooks" / "T1_ledger_and_artifacts.ipynb").read_text()
    )
    whole = CliRunner().invoke(cli, ["verify", str(folder)])
    assert whole.exit_code == 0, whole.output
    assert not work(workspace).exists()

    again = assembled(workspace, RUN)
    assert "has a packet already" in str(again.exception or again.output)


@pytest.mark.slow
def test_fail_on_raises_in_the_last_cell_after_everything_is_saved(workspace):
    passed = scheduled(workspace, "T4", fail_on="broken")
    failed = scheduled(workspace, "T4", fail_on="inconclusive")

    assert passed.returncode == 0, passed.stderr[-2000:]
    assert failed.returncode != 0
    assert "VerdictError" in failed.stderr
    assert "inconclusive: " in failed.stderr
    document = nbformat.read(workspace / "scheduler" / "t4-out.ipynb", as_version=4)
    printed = [o.get("text", "") for o in document.cells[-1].outputs]
    assert any("T4 complete" in text for text in printed)
    assert [o.output_type for o in document.cells[-1].outputs][-1] == "error"
    assert (work(workspace) / "sentinels" / "T4.json").is_file()

    # One task of six makes a partial packet, which is never kept and never the newest.
    made = assembled(workspace, RUN, "--notebooks", str(workspace / "scheduler"))
    assert made.exit_code == 2, made.output
    assert Place(workspace / "reports", "toy", "v2").latest() is None
    assert "not run" in made.output


@pytest.mark.slow
def test_a_subject_that_changed_meanwhile_voids_the_run(workspace):
    assert scheduled(workspace, "T4").returncode == 0
    (workspace / "engine" / "engine.py").write_text("def decide(score):\n    return 1\n")

    made = assembled(workspace, RUN)

    assert "the subject changed while it was audited; the run is void" in str(
        made.exception or made.output
    )
    assert work(workspace).is_dir()


def test_a_run_that_nobody_ran_is_told_from_one_that_is_not_whole(workspace):
    made = assembled(workspace, RUN)
    assert f"no notebook saved results of run {RUN}" in str(made.exception or made.output)

    (work(workspace) / "results").mkdir(parents=True)
    made = assembled(workspace, RUN)
    assert "there are no results here" in str(made.exception or made.output)


def test_a_run_id_of_two_versions_must_be_told_apart(workspace):
    for version in ("v1", "v2"):
        Place(workspace / "reports", "toy", version).work(RUN).path.mkdir(parents=True)
    made = assembled(workspace, RUN)
    assert "2 versions have a run" in str(made.exception or made.output)
