"""``workbook lab``: JupyterLab on copies of the notebooks."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from audit_lib.cli.init import copy_notebooks
from audit_lib.cli.options import workspace_option
from audit_lib.cli.output import echo
from audit_lib.errors import AuditError, refused
from audit_lib.workspace import VARIABLE, find_workspace

FOLDER = "lab"


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- JUPYTER OPTIONS]")
@click.option("--fresh", is_flag=True, help="Replace the copies by the notebooks as shipped.")
@workspace_option
@click.pass_context
def lab(
    ctx: click.Context, arguments: tuple[str, ...], fresh: bool, workspace: Path | None
) -> None:
    """Open JupyterLab on copies of the notebooks, in lab/ of the workspace.

    The copies are yours to run and change, and stay until --fresh replaces them; the notebooks
    that `workbook run` executes are not touched.
    """
    place = find_workspace(workspace)
    folder = place / FOLDER
    if find_spec("jupyterlab") is None:
        raise AuditError(
            "JupyterLab is not installed",
            where="workbook lab",
            mend="pip install jupyterlab, into the environment of the workbook",
        )
    mend = "name a workspace that can be written to"
    with refused(AuditError, "cannot be written", where=folder, mend=mend):
        copied = copy_notebooks(folder, fresh=fresh)
    echo(f"copied: {', '.join(copied)}" if copied else f"the copies in {folder} stay", err=True)
    command = [sys.executable, "-m", "jupyterlab", *arguments, str(folder)]
    done = subprocess.run(command, env={**os.environ, VARIABLE: str(place)}, check=False)
    ctx.exit(done.returncode)
