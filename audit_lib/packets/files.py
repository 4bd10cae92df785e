"""Knowing what a folder holds."""

import os
from collections.abc import Iterator
from pathlib import Path

from audit_lib.files import digest_of


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's content."""
    return digest_of(file)


def empty_below(folder: Path) -> list[str]:
    """Folders with no file or link anywhere below them, relative to the folder, deepest first."""
    found = []
    for root, folders, names in os.walk(folder, topdown=False):
        inner = [Path(root) / name for name in folders]
        held = any(f.is_symlink() or f.relative_to(folder).as_posix() not in found for f in inner)
        if not names and not held and Path(root) != folder:
            found.append(Path(root).relative_to(folder).as_posix())
    return found


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file and link below a folder, by POSIX path relative to it, sorted."""
    found = []
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in [*names, *links]:
            file = Path(root) / name
            found.append((file.relative_to(folder).as_posix(), file))
    yield from sorted(found)
