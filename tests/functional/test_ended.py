"""Runs that are ended from outside: nothing of them runs on, nothing half is published."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests import toy_workspace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def place(tmp_path):
    """A workspace whose T1 takes for ever, and a place of its own for temporary files."""
    toy_workspace.make(tmp_path / "audit")
    toy_workspace.notebook(tmp_path / "audit", "T1", "import time; time.sleep(600)")
    (tmp_path / "tmp").mkdir()
    return tmp_path


def begun(place):
    """``workbook run``, once a kernel has its own folder and the notebook runs."""
    words = ["run", "toy", "--version", "v1", "--tasks", "T1", "--cold"]
    process = subprocess.Popen(
        [sys.executable, "-m", "audit_lib.cli", *words],
        cwd=place / "audit",
        env={**os.environ, "TMPDIR": str(place / "tmp"), "AUDIT_TEST_MARK": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until(lambda: len(marked(place)) > 1)
    return process


def marked(place):
    """Processes that were started below this test."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("AUDIT_TEST_MARK") == str(place):
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(told, seconds=60):
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_run_that_is_asked_to_end_ends_whole(place, name):
    process = begun(place)
    number = getattr(signal, name)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert "interrupted; nothing was published" in said
    assert "Traceback" not in said
    until(lambda: not marked(place), 10)
    assert list((place / "tmp").glob("audit-*")) == []
    assert list((place / "audit/reports").rglob("run_manifest.json")) == []


@pytest.mark.slow
def test_what_a_killed_run_left_is_swept_by_the_next(place):
    process = begun(place)
    process.kill()
    process.communicate(timeout=60)
    for left in marked(place):  # a kernel whose judge was killed sees it, and may be slower
        left.kill()
    assert list((place / "tmp").glob("audit-kernels-*"))
    toy_workspace.notebook(place / "audit", "T1", "")
    words = ["run", "toy", "--version", "v1", "--tasks", "T1", "--cold"]
    done = subprocess.run(
        [sys.executable, "-m", "audit_lib.cli", *words],
        cwd=place / "audit",
        env={**os.environ, "TMPDIR": str(place / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr  # PARTIAL
    assert list((place / "tmp").glob("audit-*")) == []
    assert len(list((place / "audit/reports/toy/v1").glob("*/run_manifest.json"))) == 1
    assert not list((place / "audit/reports/toy/v1/.work").glob("*"))
