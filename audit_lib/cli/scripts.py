"""Commands for scripts: facts as JSON, without a subject where none is needed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from audit_lib.subject.artifacts import inventory, read_artifact, summary


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "output",
    type=click.Choice(["console", "json"]),
    default="console",
    show_default=True,
)
def artifacts(path: Path, output: str) -> None:
    """Inventory any file or folder: format, versions, classes, arrays, safety.

    Nothing is executed to be read.  Exit codes: 0 everything is safe, 1 something is unsafe,
    2 something could not be decided.
    """
    found = inventory(path) if path.is_dir() else (read_artifact(path),)
    rows = [summary(artifact) for artifact in found]
    click.echo(json.dumps(rows, indent=2))
