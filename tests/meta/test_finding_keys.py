"""Everything that a check can find, some test makes it find: see ``tests/finding_sites.py``."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path

import pytest
from finding_sites import sites_of

from audit_lib.checks.catalogue import ASKED, all_checks
from audit_lib.hooks import HOOKS

ROOT = Path(__file__).parents[2]
PROMISED = json.loads((ROOT / "tests" / "golden" / "finding_keys.json").read_text())
MEND = "run the check's tests with --update-golden, which writes tests/golden/finding_keys.json"
every_check = pytest.mark.parametrize("check", all_checks(), ids=lambda c: c.code)


@every_check
def test_what_is_recorded_is_what_the_check_can_find(check):
    """And the test that is named for it is there; that it makes it is proven when it runs."""
    named = {s.name for s in sites_of(check)}
    assert named
    for name, test in PROMISED.get(check.code, {}).items():
        file, _, function = test.partition("::")
        assert not test or name in named, f"{name}: {MEND}"
        assert not test or function.partition("[")[0] in _functions(file), f"{name}: {MEND}"


@cache
def _functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


def test_a_test_stands_in_the_record_for_every_finding():
    unproven = [
        f"{check.code}: {site.name}"
        for check in all_checks()
        for site in sites_of(check)
        if not PROMISED.get(check.code, {}).get(site.name)
    ]
    assert not unproven, f"{MEND}: {unproven}"


def test_checks_make_findings_in_one_way():
    """By ``self.finding`` alone, or what is derived from their source is not all there is."""
    for file in (ROOT / "audit_lib" / "checks").glob("*/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called != "Finding", file
                assert not called.endswith(".finding") or called == "self.finding", file


ASKED_BY = json.loads((ROOT / "tests" / "golden" / "asked_hooks.json").read_text())


def test_what_pages_say_of_hooks_was_measured():
    recorded = json.loads(ASKED.read_text())
    assert recorded == {code: list(named) for code, named in ASKED_BY.items()}, MEND
    assert {hook for hooks in recorded.values() for hook in hooks} <= set(HOOKS)


@every_check
def test_what_a_check_needs_some_test_has_it_ask(check):
    assert set(check.needs) <= set(ASKED_BY.get(check.code, ())), MEND
