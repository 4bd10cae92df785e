"""Audit from Python, in a script or a notebook, in a few lines.

```python
from audit_lib import audit

result = audit("my_engine", select="CHK,SPL")   # or version="2024-03", tasks="T2", gate="live"
result.verdict                                  # kept, broken or inconclusive
result.findings                                 # a data frame, worst first
result.checks                                   # what each check answered
result.evidence("SPL001/folds")                 # a table that a finding rests on
result.save()                                   # a packet, as `workbook run` makes it
```

Everything runs in this process, and the subject's code in the host as always.  ``import audit_lib``
alone loads none of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from audit_lib.cli.assembly import Assembly
from audit_lib.errors import AuditError
from audit_lib.execution import publish
from audit_lib.execution.plan import Job, Plan, plan
from audit_lib.gates import gate_named, run_gate
from audit_lib.model import CheckResult, Outcome, Task, TaskResult, Verdict, ranked
from audit_lib.packets.index import update_index
from audit_lib.reporters import Report, report_of
from audit_lib.reporters.csv_report import finding_row
from audit_lib.reporters.foreign import reporter_of
from audit_lib.reporters.json_report import dump_task
from audit_lib.selection import check_parameters, listed
from audit_lib.subject.subject import Subject, open_subject
from audit_lib.workbook.asking import ask_all
from audit_lib.workbook.places import words_for
from audit_lib.workspace import find_workspace

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str], None]


@dataclass(frozen=True)
class _InProcess(Plan):
    """A plan of tasks that no notebook executes."""

    chosen: tuple[Task, ...] = ()

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Tasks that the job runs, in order."""
        return self.chosen


@dataclass(frozen=True, repr=False)
class Audit:
    """What an audit of one version found out.

    Attributes:
        subject: name of the subject.
        version: the version that was audited.
        report: the results as reporters take them.
    """

    subject: str
    version: str
    report: Report
    _tasks: tuple[TaskResult, ...] = ()
    _assembly: Assembly | None = field(default=None, compare=False)
    _folder: Path | None = field(default=None, compare=False)

    @property
    def verdict(self) -> Verdict:
        """Kept, broken or inconclusive.

        What was left out or could not be told is never kept.
        """
        return self.report.verdict

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """The answer of every check, with its findings and evidence."""
        return self.report.results

    @cached_property
    def findings(self) -> pd.DataFrame:
        """Findings, worst first: one row each, with its fingerprint and its waiver's owner."""
        waivers = {e.fingerprint: e for r in self.results for e in r.exempted}
        every = ranked((f for r in self.results for f in r.findings), self.report.dependents)
        rows = [finding_row(f, waivers.get(f.fingerprint)) for f in every]
        return _frame(rows, _FINDINGS)

    @cached_property
    def checks(self) -> pd.DataFrame:
        """Checks, in order: what each answered, on what it rests, and why it could not tell."""
        rows: list[dict[str, object]] = [
            {
                "code": r.code,
                "task": r.task.value,
                "contract": r.contract.value,
                "severity": r.severity.label,
                "outcome": r.outcome.value,
                "findings": len(r.findings),
                "examined": ", ".join(f"{e.count} {e.what}" for e in r.examined),
                "reason": r.reason,
                "from": r.origin or "workbook",
                "title": r.title,
            }
            for r in self.results
        ]
        return _frame(rows, _CHECKS)

    def evidence(self, name: str) -> pd.DataFrame:
        """A table that a finding rests on.

        Args:
            name: ``SPL001/folds``: the check's code and the table's name.

        Raises:
            AuditError: there is none; the message names those there are.
        """
        import pandas as pd

        tables = {f"{r.code}/{e.name}": e for r in self.results for e in r.evidence}
        if name not in tables:
            raise AuditError(
                f"no evidence is called {name!r}",
                where="evidence",
                mend=f"known: {', '.join(tables) or 'none'}",
            )
        table = tables[name]
        return pd.DataFrame(list(table.rows), columns=list(table.columns))

    def to(self, form: str) -> str:
        """The results as text: ``json``, ``sarif``, ``junit``, ``csv``, or one of your own.

        Raises:
            AuditError: no such form; the message lists them.
        """
        return reporter_of(form, self._folder)(self.report)

    def save(self) -> Path:
        """Publish a packet where ``workbook run`` would: HTML, PDF, SARIF, CSV, manifest.

        Returns:
            the packet's folder.

        Raises:
            RunError: the subject has changed since, or the folder cannot be written to.
            AuditError: it was saved already, or it is a gate's answer, which has no packet.
        """
        if self._assembly is None:
            raise AuditError(
                "a gate has no packet", where="save", mend="leave out `gate`, or write `to('json')`"
            )
        (job,) = self._assembly.plan.jobs
        if job.place.published(job.run_id).path.exists():
            raise AuditError(
                "this audit is saved already",
                where=str(job.place.published(job.run_id).path),
                mend="call audit() again for a new one",
            )
        folder = publish.begin(job.place, job.run_id)
        try:
            for task in self._tasks:
                folder.save(task.task, dump_task(task))
            self._assembly(folder.path)
        except BaseException:
            publish.discard(folder)
            raise
        published = publish.publish(job.place, folder)
        whole = {t.task for t in self._tasks} == set(Task)
        if whole and not (job.select or job.ignore):
            publish.point_latest(job.place, published)
        update_index(job.place.reports, job.place.subject)
        return published.path

    def __repr__(self) -> str:
        counts = self.report.outcomes
        outcomes = " · ".join(
            f"{counts[o]} {o.value.replace('_', ' ')}" for o in Outcome if counts[o]
        )
        return f"{self.subject} {self.version}: {self.verdict.value} ({outcomes})"


