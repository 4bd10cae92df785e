"""Setting up installs what the lock names, whatever a registry has published since."""

import hashlib
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: 22.3 came with Python 3.11.0, 23.2 with 3.11.7; the third is whatever pip is newest today
PIPS = ["22.3", "23.2", "newest"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index on the loopback interface, serving ``tmp_path / "simple"``."""
    (tmp_path / "simple").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()


def publish(simple: Path, name: str, version: str, *metadata: str) -> str:
    """Put an empty wheel on the index; its digest."""
    folder = simple / name
    folder.mkdir(exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", head + "".join(f"{line}\n" for line in metadata))
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    links = "".join(f'<a href="{w.name}">{w.name}</a>' for w in sorted(folder.glob("*.whl")))
    (folder / "index.html").write_text(f"<html><body>{links}</body></html>")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("pip", PIPS)
def test_a_newer_release_of_a_package_with_extras_changes_nothing(
    tmp_path: Path, index: str, pip: str
):
    simple = tmp_path / "simple"
    extra = "Provides-Extra: fast"
    meter = publish(simple, "meter", "1.0", extra, 'Requires-Dist: gauge; extra == "fast"')
    gauge = publish(simple, "gauge", "1.0")
    report = publish(simple, "report", "1.0", "Requires-Dist: meter[fast] >=1.0")
    lock = tmp_path / "a lock.txt"
    pins = {"meter": meter, "gauge": gauge, "report": report}
    lock.write_text("".join(f"{n}==1.0 --hash=sha256:{d}\n" for n, d in pins.items()))
    # published after the lock was made
    publish(simple, "meter", "2.0", extra, 'Requires-Dist: gauge; extra == "fast"')

    venv = tmp_path / "environment of today"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    wanted = "pip" if pip == "newest" else f"pip=={pip}"
    install = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--upgrade", wanted]
    if subprocess.run(install, capture_output=True, check=False).returncode:
        pytest.skip("no package index to take another pip from")
    settings = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    settings |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index}
    target = tmp_path / "linked"  # make knows no blanks in the name of a target
    target.symlink_to(venv)
    (tmp_path / "lock").symlink_to(lock)
    asked = ["make", f"{target}/.locked", f"VENV={target}", f"LOCK={tmp_path / 'lock'}"]
    done = subprocess.run(
        asked, cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = subprocess.run(
        [venv / "bin/python", "-c", "import meter, gauge, report; print(meter.version)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "1.0\n"
