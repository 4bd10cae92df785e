"""``workbook init``: a workspace where the user wants it."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import click

from audit_lib.cli.output import echo
from audit_lib.errors import AuditError
from audit_lib.files import read_words, write_whole
from audit_lib.model import Task
from audit_lib.workspace import MARKER, find_workspace, is_workspace, notebook_path

#: what of a workspace git should not keep
IGNORED = ("/reports/*", "!/reports/README.md", "/lab/", "/.workbook_cache/", ".ipynb_checkpoints/")
_FILES = {
    MARKER: "# A workspace of the model-audit workbook: this file says so.\n",
    "parameters/README.md": "# parameters/\n\nA folder a subject; `workbook new-subject PATH` "
    "makes one.\n",
    "reports/README.md": "# reports/\n\nWhat runs write: `<subject>/<version>/<run id>/` is one "
    "audit packet, `latest` the newest\ncomplete run, and `index.html` links them.\n",
}


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--notebooks", is_flag=True, help="Put copies of the six notebooks there, to change.")
def init(folder: Path, notebooks: bool) -> None:
    """Make a workspace in DIR, the current folder by default: parameters, reports, a .gitignore.

    DIR may stand inside the repository that is audited.  What is there already stays as it is.
    """
    written = make_workspace(folder, notebooks=notebooks)
    shown = os.path.relpath(folder)
    echo(f"made in {shown}: {', '.join(written)}" if written else f"{shown} is a workspace already")
    there = "" if shown == "." else f"cd {shlex.quote(shown)} && "
    echo(f"next: {there}workbook new-subject PATH")


def make_workspace(folder: Path, *, notebooks: bool = False) -> list[str]:
    """Make a folder a workspace.

    Returns:
        what was written, relative to the folder; nothing that was there is among it.

    Raises:
        AuditError: it cannot be written to.
    """
    try:
        written = [name for name, text in _FILES.items() if _write(folder / name, text)]
        written += [".gitignore"] if _ignore(folder / ".gitignore") else []
        if notebooks:
            written += copy_notebooks(folder / "notebooks")
    except OSError as error:
        raise AuditError(
            f"cannot be made a workspace: {error.strerror}",
            where=str(error.filename or folder),
            mend="name a folder that can be written to",
        ) from None
    return written


def workspace_or_offer(workspace: Path | None) -> Path:
    """The workspace; a new one here, where there is none and somebody agrees or nothing is here.

    Raises:
        AuditError: there is none, and none is made.
    """
    try:
        return find_workspace(workspace)
    except AuditError:
        here = Path.cwd()
        if workspace is not None or "AUDIT_WORKSPACE" in os.environ or is_workspace(here):
            raise
        empty = not any(here.iterdir())
        if not empty and not (
            sys.stdin.isatty() and click.confirm(f"There is no workspace. Make one in {here}?")
        ):
            raise
        echo(f"made a workspace here: {', '.join(make_workspace(here))}")
        return here


def copy_notebooks(folder: Path, *, fresh: bool = False) -> list[str]:
    """Copy the notebooks as they are shipped; those that are there stay, unless ``fresh``."""
    copied = []
    folder.mkdir(parents=True, exist_ok=True)
    for task in Task:
        original = notebook_path(task)
        copy = folder / original.name
        if fresh or not copy.exists():
            shutil.copyfile(original, copy)
            copied.append(f"{folder.name}/{copy.name}")
    return copied


def _write(file: Path, text: str) -> bool:
    if file.exists():
        return False
    write_whole(file, text.encode())
    return True


def _ignore(file: Path) -> bool:
    there = read_words(file).splitlines() if file.exists() else []
    missing = [line for line in IGNORED if line not in there]
    if missing:
        write_whole(file, "".join(f"{line}\n" for line in (*there, *missing)).encode())
    return bool(missing)
