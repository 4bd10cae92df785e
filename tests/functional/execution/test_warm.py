"""Forked kernels: as isolated as new interpreters, and stock ones where there is no fork."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from toy_workspace import notebook

from audit_lib.execution import warm
from audit_lib.execution.plan import plan
from audit_lib.execution.runner import RunOutcome, execute
from audit_lib.model import Task

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
MARK = """\
import os, random, sys
import matplotlib as mpl, numpy as np, pandas as pd
before = [
    'pandas' in sys.modules and 'audit_lib.workbook.book' in sys.modules,
    mpl.rcParams['lines.linewidth'], pd.get_option('display.max_rows'),
    os.environ.get('PLANTED'), hasattr(os, 'planted'), os.getcwd(),
]
mpl.rcParams['lines.linewidth'] = 99
pd.set_option('display.max_rows', 3)
os.environ['PLANTED'] = 'x'
os.planted = True
os.chdir('/')
print(before)
print(random.random(), np.random.rand())
"""
PLOT = "import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])"
CHILD = "import os, time; print(os.environ['AUDIT_KERNEL'])"


def run(workspace: Path, **options: object) -> RunOutcome:
    tasks = [Task(p.name[:2]) for p in sorted((workspace / "notebooks").glob("*.ipynb"))]
    planned = plan(["toy"], ["v1"], tasks, workspace=workspace)
    (outcome,) = execute(planned, assemble=lambda folder: None, **options)  # type: ignore[arg-type]
    return outcome


def printed(outcome: RunOutcome, task: str, cell: int) -> str:
    assert outcome.folder is not None, outcome.error
    read = nbformat.read(outcome.folder / f"notebooks/{task}_made_up.ipynb", as_version=4)
    code = [c for c in read.cells if c.id.startswith("cell-")]
    return "".join(o.get("text", "") for o in code[cell].outputs)


@LINUX
def test_forked_kernels_are_warm_isolated_reseeded_and_draw(workspace: Path) -> None:
    for task in ("T1", "T2", "T3"):
        notebook(workspace, task, MARK, PLOT, CHILD)

    outcome = run(workspace, jobs=1)

    assert outcome.error is None
    assert outcome.kernel == "fork"
    assert outcome.folder is not None
    seen = [printed(outcome, task, 0).splitlines() for task in ("T1", "T2", "T3")]
    expected = [True, 1.5, 60, None, False, str(workspace / "notebooks")]
    assert [lines[0] for lines in seen] == [str(expected)] * 3
    assert len({lines[1] for lines in seen}) == 3, "the generators were not seeded anew"
    assert printed(outcome, "T1", 2) == "fork\n"
    for task in ("T1", "T2", "T3"):
        read = nbformat.read(outcome.folder / f"notebooks/{task}_made_up.ipynb", as_version=4)
        kinds = [k for c in read.cells for o in c.get("outputs", []) for k in o.get("data", {})]
        assert kinds.count("image/png") == 1, f"the plot of {task} vanished"


@LINUX
@pytest.mark.parametrize("cell", ["import os; os.kill(os.getpid(), 9)", "import os; os._exit(0)"])
def test_a_forked_kernel_that_dies_is_noticed(workspace: Path, cell: str) -> None:
    notebook(workspace, "T2", cell)

    outcome = run(workspace)

    assert outcome.folder is None
    assert outcome.error is not None
    assert outcome.error.message.startswith("the kernel died")
    assert "cell 'cell-0'" in outcome.error.where


@LINUX
@pytest.mark.parametrize("broken", ["does not start", "dies later"])
def test_stock_kernels_take_over_and_are_recorded(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    notebook(workspace, "T2", CHILD)
    if broken == "does not start":
        monkeypatch.setattr(warm, "_MODULE", "audit_lib.no_such_module")
    else:
        ask = warm.Zygote.ask

        def die_first(self: warm.Zygote, request: dict[str, object]) -> dict[str, object] | None:
            if "connection_file" in request and not self.problem:
                ask(self, {"poll": 1})
                self._process.kill()
                self._process.wait()
            return ask(self, request)

        monkeypatch.setattr(warm.Zygote, "ask", die_first)

    outcome = run(workspace)

    assert outcome.error is None
    assert outcome.kernel.startswith("stock (")
    assert printed(outcome, "T2", 0).strip() == outcome.kernel


def test_elsewhere_kernels_are_stock(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    kernels = warm.open_kernels(workspace, jobs=2, warm=True)

    assert kernels.kind == "stock"
    kernels.close()


@pytest.mark.parametrize("warmed", [pytest.param(True, marks=LINUX), False])
def test_a_kernel_that_starts_while_the_run_is_interrupted_is_ended(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, warmed: bool
) -> None:
    kernels = warm.open_kernels(workspace, jobs=1, warm=warmed)
    provisioner = warm.ForkProvisioner if warmed else LocalProvisioner
    launch = provisioner.launch_kernel
    started: list[int] = []

    async def interrupted(self: LocalProvisioner, cmd: list[str], **options: Any) -> Any:
        kernels.kill()  # too early: there is no process to be seen yet
        made = await launch(self, cmd, **options)
        assert self.pid is not None
        started.append(self.pid)
        return made

    monkeypatch.setattr(provisioner, "launch_kernel", interrupted)
    with (workspace / "log").open("wb") as log, contextlib.closing(kernels):
        options = {"env": kernels.environment(), "cwd": str(workspace), "stdout": log}
        with pytest.raises(RuntimeError, match="interrupted"):
            asyncio.run(kernels.manager().start_kernel(**options, stderr=log))

    assert len(started) == 1
    assert not psutil.pid_exists(started[0])
