"""Results as the tables that notebooks show."""

from collections.abc import Iterable, Mapping, Sequence

from audit_lib.model import (
    BoundaryVerdict,
    CheckResult,
    Finding,
    Outcome,
    Severity,
    TaskResult,
    by_contract,
    effective_outcome,
    verdict_of,
    weight,
)
from audit_lib.reporters.report import remarks
from audit_lib.workbook.display import Sheet


def identified(results: Iterable[CheckResult]) -> dict[str, tuple[Finding, CheckResult]]:
    """Findings by the id they have within a run: ``SPL003-1`` is the first of SPL003."""
    return {
        f"{result.code}-{position}": (finding, result)
        for result in results
        for position, finding in enumerate(result.findings, start=1)
    }


def verdict_sheet(results: Sequence[CheckResult]) -> Sheet:
    """Contract by outcome: how many checks gave which."""
    columns = ("contract", "verdict", *(words(o) for o in Outcome), "findings", "exempted")
    rows = []
    for contract, group in by_contract(results).items():
        outcomes = [effective_outcome(r) for r in group]
        verdict = verdict_of(group)
        rows.append(
            (
                contract.title,
                verdict.value if verdict else "not applicable",
                *(outcomes.count(o) or None for o in Outcome),
                sum(len(r.open_findings) for r in group) or None,
                sum(len(r.exempted) for r in group) or None,
            )
        )
    return Sheet("Verdict by contract", columns, tuple(rows), empty="no check belongs here")


def check_sheet(results: Sequence[CheckResult]) -> Sheet:
    """One line a check: what it asks and what it answered."""
    rows = [
        (
            r.code,
            r.title,
            words(effective_outcome(r)),
            r.seconds,
            (", ".join(f"{e.count:,} {e.what}" for e in r.examined) or None),
            "; ".join([*([r.reason] if r.reason else []), *remarks(r)]) or None,
        )
        for r in results
    ]
    columns = ["check", "property", "outcome", "seconds", "examined", "remarks"]
    while columns[4:] and all(row[len(columns) - 1] is None for row in rows):
        columns.pop()  # nothing to say there
    return Sheet("", tuple(columns), tuple(row[: len(columns)] for row in rows))


def finding_sheet(
    title: str, findings: Mapping[str, tuple[Finding, CheckResult]], dependents: Mapping[str, int]
) -> Sheet:
    """One line a finding, worst first."""
    ordered = sorted(findings.items(), key=lambda item: weight(item[1][0], dependents))
    rows = tuple(
        (
            name,
            finding.severity.label,
            str(finding.location),
            finding.message,
            finding.measured,
            finding.expected,
            state(finding, result),
        )
        for name, (finding, result) in ordered
    )
    columns = ("finding", "severity", "where", "what", "measured", "expected", "state")
    return Sheet(title, columns, rows, empty="no findings")


def not_assessed_sheet(results: Sequence[CheckResult]) -> Sheet:
    """Checks that gave no verdict, each with its reason."""
    silent = (Outcome.NOT_ASSESSED, Outcome.ERROR, Outcome.NOT_APPLICABLE)
    chosen = [r for r in results if effective_outcome(r) in silent or r.gaps]
    rows: list[tuple[str, ...]] = []
    for result in chosen:
        parts = [f"{g.what}: {g.why}" for g in result.gaps] or [result.reason]
        outcome = words(effective_outcome(result))
        rows.extend((result.code, result.title, outcome, part) for part in parts)
    return Sheet(
        f"Not assessed: {len(chosen)} of {len(results)} checks",
        ("check", "property", "outcome", "why"),
        tuple(rows),
        note="A check that was not assessed is never counted as a pass." if rows else "",
        empty="every check was assessed",
    )


def boundary_sheet(boundaries: Sequence[BoundaryVerdict]) -> Sheet:
    """One line a declared boundary."""
    rows = tuple(
        (b.boundary, b.risk, b.verdict.value, b.reason, len(b.findings) or None) for b in boundaries
    )
    columns = ("boundary", "risk", "verdict", "reason", "findings")
    return Sheet("Verdict by boundary", columns, rows, empty="the subject declares no boundaries")


def task_sheet(tasks: Iterable[TaskResult], missing: dict[str, str], source: str) -> Sheet:
    """One line a task of the run: there or missing, verdict, findings by severity."""
    rows: list[tuple[str | int | None, ...]] = []
    for task in tasks:
        open_ = [f for r in task.results for f in r.open_findings]
        verdict = verdict_of(task.results)
        counts = (sum(f.severity is s for f in open_) or None for s in reversed(Severity))
        rows.append(
            (
                task.task.value,
                task.task.title,
                verdict.value if verdict else "not applicable",
                *counts,
                f"{len(task.results)} checks in {task.seconds:.1f} s",
            )
        )
    blank = (None,) * len(Severity)
    rows.extend((name, "", "missing", *blank, why) for name, why in missing.items())
    columns = ("task", "title", "verdict", *(s.label for s in reversed(Severity)), "results")
    return Sheet(
        f"Tasks gathered from {source}", columns, tuple(sorted(rows, key=lambda r: str(r[0])))
    )


def state(finding: Finding, result: CheckResult) -> str:
    """Whether a finding is open or waived, and until when."""
    for exempted in result.exempted:
        if exempted.fingerprint == finding.fingerprint:
            return f"exempted until {exempted.expires} ({exempted.owner})"
    return "open"


def words(outcome: Outcome) -> str:
    """An outcome as people read it."""
    return outcome.value.replace("_", " ")
