"""Digest of a folder, metadata included: proof that an audit left its subject as it was.

Entered into the digest, for each entry in order of its path: kind, permission bits, owner, group,
size and time of modification, the content of regular files, the target of symbolic links, and
extended attributes.  Links are not followed.  Access times are left out, since reading changes
them.

Of a Git folder at the top, only what an audit could change with consequence is entered: ``HEAD``,
references, configuration and hooks.  Git's own upkeep (index, logs, object store, locks) is left
out, because ``git status`` alone rewrites it.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

#: What is entered of ``.git``; the rest is Git's own upkeep.
GIT_ENTERED = ("HEAD", "config", "packed-refs", "refs", "hooks", "info")
_TIME = 4
"""where an entry's metadata holds the time of modification"""
_KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFREG: "file",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}


@dataclass(frozen=True)
class Listed:
    """One entry of the folder.

    Attributes:
        path: relative to the folder, with ``/``.
        kind: ``file``, ``folder``, ``link``, …
        metadata: mode, owner, group, size, time of modification in nanoseconds, attributes.
        content: SHA-256 of a file, target of a link, why a file could not be read, else ``""``.
    """

    path: str
    kind: str
    metadata: tuple[int | str, ...]
    content: str


@dataclass(frozen=True)
class TreeDigest:
    """Digest of a folder; two are equal if and only if the digests are.

    Attributes:
        sha256: over everything entered, metadata included: for before and after on one machine.
        entries: what was entered, to tell what changed.
    """

    sha256: str
    entries: tuple[Listed, ...] = field(repr=False, compare=False)

    def changes(self, after: TreeDigest) -> list[str]:
        """What differs in ``after``, one line for each path (``file: content, mode``)."""
        old = {e.path: e for e in self.entries}
        new = {e.path: e for e in after.entries}
        lines = []
        for path in sorted(old.keys() | new.keys()):
            if path not in new:
                lines.append(f"{path}: gone")
            elif path not in old:
                lines.append(f"{path}: new")
            elif old[path] != new[path]:
                lines.append(f"{path}: {', '.join(_differences(old[path], new[path]))}")
        return lines


def tree_digest(
    path: Path,
    *,
    ignore: Sequence[str] = (),
    untimed: Collection[str] = (),
) -> TreeDigest:
    """Digest a folder.

    Args:
        path: the folder.
        ignore: patterns (``fnmatch``) of relative paths to leave out; a folder that matches is
            not entered at all.
        untimed: relative paths of folders (``.`` for the folder itself) whose time of modification
            is not entered, because what is ignored comes and goes in them.

    Raises:
        NotADirectoryError: ``path`` is no folder.
    """
    top = Path(path)
    if not top.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(top))
    places = list(_walk(str(top), tuple(ignore)))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        read = pool.map(lambda place: _entry(*place), places, chunksize=8)
        entries = tuple(_timeless(e) if e.path in untimed else e for e in read)
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(_line(entry.path, entry.kind, entry.content, *entry.metadata))
    return TreeDigest(digest.hexdigest(), entries)


def _timeless(entry: Listed) -> Listed:
    metadata = entry.metadata
    return replace(entry, metadata=(*metadata[:_TIME], 0, *metadata[_TIME + 1 :]))


def _walk(top: str, ignore: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Relative and full path of every entry, a folder before what it holds."""
    pending = [""]
    while pending:
        relative = pending.pop()
        if relative != ".git":  # its own times change with every lock file
            yield relative or ".", os.path.join(top, relative) if relative else top
        folders = []
        for child in _inside(os.path.join(top, relative)):
            below = f"{relative}/{child.name}" if relative else child.name
            if relative == ".git" and child.name not in GIT_ENTERED:
                continue
            if any(fnmatch.fnmatchcase(below, pattern) for pattern in ignore):
                continue
            if child.is_dir(follow_symlinks=False):
                folders.append(below)
            else:
                yield below, child.path
        pending += reversed(folders)


def _inside(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as children:
            return sorted(children, key=lambda e: os.fsencode(e.name))
    except OSError:
        return []  # the folder's own entry says that it is unreadable


def _entry(relative: str, path: str) -> Listed:
    try:
        status = os.lstat(path)
    except OSError as error:
        return Listed(relative, "file", (0, 0, 0, 0, 0, ""), f"unreadable: {_name(error)}")
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "other")
    # The size of a folder is the file system's business.
    size = status.st_size if kind == "file" else 0
    metadata = (
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        size,
        status.st_mtime_ns,
        _attributes(path),
    )
    return Listed(relative, kind, metadata, _content(path, kind))


def _content(path: str, kind: str) -> str:
    try:
        if kind == "link":
            return os.readlink(path)
        if kind == "file":
            return _hash(path)
        if kind == "folder" and not os.access(path, os.R_OK | os.X_OK):
            return "unreadable: EACCES"
    except OSError as error:
        return f"unreadable: {_name(error)}"
    return ""


def _hash(path: str) -> str:
    """SHA-256 of a file; opened so that a pipe put in its place cannot hang us."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _attributes(path: str) -> str:
    """Extended attributes, where the system has them."""
    if not hasattr(os, "listxattr"):
        return ""
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
        values = [(n, os.getxattr(path, n, follow_symlinks=False).hex()) for n in names]
    except OSError:
        return ""
    return ";".join(f"{name}={value}" for name, value in values)


def _line(*fields: int | str) -> bytes:
    """Fields so joined that no two different lists give the same bytes."""
    texts = [str(f).encode("utf-8", "surrogateescape") for f in fields]
    return b"".join(b"%d:%s," % (len(t), t) for t in texts) + b"\n"


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "OSError")


def _differences(old: Listed, new: Listed) -> Iterable[str]:
    if old.kind != new.kind:
        yield f"{old.kind} became {new.kind}"
    if old.content != new.content:
        yield "content"
    names = ("mode", "owner", "group", "size", "time", "attributes")
    for name, before, after in zip(names, old.metadata, new.metadata, strict=True):
        if before != after:
            yield name
