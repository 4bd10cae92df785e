from __future__ import annotations

import re

import made_up
import pytest

from audit_lib.model import Location, Outcome, Severity
from audit_lib.reporters import Report, report_of
from audit_lib.reporters.github import command, to_github
from audit_lib.reporters.report import nowhere


def here(base, path):
    """A repository that holds the source below src/ and the parameters below audit/."""
    return {"source": f"src/{path}", "parameters": f"audit/engine/{path}"}.get(base, "")


def lines(*results, locate=here):
    return to_github(Report("engine", "v1", "gate", results, locate=locate)).splitlines()


def fails(**changes):
    return made_up.result("SPL001", Outcome.FAIL, findings=(made_up.finding("SPL001", **changes),))


def test_a_finding_is_an_annotation_of_its_line():
    place = Location("a,b:c.py", line=7, end_line=9)
    first, last = lines(fails(location=place, message="50 % off\nby far", severity=Severity.HIGH))
    assert first == (
        "::error file=src/a%2Cb%3Ac.py,line=7,endLine=9,title=SPL001 high::50 %25 off%0Aby far"
    )
    assert last == "engine v1: broken, 1 high"


@pytest.mark.parametrize(
    ("severity", "name"),
    [
        (Severity.CRITICAL, "error"),
        (Severity.MEDIUM, "warning"),
        (Severity.LOW, "notice"),
        (Severity.INFO, "notice"),
    ],
)
def test_commands_follow_severity(severity, name):
    assert lines(fails(severity=severity))[0].startswith(f"::{name} ")


def test_crashes_and_gaps_are_said():
    made = lines(
        made_up.result("GOV001", Outcome.ERROR, reason="boom"),
        made_up.result("ONL001", Outcome.NOT_ASSESSED, reason="no hook"),
    )
    assert made == [
        "::error title=GOV001 crashed::boom",
        "::warning title=ONL001 not assessed::no hook",
        "engine v1: inconclusive, no open findings",
    ]


def test_nobody_elses_text_starts_a_command():
    for line in to_github(report_of(made_up.tasks())).splitlines():
        assert re.match(r"::(error|warning|notice) title=|made_up_engine ", line)


def test_a_place_inside_an_artifact_is_in_the_message():
    first, _ = lines(fails(location=Location("m.json", base="artifacts", pointer="/a")))
    assert first.startswith("::error title=SPL001 high::artifacts: m.json /a: fold 3")


@pytest.mark.parametrize(
    ("base", "file"), [("source", "src/a.py"), ("parameters", "audit/engine/a.py")]
)
def test_files_are_named_as_the_repository_knows_them(base, file):
    first, _ = lines(fails(location=Location("a.py", base=base, line=7)))
    assert first.startswith(f"::error file={file},line=7,title=SPL001 high::fold 3")


def test_a_file_that_is_not_in_the_repository_is_in_the_message_only():
    place = Location("a.py", line=7, end_line=9)
    first, _ = lines(fails(location=place), locate=nowhere)
    assert first.startswith("::error title=SPL001 high::a.py:7: fold 3")


def test_properties_cannot_be_left():
    assert command("error", "m", title="a::b,line=1\nc") == "::error title=a%3A%3Ab%2Cline=1%0Ac::m"


def test_notes_are_one_command_a_check():
    notes = tuple(made_up.finding("BND001", key=str(i), severity=Severity.INFO) for i in range(99))
    made = lines(made_up.result("BND001", findings=notes))
    assert len(made) == 2
    assert made[0].startswith("::notice file=src/engine/features.py,line=88,title=BND001 info::")
    assert made[0].endswith("(and 98 more like it)")
    assert made[1] == "engine v1: kept, no open findings"


def severity_of(code, severity, **changes):
    found = made_up.finding(code, severity=severity, **changes)
    return made_up.result(code, Outcome.FAIL, findings=(found,))


def test_the_worst_come_first_over_all_versions():
    reports = [
        Report("engine", "v1", "gate", (severity_of("SPL001", Severity.LOW),), locate=here),
        Report("engine", "v2", "gate", (severity_of("GOV001", Severity.MEDIUM),), locate=here),
        Report("engine", "v3", "gate", (severity_of("CHK001", Severity.CRITICAL),), locate=here),
    ]
    made = to_github(*reports).splitlines()
    titles = [re.search(r"title=(\S+)", line)[1] for line in made[:3]]
    assert titles == ["CHK001", "GOV001", "SPL001"]


def test_a_finding_of_many_versions_is_one_annotation():
    reports = [
        Report("engine", f"v{n}", "gate", (severity_of("SPL001", Severity.HIGH),), locate=here)
        for n in (1, 2, 3)
    ]
    made = to_github(*reports).splitlines()
    assert len(made) == 1 + len(reports)
    assert made[0].endswith("[3 versions: v1, v2, v3]")


def test_the_same_place_in_each_versions_folder_is_one_place():
    reports = [
        Report(
            "engine",
            version,
            "gate",
            (fails(location=Location(f"{version}/meta.json", base="artifacts", pointer="/a")),),
        )
        for version in ("2020-12", "2021-12")
    ]
    assert len(to_github(*reports).splitlines()) == 1 + len(reports)


def test_findings_of_one_check_at_one_place_are_one_annotation():
    place = Location("a.py", line=7, symbol="f")
    findings = tuple(made_up.finding("SPL001", key=str(n), location=place) for n in range(5))
    first, _ = lines(made_up.result("SPL001", Outcome.FAIL, findings=findings))
    assert first.endswith("(and 4 more like it)")
