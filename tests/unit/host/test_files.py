"""What hooks left is removed, however they left it, and nothing beside it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from audit_lib.scratch import remove_folder as remove

NOBODY = 65534


def locked(folder: Path) -> None:
    (folder / "locked" / "inside").mkdir(parents=True)
    (folder / "locked" / "inside" / "file").write_text("x")
    (folder / "locked" / "inside").chmod(0)
    (folder / "locked").chmod(0o400)


def deep(folder: Path) -> None:
    os.chdir(folder)
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")
    os.chdir("/")


@pytest.mark.parametrize("trap", [locked, deep])
def test_traps_are_removed_by_an_ordinary_user(trap: object) -> None:
    with tempfile.TemporaryDirectory() as made:
        base = Path(made)
        base.chmod(0o777)
        pid = os.fork()
        if pid == 0:  # root would not notice a locked folder
            code = 1
            try:
                if os.getuid() == 0:
                    os.setuid(NOBODY)
                folder = base / "folder"
                folder.mkdir()
                trap(folder)  # type: ignore[operator]
                remove(folder)
                code = 2 if folder.exists() else 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o500)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(kept)
    remove(folder)
    assert not folder.exists()
    assert kept.stat().st_mode & 0o777 == 0o500


def test_what_is_not_there_is_removed_already(tmp_path: Path) -> None:
    remove(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
