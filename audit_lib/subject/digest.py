"""One digest over everything that reading a subject can see.

Contents are hashed, never times and sizes, so that an unchanged digest means unchanged answers of
the checks that only read.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from audit_lib.files import opened
from audit_lib.subject.source import SKIPPED_FOLDERS
from audit_lib.subject.subject import Subject

#: Beyond these, hashing everything again is no saving.
MOST_BYTES, MOST_FILES = 2 << 30, 50_000
#: Files beside a root that is a package itself, which may name the modules that a build makes.
_BUILD = ("pyproject.toml", "setup.cfg", "setup.py", "meson.build")


class _TooMuchError(Exception):
    """The subject is too large, or leads out of the folders that are hashed."""


def subject_digest(subject: Subject, *, but: Collection[Path] = ()) -> str:
    """SHA-256 over source, artifact store, documents and parameters of a subject.

    Args:
        subject: the subject.
        but: folders below the root that the workbook itself writes; their Python files count.

    Returns:
        hex digits; '' where the subject is too large for it, where a link leads out of what is
        hashed, or where something cannot be read.
    """
    try:
        return _digest(subject, frozenset(map(os.path.realpath, but)))
    except (_TooMuchError, OSError):
        return ""


def _digest(subject: Subject, but: frozenset[str]) -> str:
    root, folder = Path(os.path.realpath(subject.root)), Path(os.path.realpath(subject.folder))
    whole: list[Path] = []
    if subject.parameters.artifacts is not None:
        store = Path(os.path.realpath(subject.root / subject.parameters.artifacts.store))
        whole = [store] if store.is_dir() else []
    found = hashlib.sha256()
    counts = [0, 0]
    single = [root / path for path in subject.parameters.documents.values() if path]
    single += [root / subject.parameters.source.subsystem.map, *(root.parent / b for b in _BUILD)]
    files: dict[str, None] = {}
    inside = (root, folder, *whole)
    for top in (root, folder):
        files.update(dict.fromkeys(_files(top, SKIPPED_FOLDERS, inside, but)))
    for top in whole:
        files.update(dict.fromkeys(_files(top, frozenset(), inside)))
    if but:
        files.update(dict.fromkeys(os.path.realpath(f.file) for f in subject.source.files))
    files.update(dict.fromkeys(os.path.realpath(f) for f in single))
    for text in (str(subject.root), str(root), str(folder), *map(str, whole)):
        found.update(text.encode("utf-8", "surrogateescape") + b"\0")
    for path in files:
        counts[0] += 1
        if counts[0] > MOST_FILES:
            raise _TooMuchError
        counts[1] += _add(found, path, MOST_BYTES - counts[1])
    return found.hexdigest()


def _files(
    top: Path,
    skipped: frozenset[str],
    inside: tuple[Path, ...],
    but: frozenset[str] = frozenset(),
) -> Iterator[str]:
    for place, folders, names in os.walk(top):
        folders[:] = sorted(
            f for f in folders if f not in skipped and os.path.join(place, f) not in but
        )
        for name in folders:
            path = os.path.join(place, name)
            yield path  # an empty folder is something, too
            if os.path.islink(path):
                leads = Path(os.path.realpath(path))
                if not any(leads.is_relative_to(i) for i in inside):
                    raise _TooMuchError
        for name in sorted(names):
            yield os.path.join(place, name)


def _add(found: hashlib._Hash, path: str, most: int) -> int:
    """Put one file into the digest: its path, its kind, its content; how many bytes it has."""
    found.update(path.encode("utf-8", "surrogateescape") + b"\0")
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        found.update(b"absent\0")
        return 0
    if not stat.S_ISREG(mode):
        found.update(f"kind {stat.S_IFMT(mode)}\0".encode())
        return 0
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise _TooMuchError
        if os.path.islink(path):
            found.update(os.readlink(path).encode("utf-8", "surrogateescape") + b"\0")
        found.update(hashlib.file_digest(file, "sha256").digest())
    return size
