"""Executes a plan: notebooks side by side, packets assembled and published as versions complete."""

import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit_lib.errors import AuditError, RunError
from audit_lib.execution import publish
from audit_lib.execution.kernels import Kernels
from audit_lib.execution.layout import RunFolder
from audit_lib.execution.plan import Job, Plan
from audit_lib.execution.progress import Event, Stage, Watcher
from audit_lib.execution.warm import open_kernels
from audit_lib.model import Task, TaskResult

Assemble = Callable[[Path], None]


@dataclass(frozen=True)
class RunOutcome:
    """How one run ended.

    Attributes:
        folder: the published run; None where it did not complete.
        results: what the tasks found out; empty where it did not complete.
        error: why it did not complete.
        seconds: wall time.
        kernel: kind of kernels it ran on.
        same: True where nothing was run, since the published run says what this one would.
    """

    job: Job
    folder: Path | None
    results: tuple[TaskResult, ...]
    error: RunError | None
    seconds: float
    kernel: str
    same: bool = False


def execute(
    plan: Plan,
    *,
    assemble: Assemble,
    progress: Watcher | None = None,
    jobs: int = 2,
    warm: bool = True,
) -> list[RunOutcome]:
    """Run every job of a plan.

    T1 to T5 of a version run side by side, T6 after them; up to ``jobs`` notebooks at a time,
    of up to ``jobs`` versions.  The first version of a subject is published before the packets of
    its others are made.  A version whose notebook fails ends without a packet, and the
    others go on.

    Args:
        assemble: makes the packet in the run's folder once its notebooks are complete; it
            writes ``run_manifest.json`` last.
        progress: told what happens, from several threads.
        jobs: notebooks at a time.
        warm: fork kernels from a process that has imported the libraries, where possible.

    Returns:
        one outcome a job, in the order of the plan.

    Raises:
        RunError: the notebooks themselves cannot take the parameters; nothing has run then.
    """
    if jobs < 1:
        raise RunError("must be at least 1", where="--jobs", mend="leave it out for 2")
    kernels = open_kernels(plan.workspace, jobs=jobs, warm=warm)
    try:
        # Slow to import; a zygote imports what it needs meanwhile.
        from audit_lib.execution.notebook import check_parameters

        for notebook in plan.notebooks.values():
            check_parameters(notebook, [n for job in plan.jobs for n in job.parameters()])
        with (
            ThreadPoolExecutor(jobs, thread_name_prefix="notebook") as pool,
            ThreadPoolExecutor(jobs, thread_name_prefix="version") as versions,
        ):
            runs = [_Run(job, plan, kernels, pool, assemble, progress) for job in plan.jobs]
            for run in runs:
                run.first = next(r for r in runs if r.job.subject == run.job.subject)
            try:  # submitting may be interrupted, too
                futures = [versions.submit(run) for run in runs]
                return [future.result() for future in futures]
            except BaseException:  # interrupted: the kernels would keep the threads waiting
                _stop(runs, pool, versions)
                kernels.kill()
                raise
    finally:
        kernels.close()


def _stop(runs: "list[_Run]", pool: ThreadPoolExecutor, versions: ThreadPoolExecutor) -> None:
    """Let no notebook begin any more.

    Those that wait for a thread get one, and see that the run is stopped: of a future that is
    cancelled with its pool nobody who waits for it is told.
    """
    for run in runs:
        run.stopped = True
    pool.shutdown(wait=False)
    versions.shutdown(wait=False, cancel_futures=True)


