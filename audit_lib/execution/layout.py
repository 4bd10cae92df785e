"""What a run's folder holds.

While a run works, its folder is ``reports/<subject>/<version>/.work/<run id>/``; once complete
it is renamed to ``reports/<subject>/<version>/<run id>/``, on the same file system.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit_lib.errors import RunError
from audit_lib.files import read_whole, read_words, write_whole
from audit_lib.model import Task, TaskResult
from audit_lib.reporters.json_report import NO_SENTINEL, load_task, seal_of, unsealed

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_STAMP = "%Y%m%dT%H%M%SZ"


def new_run_id() -> str:
    """A fresh run id, UTC time and four hex digits: ``20261121T214500Z-7f3a``; sorts by time."""
    return f"{datetime.now(UTC):{_STAMP}}-{secrets.token_hex(2)}"


def check_run_id(run_id: str) -> str:
    """The run id itself, if it can safely name a folder.

    Raises:
        RunError: it cannot.
    """
    if not RUN_ID.fullmatch(run_id) or ".." in run_id:
        raise RunError(
            f"run id {run_id!r} is not safe as a folder name",
            where="run_id",
            mend="leave it empty, or use letters, digits, '.', '_' and '-' only",
        )
    return run_id


@dataclass(frozen=True)
class Place:
    """Where the runs of one version of one subject are kept."""

    reports: Path
    subject: str
    version: str

    @property
    def folder(self) -> Path:
        """Folder of the version's runs."""
        return self.reports / self.subject / self.version

    def work(self, run_id: str) -> RunFolder:
        """The folder in which that run works."""
        return RunFolder(self.folder / ".work" / check_run_id(run_id))

    def published(self, run_id: str) -> RunFolder:
        """The folder of that run once it is complete."""
        return RunFolder(self.folder / check_run_id(run_id))

    def latest(self) -> RunFolder | None:
        """The newest complete run; None where there is none."""
        pointer = self.folder / "latest"
        try:
            name = os.readlink(pointer)
        except FileNotFoundError:
            return None
        except OSError:  # a plain file where symbolic links are not to be had
            name = read_words(pointer).strip()
        folder = self.folder / name
        return RunFolder(folder) if RUN_ID.fullmatch(name) and folder.is_dir() else None


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, at work or published."""

    path: Path

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def notebooks(self) -> Path:
        """Folder of the executed notebooks."""
        return self.path / "notebooks"

    def results(self, task: Task) -> Path:
        """File of a task's results."""
        return self.path / "results" / f"{task.value}.json"

    def sentinel(self, task: Task) -> Path:
        """File that says a task's notebook reached its end."""
        return self.path / "sentinels" / f"{task.value}.json"

    def save(self, task: Task, text: str) -> str:
        """Write a task's results and then its sentinel.

        Returns:
            SHA-256 of the results file.
        """
        content = text.encode("utf-8", "surrogatepass")
        seal = seal_of(self.run_id, task, content)
        self.sentinel(task).unlink(missing_ok=True)
        write_whole(self.results(task), content)
        write_whole(self.sentinel(task), json.dumps(seal).encode() + b"\n")
        return seal["results_sha256"]

    def load(self, task: Task) -> TaskResult:
        """A task's results.

        Raises:
            RunError: they are not in form.
            OSError: they cannot be read.
        """
        file = self.results(task)
        return load_task(read_words(file), where=str(file))

    def check(self, task: Task) -> str:
        """What keeps a task from being complete; '' where nothing does."""
        if not self.sentinel(task).is_file():
            return NO_SENTINEL
        try:
            content = read_whole(self.results(task))
        except OSError as error:
            return f"its results cannot be read: {error.strerror}"
        return unsealed(self.sentinel(task), seal_of(self.run_id, task, content))
