"""Workflow commands: findings as annotations of a GitHub Actions run.

Escaping follows the toolkit's rules: ``%``, CR and LF in the message; ``:`` and ``,`` as well in
properties.  Nothing of the subject's starts a line, so none of it can be a command.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from audit_lib.model import Finding, Outcome
from audit_lib.reporters.report import NOT_RUN, Report, and_more, severities
from audit_lib.reporters.text import clean, one_line, place

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def to_github(*reports: Report) -> str:
    """Workflow commands, one a finding, crash or gap, then a line of summary a report.

    What only informs is one command a check: hosts show a handful of annotations a step.
    """
    lines: list[str] = []
    for report in reports:
        lines += [_finding(f, report) for f in report.breaking]
        lines += [
            _finding(replace(first, message=and_more(first.message, number)), report)
            for first, number in report.notes
        ]
        lines += _untold(report)
        lines += [command("warning", NOT_RUN, title=f"{t.value} not run") for t in report.not_run]
        found = severities(report.breaking) or "no open findings"
        lines.append(f"{one_line(report.subject)} {one_line(report.version)}: "
                     f"{report.words}, {found}")  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def command(name: str, message: str, **properties: object) -> str:
    """One workflow command; properties that are empty are left out."""
    shown = ",".join(f"{k}={_property(str(v))}" for k, v in properties.items() if v)
    return f"::{name}{' ' if shown else ''}{shown}::{_data(message)}"


def _finding(finding: Finding, report: Report) -> str:
    location = finding.location
    name = _COMMANDS[finding.severity.sarif_level]
    # Hosts look a file up in the repository; of what is not there, the message says where it is.
    file = report.locate(location.base, location.path)
    where = "" if file and location.line else f"{place(location)}: "
    return command(
        name,
        f"{where}{finding.message}",
        file=file,
        line=location.line if file else None,
        endLine=location.end_line if file else None,
        title=f"{finding.code} {finding.severity.label}",
    )


def _untold(report: Report) -> Iterator[str]:
    for result in report.having(Outcome.ERROR):
        yield command("error", result.reason, title=f"{result.code} crashed")
    for result in report.having(Outcome.NOT_ASSESSED):
        yield command("warning", result.reason, title=f"{result.code} not assessed")


def _data(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
