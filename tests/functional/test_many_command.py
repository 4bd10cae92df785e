"""Shards, budgets and backends from the command line: what they write, and what they refuse."""

import json
import os
import re

import pytest
import toy_workspace

from audit_lib.cli import main

HOOKS = """
from audit_lib.hooks import surface

@surface("drift.psi")
def psi(at, a, b):
    return abs(float(sum(a)) / max(len(a), 1) - float(sum(b)) / max(len(b), 1))
"""


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.delenv("AUDIT_CACHE")
    made = toy_workspace.make(tmp_path)
    (made / "parameters/toy/hooks.py").write_text(HOOKS, encoding="utf-8")
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def call(workspace, monkeypatch, capsys):
    """Call the command; answers its exit code and all that it said."""
    monkeypatch.delenv("AUDIT_BUDGET_UNTIL", raising=False)

    def calling(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return ended.value.code or 0, re.sub(r"\s+", " ", said.out + said.err)

    yield calling
    os.environ.pop("AUDIT_BUDGET_UNTIL", None)


RUN = ("run", "toy", "--version", "all", "--tasks", "T4", "--select", "DRF001")


def test_a_shard_writes_its_answers_and_what_they_rest_on(workspace, call):
    code, said = call(*RUN, "--shard", "1/2", "--to", "first")
    assert code == 0
    assert "shard 1/2: first" in said
    shard = json.loads((workspace / "first/shard.json").read_text())
    assert (shard["versions"], shard["tasks"], shard["select"]) == (["v1", "v2"], ["T4"], "DRF001")
    assert all(shard["identity"].values())
    assert len(list((workspace / "first/answers").glob("*.json"))) == 1
    code, said = call("merge", "first")
    assert code == 4
    assert "shards are missing: 2/2" in said


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b"])
def test_what_is_no_shard_is_said(call, text):
    code, said = call(*RUN, "--shard", text)
    assert code == 4
    assert "is no shard; write 2/5 for the second of five" in said


def test_what_is_no_time_is_said(call):
    code, said = call(*RUN, "--budget", "soon")
    assert code == 4
    assert "write 60s, 5m or 1h" in said


def test_codes_may_stand_with_commas(call):
    code, said = call("check", "toy", "drf001, GOV001,", "--version", "v1", "--budget", "0.001s")
    assert code == 2
    assert "DRF001" in said
    assert "GOV001" in said
    code, said = call("check", "toy", ",", "--version", "v1")
    assert code == 4
    assert "no check is called ','" in said


def test_under_a_budget_that_is_used_up_nothing_passes(call):
    code, said = call("check", "toy", "DRF001", "--version", "v1", "--budget", "0.001s")
    assert code == 2
    assert "DRF001: out of budget" in said
    code, said = call("check", "toy", "DRF001", "--version", "v1")
    assert code == 1
