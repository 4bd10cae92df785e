"""The verbs that look at what a task found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from audit_lib.errors import AuditError, RunError
from audit_lib.execution.layout import Place
from audit_lib.exemptions import apply, load_exemptions
from audit_lib.ledger import certify, least_exercised
from audit_lib.model import (
    CheckResult,
    Contract,
    Finding,
    Review,
    Task,
    TaskResult,
    by_contract,
    verdict_of,
)
from audit_lib.model.merging import dependents
from audit_lib.model.reviews import by_file, merged
from audit_lib.packets.assembly import comparisons_with
from audit_lib.selection import roster_of
from audit_lib.subject.subject import Subject
from audit_lib.workbook import desk, pictures, reviewing, sheets
from audit_lib.workbook.baselines import baselines
from audit_lib.workbook.closing import closing_sheet
from audit_lib.workbook.display import Listing, Note, Part, Sheet, show
from audit_lib.workbook.findings import FindingView
from audit_lib.workbook.gather import Gathered

if TYPE_CHECKING:
    import pandas as pd


class Looking:
    """What may be asked of a workbook that has run.

    Attributes:
        subject: the subject, bound to the version.
        result: what the task found out; None until it has run.
    """

    task: Task
    place: Place
    subject: Subject
    result: TaskResult | None
    _gathered: Gathered | None
    _shown: set[Contract]

    def verdicts(self) -> Sheet:
        """Contract by outcome, over the checks of this task."""
        return sheets.verdict_sheet(self.ran.results)

    def show(self, contract: str | None = None) -> None:
        """Show a contract: its checks, findings, and the evidence drawn.

        Args:
            contract: its name; None for every contract of this task that was not shown yet.

        Raises:
            AuditError: no such contract; the message lists those of this task.
        """
        groups = by_contract(self.ran.results)
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
        findings = sheets.identified(results)
        if findings:
            parts.append(sheets.finding_sheet("Findings", findings, self.dependents))
        for result in results:
            for evidence in result.evidence:
                parts.extend(pictures.drawn(result, evidence))
        show(parts)

    def review(self) -> None:
        """Show which lines were scanned, exercised and certified; in T6, over all tasks."""
        review = self.reviewed()
        if review is None:
            show([Note("no task of this run has taken stock of the lines: run T1", tone="missing")])
            return
        files = by_file(review)
        parts: list[Part] = [reviewing.share_sheet(review), *pictures.shown(files, files.name)]
        parts.append(Sheet("Review by file", files.columns, files.rows))
        if not review.unmeasured:
            parts += [
                reviewing.surface_sheet(review),
                reviewing.least_sheet(least_exercised(self.subject, review)),
            ]
        show(parts)

    def reviewed(self) -> Review | None:
        """The review as data, merged over the tasks that measured; None where there is none."""
        return merged(t.review for t in self._tasks() if t.review)

    def findings(self) -> Sheet:
        """Every finding of this task, worst first; ``.frame`` gives a data frame."""
        findings = sheets.identified(self.ran.results)
        title = f"Findings of {self.task.value}: {len(findings)}"
        return sheets.finding_sheet(title, findings, self.dependents)

    def all_findings(self) -> dict[str, tuple[Finding, CheckResult]]:
        """Findings by id, of this task; in T6, of every task that was gathered."""
        return sheets.identified(self._everything())

    def finding(self, name: str) -> FindingView:
        """One finding, by its id (``SPL003-1``) or the beginning of its fingerprint.

        Raises:
            AuditError: no such finding; the message names some.
        """
        findings = self.all_findings()
        if name in findings:
            return FindingView(name, *findings[name], self.subject)
        for key, (finding, result) in findings.items():
            if len(name) >= 6 and finding.fingerprint.startswith(name):
                return FindingView(key, finding, result, self.subject)
        some = ", ".join(list(findings)[:8])
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
            names = ", ".join(matching or list(tables)[:12]) or "none"
            raise AuditError(f"{problem} {name!r}", where="audit.evidence", mend=f"known: {names}")
        table = tables[matching[0]]
        return pd.DataFrame(list(table.rows), columns=list(table.columns))

    def history(self, name: str) -> Sheet:
        """A finding over the versions, in the newest published run of each.

        Raises:
            AuditError: no such finding.
        """
        return desk.history(self, name)

    def case(self, name: str, row: int = 0, around: int = 5) -> pd.DataFrame:
        """What stands behind a row of an evidence table: bars, features, predictions, labels.

        Args:
            name: of the table, as :meth:`evidence` takes it.
            row: of the table, from 0; the asset and the dates that it names are looked up.
            around: bars on each side of them.

        Raises:
            AuditError: no such table or row.
            NotAssessed: the subject gives no sample.
        """
        table = self.evidence(name)
        if not 0 <= row < len(table):
            raise AuditError(
                f"{name} has no row {row}",
                where="audit.case",
                mend=f"rows are 0 to {len(table) - 1}",
            )
        return desk.case(self.subject, dict(table.iloc[row]), around)

    def again(self, code: str, version: str = "", **options: Any) -> CheckResult:
        """Run one check once more, show what is different, and give its answer.

        The run stays as it is.

        Args:
            version: another one to ask; '' for that of the run.
            options: of the check, over those of the parameters, such as ``folds=3``.

        Raises:
            AuditError, ParameterError: no such check or option.
            VersionError: no such version.
        """
        subject = self.subject
        bound = subject.at(subject.select(version)[0]) if version else subject
        before = next((r for r in self._everything() if r.code == code), None)
        answer, parts = desk.again(bound, code, before, options)
        show(parts)
        return answer

    def waiver(
        self, name: str, owner: str, reason: str, expires: str = "", *, write: bool = False
    ) -> Listing | Note:
        """Draft a waiver for a finding; with ``write``, put it into ``exemptions.toml``.

        Args:
            name: of the finding, as :meth:`finding` takes it.
            owner: who answers for it.
            reason: why it is accepted.
            expires: the last day on which it holds; in three months where empty.

        Raises:
            AuditError, ParameterError: no such finding; no owner, reason or date.
        """
        finding = self.finding(name).finding
        text = desk.waiver(finding, self.subject.version, owner, reason, expires or None)
        if write:
            return desk.waived(self.subject, text)
        return Listing("exemptions.toml", 1, tuple(text.splitlines()))

    def certify(
        self,
        unit: str,
        who: str,
        criteria: Sequence[str] = ("read",),
        notes: str = "",
        *,
        delta: bool = False,
    ) -> Note:
        """Record in ``ledger.toml`` that somebody vouches for a definition as it is now.

        Args:
            unit: ``path::name``, or a finding, whose place is meant.
            who, criteria, notes: who read it, what is vouched for, and what was looked at.
            delta: only the change since the last certification was read.

        Raises:
            AuditError: no such definition or criterion; nobody is named.
        """
        name = unit if "::" in unit else desk.unit_of(self.finding(unit).finding)
        entry = certify(self.subject, name, criteria=criteria, who=who, notes=notes, delta=delta)
        return Note(f"certified {name} as {entry.hash[:12]}: {', '.join(entry.criteria)}", "kept")

    def not_assessed(self) -> Sheet:
        """Checks that gave no verdict, each with its reason."""
        return sheets.not_assessed_sheet(self.ran.results)

    def boundaries(self) -> Sheet:
        """The verdict on each declared boundary (T6)."""
        return sheets.boundary_sheet(self.ran.boundaries)

    def closure(self) -> Sheet:
        """Every finding of the run, T1 to T6, merged and ranked, with what became of it (T6).

        Ranked by severity, then by how many files depend on the place.  Fates are told against the
        version's previous published run and against the champion's, where there are such.
        """
        own, gathered, tasks = self.ran, self._gathered, self._tasks()
        run_id = gathered.run_id if gathered and not gathered.own else own.run_id
        against = comparisons_with(tasks, baselines(self.place, self.subject, but=run_id))
        missing = gathered.missing if gathered else {}
        return closing_sheet(tasks, against, self.all_findings(), missing)

    def exemptions(self) -> Sheet:
        """The subject's waivers against every finding of the run (T6)."""
        waivers = load_exemptions(self.subject.folder)
        today = datetime.now(UTC).date()
        applied = apply(self._everything(), waivers, version=self.subject.version, today=today)
        groups = (
            ("expired", applied.expired),
            ("unused", applied.unused),
            ("in force", applied.used),
        )
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
        check = roster_of(self.subject).get(code)
        rows = tuple(check.sections().items())
        return Sheet(f"{check.code} {check.title()}", ("section", "text"), rows, record=True)

    @property
    def dependents(self) -> Mapping[str, int]:
        """How many files depend on each source file, where the closing task counted."""
        return dependents(self._tasks())

    def _tasks(self) -> list[TaskResult]:
        return [*(self._gathered.tasks if self._gathered else ()), self.ran]

    def _everything(self) -> list[CheckResult]:
        return [r for t in self._tasks() for r in t.results]

    @property
    def ran(self) -> TaskResult:
        """What the task found out.

        Raises:
            RunError: nothing has run.
        """
        if self.result is None:
            raise RunError("nothing has run yet", where=repr(self), mend="call audit.run() first")
        return self.result

    def _contract(self, name: str) -> Contract:
        names = list(by_contract(self.ran.results))
        try:
            return Contract(name)
        except ValueError:
            raise AuditError(
                f"no contract is called {name!r}",
                where="audit.show",
                mend=f"this task has: {', '.join(names) or 'none'}",
            ) from None
