from __future__ import annotations

import os
import re

import made_up
import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.reporters import REPORTERS, Report, report_of
from audit_lib.reporters.console import to_console


def test_one_line_a_finding_place_first(golden):
    golden("console.txt", to_console(report_of(made_up.tasks())))


def test_a_clean_version_says_so():
    text = to_console(report_of(made_up.clean_tasks()))
    assert "✓ kept  no open findings · 15 checks" in text
    assert "not assessed:" not in text


def test_what_was_not_told_is_said_with_its_reason():
    text = to_console(
        Report("e", "v", "t", (made_up.result("ONL001", Outcome.NOT_ASSESSED, reason="no hook"),))
    )
    assert "not assessed: ONL001: no hook" in text
    assert "? inconclusive" in text


def test_what_the_same_lack_left_untold_is_one_line_the_widest_lack_first():
    lacks = {"no hook a": ["ONL001"], "no hook b": [f"FEA10{n}" for n in range(1, 9)]}
    results = [
        made_up.result(code, Outcome.NOT_ASSESSED, reason=reason)
        for reason, codes in lacks.items()
        for code in codes
    ]
    text = to_console(Report("e", "v", "t", tuple(results)))
    assert [line for line in text.splitlines() if line.startswith("not assessed")] == [
        "not assessed: FEA101, FEA102, FEA103, FEA104, FEA105, FEA106 and 2 more: no hook b",
        "not assessed: ONL001: no hook a",
    ]


def test_notes_are_one_line_a_check():
    notes = tuple(made_up.finding("BND001", key=str(i), severity=Severity.INFO) for i in range(99))
    text = to_console(Report("e", "v", "t", (made_up.result("BND001", findings=notes),)))
    lines = [line for line in text.splitlines() if "BND001" in line]
    assert len(lines) == 1
    assert lines[0].startswith("note: BND001 engine/features.py:88 fold 3")
    assert lines[0].endswith("(and 98 more like it)")
    assert "✓ kept  no open findings" in text


def test_nothing_at_all_is_inconclusive():
    report = Report("engine", "v1", "gate train", ())
    for name, reporter in REPORTERS.items():
        assert reporter(report).strip(), name
    assert "? inconclusive" in to_console(report)


@pytest.mark.parametrize("name", REPORTERS)
def test_reporters_are_deterministic_and_take_several_reports(name):
    reports = (report_of(made_up.tasks()), report_of(made_up.tasks(version="v2")))
    text = REPORTERS[name](*reports)
    assert text == REPORTERS[name](*reports)
    assert "v2" in text
    assert text.endswith("\n")


def test_a_person_at_80_columns_reads_a_check_an_entry(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda _: os.terminal_size((80, 24)))
    found = [
        made_up.result(f"FEA{i:03}", Outcome.FAIL, findings=tuple(
            made_up.finding(f"FEA{i:03}", key=k, message="[red]a[/red] column reads on " * 8)
            for k in "abc"
        ))
        for i in range(20)
    ]  # fmt: skip
    text = re.sub("\x1b\\[[0-9;]*m", "", to_console(Report("e", "v", "t", tuple(found))))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.lstrip().startswith("and 2 more: ") for line in lines) == 12
    assert "… and 8 more checks" in text
    assert "broken" in next(line for line in lines if line.startswith("task"))
    hostile = re.sub("\x1b\\[[0-9;]*m", "", to_console(report_of(made_up.tasks())))
    assert max(map(len, hostile.splitlines())) <= 80
    assert not set(hostile) & {"\x07", "\x00", "\u202e"}
    assert "[red]a[/red] column" in text
