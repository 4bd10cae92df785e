"""JUnit XML: one test case a check, so that any CI shows which promise broke.

A failed check is a ``failure``; a crashed one an ``error``.  JUnit knows no word for "nobody could
tell": such a check is ``skipped``, and its message starts with ``not assessed``, as that of one
that does not apply starts with ``not applicable``.
"""

import xml.etree.ElementTree as ET

from audit_lib.model import CheckResult, Finding, Outcome, Task, breaks, effective_outcome
from audit_lib.reporters.report import NOT_RUN, Report, severities
from audit_lib.reporters.text import clean, one_line, place


def to_junit(*reports: Report) -> str:
    """JUnit XML text, one suite a report and task."""
    root = ET.Element("testsuites", name="model audit")
    for report in reports:
        for task in dict.fromkeys(r.task for r in report.results):
            results = [r for r in report.results if r.task is task]
            root.append(_suite(report, f"{task.value} {task.title}", results))
        root.extend(_not_run(report, task) for task in report.not_run)
    _count(root, [r for report in reports for r in report.results])
    missing = sum(len(report.not_run) for report in reports)
    for key in ("tests", "skipped"):
        root.set(key, str(int(root.attrib[key]) + missing))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(report: Report, title: str, results: list[CheckResult]) -> ET.Element:
    name = one_line(f"{report.subject} {report.version} {title}")
    suite = ET.Element("testsuite", name=name)
    if report.started:
        suite.set("timestamp", report.started)
    _count(suite, results)
    properties = ET.SubElement(suite, "properties")
    for key in ("subject", "version", "run_id"):
        value = clean(getattr(report, key))
        if value:
            ET.SubElement(properties, "property", name=key, value=value)
    suite.extend(_case(r, f"{report.subject}.{report.version}") for r in results)
    return suite


def _not_run(report: Report, task: Task) -> ET.Element:
    """A suite of one skipped case: a task that is missing must not look like one that is kept."""
    title = f"{task.value} {task.title}"
    suite = ET.Element("testsuite", name=one_line(f"{report.subject} {report.version} {title}"))
    _count(suite, [])
    suite.set("tests", "1")
    suite.set("skipped", "1")
    family = one_line(f"{report.subject}.{report.version}")
    case = ET.SubElement(suite, "testcase", classname=family, name=title, time="0.000")
    ET.SubElement(case, "skipped", message=f"not assessed: {NOT_RUN}")
    return suite


def _count(element: ET.Element, results: list[CheckResult]) -> None:
    outcomes = [effective_outcome(r) for r in results]
    skipped = (Outcome.NOT_APPLICABLE, Outcome.NOT_ASSESSED)
    element.set("tests", str(len(results)))
    element.set("failures", str(outcomes.count(Outcome.FAIL)))
    element.set("errors", str(outcomes.count(Outcome.ERROR)))
    element.set("skipped", str(sum(o in skipped for o in outcomes)))
    element.set("time", f"{sum(r.seconds for r in results):.3f}")


def _case(result: CheckResult, family: str) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=one_line(f"{family}.{result.contract.value}"),
        name=one_line(f"{result.code} {result.title}"),
        time=f"{result.seconds:.3f}",
    )
    outcome, reason = effective_outcome(result), one_line(result.reason)
    if outcome is Outcome.FAIL:
        message = (
            f"{severities(result.open_findings)}: {one_line(result.open_findings[0].message, 200)}"
        )
        ET.SubElement(
            case, "failure", message=message, type=result.severity.label
        ).text = "\n".join(map(_line, result.open_findings))
    elif outcome is Outcome.ERROR:
        ET.SubElement(case, "error", message=reason, type="crash").text = clean(result.reason)
    elif outcome is not Outcome.PASS:
        word = outcome.value.replace("_", " ")
        ET.SubElement(case, "skipped", message=f"{word}: {reason}")
    notes = [f"examined {e.count:,} {one_line(e.what)}" for e in result.examined]
    waived = {e.fingerprint: e for e in result.exempted}
    if outcome is Outcome.PASS:
        notes += [f"note: {_line(f)}" for f in result.open_findings if not breaks(f)]
    notes += [
        f"exempted until {waived[f.fingerprint].expires}: {_line(f)}"
        for f in result.findings
        if f.fingerprint in waived
    ]
    if notes:
        ET.SubElement(case, "system-out").text = "\n".join(notes)
    return case


def _line(finding: Finding) -> str:
    measured = f" (measured {one_line(finding.measured)}" if finding.measured else ""
    expected = f", expected {one_line(finding.expected)}" if finding.expected and measured else ""
    tail = f"{measured}{expected})" if measured else ""
    return f"{place(finding.location)}: {finding.severity.label}: {one_line(finding.message)}{tail}"
