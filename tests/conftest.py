"""What all tests share: golden files, and no answers kept from another run."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from finding_sites import calling, site_of, sites_of
from quick_types import install
from records import Record

from audit_lib import engine
from audit_lib.checks.base import Answer, Check
from audit_lib.checks.catalogue import ASKED, CATALOGUE, check_class
from audit_lib.model import CheckResult, Finding, Outcome, View
from audit_lib.subject.subject import Subject

# Tests replace parts of the library in place, which no digest of its files can tell.
os.environ["AUDIT_CACHE"] = "off"
install()

# The same examples every time, so that a change is judged by itself;
# HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.register_profile("search")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

#: what checks answered while the test that is running ran
_answered: list[CheckResult] = []
GOLDEN = Path(__file__).parent / "golden"
#: what checks can find, and which hooks they ask, each with the test that makes them
_FINDINGS = Record(GOLDEN / "finding_keys.json")
_HOOKS = Record(GOLDEN / "asked_hooks.json")
#: code -> a finding that a test marked ``fails`` made, for the page of the check
EXAMPLES = GOLDEN / "examples.json"
_examples: dict[str, dict[str, Any]] = {}
_GIVES = {"fails": Outcome.FAIL, "passes": Outcome.PASS}


def _recorded(check: Check, subject: Subject) -> CheckResult:
    kind = type(check)
    if kind.code in CATALOGUE and kind not in _heeded:
        _heeded.add(kind)
        kind.run = _heeding(kind.code, kind.run)  # type: ignore[method-assign] # what tests record
    result = _run_once(check, subject)
    _answered.append(result)
    return result


def _heeding(code: str, run: Callable[..., Iterator[Answer]]) -> Callable[..., Iterator[Answer]]:
    """A check's own run, which notes the hooks that it asks, or looks for."""

    def running(self: Check, subject: Subject) -> Iterator[Answer]:
        answers = run(self, subject)
        if not isinstance(subject, Subject):  # what stands for one in a measurement
            yield from answers
            return
        while True:
            with subject.noting() as asked:
                try:
                    answer = next(answers, None)
                finally:
                    _HOOKS.now.update((code, hook) for hook in asked)
            if answer is None:
                return
            yield answer

    return running


_heeded: set[type[Check]] = set()
_run_once = engine._run_once
engine._run_once = _recorded


def _found(self: Check, *args: Any, **words: Any) -> Finding:
    if self.code in CATALOGUE:
        _FINDINGS.now.add((self.code, site_of(type(self), calling())))
    return _finding(self, *args, **words)


_finding = Check.finding
Check.finding = _found  # type: ignore[method-assign] # what tests record


def pytest_collection_finish() -> None:
    """Tests are compiled and kept; what they make is not, nor are they looked at as garbage."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Prove marks: what a test marked ``fails`` or ``passes`` really made that check answer.

    Whatever is answered on the way must cite evidence that there is, and tell its findings apart.
    """
    _answered.clear()
    _FINDINGS.now.clear()
    _HOOKS.now.clear()
    yield
    repeats = item.get_closest_marker("races") is None
    for mark in item.iter_markers():
        for code in mark.args if mark.name in _GIVES else ():
            given = [r.outcome for r in _answered if r.code == code]
            said = f"marked {mark.name}({code!r}), and {code} answered {given or 'nothing'}"
            assert _GIVES[mark.name] in given, said
            if mark.name == "fails" and repeats:
                _show(item.nodeid, [r for r in _answered if r.code == code])
    for result in _answered:
        proven(result)
    updating = item.config.getoption("--update-golden")
    lost = _FINDINGS.ended(item.nodeid, repeats=repeats)
    assert updating or not lost, f"this test no longer makes checks find {lost}"
    lost = _HOOKS.ended(item.nodeid, repeats=repeats)
    assert updating or not lost, f"this test no longer makes checks ask {lost}"
    if item.path.name == "test_vacuous.py":  # which asks every check
        new = [f"{code}: {h}" for code, h in _HOOKS.now if h not in _HOOKS.promised.get(code, ())]
        assert updating or not new, f"checks ask what is not recorded, run --update-golden: {new}"


def _show(test: str, given: list[CheckResult]) -> None:
    """Keep the worst finding of these results as an example of its check, the first test's."""
    found = [(f, r) for r in given for f in r.findings if not f.variant]
    if not found or test > _examples.get(given[0].code, {}).get("test", "~"):
        return
    worst, result = max(found, key=lambda pair: pair[0].severity)
    shown = {
        "test": test,
        "severity": worst.severity.name.lower(),
        "place": str(worst.location),
        "message": worst.message,
        "measured": worst.measured,
        "expected": worst.expected,
        "tables": [
            {"title": e.title, "columns": e.columns, "rows": e.rows[:5], "of": len(e.rows)}
            for e in result.evidence
            if e.name in worst.evidence[:1] and e.view is View.TABLE and len(e.columns) <= 8
        ],
    }
    if tempfile.gettempdir() not in json.dumps(shown, default=str):
        _examples[result.code] = shown


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write which test makes a check find what, where golden files are written."""
    config = session.config
    if not config.getoption("--update-golden"):
        return
    if hasattr(config, "workeroutput"):  # one of several processes: the first one writes
        told = [_FINDINGS.told(), _HOOKS.told(), _examples]
        config.workeroutput["golden"] = json.dumps(told, default=str)
        return
    codes = sorted(CATALOGUE)
    _FINDINGS.write(codes, lambda code, _: (s.name for s in sites_of(check_class(code))))
    asked = _HOOKS.write(codes, lambda _, seen: sorted(seen))
    lines = [f'"{code}": {json.dumps(list(hooks))}' for code, hooks in asked.items()]
    ASKED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    old = json.loads(EXAMPLES.read_text()) if EXAMPLES.is_file() else {}
    kept = {code: old.get(code) for code in sorted(CATALOGUE)}
    for code, shown in _examples.items():
        if kept[code] is None or shown["test"] <= kept[code]["test"]:
            kept[code] = shown
    said = {code: shown for code, shown in kept.items() if shown}
    EXAMPLES.write_text(json.dumps(said, indent=1, ensure_ascii=False, default=str) + "\n")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what another process of the same session saw."""
    told = getattr(node, "workeroutput", {}).get("golden")
    if not told:
        return
    findings, hooks, examples = json.loads(told)
    _FINDINGS.take(findings)
    _HOOKS.take(hooks)
    for code, shown in examples.items():
        if shown["test"] <= _examples.get(code, shown)["test"]:
            _examples[code] = shown


def proven(result: CheckResult) -> None:
    """Assert that cited evidence exists and that no two findings share a fingerprint."""
    held = {e.name for e in result.evidence}
    lost = {name for f in result.findings for name in f.evidence if name not in held}
    assert not lost or result.outcome is Outcome.ERROR, f"{result.code} cites {sorted(lost)}"
    same = Counter(f.fingerprint for f in result.findings)
    twice = [f"{f.location} {f.key}" for f in result.findings if same[f.fingerprint] > 1]
    assert not twice, f"{result.code}: findings that one waiver would cover: {twice[:4]}"


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
