"""Reading a file never waits, never fills the memory, and never opens a device."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audit_lib.files import digest_of, read_whole, read_words


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\r\ny\rz\n")
    assert read_whole(tmp_path / "a") == b"x\r\ny\rz\n"
    assert read_words(tmp_path / "a") == "x\ny\nz\n"


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/tty", "/dev/stdin", "pipe", "."])
def test_what_is_no_file_is_never_opened(target: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    link = tmp_path / "link"
    link.symlink_to(target)
    for read in (read_whole, digest_of):
        with pytest.raises(OSError):  # noqa: PT011 - the kind differs
            read(link)


def test_what_is_too_large_is_said(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than"):
        read_whole(tmp_path / "sparse")


def test_files_without_a_size_are_limited_too() -> None:
    with pytest.raises(OSError, match="larger than"):
        read_whole("/proc/self/maps", most=10)
