"""Writing whole files or none, and knowing what a folder holds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or all of the new one.

    The new content is on disk before it gets the name, so this holds after a crash as well.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's content."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file and link below a folder, by POSIX path relative to it, sorted."""
    found = []
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in [*names, *links]:
            file = Path(root) / name
            found.append((file.relative_to(folder).as_posix(), file))
    yield from sorted(found)
