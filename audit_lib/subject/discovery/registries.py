"""Registry files of a repository: tables whose rows name folders that hold models."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.subject.documents import read_document
from audit_lib.subject.pointers import pointer_to

_ENDINGS = ("*.json", "*.yaml", "*.yml", "*.toml")
_LARGEST = 20 << 20
_MOST_FILES = 60
_DEEPEST = 4
_ROLES = {
    "latest": re.compile("latest|newest|most_recent", re.IGNORECASE),
    "champion": re.compile("champion|reign|incumbent|production|active|serving", re.IGNORECASE),
}


@dataclass(frozen=True)
class Table:
    """A registry file and how it is laid out.

    Attributes:
        folder: the folder it stands in, relative to the root.
        file: its name.
        version_dir: folder of a version relative to ``folder``, with ``{version}``.
        rows: how many versions it lists.
        held: how many of them have a folder with models.
        versions, id, latest, champion, metrics: as in ``artifacts.registry``.
    """

    folder: str
    file: str
    version_dir: str
    rows: int
    held: int
    versions: str
    id: str
    latest: str = ""
    champion: str = ""
    metrics: str = ""


def tables(root: Path, folders: list[str]) -> list[Table]:
    """Registry files above the folders that hold models, the fullest first."""
    by_place: dict[tuple[str, str], Table] = {}
    above = {a.as_posix() for f in folders for a in PurePosixPath(f).parents}
    for ancestor in sorted(above):
        below = [f for f in map(PurePosixPath, folders) if PurePosixPath(ancestor) in f.parents]
        inside = [folder.relative_to(ancestor) for folder in below]
        for file in _files(root / ancestor):
            try:
                data = read_document(file, path=file.name, base="artifacts").data
            except NotAssessed:
                continue
            for table in _in(data, ancestor, file.name, inside):
                key = (ancestor, file.name)
                before = by_place.get(key, table)
                if (table.held, table.rows) > (before.held, before.rows) or before is table:
                    by_place[key] = table
    return sorted(by_place.values(), key=lambda t: (-t.held, -t.rows, t.folder.count("/"), t.file))


def _files(folder: Path) -> Iterator[Path]:
    files = sorted(f for ending in _ENDINGS for f in folder.glob(ending))
    for file in files[:_MOST_FILES]:
        if file.is_file() and file.stat().st_size <= _LARGEST:
            yield file


def _in(data: Any, folder: str, file: str, inside: list[PurePosixPath]) -> Iterator[Table]:
    """Every table of a document whose rows name folders with models."""
    for pointer, value, owner in _containers(data):
        for key, ids in _identities(value):
            layout, held = _version_dir(ids, inside)
            if layout:
                rows = list(value.values()) if isinstance(value, dict) else value
                sample = rows[0]
                metrics = isinstance(sample, dict) and isinstance(sample.get("metrics"), dict)
                yield Table(
                    folder, file, layout, len(ids), held, pointer, key,
                    **_roles(data, owner, pointer, set(ids)),
                    metrics="metrics" if metrics else "",
                )  # fmt: skip


def _containers(data: Any) -> Iterator[tuple[str, Any, Any]]:
    """Mappings and lists with their pointer and what holds them, outer ones first."""
    waiting: list[tuple[str, Any, Any, int]] = [("", data, None, 0)]
    while waiting:
        pointer, value, owner, depth = waiting.pop(0)
        if not isinstance(value, (dict, list)) or not value or depth > _DEEPEST:
            continue
        yield pointer, value, owner
        if isinstance(value, dict):
            waiting += [
                (pointer + pointer_to(str(k)), v, value, depth + 1) for k, v in value.items()
            ]


def _identities(value: Any) -> Iterator[tuple[str, list[str]]]:
    """Keys under which rows may be told apart, with the ids; '' for a mapping by id."""
    if isinstance(value, dict):
        if all(isinstance(row, (dict, str)) for row in value.values()):
            yield "", [str(k) for k in value]
        return
    if all(isinstance(row, str) for row in value):
        yield "", list(value)
    rows = [row for row in value if isinstance(row, dict)]
    if not rows or len(rows) < len(value):
        return
    for key in rows[0]:
        ids = [row.get(key) for row in rows]
        plain = all(isinstance(i, (str, int)) and not isinstance(i, bool) for i in ids)
        if plain and len(set(ids)) == len(ids):
            yield str(key), [str(i) for i in ids]


def _version_dir(ids: list[str], inside: list[PurePosixPath]) -> tuple[str, int]:
    """How ids make folder names, and how many of them are there."""
    best, most = "", 0
    above = {p for f in inside for p in (f, *f.parents)}
    for layout in sorted({m for i in ids for f in inside for m in _layouts(i, f)}):
        held = sum(PurePosixPath(layout.format(version=i)) in above for i in ids)
        if held > most:
            best, most = layout, held
    return best, most


def _layouts(identity: str, folder: PurePosixPath) -> Iterator[str]:
    """Layouts under which a folder, or one that holds it, is that version's."""
    if not identity or "/" in identity or "{" in str(folder):
        return
    for depth, part in enumerate(folder.parts):
        named = part == identity
        affixed = len(identity) > 1 and (
            part.startswith((f"{identity}_", f"{identity}-"))
            or part.endswith((f"_{identity}", f"-{identity}", f"={identity}"))
        )
        if named or affixed:
            parts = [*folder.parts[:depth], part.replace(identity, "{version}")]
            yield "/".join(parts)


def _roles(data: Any, owner: Any, pointer: str, ids: set[str]) -> dict[str, str]:
    """Pointers to latest and champion: beside the table, else at the top of the file."""
    pointers: dict[str, str] = {}
    beside = pointer.rpartition("/")[0]
    for holder, base in ((owner, beside), (data, "")):
        for key, value in holder.items() if isinstance(holder, dict) else ():
            for role, words in _ROLES.items():
                plain = value is None or (isinstance(value, (str, int)) and str(value) in ids)
                if words.search(str(key)) and plain:
                    pointers.setdefault(role, base + pointer_to(str(key)))
    return pointers
