"""Temporary folders that do not outlive their process for long, however that was ended.

A folder lives while somebody holds the lock of the file beside it, which the system lets go when a
process ends, even by SIGKILL.  Whoever makes the first folder of a process sweeps what was left.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: folders are removed by those who made them, or not at all
    fcntl = None  # type: ignore[assignment]

PREFIX = "audit-"
_LOCK = ".lock"
_held: dict[Path, int] = {}


def new_folder(kind: str) -> Path:
    """A fresh folder in the system's place for temporary files, for :func:`remove_folder`.

    Args:
        kind: what it is for, a word that its name shows.
    """
    if fcntl is None:
        return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-")).resolve()
    _sweep_once(os.getpid())
    while True:
        handle, name = tempfile.mkstemp(prefix=f"{PREFIX}{kind}-", suffix=_LOCK)
        fcntl.flock(handle, fcntl.LOCK_EX)
        # A sweep may have come between: then the name is gone, and nobody would see the lock.
        if _is(handle, name):
            break
        os.close(handle)
    folder = Path(name.removesuffix(_LOCK))
    folder.mkdir(mode=0o700)
    folder = folder.resolve()
    _held[folder] = handle
    return folder


def remove_folder(folder: Path) -> None:
    """Remove a folder even if a hook made it hard: locked folders, or a thousand levels."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):  # neither follows links
            subprocess.run([*command, "--", str(folder)], check=False, capture_output=True)
    handle = _held.pop(folder, None)
    if handle is not None:
        _unlink(Path(f"{folder}{_LOCK}"))
        os.close(handle)


def sweep() -> list[Path]:
    """Remove folders whose processes are gone; answers which.  Only our own user's are touched."""
    gone = []
    for lock in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*{_LOCK}")):
        with contextlib.suppress(OSError):
            # Another user could have put a link there.
            handle = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if os.fstat(handle).st_uid != os.geteuid():
                    continue
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                folder = Path(str(lock).removesuffix(_LOCK))
                if folder.is_dir() and not folder.is_symlink():
                    shutil.rmtree(folder, ignore_errors=True)
                    gone.append(folder)
                _unlink(lock)
            finally:
                os.close(handle)
    return gone


@cache
def _sweep_once(pid: int) -> None:
    sweep()


def _is(handle: int, name: str) -> bool:
    """Whether a name still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(name))
    except OSError:
        return False


def _unlink(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()
