"""Setting up installs what the lock names, whatever a registry has published since."""

import hashlib
import os
import signal
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


@pytest.mark.parametrize(
    "pip", [PIPS[0], *(pytest.param(pip, marks=pytest.mark.slow) for pip in PIPS[1:])]
)
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


def pinned(tmp_path: Path, *names: str) -> Path:
    """A lock of packages that the index has from now on."""
    pins = {name: publish(tmp_path / "simple", name, "1.0") for name in names}
    lock = tmp_path / "lock"
    lock.write_text("".join(f"{n}==1.0 --hash=sha256:{d}\n" for n, d in pins.items()))
    return lock


def asked(tmp_path: Path, index: str, **more: str) -> tuple[list[str], dict[str, str]]:
    """What to type for the first step of setting up, and the environment."""
    settings = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    settings |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, **more}
    venv, lock = tmp_path / "venv", tmp_path / "lock"
    words = ["make", f"{venv}/.locked", f"VENV={venv}", f"LOCK={lock}", f"PYTHON={sys.executable}"]
    return words, settings


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_was_interrupted_is_begun_anew_and_done_once(
    tmp_path: Path, index: str, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
):
    lock = pinned(tmp_path, "meter", "gauge")
    reached, go_on = threading.Event(), threading.Event()
    send = Quiet.do_GET

    def slow(handler: Quiet) -> None:
        if handler.path.endswith("gauge-1.0-py3-none-any.whl"):
            reached.set()
            go_on.wait(60)
        send(handler)

    monkeypatch.setattr(Quiet, "do_GET", slow)
    words, settings = asked(tmp_path, index)
    first = subprocess.Popen(words, cwd=ROOT, env=settings, start_new_session=True)
    assert reached.wait(120)
    os.killpg(first.pid, number)
    assert first.wait(60) != 0
    go_on.set()
    left = next((tmp_path / "venv/lib").glob("python3*")) / "site-packages/half.py"
    left.write_text("")

    again = subprocess.run(
        words, cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert not left.exists()
    told = [tmp_path / "venv/bin/python", "-c", "import meter, gauge"]
    assert subprocess.run(told, check=False).returncode == 0
    third = subprocess.run(
        words, cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )
    assert "up to date" in third.stdout
    assert lock.stat().st_mtime <= (tmp_path / "venv/.locked").stat().st_mtime


@pytest.mark.slow
def test_settings_for_other_places_do_not_lead_past_the_environment(tmp_path: Path, index: str):
    pinned(tmp_path, "meter")
    junk = tmp_path / "junk"
    junk.mkdir()
    for name in ("pip", "venv", "meter"):
        (junk / f"{name}.py").write_text("raise SystemExit('junk')\n")
    config = tmp_path / "pip.conf"
    config.write_text("[install]\nuser = true\nno-binary = :all:\n")
    words, settings = asked(
        tmp_path,
        index,
        PIP_CONFIG_FILE=str(config),
        PIP_USER="1",
        PIP_NO_BINARY=":all:",
        PIP_TARGET=str(tmp_path / "elsewhere"),
        PIP_REQUIRE_VIRTUALENV="1",
        PYTHONPATH=str(junk),
        PYTHONHOME=str(junk),
        VIRTUAL_ENV=str(junk),
    )
    done = subprocess.run(
        words, cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = list((tmp_path / "venv/lib").glob("python3*/site-packages/meter.py"))
    assert len(found) == 1
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("import sys; sys.exit('-c' in sys.argv)", "Python 3.11 or newer is needed"),
        ("import sys; sys.exit('venv' in sys.argv)", "apt-get install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_one_message(tmp_path: Path, python: str, said: str):
    (tmp_path / "lock").write_text("")
    fake = tmp_path / "python"
    fake.write_text(f"#!{sys.executable}\n{python}\n")
    fake.chmod(0o755)
    words, settings = asked(tmp_path, "http://127.0.0.1:9/simple")
    words[-1] = f"PYTHON={fake}"
    done = subprocess.run(
        words, cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stdout
