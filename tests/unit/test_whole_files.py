from __future__ import annotations

import errno
import os

import pytest

from audit_lib.files import write_whole


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch, step):
    file = tmp_path / "a.txt"
    write_whole(file, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_written_files_can_be_read_by_others_and_folders_are_made(tmp_path):
    write_whole(tmp_path / "sub/a.txt", b"x")
    assert (tmp_path / "sub/a.txt").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "sub/a.txt").read_bytes() == b"x"


def test_content_is_on_disk_before_it_has_the_name(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("fsync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda *a: (done.append("replace"), replace(*a)))
    write_whole(tmp_path / "a.txt", b"x")
    assert done[:2] == ["fsync", "replace"]
