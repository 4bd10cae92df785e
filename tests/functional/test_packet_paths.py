"""A published packet says nothing of where on this machine it was made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import toy_workspace

from audit_lib.cli.app import cli

HOOKS = """\
from pathlib import Path
from audit_lib.hooks import surface

@surface("drift.psi")
def psi(at, reference, current):
    raise FileNotFoundError(2, "No such file or directory", str(Path(__file__).parent / "no.db"))
"""


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    """A packet of a subject named by its folder, with root and reports outside the workspace."""
    workspace = toy_workspace.make(tmp_path / "secret-place" / "workspace")
    toy_workspace.real_notebooks(workspace)
    parameters = workspace / "parameters/toy"
    (parameters / "hooks.py").write_text(HOOKS, encoding="utf-8")
    yaml = (parameters / "subject.yaml").read_text(encoding="utf-8")
    (parameters / "subject.yaml").write_text(f"{yaml}hooks: hooks.py\n", encoding="utf-8")
    engine = (workspace / "engine").rename(tmp_path / "secret-place" / "checkout")
    reports = tmp_path / "secret-place" / "kept"
    asked = ["run", f"{parameters}/", "--version", "v1", "--workspace", str(workspace)]
    places = ["--root", str(engine), "--reports", str(reports)]
    assert cli.main([*asked, *places], standalone_mode=False) in (1, 2)
    return reports / "toy" / "v1" / "latest"


@pytest.mark.slow
def test_no_file_of_a_packet_holds_a_path_of_this_machine(packet: Path) -> None:
    files = {p.relative_to(packet).as_posix(): p.read_bytes() for p in packet.rglob("*.*")}
    assert {"packet.html", "packet.pdf", "results/T4.json", "run_manifest.json"} <= set(files)
    assert [name for name, content in files.items() if b"secret-place" in content] == []
    assert "<parameters>/no.db" in files["results/T4.json"].decode()


@pytest.mark.slow
def test_an_executed_notebook_still_says_what_was_run(packet: Path) -> None:
    (file,) = (packet / "notebooks").glob("T4_*.ipynb")
    noted = json.loads(file.read_bytes())["metadata"]["papermill"]
    assert noted["parameters"] == {
        "subject": "toy",
        "version": "v1",
        "root": "",
        "reports": "",
        "run_id": packet.resolve().name,
    }
    assert noted["input_path"] == noted["output_path"] == file.name
