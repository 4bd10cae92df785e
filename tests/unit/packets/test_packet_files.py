from __future__ import annotations

import os

import pytest

from audit_lib.packets.files import files_below, sha256_of, write_whole


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "a.txt"
    write_whole(file, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_written_files_can_be_read_by_others(tmp_path):
    write_whole(tmp_path / "sub/a.txt", b"x")
    assert (tmp_path / "sub/a.txt").stat().st_mode & 0o777 == 0o644
    assert sha256_of(tmp_path / "sub/a.txt").startswith("2d711642b726b044")


def test_files_and_links_are_listed_sorted_and_links_not_followed(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x").write_text("")
    (tmp_path / "a").write_text("")
    (tmp_path / "c").symlink_to(tmp_path / "b")
    assert [path for path, _ in files_below(tmp_path)] == ["a", "b/x", "c"]
