"""Workflow commands: findings as annotations of a GitHub Actions run.

Hosts show ten annotations of a kind a step, so the worst come first, and one cause is one
annotation: findings of one check at one place, and the same finding of several versions.

Escaping follows the toolkit's rules: ``%``, CR and LF in the message; ``:`` and ``,`` as well in
properties.  Nothing of the subject's starts a line, so none of it can be a command.
"""

from collections.abc import Iterator
from dataclasses import replace

from audit_lib.model import Finding, Outcome
from audit_lib.model.merging import identity_place
from audit_lib.reporters.report import NOT_RUN, Report, and_more, severities
from audit_lib.reporters.text import clean, count, one_line, place

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
_ORDER = ("::error", "::warning", "::notice")


def to_github(*reports: Report) -> str:
    """Workflow commands, one a cause, crash or gap, the worst first; then a line a report.

    What only informs is one command a check.
    """
    lines = [*_findings(reports), *_untold(reports)]
    lines.sort(key=lambda line: _ORDER.index(line.split(" ")[0]))
    for report in reports:
        lines += [
            _finding(replace(first, message=and_more(first.message, number)), report)
            for first, number in report.notes
        ]
    for report in reports:
        counted = severities(report.breaking) or "no open findings"
        lines.append(f"{one_line(report.subject)} {one_line(report.version)}: "
                     f"{report.words}, {counted}")  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _findings(reports: tuple[Report, ...]) -> Iterator[str]:
    causes: dict[tuple[str, ...], list[tuple[Finding, Report]]] = {}
    for report in reports:
        for finding in report.breaking:
            cause = (finding.code, *identity_place(finding, report.version))
            causes.setdefault(cause, []).append((finding, report))
    for group in sorted(causes.values(), key=lambda g: -max(f.severity for f, _ in g)):
        worst, report = max(group, key=lambda pair: pair[0].severity)
        versions = dict.fromkeys(r.version for _, r in group)
        keys = {f.key for f, _ in group}
        message = and_more(worst.message, len(keys))
        if len(versions) > 1:
            message += f" [{count(len(versions), 'version')}: {', '.join(map(one_line, versions))}]"
        yield _finding(replace(worst, message=message), report)


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


def _untold(reports: tuple[Report, ...]) -> Iterator[str]:
    kinds = ((Outcome.ERROR, "error", "crashed"), (Outcome.NOT_ASSESSED, "warning", "not assessed"))
    for outcome, name, word in kinds:
        reasons = ((r.code, r.reason) for report in reports for r in report.having(outcome))
        for code, reason in dict.fromkeys(reasons):
            yield command(name, reason, title=f"{code} {word}")
    for task in dict.fromkeys(t for report in reports for t in report.not_run):
        yield command("warning", NOT_RUN, title=f"{task.value} not run")


def _data(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
