"""Whatever encoding standard output has, verdicts arrive and exit codes stay what they are."""

import json
import os
import subprocess
import sys

import made_repo
import pytest

from audit_lib.cli.output import spelled

ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C"},
    "bare C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A workspace in a folder with spaces and umlauts; its one version breaks a contract."""
    folder = tmp_path_factory.mktemp("Prüfung des Modells ✗")
    files = made_repo.good_store() | {"store/v1/model.txt": b"tree\n"}
    source = {"subsystem": {"files": ["*.py"]}, "root": "../../repo"}
    made_repo.subject(folder, files, artifacts=made_repo.STORE, source=source, title="Größe → x")
    return folder


def workbook(place, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "audit_lib.cli", *arguments],
        cwd=place,
        env={**os.environ, "AUDIT_CACHE": "off", **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cp1252", "bare C"])
def test_a_verdict_arrives(place, name):
    done = workbook(place, "gate", "backtest", "made", **ENCODINGS[name])
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"x broken" in done.stdout
    assert b"CHK" in done.stdout


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_programs_read_is_utf_8(place, name):
    done = workbook(place, "list", "--format", "json", **ENCODINGS[name])
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)[0]["title"] == "Größe → x"
    done = workbook(place, "list", **ENCODINGS[name])
    assert (done.returncode, done.stderr) == (0, b"")
    assert ("→ x" if name == "C" else "-> x") in done.stdout.decode("utf-8", "replace")


def test_signs_are_spelled_and_never_turned_into_the_mark_of_another_verdict():
    def written(text):
        lacking = UnicodeEncodeError("ascii", text, 0, len(text), "made up")
        return spelled(lacking)[0]

    assert written("✗✓…é") == "x+...e"
    assert written("雪") == "\\u96ea"
    assert "?" not in written("✗✓·•–—…→≤×÷™雪🙂")
