"""What an assistant may ask of the workbook: reads and gates, nothing else.

Nothing here waives, certifies, signs, or names a folder: subjects are those of the workspace, since
the hooks of any other would run with the rights of whoever asks.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit_lib.checks.base import SECTIONS
from audit_lib.checks.catalogue import also_asked, check_class
from audit_lib.cli.packets import published, tasks_of
from audit_lib.errors import AuditError, NotAssessed
from audit_lib.gates import gate_named, gates_of
from audit_lib.gates import run_gate as gate_of
from audit_lib.model import (
    CheckResult,
    Exempted,
    Finding,
    Outcome,
    Verdict,
    breaks,
    effective_outcome,
    ranked,
    verdict_of,
)
from audit_lib.model.merging import dependents
from audit_lib.packets.manifest import read_manifest
from audit_lib.subject.subject import Subject, known_subjects, open_subject

Json = dict[str, Any]


class Tools:
    """The tools of the server, for the subjects of one workspace.

    Attributes:
        workspace: where parameters are found.
        root: the subject's checkout, where the parameters do not hold it.
        reports: where packets are kept; ``reports/`` of the workspace by default.
    """

    def __init__(
        self, workspace: Path, *, root: Path | None = None, reports: Path | None = None
    ) -> None:
        self.workspace = workspace
        self.root = root
        self.reports = reports or workspace / "reports"

    def list_subjects(self) -> list[Json]:
        """List what can be audited: subjects, their versions and roles, their gates."""
        return [self._subject(name) for name in known_subjects(self.workspace)]

    def run_gate(self, subject: str, gate: str, version: str = "latest", limit: int = 50) -> Json:
        """Run a gate on one version: kept, broken or inconclusive, with the findings, worst first.

        What is listed under could_not_be_told is no pass. Takes seconds to minutes; runs the
        subject's hooks in their isolated child process, and changes nothing of the subject.
        """
        opened = self._open(subject)
        try:
            chosen = gate_named(gate, opened)
            bound = opened.at(opened.select(version)[0])
            result = gate_of(chosen, bound, today=datetime.now(UTC).date())
        finally:
            opened.close()
        answer = _answer(result.results, result.verdict, limit, {})
        return {"subject": subject, "version": result.version, "gate": gate, **answer}

    def read_findings(
        self, subject: str, version: str, run: str = "latest", code: str = "", limit: int = 50
    ) -> Json:
        """Read the findings of a published packet, worst first; of one check where code is given.

        run is a run id, or latest, the newest complete run of the version.
        """
        folder = self._run(subject, version, run)
        tasks = tasks_of(folder)
        results = [r for t in tasks for r in t.results if code in ("", r.code)]
        manifest = read_manifest(folder)
        verdict = Verdict(manifest.verdict) if not code else verdict_of(results)
        answer = _answer(results, verdict, limit, dependents(tasks))
        return {"subject": subject, "version": version, "run": folder.name, **answer}

    def read_evidence(
        self,
        subject: str,
        version: str,
        code: str,
        run: str = "latest",
        name: str = "",
        limit: int = 100,
    ) -> list[Json]:
        """Read the tables that the findings of a check rest on, out of a published packet."""
        folder = self._run(subject, version, run)
        results = [r for t in tasks_of(folder) for r in t.results if r.code == code.upper()]
        if not results:
            raise AuditError(
                f"{code} is not in this packet", where="code", mend="see read_findings"
            )
        return [
            {
                "name": table.name,
                "title": table.title,
                "note": table.note,
                "columns": list(table.columns),
                "rows": [list(row) for row in table.rows[:limit]],
                "rows_in_all": len(table.rows),
            }
            for result in results
            for table in result.evidence
            if name in ("", table.name)
        ]

    def explain(self, code: str) -> Json:
        """Say what a check asks, why it matters, its limitations, and how to mend what it finds."""
        check = check_class(code.upper().split("-")[0])
        sections = check.sections()
        return {
            "code": check.code,
            "property": check.title(),
            "contract": check.contract.value,
            "task": check.task.value,
            "severity": check.severity.label,
            "needs": list(check.needs),
            "may_ask": list(also_asked(check)),
            **{head: sections.get(head, "") for head in SECTIONS},
        }

    # --- inside -------------------------------------------------------------------------------
    def _open(self, name: str) -> Subject:
        self._known(name)
        return open_subject(name, workspace=self.workspace, root=self.root)

    def _known(self, name: str) -> None:
        names = known_subjects(self.workspace)
        if name not in names:
            raise AuditError(
                f"no subject of this workspace is called {name!r}",
                where="subject",
                mend=f"use one of: {', '.join(names) or 'there is none'}",
            )

    def _run(self, subject: str, version: str, run: str) -> Path:
        self._known(subject)
        return published(
            subject, version, run, reports=self.reports, workspace=self.workspace
        ).resolve()

    def _subject(self, name: str) -> Json:
        try:
            opened = self._open(name)
        except AuditError as error:
            return {"subject": name, "problem": str(error)}
        try:
            versions = list(opened.versions())
            described = {
                "subject": name,
                "title": opened.parameters.title,
                "versions": versions,
                "gates": list(gates_of(opened)),
            }
            try:
                registry = opened.registry
            except NotAssessed:
                return described
            return described | {"latest": registry.latest, "champion": registry.champion}
        finally:
            opened.close()


def _answer(
    results: Sequence[CheckResult], verdict: Verdict | None, limit: int, reached: Mapping[str, int]
) -> Json:
    waivers = {(r.code, e.fingerprint): e for r in results for e in r.exempted}
    findings = ranked((f for r in results for f in r.findings if breaks(f)), reached)
    return {
        "verdict": verdict.value if verdict else "nothing applies",
        "findings": [_finding(f, waivers.get((f.code, f.fingerprint))) for f in findings[:limit]],
        "findings_in_all": len(findings),
        "could_not_be_told": list(_untold(results)),
        "checks_kept": [r.code for r in results if effective_outcome(r) is Outcome.PASS],
    }


def _finding(finding: Finding, waiver: Exempted | None) -> Json:
    place = finding.location
    fields = {
        "code": finding.code,
        "severity": finding.severity.label,
        "base": place.base,
        "place": str(place),
        "symbol": place.symbol,
        "message": finding.message,
        "measured": finding.measured,
        "expected": finding.expected,
        "remediation": finding.remediation,
        "evidence": list(finding.evidence),
        "fingerprint": finding.fingerprint,
        "waived": f"by {waiver.owner} until {waiver.expires}: {waiver.reason}" if waiver else "",
    }
    return {key: value for key, value in fields.items() if value}


def _untold(results: Iterable[CheckResult]) -> Iterable[Json]:
    for result in results:
        if result.outcome in (Outcome.NOT_ASSESSED, Outcome.ERROR) or result.gaps:
            gaps = "; ".join(f"{g.what}: {g.why}" for g in result.gaps)
            yield {
                "code": result.code,
                "outcome": result.outcome.value,
                "reason": result.reason or gaps,
            }
