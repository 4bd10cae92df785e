"""Folders that hooks write to: where they may be, and how to get rid of them."""

import contextlib
import shutil
import subprocess
from pathlib import Path


def within(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or stands below it; both resolved."""
    return path == folder or folder in path.parents


def remove(folder: Path) -> None:
    """Remove a folder even if a hook made it hard: locked folders, or a thousand levels."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):  # neither follows links
            subprocess.run([*command, "--", str(folder)], check=False, capture_output=True)
