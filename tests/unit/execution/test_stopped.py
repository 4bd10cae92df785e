"""An interrupted run ends, also where notebooks still wait for a thread."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from audit_lib.execution import runner
from audit_lib.model import Task


def test_notebooks_that_wait_for_a_thread_do_not_keep_the_run(tmp_path, monkeypatch):
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()
    asked: list[Task] = []

    def notebook(self: Any, task: Task, folder: Any) -> None:
        asked.append(task)
        begun.set()
        go.wait(10)
        raise runner.RunError("the kernel died", where=task.value)

    whole = runner._Run._notebook

    def first(self: Any, task: Task, folder: Any) -> None:
        (whole if self.stopped else notebook)(self, task, folder)

    monkeypatch.setattr(runner._Run, "_notebook", first)
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as versions:
        queued, submit = threading.Semaphore(0), pool.submit
        monkeypatch.setattr(pool, "submit", lambda *a: (submit(*a), queued.release())[0])
        plan: Any = SimpleNamespace(tasks=tuple(Task))
        run = runner._Run(SimpleNamespace(), plan, None, pool, None, None)  # type: ignore[arg-type]

        def tasks() -> None:
            try:
                run._tasks(SimpleNamespace())  # type: ignore[arg-type]
            except runner.RunError:
                ended.set()

        threading.Thread(target=tasks, daemon=True).start()
        assert begun.wait(10)
        for _ in range(len(Task) - 1):  # T6 comes after the others
            assert queued.acquire(timeout=10)
        runner._stop([run], pool, versions)
        go.set()
        assert ended.wait(10), "the run waits for notebooks that never begin"
    assert len(asked) == 1


def test_a_run_that_is_interrupted_while_it_is_handed_over_publishes_nothing(tmp_path, monkeypatch):
    killed, stopped, published = threading.Event(), [], []

    class Interrupted(ThreadPoolExecutor):
        def submit(self, *given: Any, **named: Any) -> Any:
            super().submit(*given, **named)
            raise KeyboardInterrupt

    def tasks(self: Any, folder: Any) -> tuple[()]:
        assert killed.wait(10), "nobody ends the kernels"
        time.sleep(0.05)
        stopped.append(self.stopped)
        return ()  # a notebook that was past its last cell ends well

    kernels: Any = SimpleNamespace(kind="stock", kill=killed.set, close=lambda: None)
    place = SimpleNamespace(folder=tmp_path)
    said: Any = {"subject": "toy", "version": "v1", "run_id": "r1", "place": place}
    job: Any = SimpleNamespace(**said, parameters=dict, select="", ignore="")
    plan: Any = SimpleNamespace(notebooks={}, jobs=(job,), tasks=(), workspace=tmp_path)
    for name in ("sweep", "begin", "discard", "abandon"):
        monkeypatch.setattr(runner.publish, name, lambda *a: SimpleNamespace(notebooks=tmp_path))
    monkeypatch.setattr(runner.publish, "publish", lambda *a: published.append(a))
    monkeypatch.setattr(runner, "open_kernels", lambda *a, **k: kernels)
    monkeypatch.setattr(runner, "ThreadPoolExecutor", Interrupted)
    monkeypatch.setattr(runner._Run, "_tasks", tasks)
    with pytest.raises(KeyboardInterrupt):
        runner.execute(plan, assemble=published.append, jobs=1)
    assert (stopped, published) == ([True], [])
