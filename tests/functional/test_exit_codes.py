"""A pipeline can tell a verdict from a mistake, from a fault, and from a reader who went away."""

import json
import subprocess
import sys

import made_repo
import pytest
import toy_workspace

from audit_lib.cli import app, main
from audit_lib.cli.codes import FAULT, INTERRUPTED, PIPE, USAGE
from audit_lib.cli.finish import exit_code
from audit_lib.errors import NotAssessed, RunError
from audit_lib.execution.plan import plan
from audit_lib.execution.runner import RunOutcome
from audit_lib.model import Task


@pytest.fixture
def workspace(tmp_path):
    return toy_workspace.make(tmp_path)


def code_of(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    return ended.value.code


def test_verdicts_and_mistakes_have_codes_of_their_own(tmp_path, capsys):
    source = {"subsystem": {"files": ["*.py"]}, "root": "../../repo"}
    made_repo.subject(tmp_path, made_repo.good_store(), artifacts=made_repo.STORE, source=source)
    gate = ("gate", "backtest", "made", "--workspace", tmp_path)
    assert code_of(*gate) == 2
    assert code_of(*gate, "--allow-inconclusive") == 0
    assert "inconclusive, which --allow-inconclusive lets through" in capsys.readouterr().err
    meta = tmp_path / "repo/store/v1/meta.json"
    meta.write_text(json.dumps({"version": "v9"}))
    assert code_of(*gate) == 1
    assert code_of(*gate, "--allow-inconclusive") == 1
    assert code_of(*gate, "--no-such-option") == USAGE
    assert code_of("gate", "backtest", "nobody", "--workspace", tmp_path) == USAGE
    assert code_of("nonsense") == USAGE


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (NotAssessed("no store"), 2),
        (ZeroDivisionError("inside"), FAULT),
        (MemoryError(), FAULT),
        (KeyboardInterrupt(), INTERRUPTED),
        (BrokenPipeError(), PIPE),
    ],
)
def test_what_ends_a_command_early(monkeypatch, raised, code):
    def broken(*_, **__):
        raise raised

    monkeypatch.setattr(app.cli, "main", broken)
    assert code_of("list") == code


def outcome(workspace, error=None):
    job = plan(["toy"], ["v1"], [Task.T1], workspace=workspace).jobs[0]
    return RunOutcome(job, None, (), error, 1.0, "stock")


def test_a_run_that_did_not_complete_is_never_let_through(workspace):
    toy_workspace.notebook(workspace, "T1")
    full = RunError("no space left")
    crashed = RunError("IndexError: 0")
    crashed.fault = True
    assert exit_code([outcome(workspace, full)]) == 2
    assert exit_code([outcome(workspace, full)], allow_inconclusive=True) == 2
    assert exit_code([outcome(workspace, full), outcome(workspace, crashed)]) == FAULT


def test_a_reader_who_goes_away_is_no_broken_contract():
    command = "from audit_lib.cli import main; main(['list', '--checks', '--format', 'json'])"
    started = subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    started.stdout.close()
    said = started.stderr.read()
    started.stderr.close()
    assert (started.wait(60), said) == (PIPE, b"")


def test_the_old_name_of_format_still_works(workspace, capsys):
    app._say_renamed.cache_clear()
    for option in ("--format", "--output-format"):
        assert code_of("list", option, "json", "--workspace", workspace) == 0
        said = capsys.readouterr()
        assert json.loads(said.out)[0]["subject"] == "toy"
        assert ("--output-format is now --format" in said.err) == (option == "--output-format")
    assert "output-format" not in _help("run") + _help("ledger", "status")


def _help(*command):
    done = subprocess.run(
        [sys.executable, "-m", "audit_lib.cli", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
