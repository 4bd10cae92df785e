"""Wall time of executing the six notebooks: stock kernels against forked ones.

The notebooks import what the real ones import, draw one plot and save; no check runs, so the
times are those of execution alone.  Run on a quiet machine::

    .venv/bin/python benchmarks/execution.py [--jobs 1 2] [--repeat 1]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import toy_workspace

from audit_lib.execution.plan import plan
from audit_lib.execution.progress import Event, Stage
from audit_lib.execution.runner import execute
from audit_lib.model import Task

CELLS = (
    "from audit_lib.workbook import Workbook\nimport pandas as pd",
    "import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])",
    "pd.DataFrame({'a': range(200)})",
)


def measure(workspace: Path, *, warm: bool, jobs: int) -> tuple[float, float, str]:
    """Seconds to the end of the last notebook, seconds of a notebook, and the kernels used."""
    begun: dict[Task, float] = {}
    took: list[float] = []

    def told(event: Event) -> None:
        if event.task is not None and event.stage is Stage.STARTED:
            begun[event.task] = time.perf_counter()
        elif event.task is not None and event.stage is Stage.FINISHED:
            took.append(time.perf_counter() - begun[event.task])

    started = time.perf_counter()
    planned = plan(["toy"], ["v1"], workspace=workspace)
    (outcome,) = execute(planned, assemble=lambda folder: None, progress=told, jobs=jobs, warm=warm)
    if outcome.error:
        raise outcome.error
    return time.perf_counter() - started, sum(took) / len(took), outcome.kernel


def main() -> None:
    """Print one line a configuration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=1)
    asked = parser.parse_args()
    print(f"{'kernels':10} {'jobs':>4} {'six notebooks':>14} {'one notebook':>13}")
    with tempfile.TemporaryDirectory() as folder:
        workspace = toy_workspace.make(Path(folder))
        for task in Task:
            toy_workspace.notebook(workspace, task.value, *CELLS)
        for jobs in asked.jobs:
            for warm in (False, True):
                runs = [measure(workspace, warm=warm, jobs=jobs) for _ in range(asked.repeat)]
                total, one, kind = min(runs)
                print(f"{kind:10} {jobs:4} {total:12.1f} s {one:11.2f} s")


if __name__ == "__main__":
    main()
