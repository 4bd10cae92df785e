"""Temporary folders are swept once the process that made them is gone, however it ended."""

import os
import signal
import subprocess
import sys

import pytest

from audit_lib import scratch

fcntl = pytest.importorskip("fcntl")

MAKE = (
    "import sys; from audit_lib.scratch import new_folder; "
    "print(new_folder('trial'), flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def _own_place(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.fixture
def other():
    """Another process that holds a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.folder = process.stdout.readline().strip()
    yield process
    process.kill()
    process.communicate()


def names(place):
    return sorted(p.name for p in place.iterdir())


def test_a_folder_and_its_lock_go_together(tmp_path):
    folder = scratch.new_folder("trial")
    (folder / "deep").mkdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert names(tmp_path) == [folder.name, f"{folder.name}.lock"]
    scratch.remove_folder(folder)
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_is_swept_at_the_next_start(tmp_path, other, number):
    assert scratch.sweep() == []
    other.send_signal(number)
    other.wait(30)
    assert os.path.isdir(other.folder)
    scratch._sweep_once.cache_clear()
    mine = scratch.new_folder("next")
    assert names(tmp_path) == [mine.name, f"{mine.name}.lock"]
    scratch.remove_folder(mine)


def test_what_is_in_use_or_not_ours_stays(tmp_path, other):
    mine = scratch.new_folder("trial")
    kept = tmp_path / "audit-without-lock"
    kept.mkdir()
    away = tmp_path / "elsewhere"
    away.mkdir()
    (tmp_path / "audit-link.lock").symlink_to(away / "x")
    (tmp_path / "audit-led").symlink_to(away)
    (tmp_path / "audit-led.lock").touch()
    assert scratch.sweep() == []
    assert os.path.isdir(other.folder)
    assert mine.is_dir()
    assert kept.is_dir()
    assert away.is_dir()
    scratch.remove_folder(mine)
