"""One digest over everything that reading a subject can see.

Contents are hashed, never times and sizes, so that an unchanged digest means unchanged answers of
the checks that only read.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from audit_lib.files import opened
from audit_lib.subject.modules import BUILD_FILES
from audit_lib.subject.source import SKIPPED_FOLDERS
from audit_lib.subject.subject import Subject

#: Beyond these, hashing everything again is no saving.
MOST_BYTES, MOST_FILES = 2 << 30, 50_000


class _TooMuchError(Exception):
    """The subject is too large, or leads out of the folders that are hashed."""


@dataclass(frozen=True)
class Held:
    """What digests hold of a subject.

    Attributes:
        whole: SHA-256 over everything, in hex digits; '' where there is none.
        rest: the same without the content of the source's Python files; their names count.
        code: Python files of the source, relative to its root, to their SHA-256.
        files: every other file to its SHA-256.
    """

    whole: str = ""
    rest: str = ""
    code: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def subject_held(subject: Subject, *, but: Collection[Path]) -> Held:
    """Digests of source, artifact store, documents and parameters of a subject.

    Args:
        subject: the subject.
        but: folders below the root that the workbook itself writes; their Python files count.

    Returns:
        an empty one where the subject is too large for it, where a link leads out of what is
        hashed, or where something cannot be read.
    """
    try:
        return _held(subject, _listed(subject, frozenset(map(os.path.realpath, but))))
    except (_TooMuchError, OSError):
        return Held()


def subject_stamp(subject: Subject, *, but: Collection[Path]) -> str:
    """A digest over names, sizes and times of the same files: tells quickly that one changed."""
    digest = hashlib.sha256()
    try:
        for path in _listed(subject, frozenset(map(os.path.realpath, but))):
            try:
                of = os.stat(path)
                stamp = [of.st_mode, of.st_size, of.st_mtime_ns, of.st_ctime_ns, of.st_ino]
            except FileNotFoundError:
                stamp = []
            digest.update(repr((path, stamp)).encode("utf-8", "surrogateescape"))
    except (_TooMuchError, OSError):
        return ""
    return digest.hexdigest()


def _listed(subject: Subject, but: frozenset[str]) -> list[str]:
    """Paths of everything that is hashed, in order; first the folders that it stands in."""
    root, folder = Path(os.path.realpath(subject.root)), Path(os.path.realpath(subject.folder))
    whole: list[Path] = []
    if subject.parameters.artifacts is not None:
        store = Path(os.path.realpath(subject.root / subject.parameters.artifacts.store))
        whole = [store] if store.is_dir() else []
    single = [root / path for path in subject.parameters.documents.values() if path]
    # The build's own files stand beside a root that is a package itself.
    single += [root / subject.parameters.source.subsystem.map]
    single += [root.parent / name for name in BUILD_FILES]
    files: dict[str, None] = {}
    inside = (root, folder, *whole)
    for top in (root, folder):
        files.update(dict.fromkeys(_files(top, SKIPPED_FOLDERS, inside, but)))
    for top in whole:
        files.update(dict.fromkeys(_files(top, frozenset(), inside)))
    if but:
        files.update(dict.fromkeys(os.path.realpath(f.file) for f in subject.source.files))
    files.update(dict.fromkeys(os.path.realpath(f) for f in single))
    return [str(subject.root), str(root), str(folder), *map(str, whole), *files]


def _held(subject: Subject, paths: list[str]) -> Held:
    root = os.path.realpath(subject.root) + os.sep
    whole, rest = hashlib.sha256(), hashlib.sha256()
    code, files = dict[str, str](), dict[str, str]()
    left = MOST_BYTES
    if len(paths) > MOST_FILES:
        raise _TooMuchError
    for path in paths:
        content, size = _content(path, left)
        left -= size
        name = path.encode("utf-8", "surrogateescape") + b"\0"
        whole.update(name + content)
        if path.startswith(root) and path.endswith(".py") and size:
            code[path[len(root) :].replace(os.sep, "/")] = hashlib.sha256(content).hexdigest()
            content = b"code"
        else:
            files[path] = hashlib.sha256(content).hexdigest()
        rest.update(name + content)
    return Held(whole.hexdigest(), rest.hexdigest(), code, files)


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


def _content(path: str, most: int) -> tuple[bytes, int]:
    """What a digest holds of one file: its kind, its content; and how many bytes it has."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return b"absent\0", 0
    if not stat.S_ISREG(mode):
        return f"kind {stat.S_IFMT(mode)}\0".encode(), 0
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise _TooMuchError
        link = os.readlink(path) if os.path.islink(path) else ""
        content = hashlib.file_digest(file, "sha256").digest()
        return link.encode("utf-8", "surrogateescape") + content, size
