"""``workbook new-check`` writes what a check consists of, and none of it passes unfilled."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from audit_lib.checks import catalogue
from audit_lib.checks.base import Check
from audit_lib.cli import new_check
from audit_lib.errors import AuditError, ParameterError
from audit_lib.model import Contract, Task

FILE = "audit_lib/checks/catalogue.py"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch) -> Path:
    (tmp_path / "tests" / "mutants").mkdir(parents=True)
    (tmp_path / "audit_lib" / "checks").mkdir(parents=True)
    shutil.copy(new_check.CHECKOUT / FILE, tmp_path / FILE)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "generate.py").write_text("print('pages')\n")
    monkeypatch.setattr(new_check, "CHECKOUT", tmp_path)
    return tmp_path


def asked(*arguments: str) -> str:
    result = CliRunner().invoke(new_check.new_check, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("needs", [[], ["governance.promote", "governance.metrics"]])
def test_a_check_with_its_tests_stands_where_it_belongs(checkout, needs):
    options = [word for hook in needs for word in ("--needs", hook)]
    said = asked("GOV990", "TheBestIsServed", *options)
    source = (checkout / "audit_lib/checks/governance/the_best_is_served.py").read_text()
    tests = (checkout / "tests/mutants/governance/test_the_best_is_served.py").read_text()
    assert "test_the_best_is_served.py --update-golden" in said
    names: dict[str, type[Check]] = {}
    exec(source.replace('"GOV990"', '"GOV990"\n    contract = "governance"'), names)
    made = names["TheBestIsServed"]
    assert (made.code, made.needs) == ("GOV990", tuple(needs))
    assert made.contract == Contract.GOVERNANCE.value
    assert set(made.sections().values()) == {"…"}  # the catalogue's tests want words
    compile(tests, "tests", "exec")
    assert set(re.findall(r"mark\.(\w+)\(.GOV990", tests)) == {"fails", "passes"}
    assert not needs or '@surface("governance.metrics")' in tests


def test_the_catalogue_gains_one_line_in_its_order(checkout):
    before = (checkout / FILE).read_text().splitlines()
    asked("SEC990", "NothingIsSent", "--task", "T5")
    after = (checkout / FILE).read_text()
    assert len(after.splitlines()) == len(before) + 1
    names: dict[str, Any] = {"__file__": str(checkout / FILE)}
    exec(after, names)
    assert names["BY_TASK"][Task.T5]["SEC990"] == "security.nothing_is_sent:NothingIsSent"
    assert list(names["BY_TASK"][Task.T5]) == sorted(names["BY_TASK"][Task.T5])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("GOV001", "AnEqualWins"), "GOV001' is governance.irreflexive"),
        (("ABC001", "AnEqualWins"), "is no code of a contract"),
        (("GOV07", "AnEqualWins"), "is no code of a contract"),
        (("GOV990", "equal"), "is no name of a property"),
        (("GOV990", "AnEqualWins", "--needs", "governance.promot"), "no hook is called"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(checkout, arguments, said):
    with pytest.raises(ParameterError, match=said):
        asked(*arguments)
    assert [f.name for f in (checkout / "audit_lib").rglob("*.py")] == ["catalogue.py"]


def test_nothing_is_written_twice_or_into_an_installed_workbook(checkout):
    asked("GOV990", "TheBestIsServed")
    with pytest.raises(ParameterError, match="exists already"):
        asked("GOV990", "TheBestIsServed")
    shutil.rmtree(checkout / "tests")
    with pytest.raises(AuditError, match="no checkout"):
        asked("GOV990", "TheBestIsServed")


def test_a_code_that_is_free_is_told():
    with pytest.raises(ParameterError) as told:
        asked("GOV001", "AnEqualWins")
    free = str(told.value.mend).split()[0]
    assert free.startswith("GOV")
    assert free not in catalogue.CATALOGUE
