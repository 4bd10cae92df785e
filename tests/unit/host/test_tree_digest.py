"""The digest notices every change and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from audit_lib.host.digest import tree_digest
from audit_lib.scratch import remove_folder as remove


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "subject"
    (top / "models").mkdir(parents=True)
    (top / "models" / "a.bin").write_bytes(b"weights")
    (top / "models" / "b.bin").write_bytes(b"other")
    (top / "readme").write_text("read me")
    (top / "link").symlink_to("readme")
    return top


def until_the_clock_of_files_moves(file: Path) -> None:
    file.touch()
    first = file.stat().st_ctime_ns
    while file.stat().st_ctime_ns == first:
        file.touch()


def rewrite_in_place(top: Path) -> None:
    file = top / "models" / "a.bin"
    times = file.stat()
    file.write_bytes(b"WEIGHTS")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def touch(top: Path) -> None:
    os.utime(top / "readme", ns=(1, 1))


def create_and_remove(top: Path) -> None:
    (top / "models" / "new").write_text("")
    (top / "models" / "new").unlink()


def swap(top: Path) -> None:
    a, b, c = (top / "models" / n for n in ("a.bin", "b.bin", "c"))
    a.rename(c)
    b.rename(a)
    c.rename(b)


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "content with its old time": (rewrite_in_place, "models/a.bin: content"),
    "time": (touch, "readme: time"),
    "mode": (lambda top: (top / "readme").chmod(0o600), "readme: mode"),
    "a new file": (lambda top: (top / "new").write_text(""), "new: new"),
    "a file gone": (lambda top: (top / "readme").unlink(), "readme: gone"),
    "a file made and removed": (create_and_remove, "models: time"),
    "two files swapped": (swap, "models/a.bin: content, size, time"),
    "an empty folder": (lambda top: (top / "empty").mkdir(), "empty: new"),
    "a link that points elsewhere": (
        lambda top: ((top / "link").unlink(), (top / "link").symlink_to("models")),
        "link: content, time",
    ),
    "a file that became a link": (
        lambda top: ((top / "readme").unlink(), (top / "readme").symlink_to("models/a.bin")),
        "readme: file became link, content, mode, size, time",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed_and_named(tree: Path, change: str) -> None:
    make, line = CHANGES[change]
    before = tree_digest(tree)
    until_the_clock_of_files_moves(tree.with_name("clock"))
    make(tree)
    after = tree_digest(tree)
    assert after.sha256 != before.sha256
    assert line in before.changes(after)


def test_reading_changes_nothing(tree: Path) -> None:
    before = tree_digest(tree)
    for path in tree.rglob("*"):
        if path.is_file():
            path.read_bytes()
    after = tree_digest(tree)
    assert after == before
    assert before.changes(after) == []


def test_ignored_paths_are_left_out(tree: Path) -> None:
    before = tree_digest(tree, ignore=["models", "*.log"])
    (tree / "models" / "a.bin").write_bytes(b"changed")
    after = tree_digest(tree, ignore=["models", "*.log"])
    assert after == before
    assert tree_digest(tree) != before


def test_special_and_odd_entries_do_not_hang_or_crash(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    (tree / os.fsdecode(b"caf\xe9")).write_text("latin-1 name")
    (tree / "loop").symlink_to("loop")
    digest = tree_digest(tree)
    kinds = {e.path: e.kind for e in digest.entries}
    assert kinds["pipe"] == "fifo"
    assert kinds["loop"] == "link"
    assert [e.kind for e in digest.entries].count("file") == 4


def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    here = tmp_path / "deep"
    here.mkdir()
    folder = os.open(here, os.O_RDONLY)
    for _ in range(1010):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    assert len(tree_digest(here).entries) == 1011
    remove(here)
    assert not here.exists()


def test_a_file_is_no_folder(tree: Path) -> None:
    with pytest.raises(NotADirectoryError):
        tree_digest(tree / "readme")


def git(top: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=top, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_gits_upkeep_is_left_out(tree: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "first")
    before = tree_digest(tree)
    touch_index = tree / ".git" / "index"
    touch_index.write_bytes(touch_index.read_bytes() + b" ")
    assert tree_digest(tree) == before
    (tree / ".git" / "hooks" / "post-checkout").write_text("#!/bin/sh\n")
    assert ".git/hooks/post-checkout: new" in before.changes(tree_digest(tree))
