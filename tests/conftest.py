"""What all tests share: golden files, and no answers kept from another run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from audit_lib import engine
from audit_lib.checks.base import Check
from audit_lib.model import CheckResult, Outcome
from audit_lib.subject.subject import Subject

# Tests replace parts of the library in place, which no digest of its files can tell.
os.environ["AUDIT_CACHE"] = "off"

# The same examples every time, so that a change is judged by itself;
# HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.register_profile("search")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

#: what checks answered while the test that is running ran
_answered: list[CheckResult] = []
_GIVES = {"fails": Outcome.FAIL, "passes": Outcome.PASS}


def _recorded(check: Check, subject: Subject) -> CheckResult:
    result = _run_once(check, subject)
    _answered.append(result)
    return result


_run_once = engine._run_once
engine._run_once = _recorded


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Prove marks: what a test marked ``fails`` or ``passes`` really made that check answer.

    Whatever is answered on the way must cite evidence that there is, and tell its findings apart.
    """
    _answered.clear()
    yield
    for mark in item.iter_markers():
        for code in mark.args if mark.name in _GIVES else ():
            given = [r.outcome for r in _answered if r.code == code]
            said = f"marked {mark.name}({code!r}), and {code} answered {given or 'nothing'}"
            assert _GIVES[mark.name] in given, said
    for result in _answered:
        proven(result)


def proven(result: CheckResult) -> None:
    """Assert that cited evidence exists and that no two findings share a fingerprint."""
    held = {e.name for e in result.evidence}
    lost = {name for f in result.findings for name in f.evidence if name not in held}
    assert not lost or result.outcome is Outcome.ERROR, f"{result.code} cites {sorted(lost)}"
    same = Counter(f.fingerprint for f in result.findings)
    twice = [f"{f.location} {f.key}" for f in result.findings if same[f.fingerprint] > 1]
    assert not twice, f"{result.code}: findings that one waiver would cover: {twice[:4]}"


GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare text with a file of ``tests/golden``; ``--update-golden`` writes it."""

    def compare(name: str | Path, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
            return
        assert path.is_file(), f"{path.name} is missing: run pytest --update-golden"
        with path.open(encoding="utf-8", newline="") as file:
            expected = file.read()
        assert text == expected, f"{path.name} differs: look, then run pytest --update-golden"

    return compare
