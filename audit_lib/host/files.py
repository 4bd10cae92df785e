"""How to get rid of folders that hooks wrote to."""

import contextlib
import shutil
import subprocess
from pathlib import Path


def remove(folder: Path) -> None:
    """Remove a folder even if a hook made it hard: locked folders, or a thousand levels."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):  # neither follows links
            subprocess.run([*command, "--", str(folder)], check=False, capture_output=True)
