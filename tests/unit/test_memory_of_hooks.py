"""Answers that rest on hooks are kept while what they rest on is the same bytes."""

import pickle
from typing import ClassVar

import pytest

from audit_lib import memory as module
from audit_lib.checks.base import Check, Reads
from audit_lib.engine import run_checks
from audit_lib.errors import NotAssessed
from audit_lib.hooks import Context
from audit_lib.host.child.reach import telling
from audit_lib.memory import FOLDER, Memory
from audit_lib.model import Contract, Examined, Outcome, Severity, Task
from audit_lib.probes.questions.asking import ask, number
from audit_lib.subject.subject import open_subject
from tests.made_repo import subject

FILES = {
    "pkg/rules.py": "FACTOR = 2\n",
    "pkg/lazy.py": "ADDED = 1\n",
    "pkg/other.py": "",
    "data.csv": "1",
}
HOOKS = """
import os, subprocess, sys
from audit_lib.hooks import surface

def rules(at):
    sys.path.insert(0, str(at.root))
    import pkg.rules
    return pkg.rules.FACTOR

@surface("drift.psi")
def psi(at, a, b):
    return rules(at) * len(a)

@surface("drift.cusum")
def cusum(at, a):
    return [at.version, int((at.root / "data.csv").read_text())]

@surface("drift.shifted")
def shift(at, a):
    {body}
    return 1.0
"""


class _Asks(Check):
    """Asks one hook.

    What it checks
        Nothing.
    """

    contract = Contract.DRIFT
    hook: ClassVar[str] = ""
    given: ClassVar[tuple] = ()
    task = Task.T4
    severity = Severity.LOW
    reads = Reads.BEHAVIOUR

    def run(self, subject):
        """Ask it."""
        asked.append((self.code, subject.version_id))
        try:
            subject.hook(self.hook)(*self.given)
        finally:
            yield Examined(1, "answers")


def asking(named, hook, *given):
    return type(f"Asks{named}", (_Asks,), {"code": named, "hook": hook, "given": given})()


PSI = asking("DRF901", "drift.psi", [1.0], [2.0])
CUSUM = asking("DRF902", "drift.cusum", [1.0])
SHIFT = asking("DRF903", "drift.shifted", [1.0])
asked: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def _on(monkeypatch):
    monkeypatch.delenv("AUDIT_CACHE")
    asked.clear()


@pytest.fixture
def made(tmp_path):
    def make(body="pass"):
        found = subject(tmp_path, FILES, own={"hooks.py": HOOKS.replace("{body}", body)})
        found.close()
        return tmp_path

    return make


def run(folder, *checks, version="v1"):
    """Outcomes of the checks, and what was asked."""
    found = open_subject("made", workspace=folder, root=folder / "repo").at(version)
    asked.clear()
    try:
        results = run_checks(checks, found)
    finally:
        found.close()
    assert {r.outcome for r in results} <= {Outcome.PASS, Outcome.ERROR, Outcome.NOT_ASSESSED}
    return [code for code, _ in asked]


def test_it_is_answered_as_before_without_a_host(made):
    folder = made()
    assert run(folder, PSI, CUSUM) == ["DRF901", "DRF902"]
    found = open_subject("made", workspace=folder, root=folder / "repo").at("v1")
    asked.clear()
    (first, second) = run_checks([PSI, CUSUM], found)
    assert (first.outcome, second.outcome, asked) == (Outcome.PASS, Outcome.PASS, [])
    assert found.inquiry.hosts == {} or all(h._open is None for h in found.inquiry.hosts.values())
    assert found.heard("drift.psi").held == 1


def test_another_version_is_asked_where_a_hook_wants_to_know_it(made):
    folder = made()
    run(folder, PSI, CUSUM)
    assert run(folder, PSI, CUSUM, version="v2") == ["DRF902"]


@pytest.mark.parametrize(
    ("path", "again"),
    [
        ("pkg/rules.py", ["DRF901"]),
        ("pkg/other.py", []),
        ("data.csv", ["DRF901", "DRF902"]),
    ],
)
def test_a_changed_file_asks_again_what_read_it(made, path, again):
    folder = made()
    run(folder, PSI, CUSUM)
    (folder / "repo" / path).write_text("FACTOR = 3\n" if path.endswith(".py") else "7")
    if path == "pkg/other.py":  # its content counts only once it has some
        run(folder, PSI, CUSUM)
        (folder / "repo" / path).write_text("changed = 1\n")
    assert run(folder, PSI, CUSUM) == again


