"""Where a subject's files stand in the repository that a code host shows annotations on."""

import contextlib
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypedDict

from audit_lib.errors import AuditError, NotAssessed
from audit_lib.files import read_words
from audit_lib.model import Location
from audit_lib.reporters.report import nowhere, unread
from audit_lib.subject.subject import Subject, open_subject

#: set by GitHub Actions: the folder that paths of annotations are relative to
CHECKOUT = "GITHUB_WORKSPACE"


class Shown(TypedDict):
    """What a report is told of the repository that it is shown on, by keyword."""

    locate: Callable[[str, str], str]
    snippet: Callable[[Location], str]


def in_repository(subject: Subject, start: Path) -> Callable[[str, str], str]:
    """What tells the path of a file within the repository; '' for a file that is not in it.

    The repository is the checkout that GitHub Actions names, else the git work tree around a
    folder.  Files that git does not keep there, such as trained models, are not in it.

    Args:
        subject: whose source, parameters, artifacts and documents findings name.
        start: a folder of the repository.

    Returns:
        a function of a finding's base and path.
    """
    named = os.environ.get(CHECKOUT)
    root = _top(Path(named or start)) or (Path(named).resolve() if named else None)
    if root is None:
        return nowhere
    tracked = _tracked(root)
    folders = _folders(subject)

    def path_of(base: str, path: str) -> str:
        folder = folders.get(base)
        whole = Path(os.path.normpath(folder / path)) if folder else None
        if whole is None or not whole.is_relative_to(root):
            return ""
        relative = whole.relative_to(root).as_posix()
        # Without git nobody can tell which artifacts the repository holds.
        there = relative in tracked if tracked else base != "artifacts" and whole.is_file()
        return relative if there else ""

    return path_of


def shown(subject: Subject, start: Path) -> Shown:
    """Where files of a subject stand in the repository, and what their lines are."""
    return {"locate": in_repository(subject, start), "snippet": lines_of(subject)}


def of_asked(name: str, workspace: Path, root: Path | None = None) -> Shown:
    """The same for a subject by name; nothing for one that cannot be opened any more."""
    try:
        return shown(open_subject(name, workspace=workspace, root=root), workspace)
    except AuditError:
        return {"locate": nowhere, "snippet": unread}


def lines_of(subject: Subject) -> Callable[[Location], str]:
    """What reads the lines of a place in a text file of the subject; '' where it cannot."""
    folders = {base: folder for base, folder in _folders(subject).items() if base != "artifacts"}

    @cache
    def lines(base: str, path: str) -> tuple[str, ...]:
        folder = folders.get(base)
        file = Path(os.path.normpath(folder / path)) if folder else None
        if file is None or folder is None or not file.resolve().is_relative_to(folder):
            return ()
        try:
            return tuple(read_words(file, errors="replace").splitlines())
        except OSError:
            return ()

    def text_of(location: Location) -> str:
        if location.line is None or location.line < 1:
            return ""
        last = max(location.line, location.end_line or location.line)
        return "\n".join(lines(location.base, location.path)[location.line - 1 : last])

    return text_of


def _folders(subject: Subject) -> dict[str, Path]:
    folders = {
        "source": subject.root.resolve(),
        "documents": subject.root.resolve(),
        "parameters": subject.folder.resolve(),
    }
    with contextlib.suppress(NotAssessed):
        folders["artifacts"] = subject.store.resolve()
    return folders


def _top(folder: Path) -> Path | None:
    stdout = _git(folder, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape")
    return Path(stdout.strip()).resolve() if stdout.strip() else None


def _tracked(root: Path) -> frozenset[str]:
    stdout = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return frozenset(filter(None, stdout.decode("utf-8", "surrogateescape").split("\0")))


def _git(folder: Path, *words: str) -> bytes:
    command = ["git", "-C", str(folder), *words]
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return b""
