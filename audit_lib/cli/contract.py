"""``workbook contract``: derive the pipeline contract, and hold a written one to the pipeline."""

import json
from pathlib import Path

import click

from audit_lib.cli.options import subject_options
from audit_lib.cli.output import echo
from audit_lib.contract import as_markdown, derive, differences, read_contract
from audit_lib.files import write_whole
from audit_lib.subject.subject import Subject

NAME = "PIPELINE_CONTRACT"


@click.group()
def contract() -> None:
    """Derive the pipeline contract from code and artifacts; hold a written one to them."""


@contract.command()
@subject_options(version=True)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help=f"Folder for {NAME}.json and {NAME}.md.  [default: here]",
)
def export(subject: Subject, to: Path) -> None:
    """Write PIPELINE_CONTRACT.json and PIPELINE_CONTRACT.md, derived from the version."""
    derived = derive(subject)
    text = json.dumps(derived, indent=1, ensure_ascii=False) + "\n"
    write_whole(to / f"{NAME}.json", text.encode())
    write_whole(to / f"{NAME}.md", as_markdown(derived).encode())
    echo(f"{to / NAME}.json\n{to / NAME}.md")
    for section, why in derived["not_derived"].items():
        echo(f"not derived: {section}: {why}", err=True)


@contract.command()
@subject_options(version=True)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def check(ctx: click.Context, subject: Subject, file: Path) -> None:
    """Compare FILE, an exported contract, with what is derived today.

    Exit codes: 0 they agree, 1 they differ, 2 a documented section can no longer be derived.
    """
    documented = read_contract(file)
    derived = derive(subject)
    # A section that cannot be derived today is not gone: nobody could tell.
    lost = {
        name: why
        for name, why in derived["not_derived"].items()
        if name not in documented.get("not_derived", {})
    }
    differing = [d for d in differences(documented, derived) if not _within(d.pointer, lost)]
    for one in differing:
        echo(str(one))
    for name, why in lost.items():
        echo(f"could not tell: {name}: {why}")
    if not differing and not lost:
        echo(f"{file} agrees with {subject.name} {derived['model']['version']}")
    ctx.exit(1 if differing else 2 if lost else 0)


def _within(pointer: str, sections: dict[str, str]) -> bool:
    places = {"policy": "/features/policy"}
    return any(pointer.startswith(places.get(name, f"/{name}")) for name in sections)
