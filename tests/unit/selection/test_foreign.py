"""Checks of one's own: from a subject's folder and from packages; everywhere, and marked."""

import sys
from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

import tests.made_repo as made
from audit_lib import plugins
from audit_lib.cli.app import cli
from audit_lib.engine import run_checks
from audit_lib.errors import AuditError, ParameterError
from audit_lib.gates import gate_named, run_gate
from audit_lib.memory import Memory
from audit_lib.model import Outcome, Task
from audit_lib.reporters import REPORTERS, Report
from audit_lib.selection import check_parameters, configured, foreign, roster_of

OWN = '''
from collections.abc import Iterator

from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Location, Severity, Task
from audit_lib.subject.subject import Subject


class NoFileIsHuge(Check):
    """No source file has more lines than the desk can read.

    What it checks
        The length of every file.
    Remediation
        Split the file.
    """

    code = "ACM001"
    contract = Contract.LEDGER
    task = Task.T1
    severity = Severity.LOW
    reads = Reads.CODE
    pure = True
    gates = ("live",)

    most: int = Field(2, description="lines")

    def run(self, subject: Subject) -> Iterator[Answer]:
        yield Examined(len(subject.source.files), "files")
        for file in subject.source.files:
            lines = len(file.text.splitlines())
            if lines > self.most:
                yield self.finding(Location(file.path), "too long", measured=lines)
'''


def subject(folder: Path, files=None, **parameters):
    own = {f"checks/{n}": dedent(t) for n, t in (files or {"huge.py": OWN}).items()}
    return made.subject(
        folder, {"m.py": "a = 1\nb = 2\nc = 3\n"}, version="unversioned", own=own, **parameters
    )


def gate(found, name="live"):
    return run_gate(gate_named(name, found), found, today=date(2026, 11, 29))


def answer(found):
    return next(r for r in gate(found).results if r.code == "ACM001")


# --- where they run ---------------------------------------------------------------------------
def test_an_own_check_joins_its_gate_and_is_marked(tmp_path):
    result = answer(subject(tmp_path))
    assert result.outcome is Outcome.FAIL
    assert [f.location.path for f in result.findings] == ["m.py"]
    assert result.findings[0].remediation == "Split the file."
    assert result.origin == "parameters/made/checks/huge.py"
    assert result.about["What it checks"] == "The length of every file."


def test_it_takes_options_severity_and_selection_as_any_other(tmp_path):
    kept = answer(subject(tmp_path, options={"ACM001": {"most": 3}}))
    assert kept.outcome is Outcome.PASS
    rated = answer(subject(tmp_path, severity={"ACM": "critical"}))
    assert rated.findings[0].severity.label == "critical"
    ignored = answer(subject(tmp_path, ignore={"ACM": "not ours"}))
    assert (ignored.asked, ignored.reason) == (False, "ignored: not ours")
    own = gate(subject(tmp_path, gates={"mine": ["ACM"]}), "mine")
    assert [r.code for r in own.results] == ["ACM001"]


def test_it_stands_in_its_task_after_the_catalogues(tmp_path):
    found = subject(tmp_path)
    assert [c.code for c in roster_of(found).of(Task.T1)][-1] == "ACM001"
    assert "ACM001" not in [c.code for c in roster_of(found).of(Task.T2)]


@pytest.mark.parametrize("form", ["console", "sarif", "json"])
def test_every_reader_sees_whose_it_is(tmp_path, form):
    found = subject(tmp_path)
    text = REPORTERS[form](Report("made", "1", "gate live", (answer(found),)))
    assert "parameters/made/checks/huge.py" in text


def test_explain_and_list_know_it_by_its_subject(tmp_path):
    subject(tmp_path)
    place = ["--workspace", str(tmp_path)]
    run = CliRunner().invoke
    told = run(cli, ["explain", "ACM001", "made", "--root", str(tmp_path / "repo"), *place])
    assert "Not of the workbook: it comes from parameters/made/checks/huge.py" in told.output
    assert "Split the file." in told.output
    rows = run(cli, ["list", "made", "--checks", "--root", str(tmp_path / "repo"), *place])
    assert "ACM001" in rows.output
    unnamed = run(cli, ["explain", "ACM001", *place])
    assert isinstance(unnamed.exception, AuditError)
    assert unnamed.exception.mend == "`workbook explain ACM001 made`"


def test_its_answers_are_never_kept_since_what_it_rests_on_is_in_no_digest(tmp_path):
    found = subject(tmp_path)
    check = configured(roster_of(found).get("ACM001"), found)
    (result,) = run_checks([check], found)
    memory = Memory(found, [check])
    with memory.noting(check) as told:
        told.append(result)
    memory.close()
    assert memory.recall(check) is None


