"""The composite action, step by step, as a runner would run it: its own bash, its own files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import toy_workspace

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
INSTALL, GATE = ACTION["runs"]["steps"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A repository with a blank in its path that holds its own workspace."""
    place = tmp_path_factory.mktemp("on a runner")
    toy_workspace.make(place / "audit")
    parameters = place / "audit/parameters/toy/subject.yaml"
    known = parameters.read_text(encoding="utf-8")
    parameters.write_text(known + "gates: {reads: [CHK001, DOC001]}\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=place, check=True)
    return place


def step(taken: dict, place: Path, given: dict[str, str], **more: str):
    """Run the shell of a step as a runner does; what it told, and what it wrote for the runner."""
    inputs = {name: str(of.get("default", "")) for name, of in ACTION["inputs"].items()} | given

    def filled(text: str) -> str:
        text = re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: inputs[m[1]], text)
        return text.replace("${{ github.action_path }}", str(ROOT))

    script = place.parent / f"{place.name}.sh"
    script.write_text(taken["run"], encoding="utf-8")
    files = {name: place.parent / f"{place.name}.{name}" for name in ("summary", "output")}
    for file in files.values():
        file.write_text("", encoding="utf-8")
    environment = {
        **os.environ,
        **{name: filled(value) for name, value in taken["env"].items()},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_WORKSPACE": str(place),
        "GITHUB_STEP_SUMMARY": str(files["summary"]),
        "GITHUB_OUTPUT": str(files["output"]),
        **more,
    }
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    done = subprocess.run(
        shell, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    told = dict(line.split("=", 1) for line in files["output"].read_text("utf-8").splitlines())
    return done, told, files["summary"].read_text("utf-8")


def test_one_run_annotates_uploads_and_sums_up(repository):
    meta = repository / "audit/engine/store/v2/meta.json"
    meta.write_text(json.dumps({"version": "v9"}), encoding="utf-8")
    # Every gate that is run leaves a line.
    counted = repository.parent / "counted"
    counted.mkdir()
    workbook = counted / "workbook"
    workbook.write_text(
        f'#!/bin/sh\necho "$@" >> "{counted}/runs"\n'
        f'exec "{Path(sys.executable).parent}/workbook" "$@"\n',
        encoding="utf-8",
    )
    workbook.chmod(0o755)
    path = f"{counted}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    asked = {"subject": "toy", "gate": "backtest", "workspace": "audit"}
    done, told, summary = step(GATE, repository, asked, PATH=path)
    assert done.returncode == 1, done.stderr
    assert len((counted / "runs").read_text().splitlines()) == 1
    assert any(line.startswith("::error") for line in done.stdout.splitlines())
    assert told == {"verdict": "broken", "sarif": "model-audit.sarif"}
    log = json.loads((repository / told["sarif"]).read_text(encoding="utf-8"))
    assert log["runs"][0]["results"]
    assert summary.startswith("### Gate backtest of toy: broken\n```text\n")
    assert "CHK" in summary
    assert summary.endswith("```\n")
    (repository / "model-audit.sarif").unlink()
    (repository / "model-audit.txt").unlink()


def test_a_gate_that_could_not_run_says_so_and_leaves_no_file(repository):
    done, told, summary = step(GATE, repository, {"subject": "tyo", "workspace": "audit"})
    assert done.returncode == 4
    assert "no subject is called 'tyo'" in done.stderr
    assert told == {"verdict": "failed"}
    assert summary == "### Gate pull_request of tyo: failed\n"
    assert not (repository / "model-audit.sarif").exists()


def test_what_is_given_is_no_code(repository):
    hostile = '"; touch stolen; $(touch stolen) `touch stolen`'
    done, _, _ = step(GATE, repository, {"subject": hostile, "workspace": "audit"})
    assert done.returncode == 4
    assert not (repository / "stolen").exists()


def test_the_first_step_installs_what_stands_beside_the_action(repository, tmp_path):
    told = tmp_path / "python"
    told.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    told.chmod(0o755)
    done, _, _ = step(INSTALL, repository, {}, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["-m", "pip", "install", "--quiet", str(ROOT)]


def test_outputs_name_steps_that_tell_them():
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.{GATE['id']}.outputs.{name} }}}}"
        assert f"{name}=" in GATE["run"]
