"""Reading back what a run left: its tasks' results, and whether each is whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from audit_lib.errors import RunError
from audit_lib.files import read_whole
from audit_lib.model import Task, TaskResult
from audit_lib.reporters.json_report import NO_SENTINEL, load_task, seal_of, unsealed

#: keys of a task's provenance that say at which level hooks ran, and answers were asked
ISOLATION = ("isolation", "answers_isolation")


@dataclass(frozen=True)
class Run:
    """What is in a run's folder.

    Attributes:
        tasks: results that could be read, in task order.
        problems: task to what keeps it from being complete.
    """

    path: Path
    tasks: tuple[TaskResult, ...]
    problems: dict[Task, str]


def read_run(run_dir: Path, planned: tuple[Task, ...] = tuple(Task)) -> Run:
    """Read the results of a run and check them against their sentinels.

    Never raises for what it finds: a task that cannot be read is a problem of the run.

    Args:
        run_dir: the run's folder, at work or published.
        planned: tasks that the run was to execute.
    """
    tasks: list[TaskResult] = []
    problems: dict[Task, str] = {}
    for task in Task:
        file = run_dir / "results" / f"{task.value}.json"
        if not file.is_file():
            if task in planned:
                problems[task] = "did not finish: it left no results"
            continue
        try:
            content = read_whole(file)
            result = load_task(content.decode("utf-8"), where=f"results/{file.name}")
        except (OSError, UnicodeDecodeError) as error:
            problems[task] = f"its results cannot be read: {error}"
            continue
        except RunError as error:
            problems[task] = str(error).split("\n", maxsplit=1)[0]
            continue
        sentinel = run_dir / "sentinels" / file.name
        problem = _foreign(result, task, tasks)
        problem = problem or unsealed(sentinel, seal_of(result.run_id, result.task, content))
        if problem:
            unfinished = "did not finish: " if problem == NO_SENTINEL else ""
            problems[task] = unfinished + problem
        if result.task is task:
            tasks.append(result)
    return Run(run_dir, tuple(tasks), problems)


def _foreign(result: TaskResult, task: Task, others: list[TaskResult]) -> str:
    if result.task is not task:
        return f"its results are those of {result.task.value}"
    for other in others[:1]:
        for key in ("subject", "version", "run_id"):
            mine, theirs = getattr(result, key), getattr(other, key)
            if mine != theirs:
                return f"its results have {key} {mine!r}, those of {other.task.value} {theirs!r}"
    return ""


def provenance_of(tasks: Iterable[TaskResult], *keys: str) -> str:
    """What the tasks say of their provenance; every answer, where they differ."""
    answers = [t.provenance[key] for t in tasks for key in keys if t.provenance.get(key)]
    return "; ".join(dict.fromkeys(answers))