def test_an_edited_file_is_read_anew_and_nothing_is_written_beside_it(tmp_path):
    found = subject(tmp_path)
    assert answer(found).outcome is Outcome.FAIL
    file = tmp_path / "parameters/made/checks/huge.py"
    file.write_text(OWN.replace("Field(2", "Field(9"))
    assert answer(found).outcome is Outcome.PASS
    assert [p.name for p in file.parent.iterdir()] == ["huge.py"]


def test_helpers_may_be_shared_by_checks(tmp_path):
    files = {
        "_common.py": "MOST = 2\n",
        "huge.py": "from ._common import MOST\n" + OWN.replace("Field(2", "Field(MOST"),
    }
    assert answer(subject(tmp_path, files)).outcome is Outcome.FAIL


# --- what is refused --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("import os\n1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero", ":2"),
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named", ":1"),
        ("def broken(:\n", "cannot be imported: SyntaxError", ":1"),
        ("raise SystemExit(3)\n", "cannot be imported: SystemExit: 3", ":1"),
        ("x = 1\n", "holds no check", ""),
        (OWN.replace('"ACM001"', '"SPL001"'), "the code SPL001 of NoFileIsHuge is taken by", ""),
        (OWN.replace('"ACM001"', '"acm1"'), "code is 'acm1'", ""),
        (OWN.replace("Severity.LOW", '"low"'), "severity is 'low', not a Severity", ""),
        (OWN.replace("pure = True", 'needs = ("splits.fold",)'), "needs names no hook", ""),
    ],
)
def test_a_file_that_does_not_fit_is_one_message(tmp_path, text, said, line):
    with pytest.raises(ParameterError) as caught:
        check_parameters(subject(tmp_path, {"huge.py": text}))
    assert said in str(caught.value)
    assert f"checks/huge.py{line}" in caught.value.where


def test_two_checks_of_one_code_are_refused(tmp_path):
    other = OWN.replace("NoFileIsHuge", "Other")
    with pytest.raises(ParameterError, match=r"taken by parameters/made/checks/huge\.py"):
        roster_of(subject(tmp_path, {"huge.py": OWN, "other.py": other}))


# --- packages ---------------------------------------------------------------------------------
class _Dist:
    name, version = "acme-audit", "1.2"


def announce(monkeypatch, folder, text, value="acme_audit"):
    (folder / "acme_audit.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "acme_audit", raising=False)
    entry = EntryPoint("acme", value, "audit_lib.checks")
    vars(entry)["dist"] = _Dist
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry])
    foreign.of_packages.cache_clear()


@pytest.fixture(autouse=True)
def _no_packages_left():
    yield
    foreign.of_packages.cache_clear()


@pytest.mark.parametrize("value", ["acme_audit", "acme_audit:NoFileIsHuge"])
def test_a_package_announces_a_module_or_a_check(tmp_path, monkeypatch, value):
    announce(monkeypatch, tmp_path, OWN, value)
    found = made.subject(tmp_path, {"m.py": "a = 1\n" * 9}, version="unversioned")
    assert answer(found).origin == f"acme-audit 1.2 ({value})"
    assert "Split the file." in CliRunner().invoke(cli, ["explain", "ACM001"]).output


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("1 / 0\n", "acme_audit", "cannot be imported: ZeroDivisionError"),
        ("X = 3\n", "acme_audit:X", "int is no check"),
        (OWN.replace('"ACM001"', '"FEA101"'), "acme_audit", "is taken by the workbook"),
    ],
)
def test_a_package_that_does_not_fit_is_one_message(tmp_path, monkeypatch, text, value, said):
    announce(monkeypatch, tmp_path, text, value)
    with pytest.raises(ParameterError) as caught:
        roster_of()
    assert said in str(caught.value)
    assert caught.value.where.startswith("acme-audit 1.2")


# --- the guide --------------------------------------------------------------------------------
GUIDE = Path(__file__).parents[3] / "docs/guide/own_checks.md"


@pytest.mark.parametrize(("seed", "outcome"), [(1, Outcome.PASS), (None, Outcome.FAIL)])
def test_the_example_of_the_guide_does_what_it_says(tmp_path, seed, outcome):
    example = GUIDE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    store = made.good_store()
    store["store/v1/meta.json"]["run"] = {"seed": seed} if seed else {}
    found = made.subject(
        tmp_path, store, version="v1", artifacts=made.STORE, own={"checks/retention.py": example}
    )
    result = answer(found)
    assert result.outcome is outcome
    assert [f.location.pointer for f in result.findings] == ["/run/seed"] * (seed is None)
    assert {"train", "live"} == {
        name for name in ("train", "live") if "ACM001" in gate_named(name, found).codes
    }
