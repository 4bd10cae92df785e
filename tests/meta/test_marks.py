"""Marks are proven at run time: see ``tests/conftest.py``."""

from __future__ import annotations

from pathlib import Path

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[1] / "conftest.py"
MADE = """
import pytest
from audit_lib.engine import run_check
from audit_lib.checks.base import Check, Reads
from audit_lib.model import *

class Made(Check):
    '''Something must hold.'''
    code = "SPL999"
    contract, task, severity = Contract.SPLITS, Task.T2, Severity.HIGH
    reads = Reads.CODE
    broken: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    causes: tuple[str, ...] = ("", "")

    def run(self, subject):
        for key, cause in zip(self.broken, self.causes):
            place = Location("a.py")
            yield self.finding(place, "no", key=key, evidence=self.cites, cause=cause)
        yield Examined(1, "thing")
"""


CASES = [
    ('fails("SPL999")', "broken=('k',)", ""),
    ('passes("SPL999")', "", ""),
    ('fails("SPL999")', "", "marked fails('SPL999'), and SPL999 answered"),
    ('passes("SPL999")', "broken=('k',)", "marked passes('SPL999'), and SPL999 answered"),
    ('fails("SPL998")', "broken=('k',)", "SPL998 answered nothing"),
    (
        'fails("SPL999")',
        "broken=('x', 'k'), causes=('k', '')",
        "findings that one waiver would cover",
    ),
    ('fails("SPL999")', "broken=('k',), cites=('gone',)", "SPL999 cites ['gone']"),
]
SUBJECT = """
from audit_lib import engine
class _Subject: root = "/repository"
def run_check(check, subject): return engine._run_once(check, subject)
"""


def test_a_mark_that_does_not_hold_fails_its_test(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(CONFTEST.parent))
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makeini("[pytest]\nmarkers =\n  fails(code): x\n  passes(code): x\n")
    tests = "".join(
        f"\n\n@pytest.mark.{mark}\ndef test_{i}():\n"
        f"    assert run_check(Made({options}), _Subject())\n"
        for i, (mark, options, _) in enumerate(CASES)
    )
    pytester.makepyfile(f"{MADE}\n{SUBJECT}\n{tests}")
    # In a process of its own, since what it records is recorded around these tests as well.
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=5)
    assert [said for _, _, said in CASES if said not in result.stdout.str()] == []
