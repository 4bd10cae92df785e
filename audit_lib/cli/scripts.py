"""Commands for scripts: facts as JSON, and as a table for people."""

import json
from pathlib import Path

import click
from rich.text import Text

from audit_lib.cli.completion import subjects
from audit_lib.cli.options import json_option, subject_options, workspace_option
from audit_lib.cli.output import echo
from audit_lib.cli.tables import Cell, print_table
from audit_lib.subject.artifacts import Artifact, Safety, inventory, json_ready, readers_of, summary
from audit_lib.subject.artifacts.fields import telling_fields
from audit_lib.subject.imports import edges_report
from audit_lib.subject.subject import Subject, parameters_folder
from audit_lib.workspace import find_workspace

#: fields a file in the table for people
FIELDS_SHOWN = 12
TONES = {Safety.UNSAFE: "bold red", Safety.UNKNOWN: "yellow", Safety.SAFE: "green"}


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--subject", shell_complete=subjects, help="Whose own readers are asked, too.")
@workspace_option
@json_option
@click.pass_context
def artifacts(
    ctx: click.Context, path: Path, subject: str | None, workspace: Path | None, output_format: str
) -> None:
    """Inventory a file or folder: format, writers, classes, arrays, safety.

    Fields that metadata can be taken from are listed with the reference to write.  Nothing is
    executed to be read, and no subject is needed.  Exit codes: 0 everything is safe,
    1 something is unsafe, 2 something could not be decided.
    """
    place = parameters_folder(subject, find_workspace(workspace)) if subject else None
    inventoried = inventory(path, readers=readers_of(place))
    if output_format == "json":
        listed = [{**summary(a), "fields": json_ready(telling_fields(a))} for a in inventoried]
        echo(json.dumps(listed, indent=2))
    else:
        print_table([_artifact_row(artifact) for artifact in inventoried], right=("size",))
        rows = [row for artifact in inventoried for row in _field_rows(artifact)]
        if rows:
            echo("\nFields that `artifacts.metadata` and `artifacts.fields` can name:")
            print_table(rows)
    safeties = {artifact.safety for artifact in inventoried}
    ctx.exit(1 if Safety.UNSAFE in safeties else 2 if Safety.UNKNOWN in safeties else 0)


@click.command()
@subject_options()
@json_option
def edges(subject: Subject, output_format: str) -> None:
    """List the import edges of SUBJECT's repository, with symbols and type.

    The JSON has the form of DEPENDENCY_EDGES.json, with `total` and `cross_module`.
    """
    report = edges_report(subject.source)
    if output_format == "json":
        echo(json.dumps(report, indent=2))
        return
    rows = [
        {
            "from": f"{edge['source_file']}:{edge['source_line']}",
            "to": edge["target_file"],
            "type": edge["import_type"],
            "symbols": ", ".join(edge["symbols_imported"]),
        }
        for edge in report["edges"]
    ]
    print_table(rows)
    echo(f"{report['total']} edges, {report['cross_module']} across modules")


def _artifact_row(artifact: Artifact) -> dict[str, Cell]:
    return {
        "path": Text(artifact.path),
        "format": artifact.kind,
        "size": f"{artifact.size:,}",
        "safety": Text(artifact.safety.value, style=TONES.get(artifact.safety, "")),
        "written by": Text(", ".join(f"{k} {v}" for k, v in artifact.written_by.items())),
        "what": Text(_what(artifact)),
    }


def _field_rows(artifact: Artifact) -> list[dict[str, Cell]]:
    """The first fields of an artifact, as references."""
    name = artifact.path.rpartition("/")[2]
    fields = list(telling_fields(artifact).items())
    rows: list[dict[str, Cell]] = [
        {"file": Text(artifact.path), "reference": Text(f"{name}#{p}"), "value": Text(_short(v))}
        for p, v in fields[:FIELDS_SHOWN]
    ]
    if len(fields) > FIELDS_SHOWN:
        more = f"and {len(fields) - FIELDS_SHOWN} more (--format json)"
        rows.append({"file": Text(artifact.path), "reference": Text(more), "value": Text("")})
    return rows


def _short(value: object) -> str:
    """A value in a few words."""
    if isinstance(value, (list, dict)) and len(value) > 3:
        first = list(value)[:3]
        return f"{len(value)}: {', '.join(str(v) for v in first)[:50]}, ..."
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _what(artifact: Artifact) -> str:
    reasons = [f"{r.global_name or r.where}: {r.why}" for r in artifact.reasons[:2]]
    arrays = f"{len(artifact.arrays)} arrays" if artifact.arrays else ""
    features = f"{len(artifact.feature_names)} features" if artifact.feature_names else ""
    return "; ".join(part for part in (*reasons, *artifact.problems[:2], arrays, features) if part)
