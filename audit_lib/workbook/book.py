"""The workbook of one task on one version: what a notebook opens, runs, shows and closes."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from audit_lib import __version__
from audit_lib.checks.catalogue import check_class, checks_of
from audit_lib.engine import run_task
from audit_lib.errors import AuditError, ParameterError, RunError
from audit_lib.execution.layout import Place, RunFolder, new_run_id
from audit_lib.exemptions import Exemption, apply, load_exemptions
from audit_lib.host import HookError
from audit_lib.model import (
    BoundaryVerdict,
    CheckResult,
    Contract,
    Evidence,
    Finding,
    Task,
    TaskResult,
    by_contract,
    verdict_of,
)
from audit_lib.probes.boundaries import boundary_verdicts
from audit_lib.reporters.json_report import dump_task
from audit_lib.subject.subject import Subject, open_subject
from audit_lib.workbook import pictures, sheets
from audit_lib.workbook.display import Note, Part, Sheet, show
from audit_lib.workbook.findings import FindingView
from audit_lib.workbook.gather import Gathered, gather
from audit_lib.workbook.jupyter import prepare_shell
from audit_lib.workbook.parameters import NotebookParameters, from_namespace
from audit_lib.workbook.progress import TaskProgress
from audit_lib.workspace import find_workspace

if TYPE_CHECKING:
    import pandas as pd


class Workbook:
    """One audit task on one version of a subject.

    Attributes:
        task: the task.
        subject: the subject, bound to the version.
        folder: the folder of the run.
        result: what the task found out; None until :meth:`run`.
    """

    def __init__(self, task: Task, parameters: NotebookParameters) -> None:
        self.task = task
        self.parameters = parameters
        self.workspace = find_workspace()
        self.subject = self._open_subject()
        reports = parameters.path("reports") or self.workspace / "reports"
        self.place = Place(reports, self.subject.name, self.subject.version)
        self.by_hand = not parameters.run_id
        self.folder = self._run_folder(parameters.run_id or new_run_id())
        self.result: TaskResult | None = None
        self._gathered: Gathered | None = None
        self._shown: set[Contract] = set()

    @classmethod
    def open(cls, task: str, namespace: dict[str, Any]) -> Workbook:
        """Open the workbook of a task from a notebook.

        Args:
            task: ``T1`` to ``T6``.
            namespace: the notebook's ``globals()``, which holds its parameters.

        Raises:
            ParameterError: unknown or missing parameters, or no such subject.
            VersionError: no such version.
        """
        prepare_shell()
        if task not in set(Task):
            raise ParameterError(
                f"no task is called {task!r}", where="Workbook.open", mend="use T1 to T6"
            )
        return cls(Task(task), from_namespace(namespace, f"notebook {task}"))

    # --- running ------------------------------------------------------------------------------
    def run(self) -> None:
        """Run the task's checks, showing how far it is.  Running again starts afresh.

        Raises:
            ParameterError: options or exemptions of the subject do not fit.
        """
        if self.result is not None:  # hooks or parameters may have been edited since
            self.subject.close()
            self.subject = self._open_subject()
        waivers = load_exemptions(self.subject.folder)
        if self.task is Task.T6 and self._gathered is None:
            self._gather()
        if self._gathered is not None:
            self.subject.earlier = self._gathered.tasks
        checks = checks_of(self.task)
        progress = TaskProgress(self.task, len(checks))
        raw = run_task(
            self.task, self.subject, checks, run_id=self.folder.run_id, progress=progress
        )
        self.result = self._completed(raw, waivers)
        verdict = verdict_of(self.result.results)
        found = sum(len(r.open_findings) for r in self.result.results)
        said = f"{verdict}, {found or 'no'} open finding{'s'[: found != 1]}"
        said = said if verdict else "nothing applies"
        progress.finish(
            f"{self.task.value}: {len(checks)} checks in {progress.seconds:.1f} s: {said}"
        )

    def gather(self, run_id: str | None = None) -> Sheet:
        """Read the results of T1 to T5 of this run; say which tasks are missing.

        Args:
            run_id: another run of this version to read instead.

        Raises:
            RunError: there is no such run.
        """
        self._gather(run_id)
        assert self._gathered is not None
        return sheets.task_sheet(
            self._gathered.tasks, self._gathered.missing, self._gathered.source
        )

    def close(self) -> Note:
        """Save the results and say so: the last cell of every notebook.

        Raises:
            RunError: nothing has run, or the results cannot be written.
        """
        result = self._done()
        try:
            digest = self.folder.save(self.task, dump_task(result))
        except OSError as error:
            raise RunError(
                f"the results of {self.task.value} cannot be written: {error.strerror}",
                where=str(self.folder.path),
                mend="free some space there, or choose another `reports` folder",
            ) from None
        self.subject.close()
        return Note(
            f"{self.task.value} complete · run {self.folder.run_id} · results sha256 {digest}"
        )

    # --- looking ------------------------------------------------------------------------------
    def verdicts(self) -> Sheet:
        """Contract by outcome, over the checks of this task."""
        return sheets.verdict_sheet(self._done().results)

    def show(self, contract: str | None = None) -> None:
        """Show a contract: its checks, findings, and the evidence drawn.

        Args:
            contract: its name; None for every contract of this task that was not shown yet.

        Raises:
            AuditError: no such contract; the message lists those of this task.
        """
        groups = by_contract(self._done().results)
        if contract is None:
            for chosen in [c for c in groups if c not in self._shown]:
                self.show(chosen)
            return
        chosen = self._contract(contract)
        self._shown.add(chosen)
        results = groups.get(chosen, [])
        if not results:
            show([Note(f"{chosen.title}: no check of this task looks at it", tone="missing")])
            return
        verdict = verdict_of(results)
        parts: list[Part] = [
            Note(
                f"{chosen.title}: {verdict or 'not applicable'}",
                tone=verdict or "not applicable",
                heading=True,
            ),
            sheets.check_sheet(results),
        ]
        found = sheets.identified(results)
        if found:
            parts.append(sheets.finding_sheet("Findings", found))
        for result in results:
            for evidence in result.evidence:
                parts.extend(drawn(result, evidence))
        show(parts)

    def findings(self) -> Sheet:
        """Every finding of this task, worst first; ``.frame`` gives a data frame."""
        found = sheets.identified(self._done().results)
        return sheets.finding_sheet(f"Findings of {self.task.value}: {len(found)}", found)

    def all_findings(self) -> dict[str, tuple[Finding, CheckResult]]:
        """Findings by id, of this task; in T6, of every task that was gathered."""
        return sheets.identified(self._everything())

    def finding(self, name: str) -> FindingView:
        """One finding, by its id (``SPL003-1``) or the beginning of its fingerprint.

        Raises:
            AuditError: no such finding; the message names some.
        """
        found = self.all_findings()
        if name in found:
            return FindingView(name, *found[name], self.subject)
        for key, (finding, result) in found.items():
            if len(name) >= 6 and finding.fingerprint.startswith(name):
                return FindingView(key, finding, result, self.subject)
        some = ", ".join(list(found)[:8])
        raise AuditError(
            f"no finding is called {name!r}",
            where="audit.finding",
            mend=f"there are: {some}" if some else "this run has no findings",
        )

    def evidence(self, name: str) -> pd.DataFrame:
        """An evidence table as a data frame: ``SPL003/folds``, or ``folds`` where that is enough.

        Raises:
            AuditError: no such table, or more than one of that name.
        """
        import pandas as pd

        tables = {f"{r.code}/{e.name}": e for r in self._everything() for e in r.evidence}
        matching = [key for key in tables if name in (key, key.split("/")[1])]
        if len(matching) != 1:
            problem = "no evidence is called" if not matching else "more than one table is called"
            known = ", ".join(matching or list(tables)[:12]) or "none"
            raise AuditError(f"{problem} {name!r}", where="audit.evidence", mend=f"known: {known}")
        table = tables[matching[0]]
        return pd.DataFrame(list(table.rows), columns=list(table.columns))

    def not_assessed(self) -> Sheet:
        """Checks that gave no verdict, each with its reason."""
        return sheets.not_assessed_sheet(self._done().results)

    def boundaries(self) -> Sheet:
        """The verdict on each declared boundary (T6)."""
        return sheets.boundary_sheet(self._done().boundaries)

    def closure(self) -> Sheet:
        """Every finding of the run, T1 to T6, worst first (T6)."""
        found = self.all_findings()
        missing = self._gathered.missing if self._gathered else {}
        title = f"Findings of the run: {len(found)}"
        if missing:
            title += f"; {', '.join(missing)} missing, so the list is not whole"
        return sheets.finding_sheet(title, found)

    def exemptions(self) -> Sheet:
        """The subject's waivers against every finding of the run (T6)."""
        waivers = load_exemptions(self.subject.folder)
        today = datetime.now(UTC).date()
        applied = apply(self._everything(), waivers, version=self.subject.version, today=today)
        groups = (("expired", applied.expired), ("unused", applied.unused), ("used", applied.used))
        rows = tuple(
            (state, w.describe(), w.owner, w.reason, w.expires.isoformat())
            for state, group in groups
            for w in group
        )
        columns = ("state", "waives", "owner", "reason", "expires")
        return Sheet("Exemptions", columns, rows, empty="nothing is waived")

    def explain(self, code: str) -> Sheet:
        """What a check looks at and why, from its documentation.

        Raises:
            AuditError: no such check.
        """
        check = check_class(code)
        rows = tuple(check.sections().items())
        return Sheet(f"{check.code} {check.title()}", ("section", "text"), rows, record=True)

    def __repr__(self) -> str:
        where = self.parameters.subject if "/" not in self.parameters.subject else self.subject.name
        return (
            f"{where} {self.subject.version} · {self.task.value} {self.task.title}"
            f" · run {self.folder.run_id}"
        )

    def _repr_html_(self) -> str:
        return Note(repr(self), heading=True)._repr_html_()

    # --- inside -------------------------------------------------------------------------------
    def _open_subject(self) -> Subject:
        asked = self.parameters
        subject = open_subject(asked.subject, workspace=self.workspace, root=asked.path("root"))
        if asked.version == "all":
            raise ParameterError(
                "a notebook audits one version, not 'all'",
                where="parameter 'version'",
                mend=f"`workbook run {subject.name} --version all` audits every one",
            )
        return subject.at(subject.select(asked.version)[0])

    def _run_folder(self, run_id: str) -> RunFolder:
        if self.place.published(run_id).path.exists():
            raise RunError(
                f"run {run_id} is published already, and runs are never written to again",
                where="parameter 'run_id'",
                mend="leave it empty, or choose a new one",
            )
        return self.place.work(run_id)

    def _gather(self, run_id: str | None = None) -> None:
        if self.task is not Task.T6:
            raise AuditError("only T6 gathers other tasks", where=f"notebook {self.task.value}")
        self._gathered = gather(self.place, self.folder, other=run_id, by_hand=self.by_hand)
        if self.result is not None:
            self.result = replace(self.result, boundaries=self._boundaries(self.result.results))

    def _completed(self, raw: TaskResult, waivers: tuple[Exemption, ...]) -> TaskResult:
        today = datetime.now(UTC).date()
        applied = apply(raw.results, waivers, version=self.subject.version, today=today)
        boundaries = self._boundaries(applied.results) if self.task is Task.T6 else ()
        return replace(
            raw, results=applied.results, boundaries=boundaries, provenance=self._provenance()
        )

    def _boundaries(self, own: tuple[CheckResult, ...]) -> tuple[BoundaryVerdict, ...]:
        gathered = self._gathered.tasks if self._gathered else ()
        results = [r for t in gathered for r in t.results]
        return boundary_verdicts(self.subject, [*results, *own])

    def _provenance(self) -> dict[str, str]:
        gathered = self._gathered
        said = {
            "workbook": __version__,
            "python": platform.python_version(),
            "kernel": os.environ.get("AUDIT_KERNEL", "jupyter"),
            "isolation": self._isolation(),
            "gathered_from": gathered.run_id if gathered else "",
            "missing_tasks": ", ".join(gathered.missing) if gathered else "",
        }
        return {key: value for key, value in said.items() if value}

    def _isolation(self) -> str:
        if not self.subject.hooks.lines:
            return "not needed: no hook is written"
        try:
            return self.subject.isolation
        except (AuditError, HookError) as error:
            return f"unavailable: {error}"

    def _everything(self) -> list[CheckResult]:
        gathered = self._gathered.tasks if self._gathered else ()
        return [r for t in gathered for r in t.results] + list(self._done().results)

    def _done(self) -> TaskResult:
        if self.result is None:
            raise RunError("nothing has run yet", where=repr(self), mend="call audit.run() first")
        return self.result

    def _contract(self, name: str) -> Contract:
        known = list(by_contract(self._done().results))
        try:
            return Contract(name)
        except ValueError:
            raise AuditError(
                f"no contract is called {name!r}",
                where="audit.show",
                mend=f"this task has: {', '.join(known) or 'none'}",
            ) from None


def drawn(result: CheckResult, evidence: Evidence) -> list[Part]:
    """A piece of evidence: its picture where it has one, else its table."""
    name = f"{result.code}/{evidence.name}"
    picture = pictures.picture(evidence)
    if picture is None:
        return [Sheet(f"{evidence.title} ({name})", evidence.columns, evidence.rows, evidence.note)]
    heading = Note(f"{evidence.title} ({name})", heading=True)
    return [heading, picture, *([Note(evidence.note)] if evidence.note else [])]
