"""Checks asked elsewhere: on other cores, on machines of a cluster, or in the shards of a pipeline.

What comes back is answers as the memory keeps them (:mod:`audit_lib.memory`), by content: a unit
that is asked twice, or by a worker that died halfway, does no harm.  One process takes the answers
in, runs the notebooks, which find them, and publishes.  A worker whose subject, library or
interpreter is another refuses.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_lib.engine import run_checks
from audit_lib.errors import AuditError, RunError
from audit_lib.execution.plan import Plan
from audit_lib.files import read_whole, write_whole
from audit_lib.memory import Memory, cache_folder, identity
from audit_lib.model import Task
from audit_lib.selection import configured, listed, roster_of, selected
from audit_lib.subject.subject import Subject, open_subject

RETRIES = 3
#: how long a scheduler may take to answer, in seconds
CONNECTING = 20.0
_LIKE = "*.json", "*.code"


@dataclass(frozen=True)
class Unit:
    """A share of the work: some checks of one version.

    Attributes:
        reference, workspace, root: how to find the subject, on every machine alike.
        codes: of the checks; those of one contract go together, since they share what they ask.
        expected: what the subject, the library and the interpreters are.
    """

    reference: str
    workspace: str
    root: str
    version: str
    codes: tuple[str, ...]
    expected: Mapping[str, str]


@dataclass(frozen=True)
class UnitAnswer:
    """What came of a unit: answers by the names of their files, or why the worker refused."""

    answers: Mapping[str, bytes]
    refused: str = ""


def ask(unit: Unit) -> UnitAnswer:
    """Ask the checks of a unit, in whatever process this is."""
    root = Path(unit.root) if unit.root else None
    try:
        opened = open_subject(unit.reference, workspace=Path(unit.workspace), root=root)
        subject = opened.at(unit.version)
    except (AuditError, OSError) as error:
        return UnitAnswer({}, str(error))
    try:
        other = differs(unit.expected, identity(subject))
        if other:
            return UnitAnswer({}, other)
        roster = roster_of(subject)
        ready = [configured(roster.get(code), subject) for code in unit.codes]
        with tempfile.TemporaryDirectory(prefix="workbook-") as place:
            memory = Memory(subject, ready, folder=Path(place))
            if memory.folder is None:
                return UnitAnswer({}, "it keeps no answers to hand over (AUDIT_CACHE=off)")
            run_checks(ready, subject, memory=memory)
            return UnitAnswer(answers_in(Path(place)))
    finally:
        subject.close()


def differs(expected: Mapping[str, str], actual: Mapping[str, str]) -> str:
    """What is another than was expected, in words; '' where nothing is."""
    named = [name for name, value in expected.items() if actual.get(name) != value]
    return f"another {' and another '.join(named)} than was planned for" if named else ""


def answers_in(folder: Path) -> dict[str, bytes]:
    """Answers that are kept in a folder."""
    return {f.name: read_whole(f) for form in _LIKE for f in sorted(folder.glob(form))}


def take(answers: Mapping[str, bytes], folder: Path) -> None:
    """Put answers where runs look for them."""
    for name, content in answers.items():
        if Path(name).name == name and not (folder / name).exists():
            write_whole(folder / name, content)


# --- planning -------------------------------------------------------------------------------------
class Spreading:
    """The units of a plan."""

    def __init__(self, plan: Plan) -> None:
        """Open the subjects.

        Raises:
            RunError: answers of one are not kept, and so cannot be handed over.
        """
        self.plan = plan
        self.subjects: dict[str, Subject] = {}
        for job in plan.jobs:
            if job.subject not in self.subjects:
                subject = open_subject(job.reference, workspace=plan.workspace, root=job.root)
                self.subjects[job.subject] = subject
                self.folder_of(job.subject)

    def folder_of(self, name: str) -> Path:
        """Where answers of a subject are kept."""
        folder = cache_folder(self.subjects[name])
        if folder is None or not identity(self.subjects[name])["subject"]:
            raise RunError(
                "answers of this subject are not kept, and so cannot be asked elsewhere",
                where=name,
                mend="unset AUDIT_CACHE=off and policy.allow_unisolated, or run it in one piece",
            )
        return folder

    def close(self) -> None:
        """Close the subjects."""
        for subject in self.subjects.values():
            subject.close()

    def units(self, versions: Iterable[str] | None = None, *, unknown: bool = True) -> list[Unit]:
        """One unit for each contract of a task of a version, the largest first.

        Args:
            versions: of these only.
            unknown: only checks whose answers are not kept here already.
        """
        wanted = None if versions is None else set(versions)
        work = []
        for job in self.plan.jobs:
            if wanted is not None and job.version not in wanted:
                continue
            subject = self.subjects[job.subject].at(job.version)
            expected = identity(subject)
            groups: dict[tuple[Task, str], list[str]] = {}
            roster = roster_of(subject)
            chosen = selected(subject, roster, select=listed(job.select), ignore=listed(job.ignore))
            for task in self.plan.tasks:
                checks = [
                    configured(c, subject) for c in roster.of(task) if not chosen.left_out(c.code)
                ]
                memory = Memory(subject, checks)
                for check in checks:
                    if memory.keeps(check) and not (unknown and memory.recall(check)):
                        groups.setdefault((task, check.contract), []).append(check.code)
            for codes in groups.values():
                work.append(
                    Unit(
                        job.reference if "/" not in job.reference else str(subject.folder),
                        str(self.plan.workspace),
                        str(job.root or ""),
                        job.version,
                        tuple(codes),
                        expected,
                    )
                )
        return sorted(work, key=lambda u: -len(u.codes))

    def rounds(self) -> Iterator[list[Unit]]:
        """The first version's units, then those of the others that it did not answer along."""
        versions = list(dict.fromkeys(j.version for j in self.plan.jobs))
        for part in (versions[:1], versions[1:]):
            if part:
                yield self.units(part)


