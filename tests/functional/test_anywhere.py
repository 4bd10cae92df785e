"""The command works for anybody, anywhere: no home, a strict umask, no network, not as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import made_repo
import pytest
import toy_workspace

NOBODY = 65534
LIBRARIES = os.pathsep.join((str(toy_workspace.REPOSITORY), sysconfig.get_paths()["purelib"]))


@pytest.fixture
def place(tmp_path):
    """A workspace in a folder with spaces and umlauts, whose one version breaks a contract."""
    files = made_repo.good_store() | {"store/v1/model.txt": b"tree\n"}
    source = {"subsystem": {"files": ["*.py"]}, "root": "../../repo"}
    folder = tmp_path / "Prüfung eins"
    made_repo.subject(folder, files, artifacts=made_repo.STORE, source=source)
    return folder


def gate(place, *before, python=sys.executable, umask=-1):
    """The gate with next to nothing in its environment."""
    return subprocess.run(
        [*before, python, "-m", "audit_lib.cli", "gate", "backtest", "made"],
        cwd=place,
        env={"PATH": "/usr/bin:/bin:/usr/sbin", "LC_ALL": "C", "PYTHONPATH": LIBRARIES},
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


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to change")
def test_as_somebody_else_and_offline(place):
    if not (shutil.which("setpriv") and shutil.which("unshare")):
        pytest.skip("setpriv and unshare are not here")
    python = next((p for p in (sys.executable, _system()) if p and _runs(p)), None)
    if python is None:
        pytest.skip("no interpreter of this version that others may run")
    for path in (place, *place.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for folder in list(place.parents)[:-2]:  # pytest keeps its folders to itself
        folder.chmod(folder.stat().st_mode | 0o011)
    done = gate(place, "unshare", "-n", *_nobody(), python=python)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "broken" in done.stdout


def _nobody():
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def _runs(python):
    """Whether somebody else may run this interpreter, and import the library with it."""
    asked = [*_nobody(), "env", f"PYTHONPATH={LIBRARIES}", python, "-c", "import audit_lib, click"]
    return subprocess.run(asked, capture_output=True, cwd="/", check=False).returncode == 0


def _system():
    found = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    return str(found) if found.exists() else None
