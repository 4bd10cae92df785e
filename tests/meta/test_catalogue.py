"""Every check is documented, numbered and proven both ways."""

import ast
import re
from pathlib import Path

import pytest

from audit_lib.checks.base import SECTIONS
from audit_lib.checks.catalogue import BY_TASK, CATALOGUE, all_checks, check_class, checks_of
from audit_lib.errors import AuditError
from audit_lib.gates import GATES, SMOKE
from audit_lib.hooks import HOOKS
from audit_lib.model import Contract, Task

ROOT = Path(__file__).parents[2]
PREFIX = {
    "LED": "ledger",
    "CHK": "checkpoint",
    "FEA": "feature_vector",
    "TGT": "target_label",
    "SPL": "splits",
    "CAL": "calibration",
    "CNF": "conformal",
    "HED": "head_mapping",
    "INT": "interpretation",
    "VER": "versioning",
    "GOV": "governance",
    "RET": "retrain",
    "DRF": "drift",
    "PRC": "pricing",
    "NEU": "neural",
    "ONL": "online",
    "BND": "boundary",
    "DOC": "docs",
    "SEC": "security",
}
every_check = pytest.mark.parametrize("check", all_checks(), ids=lambda c: c.code)


def marked(name: str) -> dict[str, list[ast.FunctionDef]]:
    """Codes to the tests marked with them, read from the test sources."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(
                        f"mark.{name}"
                    ):
                        for argument in mark.args:
                            found.setdefault(ast.literal_eval(argument), []).append(node)
    return found


FAILS, PASSES = marked("fails"), marked("passes")


@every_check
def test_code_names_its_contract_and_its_module(check):
    assert re.fullmatch(r"[A-Z]{3}\d{3}", check.code)
    assert PREFIX[check.code[:3]] == check.contract.value
    module = CATALOGUE[check.code].partition(":")[0]
    assert module.split(".")[0] == check.contract.value
    assert check_class(check.code) is check


@every_check
def test_every_section_is_written(check):
    sections = check.sections()
    assert list(sections) == list(SECTIONS)
    assert all(len(text.split()) >= 3 for text in sections.values()), sections
    assert check.title().endswith(".")
    assert len(check.title()) <= 110


@every_check
def test_needs_are_hooks_that_exist_and_options_are_explained(check):
    assert set(check.needs) <= set(HOOKS)
    assert [n for n, f in check.model_fields.items() if not f.description] == []
    check()


@every_check
def test_there_is_a_subject_on_which_it_fails_and_one_on_which_it_passes(check):
    assert check.code in FAILS, f"no test is marked fails({check.code!r})"
    assert check.code in PASSES, f"no test is marked passes({check.code!r})"
    for test in FAILS[check.code] + PASSES[check.code]:
        assert re.search(r"\bassert", ast.unparse(test)), f"{test.name} asserts nothing"


def test_marks_name_checks_that_exist():
    assert sorted((set(FAILS) | set(PASSES)) - set(CATALOGUE)) == []


def test_every_check_file_is_in_the_catalogue():
    folder = ROOT / "audit_lib" / "checks"
    files = {
        f"{file.parent.name}.{file.stem}"
        for file in folder.glob("*/*.py")
        if re.search(r'^    code = "', file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert files == {entry.partition(":")[0] for entry in CATALOGUE.values()}


def test_every_task_has_checks_and_the_catalogue_is_in_order():
    for task in Task:
        assert sum(check.task is task for check in all_checks()) >= 2
    order = [(check.task.value, check.code) for check in all_checks()]
    assert order == sorted(order)


def test_gates_name_checks_that_exist():
    for gate in GATES.values():
        assert gate.codes
        assert set(gate.codes) <= set(CATALOGUE)
    assert {code for codes in SMOKE.values() for code in codes} <= set(CATALOGUE)


def test_an_unknown_code_names_the_nearest():
    with pytest.raises(AuditError, match="did you mean"):
        check_class("SPL01")


def test_prefixes_cover_every_contract():
    assert set(PREFIX.values()) == {contract.value for contract in Contract}


def test_checks_stand_under_their_own_task():
    assert {c.code for task in BY_TASK for c in checks_of(task) if c.task is not task} == set()
    assert sum(map(len, BY_TASK.values())) == len(CATALOGUE)
