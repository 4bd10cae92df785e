"""An interrupted run ends, also where notebooks still wait for a thread."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

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
