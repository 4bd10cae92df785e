"""Readers of artifacts and reporters of one's own: files beside subject.yaml, and packages."""

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

import tests.made_repo as made
from audit_lib import plugins
from audit_lib.cli.app import cli
from audit_lib.errors import ParameterError
from audit_lib.memory import Memory
from audit_lib.reporters import Report
from audit_lib.reporters.foreign import reporter_of
from audit_lib.selection import check_parameters, roster_of
from audit_lib.subject.artifacts import Format, Safety, own

GUIDE = Path(__file__).parents[3] / "docs/guide/own_formats.md"
READER, REPORTER = (
    part.split("```")[0] for part in GUIDE.read_text(encoding="utf-8").split("```python\n")[1:]
)
DESK = b"DESK 1\nmomentum,volume\n0.5,-0.25\n"


@pytest.fixture(autouse=True)
def _no_packages_left():
    yield
    own._packaged.cache_clear()


def subject(folder, *, readers=None, reporters=None, files=None):
    beside = {f"readers/{n}": t for n, t in (readers or {}).items()}
    beside |= {f"reporters/{n}": t for n, t in (reporters or {}).items()}
    store = files or {"store/model.desk": DESK}
    return made.subject(
        folder,
        {"m.py": "a = 1\n", **store},
        version="unversioned",
        own=beside,
        artifacts={"store": "store", "registry": None, "metadata": "model.desk"},
    )


def announce(monkeypatch, folder, kind, text, value):
    (folder / "acme_formats.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "acme_formats", raising=False)
    entry = EntryPoint("desk", value, f"audit_lib.{kind}")
    wanted = f"audit_lib.{kind}"
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry] if group == wanted else [])
    own._packaged.cache_clear()


# --- readers ----------------------------------------------------------------------------------
def test_the_reader_of_the_guide_reads_what_the_workbook_cannot(tmp_path):
    found = subject(tmp_path, readers={"tables.py": READER})
    (artifact,) = found.artifacts
    assert (artifact.format, artifact.kind) == (Format.OWN, "desk")
    assert artifact.feature_names == ("momentum", "volume")
    assert artifact.written_by == {"desk": "1"}
    assert artifact.safety is Safety.NOT_EXECUTABLE
    assert "parameters/made/readers/tables.py" in artifact.notes[0]
    assert found.metadata.get("/coefficients/1") == -0.25


def test_without_it_the_file_is_text(tmp_path):
    (artifact,) = subject(tmp_path).artifacts
    assert artifact.format is Format.TEXT


def test_the_command_shows_what_it_reads(tmp_path):
    subject(tmp_path, readers={"tables.py": READER})
    words = ["artifacts", str(tmp_path / "repo/store"), "--workspace", str(tmp_path)]
    done = CliRunner().invoke(cli, [*words, "--subject", "made", "--format", "json"])
    (told,) = json.loads(done.stdout)
    assert (told["format"], told["feature_names"]) == ("desk", ["momentum", "volume"])
    assert told["fields"]["/feature_names"] == ["momentum", "volume"]


GREEDY = READER.replace('return head.startswith(b"DESK ")', "return True")


@pytest.mark.parametrize("name", ["pickle", "json", "hidden"])
def test_it_is_never_asked_about_what_the_workbook_reads(tmp_path, name):
    import pickle

    files = {
        "pickle": pickle.dumps(print),
        "json": b'{"a": 1}',
        "hidden": pickle.dumps(print, protocol=0),  # text to the eye
    }
    found = subject(tmp_path, readers={"tables.py": GREEDY}, files={"store/m": files[name]})
    (artifact,) = found.artifacts
    assert artifact.format is not Format.OWN
    assert artifact.safety.refused == (name != "json")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("first, columns", "first, x, columns", "failed: ValueError"),
        ("return Contents(", "return dict(", "failed: TypeError: read() answered dict"),
    ],
)
def test_one_that_fails_refuses_the_file_and_ends_nothing(tmp_path, old, new, said):
    (artifact,) = subject(tmp_path, readers={"tables.py": READER.replace(old, new)}).artifacts
    assert artifact.safety.refused
    assert said in artifact.problems[0]


def test_one_that_cannot_tell_is_passed_over(tmp_path):
    broken = READER.replace('head.startswith(b"DESK ")', "1 / 0")
    (artifact,) = subject(tmp_path, readers={"tables.py": broken}).artifacts
    assert artifact.format is Format.TEXT
    assert "failed to tell the format: ZeroDivisionError" in artifact.problems[0]