def audit(
    subject: str | Path,
    version: str = "latest",
    *,
    tasks: str | Iterable[Task] = tuple(Task),
    gate: str = "",
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    root: str | Path | None = None,
    workspace: str | Path | None = None,
    reports: str | Path | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audit one version of a subject, in this process and without notebooks.

    Args:
        subject: name of a folder in ``parameters/``, or the path of one.
        version: an id, ``latest`` or ``champion``.
        tasks: such as ``"T1,T6"``; all six by default.
        gate: name of a gate to run instead of tasks.
        select: codes of the checks to ask, or beginnings of codes, such as ``"CHK,FEA101"``.
        ignore: codes of checks that are not asked; they count as not assessed.
        root: the subject's checkout, where its parameters do not hold it.
        workspace: folder that holds ``parameters/``; found upwards from here by default.
        reports: where ``save`` publishes; ``reports/`` of the workspace by default.
        progress: called with a line before each check, such as ``print``.

    Returns:
        what was found out; no result is written until ``save`` is called.

    Raises:
        AuditError: no such subject, version, gate or check, or parameters that do not fit; the
            message says how to mend it.
    """
    name, place = _asked(subject), find_workspace(Path(workspace) if workspace else None)
    chosen, spared = _selectors(select), _selectors(ignore)
    checkout = Path(root) if root else None

    def before_each(check: type, result: object) -> None:
        if progress and result is None:
            progress(f"{check.code} {check.title()}")  # type: ignore[attr-defined]

    if gate:
        opened = open_subject(name, workspace=place, root=checkout)
        try:
            bound = opened.at(_one(opened, version))
            answer = run_gate(
                gate_named(gate, opened),
                bound,
                today=datetime.now(UTC).date(),
                select=chosen,
                ignore=spared,
                progress=before_each,
            )
        finally:
            opened.close()
        report = Report(opened.name, bound.version, f"gate {gate}", answer.results)
        return Audit(opened.name, bound.version, report, _folder=opened.folder)
    wanted = _tasks(tasks)
    planned = plan(
        [name],
        [version],
        wanted,
        workspace=place,
        root=checkout,
        reports=Path(reports) if reports else None,
        select=chosen,
        ignore=spared,
    )
    if len(planned.jobs) != 1:
        raise AuditError("one version at a time", where="version", mend="name one, or loop")
    assembly = Assembly(_InProcess(planned.jobs, {}, planned.workspace, chosen=wanted))
    (job,) = planned.jobs
    answers = _asked_all(assembly.subjects[job.subject], job, assembly, before_each)
    folder = assembly.subjects[job.subject].folder
    return Audit(job.subject, job.version, report_of(answers), answers, assembly, folder)


def _asked_all(
    subject: Subject, job: Job, assembly: Assembly, progress: Callable[[type, object], None]
) -> tuple[TaskResult, ...]:
    check_parameters(subject)
    try:
        return ask_all(
            subject.at(job.version),
            assembly.plan.tasks,
            run_id=job.run_id,
            select=listed(job.select),
            ignore=listed(job.ignore),
            words=words_for(
                {
                    "source": subject.root,
                    "parameters": subject.folder,
                    "workspace": assembly.plan.workspace,
                    "reports": job.place.reports,
                    "python": Path(sys.prefix),
                    "home": Path.home(),
                }
            ),
            details={"kernel": "none: in one process"},
            progress=progress,
        )
    finally:
        subject.close()


def _asked(subject: str | Path) -> str:
    if isinstance(subject, Path) or "/" in subject:
        return f"{Path(subject).absolute()}/"
    return subject


def _one(subject: Subject, version: str) -> str:
    chosen = subject.select(version)
    if len(chosen) != 1:
        raise AuditError("one version at a time", where="version", mend="name one, or loop")
    return chosen[0]


def _selectors(given: str | Iterable[str]) -> tuple[str, ...]:
    return listed(given if isinstance(given, str) else ",".join(given))


def _tasks(given: str | Iterable[Task]) -> tuple[Task, ...]:
    names = listed(given) if isinstance(given, str) else tuple(t.value for t in given)
    unknown = [name for name in names if name not in set(Task)]
    if unknown or not names:
        raise AuditError(
            f"no task is called {', '.join(unknown) or given!r}", where="tasks", mend="use T1 to T6"
        )
    return tuple(task for task in Task if task.value in names)


_FINDINGS = (
    "code", "severity", "contract", "task", "path", "line", "symbol", "pointer", "message",
    "measured", "expected", "remediation", "exempted_by", "fingerprint",
)  # fmt: skip
_CHECKS = (
    "code", "task", "contract", "severity", "outcome", "findings", "examined", "reason", "from",
    "title",
)  # fmt: skip


def _frame(rows: list[dict[str, object]], columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns))