def test_it_says_which_file_has_changed(made):
    folder = made()
    run(folder, PSI, CUSUM)
    (folder / "repo/pkg/rules.py").write_text("FACTOR = 5\n")
    found = open_subject("made", workspace=folder, root=folder / "repo").at("v1")
    memory = Memory(found, [PSI])
    assert memory.recall(PSI) is None
    assert memory.recall(CUSUM) is not None
    assert memory.changed == {"DRF901": ("pkg/rules.py",)}
    said = memory.said()
    assert (said["answers_kept"], said["asked_again_for"]) == ("1", "pkg/rules.py")
    assert said["answers_isolation"]  # the level that the hooks ran at then


@pytest.mark.parametrize(
    "body",
    [
        "os._exit(3)",
        "subprocess.run(['true'])",
        "open('/usr/bin/env', 'rb').close()",
        "raise ValueError('no')",
    ],
)
def test_what_died_or_rests_on_what_no_digest_holds_is_asked_again(made, body):
    folder = made(body)
    run(folder, SHIFT)
    assert run(folder, SHIFT) == ["DRF903"]


def test_what_could_not_be_told_since_a_hook_raised_is_asked_again(made, monkeypatch):
    folder = made("raise OSError('not there today')")

    def told(self, subject):
        asked.append((self.code, ""))
        reply = ask(subject.hook("drift.shifted"), [1.0], into=number)
        raise NotAssessed(reply.why)
        yield

    monkeypatch.setattr(type(SHIFT), "run", told)
    run(folder, SHIFT)
    assert run(folder, SHIFT) == ["DRF903"]


def test_a_code_file_that_is_read_late_counts(made):
    folder = made("import runpy; runpy.run_path(str(at.root / 'pkg/lazy.py'))")
    run(folder, SHIFT)
    assert run(folder, SHIFT) == []
    (folder / "repo/pkg/lazy.py").write_text("ADDED = 2\n")
    assert run(folder, SHIFT) == ["DRF903"]


@pytest.mark.parametrize("how", ["together", "crashing"])
def test_what_a_fork_of_a_call_wants_to_know_counts(made, how, monkeypatch):
    folder = made()

    def forked(self, subject):
        asked.append((self.code, subject.version_id))
        hook = subject.hook("drift.cusum")
        _ = hook.together()([[[1.0]]]) if how == "together" else hook.crashing()(99, [1.0])
        yield Examined(1, "answers")

    monkeypatch.setattr(type(CUSUM), "run", forked)
    run(folder, CUSUM)
    assert run(folder, CUSUM) == []
    assert run(folder, CUSUM, version="v2") == ["DRF902"]


def test_an_interrupted_run_is_taken_up_where_it_was(made, monkeypatch):
    folder = made()
    monkeypatch.setattr(module, "_PACE", 0.0)

    def interrupted(self, subject):
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patched:
        patched.setattr(type(SHIFT), "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(folder, PSI, CUSUM, SHIFT)
    assert run(folder, PSI, CUSUM, SHIFT) == ["DRF903"]


def test_answers_before_it_count_where_it_looks_at_them(made, monkeypatch):
    folder = made()

    def looks(self, subject):
        asked.append((self.code, ""))
        yield Examined(1 + len(subject.so_far), "answers")

    monkeypatch.setattr(type(SHIFT), "run", looks)
    monkeypatch.setattr(type(SHIFT), "pure", True)
    run(folder, PSI, SHIFT)
    assert run(folder, PSI, SHIFT) == []
    assert run(folder, SHIFT) == ["DRF903"]


def test_a_context_can_be_handed_on():
    from pathlib import Path

    at = telling(Context)(root=Path(), store=Path(), version="v", scratch=Path(), key={})
    assert isinstance(at, Context)
    assert pickle.loads(pickle.dumps(at)) == Context(Path(), Path(), "v", Path(), {})


def test_answers_of_hooks_are_whole_files(made):
    folder = made()
    run(folder, PSI)
    (kept,) = (folder / FOLDER).glob("*.json")
    kept.write_text(kept.read_text()[:-20])
    assert run(folder, PSI) == ["DRF901"]
