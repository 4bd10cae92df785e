"""CSV that a spreadsheet cannot be made to execute.

Quoting does not stop a formula.  A cell that is no number and would start one, after blanks, gets
an apostrophe before it; so does the part after a semicolon, tab or line break, which a spreadsheet
set to another separator would make a cell of its own.  The faithful form is JSON.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from audit_lib.model import Exempted, Finding, Outcome
from audit_lib.reporters.report import NOT_RUN, Report
from audit_lib.reporters.text import clean

COLUMNS = (
    "subject", "version", "run_id", "task", "contract", "code", "state", "severity", "base", "path",
    "line", "end_line", "pointer", "symbol", "message", "measured", "expected", "remediation",
    "key", "fingerprint", "exempted_by", "exempted_because", "exempted_until",
)  # fmt: skip
_STARTS = r"[=+\-@|\t\r\n＝＋－＠｜]"
_FORMULA = re.compile(rf"\s*{_STARTS}")
_INNER = re.compile(rf"([;\t\r\n]\s*)(?={_STARTS})")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def to_csv(*reports: Report) -> str:
    """CSV text: a row a finding, and one for each check that crashed or could not tell.

    The column ``state`` is ``open``, ``exempted``, ``error``, ``not_assessed`` or, of a task,
    ``not_run``, so that a table without open findings does not pass for a clean bill.
    """
    return csv_text(COLUMNS, (row for report in reports for row in _rows(report)))


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as CSV with a heading, in cells that no spreadsheet takes for a formula."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: safe_cell(row.get(name)) for name in columns} for row in rows)
    return file.getvalue()


def safe_cell(value: object) -> str:
    """A cell as text that no spreadsheet takes for a formula."""
    text = clean("" if value is None else str(value))
    if _NUMBER.fullmatch(text):
        return text
    text = _INNER.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def _rows(report: Report) -> Iterator[dict[str, object]]:
    run: dict[str, object] = {
        "subject": report.subject,
        "version": report.version,
        "run_id": report.run_id,
    }
    for finding in report.open_findings:
        yield run | finding_row(finding, None)
    for finding, waiver in report.exempted:
        yield run | finding_row(finding, waiver)
    for result in report.having(Outcome.ERROR, Outcome.NOT_ASSESSED):
        yield run | {
            "task": result.task.value,
            "contract": result.contract.value,
            "code": result.code,
            "state": result.outcome.value,
            "severity": result.severity.label,
            "message": result.reason,
        }
    for task in report.not_run:
        yield run | {"task": task.value, "state": "not_run", "message": NOT_RUN}


def finding_row(finding: Finding, waiver: Exempted | None) -> dict[str, object]:
    """A finding as one line of a table, by :data:`COLUMNS`."""
    place = finding.location
    return {
        "task": finding.task.value,
        "contract": finding.contract.value,
        "code": finding.code,
        "state": "exempted" if waiver else "open",
        "severity": finding.severity.label,
        "base": place.base,
        "path": place.path,
        "line": place.line,
        "end_line": place.end_line,
        "pointer": place.pointer,
        "symbol": place.symbol,
        "message": finding.message,
        "measured": finding.measured,
        "expected": finding.expected,
        "remediation": finding.remediation,
        "key": finding.key,
        "fingerprint": finding.fingerprint,
        "exempted_by": waiver.owner if waiver else "",
        "exempted_because": waiver.reason if waiver else "",
        "exempted_until": waiver.expires if waiver else "",
    }
