"""Runs of made-up notebooks: what completes is published, what does not leaves nothing whole."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import pytest
import toy_workspace
from toy_workspace import notebook

from audit_lib.errors import RunError
from audit_lib.execution.layout import Place
from audit_lib.execution.plan import plan
from audit_lib.execution.progress import Event, Stage
from audit_lib.execution.runner import RunOutcome, execute
from audit_lib.model import Task

MANIFEST = "run_manifest.json"
Run = Callable[..., list[RunOutcome]]


def manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{}", encoding="utf-8")


@pytest.fixture
def run(workspace: Path) -> Run:
    """Run the tasks that have a notebook in the workspace."""

    def call(
        *versions: str, timeout: float | None = None, warm: bool = False, **options: object
    ) -> list[RunOutcome]:
        tasks = [Task(p.name[:2]) for p in sorted((workspace / "notebooks").glob("*.ipynb"))]
        planned = plan(["toy"], versions or ["v1"], tasks, workspace=workspace, timeout=timeout)
        return execute(planned, **{"assemble": manifest, "warm": warm, **options})  # type: ignore[arg-type]

    return call


def failed(outcomes: list[RunOutcome], workspace: Path) -> RunError:
    """The error of the only run, after a look that it left nothing that looks whole."""
    (outcome,) = outcomes
    assert outcome.error is not None
    assert outcome.folder is None
    assert outcome.results == ()
    assert visible(workspace, outcome.job.version) == []
    return outcome.error


def visible(workspace: Path, version: str) -> list[str]:
    folder = workspace / "reports" / "toy" / version
    return sorted(p.name for p in folder.glob("*") if not p.name.startswith("."))


# --- complete runs ----------------------------------------------------------------------------
def test_a_complete_run_is_published_and_becomes_the_latest(workspace: Path, run: Run) -> None:
    for task in Task:
        notebook(workspace, task.value, "print('hello')")
    events: list[Event] = []

    (outcome,) = run("v1", progress=events.append)

    assert outcome.error is None
    assert outcome.folder is not None
    assert outcome.kernel == "stock"
    assert [r.task for r in outcome.results] == list(Task)
    found = {p.relative_to(outcome.folder).as_posix() for p in outcome.folder.rglob("*.*")}
    for task in Task:
        name = f"notebooks/{task.value}_made_up"
        assert {f"{name}.ipynb", f"{name}.html", f"results/{task.value}.json"} <= found
    assert (outcome.folder / MANIFEST).is_file()
    latest = Place(workspace / "reports", "toy", "v1").latest()
    assert latest is not None
    assert latest.path.resolve() == outcome.folder.resolve()
    assert list((workspace / "reports/toy/v1/.work").iterdir()) == []
    order = [(e.stage, e.task) for e in events]
    assert order.index((Stage.STARTED, Task.T6)) > max(
        order.index((Stage.FINISHED, t)) for t in Task if t is not Task.T6
    )
    assert order[-1] == (Stage.PUBLISHED, None)


def test_a_run_of_some_tasks_is_published_but_not_the_latest(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2")

    (outcome,) = run("v1")

    assert outcome.folder is not None
    assert visible(workspace, "v1") == [outcome.folder.name]


def test_outputs_and_pictures_arrive_in_the_notebook_and_its_page(
    workspace: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # kernels that see it do not watch descriptors
    notebook(
        workspace,
        "T2",
        "import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])",
        "import os, time; _ = os.system('echo from a child'); time.sleep(0.3)",
        "from IPython.display import HTML\nHTML('<b>table</b>')",
    )

    (outcome,) = run("v1")

    assert outcome.folder is not None
    read = nbformat.read(outcome.folder / "notebooks/T2_made_up.ipynb", as_version=4)
    kinds = [k for c in read.cells for o in c.get("outputs", []) for k in o.get("data", {})]
    assert "image/png" in kinds
    text = "".join(o.get("text", "") for c in read.cells for o in c.get("outputs", []))
    assert "from a child" in text
    page = (outcome.folder / "notebooks/T2_made_up.html").read_text(encoding="utf-8")
    assert 'src="data:image/png;base64,' in page
    assert "<b>table</b>" in page
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)""", page) == []
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page.split("<title>")[0]