def test_what_it_refuses_or_vouches_for_is_what_is_said(tmp_path):
    refusing = READER.replace("problems=odd", 'refused="made before the audit"')
    (artifact,) = subject(tmp_path, readers={"tables.py": refusing}).artifacts
    assert artifact.safety is Safety.UNKNOWN
    running = READER.replace('format = "desk"', 'format = "desk"\n    runs_code = True')
    (artifact,) = subject(tmp_path / "b", readers={"tables.py": running}).artifacts
    assert artifact.safety is Safety.SAFE


def test_answers_that_rest_on_it_are_never_kept(tmp_path, monkeypatch):
    monkeypatch.delenv("AUDIT_CACHE", raising=False)
    plain = subject(tmp_path / "a")
    reading = subject(tmp_path / "b", readers={"tables.py": READER})
    checks = [c() for c in map(roster_of(plain).get, ("CHK007",)) if c.pure]
    assert all(map(Memory(plain, checks).keeps, checks))
    assert not any(map(Memory(reading, checks).keeps, checks))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0\n", "this reader of artifacts cannot be imported: ZeroDivisionError"),
        ("x = 1\n", "holds no reader of artifacts"),
        (READER.replace('"desk"', '"Desk Model"', 1), "not a name of its own"),
        (READER.replace('format = "desk"', 'format = "pickle"'), "not a name of its own"),
        (READER + "\n    def __init__(self, x): ...\n", "cannot be made: TypeError"),
    ],
)
def test_a_file_that_does_not_fit_is_one_message(tmp_path, text, said):
    with pytest.raises(ParameterError) as caught:
        check_parameters(subject(tmp_path, readers={"tables.py": text}))
    assert said in str(caught.value)
    assert "readers/tables.py" in caught.value.where


def test_two_readers_of_one_format_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="the format desk has a reader in"):
        check_parameters(subject(tmp_path, readers={"a.py": READER, "b.py": READER}))


@pytest.mark.parametrize("value", ["acme_formats", "acme_formats:DeskModel"])
def test_a_package_announces_a_reader(tmp_path, monkeypatch, value):
    announce(monkeypatch, tmp_path, "readers", READER, value)
    (artifact,) = subject(tmp_path).artifacts
    assert artifact.kind == "desk"
    assert value in artifact.notes[0]


# --- reporters --------------------------------------------------------------------------------
def test_the_reporter_of_the_guide_serves_a_gate_beside_files(tmp_path):
    subject(tmp_path, reporters={"desk.py": REPORTER})
    words = ["gate", "pull_request", "made", "--root", str(tmp_path / "repo")]
    words += ["--workspace", str(tmp_path), "--select", "CHK,LED"]
    file = tmp_path / "out/x.sarif"
    done = CliRunner().invoke(cli, [*words, "--format", "desk", "--format", f"sarif={file}"])
    assert done.stdout.startswith("made unversioned: ")
    assert len(done.stdout.splitlines()) == 1
    assert json.loads(file.read_text())["version"] == "2.1.0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "holds no function `report`"),
        ("def report(*reports):\n    return 1 / 0\n", "this reporter failed: ZeroDivisionError"),
        ("def report(*reports):\n    return 3\n", "this reporter answered int, not text"),
        ("1 / 0\n", "this reporter cannot be imported"),
    ],
)
def test_a_reporter_that_does_not_fit_is_one_message(tmp_path, text, said):
    found = subject(tmp_path, reporters={"desk.py": text})
    with pytest.raises(ParameterError) as caught:
        reporter_of("desk", found.folder)(Report("made", "1", "gate live", ()))
    assert said in str(caught.value)
    assert "reporters/desk.py" in caught.value.where


def test_names_of_formats_are_taken_once(tmp_path):
    found = subject(tmp_path, reporters={"sarif.py": REPORTER})
    with pytest.raises(ParameterError, match="the name sarif is taken by the workbook"):
        reporter_of("desk", found.folder)


def test_a_format_that_nobody_knows_names_those_there_are(tmp_path):
    found = subject(tmp_path, reporters={"desk.py": REPORTER})
    with pytest.raises(ParameterError) as caught:
        reporter_of("sarrif", found.folder)
    assert caught.value.mend.endswith("github, desk")


@pytest.mark.parametrize("value", ["acme_formats", "acme_formats:report"])
def test_a_package_announces_a_reporter(tmp_path, monkeypatch, value):
    announce(monkeypatch, tmp_path, "reporters", REPORTER, value)
    assert reporter_of("desk")(Report("s", "v", "t", ())) == (
        "s v: inconclusive; nothing is broken\n"
    )
