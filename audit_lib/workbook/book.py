"""The workbook of one task on one version: what a notebook opens, runs, shows and closes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from audit_lib.budget import OUT_OF_BUDGET, budget_until, used_up
from audit_lib.errors import AuditError, ParameterError, RunError, VerdictError, refused
from audit_lib.execution.digests import digests, joined, own_places
from audit_lib.execution.layout import Place, RunFolder, new_run_id
from audit_lib.exemptions import load_exemptions
from audit_lib.memory import cache_folder, times
from audit_lib.model import Contract, Task, TaskResult, verdict_of
from audit_lib.reporters.json_report import dump_task
from audit_lib.selection import check_parameters, listed, roster_of
from audit_lib.subject.subject import Subject, open_subject
from audit_lib.workbook import display, sheets
from audit_lib.workbook.asking import ask
from audit_lib.workbook.desk import overview
from audit_lib.workbook.display import Note, Sheet, show
from audit_lib.workbook.failing import fail_if_asked, under_workbook_run
from audit_lib.workbook.gather import Gathered, gather
from audit_lib.workbook.jupyter import prepare_shell
from audit_lib.workbook.looking import Looking
from audit_lib.workbook.parameters import NotebookParameters, from_namespace
from audit_lib.workbook.places import words_for
from audit_lib.workbook.progress import TaskProgress
from audit_lib.workspace import find_workspace


class Workbook(Looking):
    """One audit task on one version of a subject.

    Attributes:
        subject: the subject, bound to the version.
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
        self._ran = False

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

    @classmethod
    def published(cls, subject: str, version: str, parameters: dict[str, Any]) -> Workbook:
        """The newest published run of a version, all tasks, to look at: nothing is asked anew.

        Raises:
            RunError: there is none, or its closing task is missing.
        """
        book = cls.open("T6", {"subject": subject, "version": version, **parameters})
        folder = book.place.latest()
        problem = folder.check(Task.T6) if folder else "nothing is published"
        if folder is None or problem:
            raise RunError(
                f"no complete run of {book.subject.name} {book.subject.version}: {problem}",
                where=str(book.place.folder),
                mend=f"workbook run {subject} --version {book.subject.version}",
            )
        book._gather(folder.run_id)
        book.result = folder.load(Task.T6)
        return book

    # --- running ------------------------------------------------------------------------------
    def run(self) -> None:
        """Run the task's checks, showing how far it is.  Running again starts afresh.

        Raises:
            ParameterError: options or exemptions of the subject do not fit.
        """
        if self._ran:  # hooks or parameters may have been edited since
            self.subject.close()
            self.subject = self._open_subject()
        self._ran = True
        check_parameters(self.subject)
        load_exemptions(self.subject.folder)
        if self.task is Task.T6 and self._gathered is None:
            self._gather()
        checks = roster_of(self.subject).of(self.task)
        # A run that somebody else drives, notebook by notebook, has nobody to note it before.
        noted = not (self.by_hand or under_workbook_run())
        own = own_places(self.place.reports, self.workspace, self.subject) if noted else ()
        before = joined(digests(self.subject, own)) if noted else ""
        took = times(cache_folder(self.subject))
        progress = TaskProgress(self.task, [c.code for c in checks], took)
        gathered, parameters = self._gathered, self.parameters
        try:
            self.result = ask(
                self.task,
                self.subject,
                run_id=self.folder.run_id,
                select=listed(parameters.select),
                ignore=listed(parameters.ignore),
                earlier=gathered.tasks if gathered else (),
                words=words_for(self._places()),
                details={
                    "kernel": os.environ.get("AUDIT_KERNEL", "jupyter"),
                    "gathered_from": gathered.run_id if gathered else "",
                    "subject_digest": before,
                    "missing_tasks": ", ".join(gathered.missing) if gathered else "",
                },
                progress=progress,
            )
        except KeyboardInterrupt:
            left = f"{progress.done} of {progress.total} checks had answered"
            summary = f"{self.task.value}: interrupted, {left}; audit.run() goes on where it was"
            progress.finish(summary, keep=True)
            raise
        verdict = verdict_of(self.result.results)
        number = sum(len(r.open_findings) for r in self.result.results)
        summary = f"{verdict}, {number or 'no'} open finding{'s'[: number != 1]}"
        summary = summary if verdict else "nothing applies"
        progress.finish(
            f"{self.task.value}: {len(checks)} checks in {progress.seconds:.1f} s: {summary}"
        )

    def learned(self) -> None:
        """Say what the version learned and which factors decide; write ``learned_conditions/``.

        Its verdicts join those of the task.  A run that asks some checks only leaves it out.

        Raises:
            RunError: nothing has run.
        """
        from audit_lib.workbook.learning import explained  # scipy.stats is slow to import

        result = self.ran
        if self._left_out():
            return
        words = words_for(self._places())
        self.subject.inquiry.allowance.budget = budget_until()
        self.result, parts = explained(self.subject, result, self.folder.path, words)
        self.subject.inquiry.allowance.budget = None
        show(parts)

    def _left_out(self) -> bool:
        """Whether explanations are not asked for, which is shown then."""
        why = "this run was to ask some checks only" if self.parameters.select else ""
        why = why or (OUT_OF_BUDGET if used_up() else "")
        if why:
            show([Note(f"not asked: {why}", tone="not assessed")])
        return bool(why)

    def why(self, asset: str = "", date: str = "") -> None:
        """Take one decision apart: what made it, and what would have turned it.

        Args:
            asset, date: of the row, such as ``"AAPL"`` and ``"2015-03-16"``; the last where empty.

        Raises:
            ParameterError: there is no such row; the message names the nearest.
        """
        from audit_lib.workbook.learning import taken_apart  # scipy.stats is slow to import

        if self._left_out():
            return
        if "why" in display.views:
            show([display.views["why"](self, asset, date)])
        else:
            show(taken_apart(self.subject, asset, date))

    def console(self) -> None:
        """Look through what was found: search, evidence, source, cases; ask again, draft waivers.

        Widgets in JupyterLab; elsewhere the list, and what is worst.

        Raises:
            RunError: nothing has run.
        """
        show([display.views["console"](self)] if "console" in display.views else overview(self))

    def proved(self, budget: float | None = None) -> None:
        """Show how many planted faults this audit would have seen, contract by contract.

        Shows the last ``workbook prove`` where it was of the same subject, hooks and library, and
        puts it into the packet.

        Args:
            budget: seconds in which to plant what is not settled yet; else nothing is planted.

        Raises:
            RunError: nothing has run.
        """
        from audit_lib.workbook.proving import proof, proof_parts  # loads every fault

        self.ran  # noqa: B018 - asking is what finds out
        words = words_for(self._places())
        sensitivity, why = proof(self.subject, self.place.folder, self.folder.path, budget, words)
        if sensitivity is None:
            show([Note(f"Sensitivity of this audit: {why}", tone="not assessed")])
            return
        show(proof_parts(sensitivity, self._everything()))

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
            VerdictError: the parameter ``fail_on`` asks for it; everything is saved then.
        """
        result = self.ran
        why = f"the results of {self.task.value} cannot be written"
        mend = "free some space there, or choose another `reports` folder"
        with refused(RunError, why, where=self.folder.path, mend=mend):
            digest = self.folder.save(self.task, dump_task(result))
        if self.subject.inquiry.told:  # what explanations asked after the checks
            self.subject.inquiry.told.keep()
        self.subject.close()
        summary = f"{self.task.value} complete · run {self.folder.run_id} · results sha256 {digest}"
        gathered = self._gathered
        try:
            fail_if_asked(
                self.parameters.fail_on,
                [*(gathered.tasks if gathered else ()), result],
                gathered.missing if gathered else (),
            )
        except VerdictError:
            print(Note(summary))  # a cell that raises shows no value
            raise
        return Note(summary)

    def __repr__(self) -> str:
        subject, task = self.subject, self.task
        return (
            f"{subject.name} {subject.version} · {task.value} {task.title}"
            f" · run {self.folder.run_id}"
        )

    def _repr_html_(self) -> str:
        return Note(repr(self), heading=True)._repr_html_()

    # --- inside -------------------------------------------------------------------------------
    def _open_subject(self) -> Subject:
        given = self.parameters
        subject = open_subject(given.reference, workspace=self.workspace, root=given.path("root"))
        if given.version == "all":
            raise ParameterError(
                "a notebook audits one version, not 'all'",
                where="parameter 'version'",
                mend=f"`workbook run {subject.name} --version all` audits every one",
            )
        return subject.at(subject.select(given.version)[0])

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
        self.result = None  # what was found out closes over what was gathered before

    def _places(self) -> dict[str, Path | None]:
        """Folders of this machine that texts of a result may name."""
        return {
            "source": self.subject.root,
            "parameters": self.subject.folder,
            "workspace": self.workspace,
            "reports": self.place.reports,
            "python": Path(sys.prefix),
            "home": Path.home(),
        }
