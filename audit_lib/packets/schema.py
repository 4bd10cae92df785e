"""The form of a version's files as a file of the run, and what differs from another run's."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from audit_lib.errors import RunError
from audit_lib.files import read_whole
from audit_lib.model import CheckResult, Evidence
from audit_lib.reporters.json_report import dumps
from audit_lib.subject.registry import check_id

#: the check whose evidence is the form of a version, and the names of its tables
FORMS, FORM, CONTENTS = "CHK010", "schema", "contents"
FOLDER, FORMAT = "schema", "schema/1"
_SHOWN = 8


def schema_files(results: Iterable[CheckResult], version: str) -> dict[str, bytes]:
    """``schema/<version>.json`` of a run that looked at the form of the version's files.

    It holds the format id, the format version that the metadata state, every place with its kind,
    and arrays, columns and heads with shape, kind and unit as far as they are known.
    """
    tables = {e.name: e for r in results if r.code == FORMS for e in r.evidence}
    if FORM not in tables:
        return {}
    noted = dict(part.split(": ", 1) for part in tables[FORM].note.split("; ") if ": " in part)
    whole = {
        "format": FORMAT,
        "version": version,
        "format_id": noted.get("format id", ""),
        "stated": noted.get("stated", ""),
        "places": {str(place): kind for place, kind in tables[FORM].rows},
        "contents": _rows(tables[CONTENTS]) if CONTENTS in tables else [],
    }
    return {f"{FOLDER}/{check_id(version)}.json": dumps(whole).encode("utf-8")}


def form_differences(before: Path, after: Path) -> list[str]:
    """What differs between the forms that two runs saw, in sentences; none where one saw none."""
    one, other = (_only(folder / FOLDER) for folder in (before, after))
    if one is None or other is None or one["format_id"] == other["format_id"]:
        return []
    a, b = one["places"], other["places"]
    moved = [p for p in sorted(a.keys() | b.keys()) if a.get(p) != b.get(p)]
    shown = [f"{p} ({a.get(p, 'absent')}, then {b.get(p, 'absent')})" for p in moved[:_SHOWN]]
    stated = one["stated"] == other["stated"]
    return [
        f"the form of the stored files differs in {len(moved)} places (format id "
        f"{one['format_id']}, then {other['format_id']}), and the format version that they state "
        + (f"does not: {one['stated']}" if stated else f"too: {one['stated']}, {other['stated']}"),
        *shown,
        *([f"and {len(moved) - _SHOWN} places more"] if len(moved) > _SHOWN else []),
    ]


def _rows(table: Evidence) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _only(folder: Path) -> dict[str, Any] | None:
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if len(files) != 1:
        return None
    try:
        held: dict[str, Any] = json.loads(read_whole(files[0]))
    except (OSError, ValueError) as error:
        raise RunError(
            f"the form of the version cannot be read: {error}",
            where=str(files[0]),
            mend="run the audit again",
        ) from None
    return held
