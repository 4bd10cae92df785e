"""The closing list as the table that the notebook of T6 shows."""

from collections.abc import Mapping, Sequence

from audit_lib.model import CheckResult, Finding, Scalar, TaskResult
from audit_lib.model.closure import Comparison, Row, closing_list
from audit_lib.packets.closing import standing, summary
from audit_lib.reporters.report import severities
from audit_lib.workbook.display import Sheet


def closing_sheet(
    tasks: Sequence[TaskResult],
    against: Sequence[Comparison],
    findings: Mapping[str, tuple[Finding, CheckResult]],
    missing: Mapping[str, str],
) -> Sheet:
    """One line a finding of the run or of those it is compared with, the weightiest first.

    Args:
        findings: of the run, by the id they have in it.
        missing: tasks whose results the list lacks.
    """
    rows = closing_list(tasks, against)
    ids: dict[Finding, str] = {}
    for name, (finding, _) in findings.items():
        ids.setdefault(finding, name)
    open_ = [r.matter.finding for r in rows if r.rank]
    title = f"Closure: {len(open_)} open" + (f" ({severities(open_)})" if open_ else "")
    if missing:
        title += f"; {', '.join(missing)} missing, so the list is not whole"
    sentences = [f"Against {c.label} ({c.before}): {summary(c)}." for c in against]
    columns = (
        "rank", "state", "severity", *(f"against {c.label}" for c in against), "dependents",
        "tasks", "finding", "where", "what", "exemption",
    )  # fmt: skip
    return Sheet(
        title,
        columns,
        tuple(_row(row, ids) for row in rows),
        note=" ".join(sentences) or "No published run to compare with, so nothing is called new.",
        empty="nothing is to be closed",
    )


def _row(row: Row, ids: Mapping[Finding, str]) -> tuple[Scalar, ...]:
    matter, finding = row.matter, row.matter.finding
    name = ids.get(finding, finding.code) if row.here else finding.code
    moved = f" (moved from {row.moved_from})" if row.moved_from else ""
    waiver = matter.waiver if row.here else None
    ended = "" if matter.waived else "EXPIRED "
    return (
        row.rank,
        standing(row),
        finding.severity.label,
        *(fate.value if fate else None for fate in row.fates),
        matter.blast,
        " ".join(matter.tasks),
        name,
        f"{finding.location}{moved}",
        finding.message + _why(row),
        f"{ended}{waiver.expires} {waiver.owner}: {waiver.reason}" if waiver else None,
    )


def _why(row: Row) -> str:
    when = "not told before" if row.rank else "not told now"
    return f" ({when}: {row.why})" if row.why else ""
