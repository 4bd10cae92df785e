"""What the closure task reads: the other tasks' results of the same run."""

from dataclasses import dataclass

from audit_lib.errors import RunError
from audit_lib.execution.layout import Place, RunFolder
from audit_lib.model import Task, TaskResult

OTHERS = tuple(t for t in Task if t is not Task.T6)


@dataclass(frozen=True)
class Gathered:
    """Results of T1 to T5.

    Attributes:
        tasks: what is there, in order.
        missing: task to the reason it is missing.
        own: False where they are from another run than the one that gathers.
    """

    tasks: tuple[TaskResult, ...]
    missing: dict[str, str]
    run_id: str
    own: bool

    @property
    def source(self) -> str:
        """Where they are from, in words."""
        return f"run {self.run_id}" + ("" if self.own else " (another run than this one)")


def gather(place: Place, folder: RunFolder, *, other: str | None, by_hand: bool) -> Gathered:
    """Results of T1 to T5 of one run of one version.

    Args:
        folder: the folder of the run that asks.
        other: id of another run to read instead.
        by_hand: nobody gave this run an id, so nothing else can belong to it: read the newest
            complete run.

    Raises:
        RunError: there is no run ``other``, or its results cannot be read.
    """
    chosen = folder
    if other:
        chosen = _existing(place, other)
    elif by_hand:
        chosen = place.latest() or folder
    tasks, missing = [], {}
    for task in OTHERS:
        problem = chosen.check(task)
        if problem:
            there = chosen.results(task).is_file()
            missing[task.value] = problem if there else "not run in this run"
            continue
        result = chosen.load(task)
        if (result.subject, result.version, result.task) != (place.subject, place.version, task):
            missing[task.value] = f"holds {result.subject} {result.version} {result.task.value}"
            continue
        tasks.append(result)
    return Gathered(tuple(tasks), missing, chosen.run_id, own=chosen == folder)


def _existing(place: Place, run_id: str) -> RunFolder:
    for folder in (place.published(run_id), place.work(run_id)):
        if folder.path.is_dir():
            return folder
    runs = (p for p in place.folder.glob("*") if (p / "results").is_dir())
    run_ids = sorted(p.name for p in runs if p.name != "latest")
    raise RunError(
        f"no run {run_id!r} of {place.subject} {place.version}",
        where=str(place.folder),
        mend=f"use one of: {', '.join(run_ids[-5:])}" if run_ids else "run T1 to T5 first",
    )
