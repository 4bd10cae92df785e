"""The command works for anybody, anywhere: no home, a strict umask, no network, not as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import made_repo
import pytest
import toy_workspace

NOBODY = 65534
LIBRARIES = os.pathsep.join((str(toy_workspace.REPOSITORY), sysconfig.get_paths()["purelib"]))


@pytest.fixture
def place():
    """A workspace in a folder with spaces and umlauts, whose one version breaks a contract.

    Not below `tmp_path`, which pytest closes to others whenever one more of it starts.
    """
    files = made_repo.good_store() | {"store/v1/model.txt": b"tree\n"}
    source = {"subsystem": {"files": ["*.py"]}, "root": "../../repo"}
    with tempfile.TemporaryDirectory(prefix="Prüfung eins ") as made:
        folder = Path(made)
        made_repo.subject(folder, files, artifacts=made_repo.STORE, source=source)
        yield folder


GATE = ("gate", "backtest", "made")


def gate(place, *before, python=sys.executable, umask=-1, words=GATE):
    """The gate, or another command, with next to nothing in its environment."""
    return subprocess.run(
        [*before, python, "-m", "audit_lib.cli", *words],
        cwd=place,
        env={
            "PATH": "/usr/bin:/bin:/usr/sbin",
            "LC_ALL": "C",
            # Another interpreter than the environment's may have to do.
            "PYTHONPATH": LIBRARIES,
            "JUPYTER_PATH": f"{sys.prefix}/share/jupyter",
        },
        umask=umask,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_without_a_home_under_a_strict_umask_and_twice(place):
    first, second = (gate(place, umask=0o077) for _ in range(2))
    assert (first.returncode, "Traceback" in first.stderr) == (1, False), first.stderr
    assert (second.returncode, second.stdout) == (1, first.stdout)
    assert list((place / ".workbook_cache").glob("*.json"))


@pytest.fixture
def somebody(place):
    """The words before a command, and the interpreter, with which others run it offline."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root to change to somebody else")
    if not (shutil.which("setpriv") and shutil.which("unshare")):
        pytest.skip("setpriv and unshare are not here")
    python = next((p for p in (sys.executable, _system()) if p and _runs(p)), None)
    if python is None:
        pytest.skip("no interpreter of this version that others may run")
    for path in (place, *place.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    # Kernels talk over the loopback interface, which is down in a network of its own.
    alone = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    return (*(alone if shutil.which("ip") else ()), *_nobody()), python


@pytest.mark.slow
def test_as_somebody_else_and_offline(place, somebody):
    before, python = somebody
    done = gate(place, *before, python=python)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "broken" in done.stdout


@pytest.mark.slow
def test_a_whole_run_as_somebody_else_without_a_home_under_a_strict_umask(place, somebody):
    before, python = somebody
    words = ("run", "made", "--version", "v1")
    done = gate(place, *before, python=python, umask=0o077, words=words)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    packet = place / "reports/made/v1/latest"
    assert (packet / "packet.pdf").read_bytes().startswith(b"%PDF")
    assert len(list((packet / "notebooks").glob("*.ipynb"))) == 6
    assert (packet / "run_manifest.json").stat().st_uid == NOBODY


def _nobody():
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def _runs(python):
    """Whether somebody else may run this interpreter, and import the library with it."""
    asked = [*_nobody(), "env", f"PYTHONPATH={LIBRARIES}", python, "-c", "import audit_lib, click"]
    return subprocess.run(asked, capture_output=True, cwd="/", check=False).returncode == 0


def _system():
    found = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    return str(found) if found.exists() else None
