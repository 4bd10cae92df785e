"""Staging, sweeping and publishing: a run's folder appears whole or not at all."""

import errno
import json
import os
import shutil
import socket
import time
from pathlib import Path

import psutil

from audit_lib.errors import RunError, refused
from audit_lib.execution.layout import Place, RunFolder
from audit_lib.files import read_words, sync_folder, write_whole

MANIFEST = "run_manifest.json"
_LITTER_AFTER = 3600.0
_ABANDONED_AFTER = 7 * 24 * 3600.0


def begin(place: Place, run_id: str) -> RunFolder:
    """Make the folder in which a run works, and say whose it is.

    Raises:
        RunError: it exists, or cannot be made.
    """
    folder = place.work(run_id)
    mend = "name a folder that can be written to as --reports"
    me = psutil.Process()
    # A pid alone may be used again by another process; its start time tells them apart.
    owner = {"pid": me.pid, "started": me.create_time(), "host": socket.gethostname()}
    with refused(RunError, "cannot be made", where=folder.path, mend=mend):
        write_whole(_owner_file(folder), json.dumps(owner).encode())
        folder.notebooks.mkdir(parents=True)
    return folder


def abandon(folder: RunFolder) -> None:
    """Leave a failed run's folder to look at; the next run of the version sweeps it."""
    _owner_file(folder).write_text("{}", encoding="utf-8")


def discard(folder: RunFolder) -> None:
    """Remove a run's folder and what says whose it is."""
    shutil.rmtree(folder.path, ignore_errors=True)
    _owner_file(folder).unlink(missing_ok=True)


def sweep(place: Place) -> list[str]:
    """Remove working folders whose owner is gone.

    Folders that no run owns (notebooks executed by hand or by a scheduler) go after a week.

    Returns:
        ids of the runs that were removed.
    """
    swept = []
    work = place.folder / ".work"
    for path in sorted(work.glob("*")) if work.is_dir() else ():
        folder = RunFolder(path.with_suffix("") if path.suffix == ".owner" else path)
        if path.is_dir() and not path.is_symlink():
            if not _alive(folder):
                discard(folder)
                swept.append(folder.run_id)
        elif path.suffix == ".owner":
            if not (folder.path.is_dir() or _alive(folder)):
                path.unlink(missing_ok=True)
        elif _age_of_one(path) > _LITTER_AFTER:  # links and files that were about to be renamed
            path.unlink(missing_ok=True)
    return swept


def publish(place: Place, folder: RunFolder) -> RunFolder:
    """Move a complete run to its final place; nothing half-written is ever seen there.

    Every file is on disk before the folder gets its name, the manifest last.

    Raises:
        RunError: the place is taken, or cannot be written to.
    """
    final = place.published(folder.run_id)
    try:
        _sync(folder.path)
        _rename_new(folder.path, final.path)
        sync_folder(place.folder)
    except FileExistsError:
        raise RunError(
            "exists already, and runs are never replaced",
            where=str(final.path),
            mend="run again; every run has an id of its own",
        ) from None
    except OSError as error:
        raise RunError(
            f"cannot be published: {error.strerror}",
            where=str(final.path),
            mend="free some space there, or choose another --reports folder",
        ) from None
    _owner_file(folder).unlink(missing_ok=True)
    return final


def point_latest(place: Place, folder: RunFolder) -> None:
    """Let ``latest`` name a run, unless it names a newer one."""
    current = place.latest()
    if current is not None and current.run_id > folder.run_id:
        return
    pointer = place.folder / "latest"
    fresh = place.folder / ".work" / f"{folder.run_id}.latest"
    try:
        fresh.parent.mkdir(exist_ok=True)
        fresh.symlink_to(folder.run_id, target_is_directory=True)
        os.replace(fresh, pointer)
    except (OSError, NotImplementedError):  # no symbolic links here
        fresh.unlink(missing_ok=True)
        if pointer.is_symlink():
            pointer.unlink()
        write_whole(pointer, folder.run_id.encode() + b"\n")
    sync_folder(place.folder)


def _owner_file(folder: RunFolder) -> Path:
    return folder.path.with_name(f"{folder.path.name}.owner")


def _alive(folder: RunFolder) -> bool:
    file = _owner_file(folder)
    try:
        owner = json.loads(read_words(file))
    except (OSError, ValueError):
        return _age(folder.path) < _ABANDONED_AFTER
    if not owner:
        return False
    if owner.get("host") != socket.gethostname():  # shared storage: nobody here can tell
        return _age(folder.path) < _ABANDONED_AFTER
    try:
        started = psutil.Process(int(owner["pid"])).create_time()
    except (psutil.Error, ValueError, KeyError):
        return False
    return abs(started - float(owner.get("started", 0))) < 2.0


def _age_of_one(path: Path) -> float:
    """Of a file or link itself: what a link leads to is as old as a run that is kept."""
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:  # renamed meanwhile
        return 0.0


def _age(path: Path) -> float:
    try:
        newest = max(p.lstat().st_mtime for p in (path, *path.rglob("*")))
    except (OSError, ValueError):
        return 0.0
    return time.time() - newest


def _sync(folder: Path) -> None:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    for file in sorted(files, key=lambda p: p == folder / MANIFEST):
        handle = os.open(file, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    for inner in sorted(p for p in folder.rglob("*") if p.is_dir()):
        sync_folder(inner)
    sync_folder(folder)


def _rename_new(source: Path, target: Path) -> None:
    """Rename a folder, failing where the target exists.

    Between the question and the rename somebody else may publish there: a rename never replaces a
    folder that holds something, so that only an empty one could be lost.
    """
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        raise
