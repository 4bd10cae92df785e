"""SARIF 2.1.0 (OASIS, 2020): what code-scanning tools and editors read.

A file that the repository holds is named as the repository knows it (``%SRCROOT%``).  Of any other
file, such as an artifact that git does not keep, the message says where it is; it is shown on the
``subject.yaml`` that names its store.  Where no repository is known, paths are relative to named
bases, never a machine's path.

Findings are the results.  What nobody could tell and what crashed are notifications of the run, so
that a file without results is not taken for a promise that was kept; ``everything=True`` makes
results of checks that passed, do not apply or could not tell as well.  The limits of code hosts
stand in :mod:`audit_lib.reporters.sarif_limits`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from audit_lib import __version__
from audit_lib.model import CheckResult, Outcome, effective_outcome, worst_verdict
from audit_lib.reporters.json_report import dumps
from audit_lib.reporters.report import NOT_RUN, Report
from audit_lib.reporters.sarif_limits import RESULTS_A_RUN, RUNS_A_FILE
from audit_lib.reporters.sarif_results import BASES, findings, unfailed
from audit_lib.reporters.sarif_rules import rule
from audit_lib.reporters.text import clean, count

Json = dict[str, Any]
SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def to_sarif(*reports: Report, everything: bool = False) -> str:
    """SARIF text, one run a report; more reports than a file may hold runs are one run.

    Args:
        reports: what was found out, a version each.
        everything: also make results of checks that did not fail.
    """
    alone = len(reports) == 1
    shown = [_joined(reports)] if len(reports) > RUNS_A_FILE else list(reports)
    runs = [_run(r, category=_category(r, alone=alone), everything=everything) for r in shown]
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": runs})


def everything_to_sarif(*reports: Report) -> str:
    """SARIF text with the checks that did not fail as results."""
    return to_sarif(*reports, everything=True)


def _joined(reports: Sequence[Report]) -> Report:
    """One report over many versions; what all of them have in common is then one result."""
    first = reports[0]
    return Report(
        subject=first.subject,
        version=count(len(reports), "version"),
        title=first.title,
        results=tuple(r for report in reports for r in report.results),
        started=min(r.started for r in reports),
        forced=worst_verdict(r.verdict for r in reports),
        not_run=tuple(dict.fromkeys(t for r in reports for t in r.not_run)),
        seconds=sum(r.seconds for r in reports),
        locate=first.locate,
        snippet=first.snippet,
    )


def _category(report: Report, *, alone: bool) -> str:
    """What a host knows this analysis by, up to the last slash; the rest names the run.

    A file of one version is the analysis of whichever version is looked at, so that the next
    version's closes what it mends; a file of several needs one a version, since hosts refuse two
    runs of one category.
    """
    named = ["model-audit", report.title, report.subject, *([] if alone else [report.version])]
    run = "-".join(filter(None, (report.version if alone else "", report.run_id)))
    return clean("/".join([*(n.replace("/", "-") for n in named), run]))


def _run(report: Report, *, category: str, everything: bool) -> Json:
    rules = {r.code: r for r in report.results}
    codes = list(rules)
    entries = list(findings(report))
    if everything:
        entries += [unfailed(r) for r in report.results if effective_outcome(r) is not Outcome.FAIL]
    left_out = len(entries) - RESULTS_A_RUN
    results = [{**r, "ruleIndex": codes.index(r["ruleId"])} for r in entries[:RESULTS_A_RUN]]
    return {
        "tool": {
            "driver": {
                "name": "model-audit-workbook",
                "semanticVersion": __version__,
                "rules": [rule(rules[code]) for code in codes],
            }
        },
        "automationDetails": {"id": category},
        "originalUriBaseIds": {
            name: {"description": {"text": meaning}} for name, meaning in BASES.values()
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, codes, left_out)],
        "results": results,
        "properties": {
            "subject": report.subject,
            "version": report.version,
            "verdict": report.verdict.value,
            "notRun": [task.value for task in report.not_run],
        },
    }


def _invocation(report: Report, codes: list[str], left_out: int) -> Json:
    invocation: Json = {
        "executionSuccessful": not report.having(Outcome.ERROR),
        "exitCode": report.verdict.exit_code,
        "exitCodeDescription": report.words,
        "toolExecutionNotifications": list(_notifications(report, codes, left_out)),
    }
    try:
        began = datetime.fromisoformat(report.started)
    except ValueError:
        return invocation
    ended = began + timedelta(seconds=report.seconds)
    for key, moment in (("startTimeUtc", began), ("endTimeUtc", ended)):
        invocation[key] = moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    return invocation


def _notifications(report: Report, codes: list[str], left_out: int) -> Iterator[Json]:
    for outcome, level, text_of in (
        (Outcome.ERROR, "error", "the check crashed"),
        (Outcome.NOT_ASSESSED, "warning", "nobody could tell"),
    ):
        for result in report.results:
            if result.outcome is outcome or effective_outcome(result) is outcome:
                yield _notification(result, level, text_of, codes)
    for task in report.not_run:
        yield {"level": "warning", "message": {"text": f"{task.value}: {NOT_RUN}"}}
    if left_out > 0:
        text = f"{count(left_out, 'result')} left out; a run may hold {RESULTS_A_RUN:,}"
        yield {"level": "error", "message": {"text": text}}


def _notification(result: CheckResult, level: str, text: str, codes: list[str]) -> Json:
    gaps = "; ".join(f"{g.what}: {g.why}" for g in result.gaps)
    return {
        "level": level,
        "message": {"text": clean(result.reason or gaps) or text},
        "associatedRule": {"id": result.code, "index": codes.index(result.code)},
    }
