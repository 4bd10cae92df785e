"""What a run will do: which versions of which subjects, through which tasks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from audit_lib.errors import NotAssessed, RunError
from audit_lib.execution.layout import Place, new_run_id
from audit_lib.model import Task
from audit_lib.selection import roster_of, selected
from audit_lib.subject.registry import check_id
from audit_lib.subject.subject import Subject, open_subject
from audit_lib.workspace import PLACES, notebook_path


@dataclass(frozen=True)
class Job:
    """One run: one version of one subject.

    Attributes:
        reference: how the notebooks name the subject: its name, or its parameters folder.
        place: where the version's runs are kept.
        root: the subject's checkout, where the parameters do not hold it.
        select, ignore: selectors of checks, comma-separated; '' where none was given.
    """

    reference: str
    place: Place
    run_id: str
    root: Path | None = None
    select: str = ""
    ignore: str = ""

    PARAMETERS: ClassVar[tuple[str, ...]] = ("subject", "version", "root", "reports", "run_id")

    @property
    def subject(self) -> str:
        """Name of the subject."""
        return self.place.subject

    @property
    def version(self) -> str:
        """The version under audit."""
        return self.place.version

    def parameters(self) -> dict[str, str]:
        """What every notebook of this run is given; no path, since it stays in the packet."""
        values = (self.subject, self.version, "", "", self.run_id)
        chosen = {k: v for k in ("select", "ignore") if (v := getattr(self, k))}
        return {**dict(zip(self.PARAMETERS, values, strict=True)), **chosen}

    def environment(self) -> dict[str, str]:
        """Where the notebooks of this run find things."""
        values = {"reports": str(self.place.reports), "root": str(self.root) if self.root else ""}
        if "/" in self.reference:
            values["subject"] = self.reference
        return {PLACES[name]: values.get(name, "") for name in PLACES}


@dataclass(frozen=True)
class Plan:
    """Everything that will run.

    Attributes:
        jobs: one a version, in the order they were asked for.
        notebooks: the notebook of each task, in task order.
        workspace: where parameters are found.
        timeout: seconds that one notebook may take; None for no limit.
    """

    jobs: tuple[Job, ...]
    notebooks: Mapping[Task, Path]
    workspace: Path
    timeout: float | None = None

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Tasks that every job runs, in order."""
        return tuple(self.notebooks)


def plan(
    subjects: Sequence[str],
    versions: Iterable[str] = ("all",),
    tasks: Iterable[Task] = tuple(Task),
    *,
    workspace: Path,
    root: Path | None = None,
    reports: Path | None = None,
    timeout: float | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Plan:
    """Resolve what was asked for.

    Args:
        subjects: names, or paths of parameters folders.
        versions: ids, ``latest``, ``champion`` or ``all``.
        tasks: tasks to run; they run in task order.
        workspace: folder that holds ``parameters/`` and ``notebooks/``.
        root: the checkout, where the parameters do not hold it.
        reports: where runs are kept; ``reports/`` of the workspace by default.
        timeout: seconds that one notebook may take.
        select, ignore: selectors of checks, codes or beginnings of codes.

    Raises:
        ParameterError: no such subject, or its parameters do not fit; or a selector fits no check.
        VersionError: no such version.
        RunError: nothing to run, or a limit that is none.
    """
    if timeout is not None and timeout <= 0:
        raise RunError("must be above zero", where="--timeout", mend="leave it out for no limit")
    wanted = set(tasks)
    if not wanted or not subjects:
        raise RunError("nothing to run", mend="name a subject, and tasks out of T1 to T6")
    workspace, requests = workspace.absolute(), list(versions)
    folder = (reports or workspace / "reports").absolute()
    jobs = []
    for reference in subjects:
        subject = open_subject(reference, workspace=workspace, root=root)
        try:
            chosen = dict.fromkeys(v for request in requests for v in subject.select(request))
            champion = _champion(subject)
            selected(subject, roster_of(subject), select=select, ignore=ignore)
        finally:
            subject.close()
        # By folder where a folder was given, so that the notebooks find the same one.
        name = reference if "/" not in reference else f"{subject.folder}/"
        # The champion first: the others are compared with its packet.
        for version in sorted(chosen, key=lambda v: v != champion):
            place = Place(folder, check_id(subject.name), check_id(version))
            at = root.absolute() if root else None
            chosen_checks = (",".join(select), ",".join(ignore))
            jobs.append(Job(name, place, new_run_id(), at, *chosen_checks))
    notebooks = {task: notebook_path(task, workspace) for task in Task if task in wanted}
    return Plan(tuple(jobs), notebooks, workspace, timeout)


def _champion(subject: Subject) -> str | None:
    try:
        return subject.registry.champion
    except NotAssessed:
        return None