@dataclass(eq=False)
class _Run:
    """One job on its way.

    Attributes:
        first: the run of the subject's first version; None before it is known.
    """

    job: Job
    plan: Plan
    kernels: Kernels
    pool: ThreadPoolExecutor
    assemble: Assemble
    progress: Watcher | None
    stopped: bool = False
    first: "_Run | None" = None
    ended: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> RunOutcome:
        """Run it from staging to publication."""
        started = time.perf_counter()
        published: RunFolder | None = None
        results: tuple[TaskResult, ...] = ()
        failure: RunError | None = None
        folder: RunFolder | None = None
        try:
            publish.sweep(self.job.place)
            folder = publish.begin(self.job.place, self.job.run_id)
            results = self._tasks(folder)
            self._tell(Stage.ASSEMBLING)
            from audit_lib.execution.render import render

            render(folder.notebooks)
            # The first version of a subject is its champion, whose packet the others' packets are
            # compared with.  It started before them, so waiting for it ends.
            if self.first is not None and self.first is not self:
                self.first.ended.wait()
            self._unless_stopped()
            self.assemble(folder.path)
            self._unless_stopped()
            published = publish.publish(self.job.place, folder)
            asked_all = not (self.job.select or self.job.ignore)
            if asked_all and set(self.plan.tasks) == set(Task):
                publish.point_latest(self.job.place, published)
            self._tell(Stage.PUBLISHED)
        except Exception as error:  # noqa: BLE001 - one version's end must not be the others'
            failure = _as_run_error(error, self.job)
            self._tell(Stage.FAILED, message=str(failure))
        finally:
            if folder is not None and published is None:
                (publish.discard if self.stopped else publish.abandon)(folder)
            self.ended.set()
        return RunOutcome(
            self.job,
            published.path if published else None,
            results if published else (),
            failure,
            round(time.perf_counter() - started, 3),
            self.kernels.kind,
        )

    def _tasks(self, folder: RunFolder) -> tuple[TaskResult, ...]:
        side_by_side = [t for t in self.plan.tasks if t is not Task.T6]
        for group in (side_by_side, [t for t in self.plan.tasks if t is Task.T6]):
            futures: list[Future[None]] = [
                self.pool.submit(self._notebook, task, folder) for task in group
            ]
            _, pending = wait(futures, return_when=FIRST_EXCEPTION)
            for future in pending:
                future.cancel()
            wait(futures)
            for future in futures:
                if not future.cancelled():
                    future.result()
        return tuple(folder.load(t) for t in self.plan.tasks)

    def _notebook(self, task: Task, folder: RunFolder) -> None:
        self._unless_stopped(task.value)
        from audit_lib.execution.notebook import Errand
        from audit_lib.execution.notebook import execute as execute_notebook

        self._tell(Stage.STARTED, task)
        errand = Errand(
            task=task,
            notebook=self.plan.notebooks[task],
            parameters=self.job.parameters(),
            environment=self.job.environment(),
            folder=folder,
            kernels=self.kernels,
            timeout=self.plan.timeout,
            report=lambda message: self._tell(
                Stage.CHECK,
                task,
                check=message["check"],
                done=message["done"],
                total=message["total"],
                left=message.get("left", 0),
            ),
        )
        execute_notebook(errand)
        self._tell(Stage.FINISHED, task)

    def _unless_stopped(self, where: str = "") -> None:
        if self.stopped:
            raise RunError("interrupted", where=where or self.job.version)

    def _tell(self, stage: Stage, task: Task | None = None, **details: Any) -> None:
        """Pass an event on; ``details`` are further fields of it."""
        if self.progress:
            job = self.job
            self.progress(Event(job.subject, job.version, job.run_id, stage, task, **details))


def _as_run_error(error: Exception, job: Job) -> RunError:
    if isinstance(error, RunError):
        return error
    if isinstance(error, AuditError):
        return RunError(error.message, where=error.where, mend=error.mend)
    if isinstance(error, OSError):
        return RunError(
            error.strerror or str(error),
            where=str(error.filename or job.place.folder),
            mend="free some space there, or choose another --reports folder",
        )
    last = traceback.extract_tb(error.__traceback__)[-1]
    fault = RunError(
        f"{type(error).__name__}: {error}",
        where=f"{Path(last.filename).name}:{last.lineno}",
        mend="this is a defect of the workbook: please report it with this message",
    )
    fault.__cause__ = error
    fault.fault = True
    return fault
