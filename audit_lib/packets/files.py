"""Knowing what a folder holds."""

import os
from collections.abc import Iterator
from pathlib import Path


def empty_below(folder: Path) -> list[str]:
    """Folders with no file or link anywhere below them, relative to the folder, deepest first."""
    empty = []
    for root, folders, names in os.walk(folder, topdown=False):
        inner = [Path(root) / name for name in folders]
        held = any(f.is_symlink() or f.relative_to(folder).as_posix() not in empty for f in inner)
        if not names and not held and Path(root) != folder:
            empty.append(Path(root).relative_to(folder).as_posix())
    return empty


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file and link below a folder, by POSIX path relative to it, sorted."""
    files = []
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in [*names, *links]:
            file = Path(root) / name
            files.append((file.relative_to(folder).as_posix(), file))
    yield from sorted(files)
