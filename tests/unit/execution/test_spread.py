"""Checks asked by workers and in shards: the same answers, whoever dies or is of another kind."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy_workspace

from audit_lib.engine import run_checks
from audit_lib.errors import RunError
from audit_lib.execution import spread as module
from audit_lib.execution.plan import Plan, plan
from audit_lib.execution.shards import agreed, merge, run_shard
from audit_lib.execution.spread import Spreading, Unit, ask, spread
from audit_lib.memory import Memory
from audit_lib.model import CheckResult, Task
from audit_lib.selection import configured, roster_of
from audit_lib.subject.subject import open_subject

HOOKS = """
import time
from audit_lib.hooks import surface

@surface("drift.psi")
def psi(at, a, b):
    {body}
    return abs(float(sum(a)) / max(len(a), 1) - float(sum(b)) / max(len(b), 1))

@surface("governance.metrics")
def metrics(at):
    return {"sharpe": "higher"}

@surface("governance.promote")
def promote(at, champion, challenger):
    return at.version == "v1" and challenger["sharpe"] > champion["sharpe"]
"""
SELECT = ("DRF001", "GOV002", "GOV003")


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_CACHE")


def made(folder: Path, body: str = "pass") -> Plan:
    folder.mkdir(exist_ok=True)
    workspace = toy_workspace.make(folder)
    hooks = HOOKS.replace("{body}", body)
    (workspace / "parameters/toy/hooks.py").write_text(hooks, encoding="utf-8")
    return plan(["toy"], ["all"], [Task.T4], workspace=workspace, select=SELECT)


def results(planned: Plan, version: str) -> tuple[list[CheckResult], Memory]:
    """What the checks say here, and what of it was known before."""
    subject = open_subject("toy", workspace=planned.workspace).at(version)
    ready = [configured(roster_of(subject).get(code), subject) for code in SELECT]
    memory = Memory(subject, ready)
    try:
        found = run_checks(ready, subject, memory=memory)
    finally:
        subject.close()
    return [replace(r, seconds=0.0) for r in found], memory


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[CheckResult]]:
    """What they say in one piece."""
    planned = made(tmp_path_factory.mktemp("alone"))
    return {v: results(planned, v)[0] for v in ("v1", "v2")}


def all_known(planned: Plan, alone: dict[str, list[CheckResult]]) -> None:
    for version, expected in alone.items():
        found, memory = results(planned, version)
        assert memory.asked == []
        assert found == expected


def test_processes_of_this_machine(tmp_path: Path, alone: dict[str, list[CheckResult]]) -> None:
    planned = made(tmp_path / "here")
    told: list[tuple[int, int]] = []

    def note(done: int, of: int, unit: Unit) -> None:
        told.append((done, of))

    spreading = Spreading(planned)
    assert spread(spreading, backend="loky", jobs=2, progress=note) == []
    assert spreading.units() == []
    spreading.close()
    assert told == [(1, 2), (2, 2), (1, 1)]  # drift of the second version is that of the first
    all_known(planned, alone)


@pytest.mark.slow
def test_a_cluster_one_of_whose_workers_is_killed(
    tmp_path: Path, alone: dict[str, list[CheckResult]]
) -> None:
    distributed = pytest.importorskip("distributed")
    planned = made(tmp_path / "here", body="time.sleep(0.02)")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        victim = next(iter(cluster.workers.values())).pid
        killer = threading.Timer(4.0, os.kill, (victim, signal.SIGKILL))
        killer.start()
        spreading = Spreading(planned)
        assert spread(spreading, backend="dask", jobs=2, scheduler=cluster.scheduler_address) == []
        spreading.close()
        killer.join()
    for version, expected in alone.items():
        found, memory = results(planned, version)
        assert memory.asked == []
        assert [r.outcome for r in found] == [r.outcome for r in expected]


def test_a_scheduler_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(module, "CONNECTING", 0.5)
    spreading = Spreading(made(tmp_path / "here"))
    with pytest.raises(RunError, match="--scheduler"):
        spread(spreading, backend="dask", jobs=2, scheduler="tcp://127.0.0.1:9")
    spreading.close()


def test_a_head_that_does_not_come_up_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: object) -> None:
        raise Exception("The current node timed out during startup")  # as ray raises it

    registering = SimpleNamespace(register_ray=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    monkeypatch.setitem(sys.modules, "ray.util", SimpleNamespace(joblib=registering))
    monkeypatch.setitem(sys.modules, "ray.util.joblib", registering)
    spreading = Spreading(made(tmp_path / "here"))
    with pytest.raises(RunError, match="timed out during startup"):
        spread(spreading, backend="ray", jobs=2)
    spreading.close()


@pytest.mark.parametrize("what", ["subject", "library", "interpreter"])
def test_a_worker_of_another_kind_refuses(tmp_path: Path, what: str) -> None:
    spreading = Spreading(made(tmp_path / "here"))
    unit = spreading.units()[0]
    told = ask(replace(unit, expected={**unit.expected, what: "another"}))
    assert (told.answers, told.refused) == ({}, f"another {what} than was planned for")
    spreading.close()


def test_a_worker_that_has_no_subject_refuses(tmp_path: Path) -> None:
    spreading = Spreading(made(tmp_path / "here"))
    told = ask(replace(spreading.units()[0], workspace=str(tmp_path)))
    assert "toy" in told.refused
    spreading.close()


def test_a_worker_that_keeps_no_answers_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spreading = Spreading(made(tmp_path / "here"))
    unit = spreading.units()[0]
    monkeypatch.setenv("AUDIT_CACHE", "off")
    told = ask(unit)
    assert (told.answers, "AUDIT_CACHE=off" in told.refused) == ({}, True)
    spreading.close()


def test_shards_make_one_whole(tmp_path: Path, alone: dict[str, list[CheckResult]]) -> None:
    planned = made(tmp_path / "here")
    folders = [tmp_path / "1", tmp_path / "2"]
    spreading = Spreading(planned)
    for number, folder in enumerate(folders, start=1):
        run_shard(spreading, number, 2, folder)
    with pytest.raises(RunError, match="shards are missing: 1/2"):
        agreed(folders[1:])
    assert len(spreading.units()) == 4  # nothing of it is known here yet
    merge(folders, spreading)
    assert spreading.units() == []
    spreading.close()
    all_known(planned, alone)


def test_shards_of_other_subjects_do_not_go_together(tmp_path: Path) -> None:
    planned = made(tmp_path / "here")
    spreading = Spreading(planned)
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        run_shard(spreading, number, 40, folder)  # a part that holds little or nothing
    said = json.loads((tmp_path / "2/shard.json").read_text())
    said["identity"]["subject"] = "another"
    (tmp_path / "2/shard.json").write_text(json.dumps(said))
    with pytest.raises(RunError, match="another subject"):
        agreed([tmp_path / "1", tmp_path / "2"])
    with pytest.raises(RunError, match="no folder that"):
        agreed([tmp_path])
    spreading.close()


def test_without_kept_answers_nothing_can_be_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = made(tmp_path / "here")
    monkeypatch.setenv("AUDIT_CACHE", "off")
    with pytest.raises(RunError, match="AUDIT_CACHE"):
        Spreading(planned)


def test_it_takes_no_time_to_plan(tmp_path: Path) -> None:
    spreading = Spreading(made(tmp_path / "here"))
    began = time.process_time()
    assert {u.codes for u in spreading.units()} == {("DRF001",), ("GOV002", "GOV003")}
    assert time.process_time() - began < 5
    spreading.close()
