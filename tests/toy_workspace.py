"""A workspace with one small subject, and notebooks that do what a test wants of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
from nbformat import v4

REPOSITORY = Path(__file__).resolve().parent.parent

SUBJECT = """\
subject: toy
source: {root: ../../engine, high_risk: [engine.py]}
artifacts: {store: store}
"""
ENGINE = """\
def decide(score):
    if score > 0:
        return 1
    return -1
"""
PARAMETERS = 'subject = ""\nversion = ""\nroot = ""\nreports = ""\nrun_id = ""'
#: a last cell that does what `audit.close()` does, without importing what it does not need
CLOSE = """\
import os
from pathlib import Path
from audit_lib.execution.layout import Place
from audit_lib.model import Task, TaskResult
from audit_lib.reporters.json_report import dump_task
reports = Path(reports or os.environ["AUDIT_RUN_REPORTS"])
folder = Place(reports, subject, version).work(run_id)
folder.save(Task("{task}"), dump_task(TaskResult(subject, version, run_id, Task("{task}"), ())))
"""


def make(folder: Path) -> Path:
    """A workspace below a folder, with a subject `toy` that has versions v1 (champion) and v2."""
    parameters = folder / "parameters" / "toy"
    parameters.mkdir(parents=True)
    (folder / "notebooks").mkdir()
    (parameters / "subject.yaml").write_text(SUBJECT, encoding="utf-8")
    store = folder / "engine" / "store"
    for version in ("v1", "v2"):
        (store / version).mkdir(parents=True)
        meta = {"version": version, "heads": ["return", "direction"]}
        (store / version / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    rows = [{"version_id": "v1"}, {"version_id": "v2"}]
    registry = {"versions": rows, "latest": "v2", "champion": "v1"}
    (store / "registry.json").write_text(json.dumps(registry), encoding="utf-8")
    (folder / "engine" / "engine.py").write_text(ENGINE, encoding="utf-8")
    return folder


def real_notebooks(workspace: Path) -> None:
    """Put the project's own notebooks into a workspace."""
    shutil.copytree(REPOSITORY / "notebooks", workspace / "notebooks", dirs_exist_ok=True)


def notebook(
    workspace: Path, task: str, *cells: str, parameters: str | None = PARAMETERS, close: bool = True
) -> Path:
    """Write the notebook of a task: a parameters cell, the cells, and a last one that saves."""
    listed = []
    if parameters is not None:
        listed.append(_cell("parameters", parameters, tags=["parameters"]))
    listed += [_cell(f"cell-{i}", source) for i, source in enumerate(cells)]
    if close:
        listed.append(_cell("close", CLOSE.format(task=task)))
    made = v4.new_notebook(cells=listed)
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    path = workspace / "notebooks" / f"{task}_made_up.ipynb"
    nbformat.write(made, path)
    return path


def _cell(name: str, source: str, **metadata: object) -> nbformat.NotebookNode:
    return v4.new_code_cell(source, id=name, metadata=metadata)
