"""``workbook ledger``: certify, fall, suggest the smallest diff, breach."""

import json

import pytest

from audit_lib.cli import main
from audit_lib.cli.codes import USAGE

LEDGER = """\
[criteria.read]
description = "read line by line"

[policy]
required = ["read"]
"""


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "parameters" / "tiny"
    folder.mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (folder / "subject.yaml").write_text("subject: tiny\nsource: {root: ../../engine}\n")
    (folder / "ledger.toml").write_text(LEDGER)
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "a.py").write_text("def f(x):\n    y = x + 1\n    return y\n")
    return tmp_path


@pytest.fixture
def ledger(place, capsys):
    def call(command, *arguments):
        with pytest.raises(SystemExit) as stopped:
            main(["ledger", command, "tiny", *arguments, "--workspace", str(place)])
        said = capsys.readouterr()
        return stopped.value.code, said.out, said.err

    return call


def missing(ledger):
    code, out, _ = ledger("status", "--format", "json")
    return code, {entry["unit"] for entry in json.loads(out)["missing"]}


def test_a_definition_from_unread_to_certified_to_fallen(ledger, place):
    code, before = missing(ledger)
    assert code == 1
    assert "a.py::f" in before
    code, out, _ = ledger("certify", "a.py::f", "--criteria", "read", "--who", "desk")
    assert code == 0
    assert "certified a.py::f" in out
    assert "a.py::f" not in missing(ledger)[1]
    assert ledger("diff", "a.py::f")[1].startswith("a.py::f is as desk certified it on ")

    (place / "engine" / "a.py").write_text("def f(x):\n    y = x + 2\n    return y\n")
    assert "a.py::f" in missing(ledger)[1]
    assert ledger("suggest")[1].startswith("to be reached: ")
    rows = json.loads(ledger("suggest", "--format", "json")[1])
    changed = next(row for row in rows if row["unit"] == "a.py::f")
    assert (changed["read"], changed["statements"], changed["changed_lines"]) == ("delta", 1, [2])
    assert "     2 +     y = x + 2" in ledger("diff", "a.py::f")[1]


def test_a_violation_beats_a_certification(ledger):
    ledger("certify", "a.py::f", "--criteria", "read", "--who", "desk")
    code, out, _ = ledger(
        "violation", "a.py::f", "--criteria", "read", "--who", "risk", "--notes", "wrong sign"
    )
    assert (code, out) == (0, "a.py::f violates read\n")
    code, out, _ = ledger("status")
    assert code == 1
    assert "violation  a.py::f: read" in out
    told = json.loads(ledger("export")[1])
    assert [u["violated"] for u in told["units"] if u["key"] == "a.py::f"] == [["read"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("certify", "a.py::g", "--criteria", "read", "--who", "x"), "a.py::g"),
        (("certify", "a.py::f", "--criteria", "raed", "--who", "x"), "raed"),
        (("diff", "a.py::f"), "was never certified"),
        (("certify", "a.py::f", "--criteria", "read"), "--who"),
    ],
)
def test_mistakes_are_said(ledger, arguments, said):
    code, _, err = ledger(*arguments)
    assert code == USAGE
    assert said in err
    assert "Traceback" not in err


def exercised(ledger):
    code, out, _ = ledger("status", "--exercise", "--format", "json")
    told = json.loads(out)
    return code, told["exercised"], told["exercised_reason"]


def test_status_measures_what_hooks_execute_when_asked(ledger, place):
    told = json.loads(ledger("status", "--format", "json")[1])
    assert (told["exercised"], told["exercised_reason"]) == (None, "not asked for")
    assert "exercised  not measured: not asked for\n" in ledger("status")[1]
    assert exercised(ledger)[1:] == (None, "no hook was called")
    hooks = place / "parameters" / "tiny" / "hooks.py"
    hooks.write_text(
        "import sys\n"
        "from audit_lib.hooks import surface\n\n"
        '@surface("drift.psi")\n'
        "def psi(at, reference, current):\n"
        "    sys.path.insert(0, str(at.root))\n"
        "    import a\n"
        "    return float(a.f(1))\n"
    )
    (place / "engine" / "b.py").write_text("def g():\n    return 1  # pragma: no cover\n")
    code, found, reason = exercised(ledger)
    assert (code, reason) == (1, "")
    assert found == {
        "statements": 5,
        "executed": 3,
        "on_loading": 1,
        "share": 0.6,
        "calls": 1,
        "missing": [],
        "by_file": {
            "a.py": {"statements": 3, "executed": 3},
            "b.py": {"statements": 2, "executed": 0},
        },
    }
    said = ledger("status", "--exercise")[1]
    assert "exercised  3 of 5 statements (60.0%), 1 of them when modules were loaded\n" in said
    hooks.write_text(hooks.read_text().replace("return float", "import os; os.abort()"))
    assert exercised(ledger)[1:] == (None, "every call was lost with its process")