# --- asking in parallel ---------------------------------------------------------------------------
def spread(
    spreading: Spreading,
    *,
    backend: str,
    jobs: int,
    scheduler: str = "",
    progress: Callable[[int, int, Unit], None] = lambda done, of, unit: None,
) -> list[str]:
    """Ask the units of a plan through one of joblib's backends, and keep the answers.

    Args:
        backend: ``loky`` (processes of this machine), ``dask`` or ``ray``.
        jobs: units at a time; a cluster has as many as it has workers.
        scheduler: address of dask's scheduler or of ray's head.
        progress: told after each unit.

    Returns:
        why workers refused, each reason once.

    Raises:
        RunError: the backend is not installed, or its cluster cannot be reached.
    """
    refused: list[str] = []
    with _cluster(backend, scheduler):
        for listed_ in spreading.rounds():
            left = dict(enumerate(listed_))
            for _ in range(RETRIES):
                try:
                    for number, answer in _parallel(left, jobs if backend == "loky" else -1):
                        unit = left.pop(number)
                        if answer.refused:
                            refused.append(answer.refused)
                        else:
                            take(answer.answers, spreading.folder_of(_subject(spreading, unit)))
                        progress(len(listed_) - len(left), len(listed_), unit)
                except Exception as error:
                    if type(error).__name__ not in _DEATHS:
                        raise
                    # A worker died: what was not answered is asked of another.
    return list(dict.fromkeys(refused))


#: what backends raise when a worker is gone for good; joblib wraps no errors of its backends
_DEATHS = ("TerminatedWorkerError", "BrokenProcessPool", "KilledWorker", "WorkerCrashedError")


def _parallel(units: Mapping[int, Unit], jobs: int) -> Iterator[tuple[int, UnitAnswer]]:
    from joblib import Parallel, delayed

    calls = (delayed(_numbered)(number, unit) for number, unit in dict(units).items())
    try:
        pool = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    except ValueError:  # the backend answers all at once
        pool = Parallel(n_jobs=jobs, batch_size=1)
    yield from pool(calls)


def _numbered(number: int, unit: Unit) -> tuple[int, UnitAnswer]:
    return number, ask(unit)


def _cluster(backend: str, scheduler: str) -> Any:
    """Joblib's context of a backend, connected."""
    package = {"loky": "joblib", "dask": "distributed", "ray": "ray"}[backend]
    try:
        from joblib import parallel_config

        if backend == "dask":
            from distributed import Client

            # dask's client has no annotations
            Client(scheduler or None, timeout=CONNECTING)  # type: ignore[no-untyped-call]
        elif backend == "ray":
            import ray
            from ray.util.joblib import register_ray

            try:
                ray.init(address=scheduler or None, ignore_reinit_error=True)
            except (
                Exception
            ) as error:  # it has no class of its own for a head that does not come up
                raise ConnectionError(str(error)) from error
            register_ray()
    except ImportError:
        raise RunError(
            f"{package} is not installed",
            where="--backend",
            mend=f"pip install {package}, here and where the workers are",
        ) from None
    except (OSError, TimeoutError, ConnectionError) as error:
        raise RunError(
            f"no scheduler answers: {error}",
            where="--scheduler",
            mend="start one, or correct the address (tcp://HOST:8786)",
        ) from None
    return parallel_config(backend=backend)


def _subject(spreading: Spreading, unit: Unit) -> str:
    for name, subject in spreading.subjects.items():
        if unit.reference in (name, str(subject.folder)):
            return name
    raise RunError("is no subject of the plan", where=unit.reference)
