"""``workbook new-subject``: first contact with a repository nobody prepared."""

import os
import re
import shlex
import tempfile
from pathlib import Path

import click

from audit_lib.cli.init import workspace_or_offer
from audit_lib.cli.options import workspace_option
from audit_lib.cli.output import echo
from audit_lib.errors import ParameterError
from audit_lib.subject.discovery import Discovery, discover, render
from audit_lib.subject.parameters import NAME, load_parameters


@click.command("new-subject")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the subject.  [default: that of the folder]")
@click.option(
    "--keep-root/--no-root",
    default=True,
    show_default=True,
    help="Keep the checkout's place in subject.yaml, or leave it to --root.",
)
@workspace_option
def new_subject(path: Path, name: str | None, keep_root: bool, workspace: Path | None) -> None:
    """Look at the repository in PATH and write parameters/<name>/ for it.

    Finds packages, artifact stores and registry files by content, documents, entry points,
    high-risk files, and candidates for every hook.  Everything it guessed is marked as a guess.
    The repository's code is never run, and nothing is written into it.
    """
    layout = discover(Path(os.path.abspath(path)))
    chosen = name or re.sub(r"[^A-Za-z0-9_.-]", "_", layout.root.name)
    if not re.match(NAME, chosen):
        raise ParameterError(
            f"{chosen!r} cannot name a subject",
            where="--name",
            mend="begin with a letter; use letters, digits, '.', '_' and '-'",
        )
    folder = workspace_or_offer(workspace) / "parameters" / chosen
    if folder.exists():
        raise ParameterError(
            "exists already", where=str(folder), mend="choose another --name, or remove it first"
        )
    root = os.path.relpath(layout.root, folder) if keep_root else ""
    written = render(layout, chosen, root=root)
    _write(folder, written)
    _say(layout, chosen, folder, f" --workspace {shlex.quote(str(workspace))}" if workspace else "")


def _write(folder: Path, files: dict[str, str]) -> None:
    """Whole or not at all: a folder that is there is not written to again."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        draft = Path(scratch) / folder.name
        draft.mkdir()
        for file, text in files.items():
            (draft / file).write_text(text, encoding="utf-8")
        load_parameters(draft)
        draft.rename(folder)


def _say(layout: Discovery, name: str, folder: Path, option: str) -> None:
    package = layout.package or "?"
    echo(f"{layout.files} Python files, {layout.lines:,} lines; package {package}")
    if layout.unread:
        skipped = ", ".join(f"{count} {ending}" for ending, count in layout.unread.items())
        echo(f"not read, since only Python is: {skipped}")
    echo(f"subsystem to look at first: {', '.join(layout.subsystem)}")
    store = layout.store
    if store:
        models = sum(store.models.values())
        registry = f", registry {store.registry}" if store.registry else ", no registry file"
        echo(f"artifacts: {store.path} ({models} in model formats{registry})")
    else:
        echo("artifacts: none in a model format")
    for kind, path in layout.documents.items():
        echo(f"document: {kind} = {path}")
    hooks = {c.hook for c in layout.candidates}
    noun = "hook" if len(hooks) == 1 else "hooks"
    echo(f"candidates for {len(hooks)} {noun}: {', '.join(sorted(hooks)) or 'none'}")
    echo(f"wrote {os.path.relpath(folder)}: " + ", ".join(sorted(p.name for p in folder.iterdir())))
    echo(f"next: workbook run {name}{option}")
