"""Where a subject's files stand in the repository that a code host shows annotations on."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from audit_lib.errors import AuditError, NotAssessed
from audit_lib.reporters.report import nowhere
from audit_lib.subject.subject import Subject, open_subject

#: set by GitHub Actions: the folder that paths of annotations are relative to
CHECKOUT = "GITHUB_WORKSPACE"


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
    kept = _kept(root)
    folders = _folders(subject)

    def path_of(base: str, path: str) -> str:
        folder = folders.get(base)
        whole = Path(os.path.normpath(folder / path)) if folder else None
        if whole is None or not whole.is_relative_to(root):
            return ""
        found = whole.relative_to(root).as_posix()
        # Without git nobody can tell which artifacts the repository holds.
        there = found in kept if kept else base != "artifacts" and whole.is_file()
        return found if there else ""

    return path_of


def of_asked(asked: str, workspace: Path, root: Path | None = None) -> Callable[[str, str], str]:
    """The same for a subject by name, or nowhere for one that cannot be opened any more."""
    try:
        return in_repository(open_subject(asked, workspace=workspace, root=root), workspace)
    except AuditError:
        return nowhere


def _folders(subject: Subject) -> dict[str, Path]:
    found = {
        "source": subject.root.resolve(),
        "documents": subject.root.resolve(),
        "parameters": subject.folder.resolve(),
    }
    with contextlib.suppress(NotAssessed):
        found["artifacts"] = subject.store.resolve()
    return found


def _top(folder: Path) -> Path | None:
    said = _git(folder, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape")
    return Path(said.strip()).resolve() if said.strip() else None


def _kept(root: Path) -> frozenset[str]:
    said = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return frozenset(filter(None, said.decode("utf-8", "surrogateescape").split("\0")))


def _git(folder: Path, *words: str) -> bytes:
    asked = ["git", "-C", str(folder), *words]
    try:
        return subprocess.run(asked, capture_output=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return b""