def test_versions_do_not_disturb_each_other(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2", "assert version != 'v1', 'no good'")

    bad, good = run("all")

    assert bad.error is not None
    assert "AssertionError: no good" in str(bad.error)
    assert good.error is None
    assert good.folder is not None


def test_the_first_version_is_published_before_the_others_are_assembled(
    workspace: Path, run: Run
) -> None:
    ahead = (
        "import time\nfrom pathlib import Path\n"
        f"ahead, end = Path({str(workspace / 'ahead')!r}), time.monotonic() + 10\n"
        "if version == 'v2': ahead.touch()\n"
        "while not ahead.exists() and time.monotonic() < end: time.sleep(0.02)"
    )
    notebook(workspace, "T2", ahead)
    seen: dict[str, list[str]] = {}

    def assemble(folder: Path) -> None:
        manifest(folder)
        seen[folder.parent.parent.name] = visible(workspace, "v1")

    champion, other = run("all", assemble=assemble)

    assert champion.job.version == "v1"
    assert champion.folder is not None
    assert other.error is None
    assert seen == {"v1": [], "v2": [champion.folder.name]}


def test_a_packet_that_cannot_be_made_is_not_published(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2")

    def assemble(folder: Path) -> None:
        manifest(folder)
        raise RunError("no packet today", where="packet.html")

    error = failed(run("v1", assemble=assemble), workspace)

    assert error.message == "no packet today"


def test_a_defect_while_one_packet_is_made_costs_that_version_only(
    workspace: Path, run: Run
) -> None:
    notebook(workspace, "T2")

    def assemble(folder: Path) -> None:
        manifest(folder)
        if "v1" in str(folder.parent):
            raise KeyError("templates")

    bad, good = run("all", assemble=assemble)

    assert bad.error is not None
    assert bad.error.message == "KeyError: 'templates'"
    assert bad.error.where.startswith("test_execute.py:")
    assert visible(workspace, "v1") == []
    assert good.error is None


def test_a_kernel_inherits_neither_start_up_files_nor_kernelspecs(
    workspace: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = workspace / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("planted = True")
    spec = workspace / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = ["/bin/false", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "x", "language": "python"})
    )
    monkeypatch.setenv("IPYTHONDIR", str(workspace / "ipython"))
    monkeypatch.setenv("JUPYTER_PATH", str(workspace / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    check = f"import sys; assert sys.executable == {sys.executable!r}"
    notebook(workspace, "T2", "assert 'planted' not in globals()", check)

    (outcome,) = run("v1")

    assert outcome.error is None


# --- notebooks that fail ----------------------------------------------------------------------
def test_an_exception_names_task_cell_and_where_to_look(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2", "x = 1", "raise ValueError('the fold is empty')")

    error = failed(run("v1"), workspace)

    assert error.message == "ValueError: the fold is empty"
    assert error.where == "T2 (T2_made_up.ipynb, cell 'cell-1', 4 of 5)"
    assert Path(error.mend.removeprefix("the traceback is in ")).is_file()


def test_our_own_errors_keep_their_words(workspace: Path, run: Run) -> None:
    notebook(
        workspace,
        "T2",
        "from audit_lib.errors import ParameterError\n"
        "raise ParameterError('key unknown', where='subject.yaml', mend='remove it')",
    )

    error = failed(run("v1"), workspace)

    assert error.message == "subject.yaml: key unknown"
    assert error.mend == "remove it"


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSEGV"])
def test_a_dead_kernel_names_task_and_cell(workspace: Path, run: Run, how: str) -> None:
    notebook(workspace, "T2", f"import os, signal; os.kill(os.getpid(), signal.{how})")

    error = failed(run("v1"), workspace)

    assert error.message.startswith("the kernel died")
    assert "cell 'cell-0'" in error.where
    assert "--jobs" in error.mend


def test_a_notebook_that_hangs_is_stopped_with_everything_it_started(
    workspace: Path, run: Run
) -> None:
    notebook(
        workspace,
        "T2",
        "import os, subprocess, time\nfrom pathlib import Path\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"Path({str(workspace / 'pids')!r}).write_text(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)",
    )
    started = time.monotonic()

    error = failed(run("v1", timeout=10.0), workspace)

    assert error.message == "took longer than 10 s"
    assert "--timeout" in error.mend
    assert time.monotonic() - started < 120
    assert_gone(workspace / "pids")


def assert_gone(file: Path, seconds: float = 20.0) -> None:
    """Processes whose ids a file holds end within some seconds."""
    pids = [int(p) for p in file.read_text().split()]
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(map(running, pids)):
        time.sleep(0.1)
    assert [p for p in pids if running(p)] == []


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("code", [0, 3])
def test_leaving_a_cell_by_exit_is_not_completing(workspace: Path, run: Run, code: int) -> None:
    notebook(workspace, "T2", f"import sys; sys.exit({code})", "print('never')")

    error = failed(run("v1"), workspace)

    assert "exit()" in error.mend


def test_a_notebook_that_saves_nothing_is_not_complete(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2", "x = 1", close=False)

    error = failed(run("v1"), workspace)

    assert error.message == "its last cell left no sentinel"
    assert "audit.close()" in error.mend


def test_a_sentinel_of_another_run_does_not_count(workspace: Path, run: Run) -> None:
    forged = toy_workspace.CLOSE.format(task="T2") + (
        "import json\nfile = folder.sentinel(Task.T2)\n"
        "file.write_text(json.dumps({**json.loads(file.read_text()), 'run_id': 'older'}))"
    )
    notebook(workspace, "T2", forged, close=False)

    error = failed(run("v1"), workspace)

    assert error.message.startswith("its sentinel holds run_id 'older'")


def test_results_changed_after_the_sentinel_do_not_count(workspace: Path, run: Run) -> None:
    edited = toy_workspace.CLOSE.format(task="T2") + (
        "file = folder.results(Task.T2)\nfile.write_text(file.read_text() + ' ')"
    )
    notebook(workspace, "T2", edited, close=False)

    error = failed(run("v1"), workspace)

    assert error.message.startswith("its sentinel holds results_sha256")


# --- notebooks that cannot take the parameters ------------------------------------------------
def test_a_notebook_without_a_parameters_cell_is_refused(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2", parameters=None)

    with pytest.raises(RunError, match="no cell is tagged 'parameters'"):
        run("v1")
    assert not (workspace / "reports").exists()


def test_a_parameters_cell_that_lacks_a_name_is_refused(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2", parameters="subject = ''\nversion = ''\nreports = ''")

    with pytest.raises(RunError, match="does not set 'root', 'run_id'"):
        run("v1")


def test_a_file_that_is_no_notebook_is_refused(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2").write_text("{", encoding="utf-8")

    with pytest.raises(RunError, match="cannot be read as a notebook"):
        run("v1")


# --- violence ---------------------------------------------------------------------------------
SCRIPT = """
import resource, signal, sys
from pathlib import Path
from audit_lib.execution.plan import plan
from audit_lib.execution.runner import execute
from audit_lib.model import Task

# a test that was started in the background is told to ignore it
signal.signal(signal.SIGINT, signal.default_int_handler)
limit = int(sys.argv[2])
workspace = Path(sys.argv[1])
planned = plan(["toy"], ["v1"], [Task.T2], workspace=workspace)
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for outcome in execute(planned, assemble=lambda folder: None, warm=bool(int(sys.argv[3]))):
    print(outcome.error or outcome.folder)
"""


def runner(workspace: Path, *, limit: int = 0, warm: bool = False) -> subprocess.Popen[str]:
    script = workspace / "runner.py"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(script), str(workspace), str(limit), str(int(warm))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(file: Path, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not (file.is_file() and file.read_text().strip()):
        assert time.monotonic() < end, f"{file.name} never came"
        time.sleep(0.05)


SLOW = (
    "import os, time\nfrom pathlib import Path\n"
    "Path({!r}).write_text(str(os.getpid()))\ntime.sleep({})"
)


@pytest.mark.parametrize("warm", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_killed_run_leaves_no_packet_no_kernel_and_is_swept_by_the_next(
    workspace: Path, run: Run, warm: bool
) -> None:
    pid = workspace / "pid"
    notebook(workspace, "T2", SLOW.format(str(pid), 600))
    process = runner(workspace, warm=warm)
    wait_for(pid)
    process.kill()
    process.wait()

    assert visible(workspace, "v1") == []
    (stale,) = (workspace / "reports/toy/v1/.work").glob("*[0-9a-f]")
    assert_gone(pid)

    notebook(workspace, "T2")
    (outcome,) = run("v1")

    assert outcome.error is None
    assert not stale.exists()
    assert list((workspace / "reports/toy/v1/.work").iterdir()) == []


@pytest.mark.slow
def test_a_run_at_work_is_not_swept_by_another(workspace: Path, run: Run) -> None:
    pid = workspace / "pid"
    notebook(workspace, "T2", SLOW.format(str(pid), 6))
    process = runner(workspace)
    wait_for(pid)
    notebook(workspace, "T2")

    (outcome,) = run("v1")
    out, _ = process.communicate(timeout=180)

    assert outcome.folder is not None
    assert len(visible(workspace, "v1")) == 2, out


@pytest.mark.parametrize("warm", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_interrupted_run_leaves_nothing(workspace: Path, warm: bool) -> None:
    pid = workspace / "pid"
    notebook(workspace, "T2", SLOW.format(str(pid), 600))
    process = runner(workspace, warm=warm)
    wait_for(pid)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=180)

    assert process.returncode != 0, out
    assert "KeyboardInterrupt" in out
    assert_gone(pid)
    assert list((workspace / "reports/toy/v1/.work").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_is_one_message(workspace: Path) -> None:
    notebook(workspace, "T2", "print('x' * 200_000)")

    process = runner(workspace, limit=100_000)
    out, _ = process.communicate(timeout=180)

    assert "T2 (T2_made_up.ipynb" in out
    assert "cannot be written" in out
    assert "mend: free some space there" in out
    assert "Traceback" not in out
    assert visible(workspace, "v1") == []


def test_the_environment_of_the_runner_is_unchanged(workspace: Path, run: Run) -> None:
    notebook(workspace, "T2")
    before, folder = dict(os.environ), Path.cwd()

    run("v1")

    assert dict(os.environ) == before
    assert Path.cwd() == folder
