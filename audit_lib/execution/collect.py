"""Executed notebooks that somebody else ran, taken into the folder of their run."""

import json
import re
from pathlib import Path
from typing import Any

from audit_lib.errors import RunError, refused
from audit_lib.execution.layout import RunFolder
from audit_lib.execution.stored import read_notebook, write_notebook
from audit_lib.files import read_whole
from audit_lib.model import Task

_OPENS = re.compile(r"Workbook\.open\(\s*[\"'](T[1-6])[\"']")


def collect(notebooks: Path, folder: RunFolder, names: dict[Task, str]) -> dict[Task, Path]:
    """Copy the executed notebooks of a run out of a folder; others there are left alone.

    A notebook belongs to the run where its last cell says the digest of the results that are here.
    What papermill noted of this machine's folders is taken out.

    Args:
        notebooks: where the scheduler put them, under any names.
        folder: the run, at work.
        names: what the notebook of a task is called in the packet.

    Returns:
        task to the file that was taken.

    Raises:
        RunError: two notebooks of one task belong to the run, or one cannot be written.
    """
    taken: dict[Task, Path] = {}
    for file in sorted(notebooks.rglob("*.ipynb")):
        try:
            document = read_notebook(file)
        except RunError:
            continue
        task = _task(document)
        if task is None or not _belongs(document, folder, task):
            continue
        if task in taken:
            raise RunError(
                f"two notebooks of {task} belong to the run: {taken[task].name} and {file.name}",
                where=str(notebooks),
                mend="remove one of them",
            )
        taken[task] = file
        target = folder.notebooks / names[task]
        with refused(RunError, "cannot be written", where=target, mend="free some space there"):
            write_notebook(target, document)
    return taken


def _task(document: Any) -> Task | None:
    code = "\n".join(c.source for c in document.cells if c.cell_type == "code")
    opened = set(_OPENS.findall(code))
    return Task(opened.pop()) if len(opened) == 1 else None


def _belongs(document: Any, folder: RunFolder, task: Task) -> bool:
    """True where its outputs say the digest that the sentinel of its task holds."""
    try:
        digest = str(json.loads(read_whole(folder.sentinel(task)))["results_sha256"])
    except (OSError, ValueError, KeyError):
        return False
    outputs = [o for c in document.cells for o in c.get("outputs", [])]
    return len(digest) == 64 and digest in json.dumps(outputs)
