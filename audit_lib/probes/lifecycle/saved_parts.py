"""What a version's files hold, part by part, so that two savings can be compared."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from audit_lib.errors import AuditError
from audit_lib.files import read_whole
from audit_lib.subject.pointers import pointer_to

_DEEP = 3
_MOST_FILES = 400

Parts = dict[str, dict[str, str]]
"""file name to the parts of the file, and the kind of what stands there; '' for nothing"""


def parts_of(folder: Path, version: str = "") -> Parts:
    """Files below a folder by their names, and what JSON and npz files hold.

    Names that stand twice are left out: which is meant is not known.  The version's own id, which a
    copy need not bear, counts for nothing.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*"))[:_MOST_FILES]:
        if path.is_file() and not path.is_symlink():
            found.setdefault(path.name, []).append(path)
    return {name: _parts(paths[0], version) for name, paths in found.items() if len(paths) == 1}


def lost(before: Parts, after: Parts) -> Iterator[tuple[str, str, str]]:
    """File, part and what became of it, for parts that are gone, or of another kind.

    Files that both do not have are left to the caller.
    """
    for name in sorted(before.keys() & after.keys()):
        now = after[name]
        for part, kind in before[name].items():
            above = part.rpartition("/")[0]
            if not kind or (above and not now.get(above)):
                continue  # nothing stood there, or what it stands in is told
            if part not in now:
                yield name, part, "is not saved again"
            elif now[part] != kind and now[part] == "text":
                yield name, part, f"was {kind}, and comes back as text"
            elif not now[part]:
                yield name, part, f"was {kind}, and comes back empty"


def _parts(path: Path, version: str) -> dict[str, str]:
    try:
        if path.suffix == ".json":
            return dict(_keys(json.loads(read_whole(path)), version))
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as stored:
                return dict.fromkeys(stored.namelist(), "array")
    except (AuditError, OSError, ValueError, RecursionError, zipfile.BadZipFile):
        pass
    return {}


def _keys(held: Any, version: str, above: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    if isinstance(held, Mapping):
        for key, value in held.items():
            yield pointer_to(*above, str(key)), "" if value == version else _kind(value)
            if len(above) + 1 < _DEEP:
                yield from _keys(value, version, (*above, str(key)))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text" if value else ""
    if isinstance(value, (list, dict)):
        return ("a list" if isinstance(value, list) else "a mapping") if value else ""
    return ""
