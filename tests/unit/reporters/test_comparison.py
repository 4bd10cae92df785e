from __future__ import annotations

import json
import re

import made_runs
import made_up
import pytest

from audit_lib.model.closure import Fate, compare
from audit_lib.reporters.comparison import (
    comparison_console,
    comparison_json,
    groups,
    silence,
    verdict_line,
)
from audit_lib.reporters.comparison_markdown import comparison_markdown

NOTES = ("parameters differ: hooks.py",)


@pytest.fixture(scope="module")
def made():
    return compare(made_runs.before(), made_runs.after(), earlier=[made_runs.long_ago()])


def test_the_made_up_runs_hold_every_fate_but_one(made):
    assert {f.value: n for f, n in made.counts().items()} == {
        "new": 1,
        "regressed": 1,
        "expired": 1,
        "worse": 0,
        "persisting": 9,
        "better": 1,
        "unknown": 5,
        "exempted": 1,
        "fixed": 1,
    }


def test_by_fate_then_check_then_severity(golden, made):
    golden("comparison.txt", comparison_console(made, notes=NOTES))


def test_everything_is_listed_when_asked(golden, made):
    golden("comparison_all.txt", comparison_console(made, notes=NOTES, everything=True))


def test_a_comment_on_a_change(golden, made):
    golden("comparison.md", comparison_markdown(made, notes=NOTES))


def test_json_holds_each_finding_once_with_fate_and_reach(made):
    read = json.loads(comparison_json(made, notes=NOTES))
    assert read["format"] == "comparison/1"
    assert read["exit_code"] == 1
    assert read["notes"] == list(NOTES)
    assert read["counts"]["new"] == {"critical": 1}
    assert read["counts"]["persisting"] == {"high": 9}
    assert len(read["findings"]) == len({f["identity"] for f in read["findings"]}) == 20
    found = {(f["code"], f["fate"]): f for f in read["findings"]}
    assert found["HED001", "new"]["tasks"] == ["T3", "T6"]
    assert found["HED001", "new"]["dependents"] == 4
    moved = found["SPL001", "persisting"]
    assert (moved["place"], moved["moved_from"]) == ("new/splits.py:14", "old/splits.py:10")
    assert found["CAL001", "expired"]["exemption"]["expires"] == "2026-11-01"
    assert found["GOV001", "unknown"]["why"] == "the check crashed: ValueError"
    assert [(u["code"], u["findings"]) for u in read["untold"]] == [("GOV001", 5), ("TGT001", 0)]


def test_checks_with_the_worst_finding_come_first():
    severe = made_runs.many("GOV001", 1)
    many = made_runs.many("FEA001", 3)
    worst = made_up.finding("PRC001", severity=made_up.Severity.CRITICAL)
    after = made_runs._run(
        "r",
        {},
        made_runs.failing("GOV001", *severe),
        made_runs.failing("FEA001", *many),
        made_runs.failing("PRC001", worst),
    )
    found = groups(compare([], after), Fate.NEW)
    assert [g.code for g in found] == ["PRC001", "FEA001", "GOV001"]


def test_hundreds_of_findings_are_a_page():
    before = made_runs._run("a", {}, made_runs.failing("FEA001", *made_runs.many("FEA001", 300)))
    after = made_runs._run("b", {}, made_runs.failing("SPL001", *made_runs.many("SPL001", 300)),
                           made_up.result("FEA001"))  # fmt: skip
    made = compare(before, after)
    assert len(comparison_console(made).splitlines()) < 40
    assert len(comparison_console(made, everything=True).splitlines()) > 600
    assert len(comparison_markdown(made)) < 6_000


def test_checks_that_did_not_run_share_a_line():
    codes = ("FEA001", "SPL001", "GOV001")
    before = made_runs._run(
        "a", {}, *(made_runs.failing(code, *made_runs.many(code, 4)) for code in codes),
        *(made_up.result(code) for code in ("PRC001", "HED001")),
    )  # fmt: skip
    made = compare(before, made_runs._run("b", {}, made_up.result("DRF001")))
    lost = ", ".join(f"{code} (4 findings)" for code in sorted(codes))
    assert silence(made) == [(f"5 checks: {lost}, HED001, PRC001", "it did not run")]
    text = comparison_console(made)
    assert "column 0" not in text
    assert "FEA001  4 high" in text
    assert len(text.splitlines()) < 25


def test_nothing_to_say_is_said(made):
    same = compare(made_runs.before(), made_runs.before())
    assert verdict_line(same) == "nothing new"
    assert "✓ nothing new" in comparison_console(same)
    nothing = comparison_console(compare([], []))
    assert "before  nothing" in nothing


@pytest.mark.parametrize("hostile", made_up.HOSTILE)
def test_markdown_of_the_subject_is_text(hostile):
    finding = made_up.finding("SEC001", message=hostile, location=made_up.Location(hostile))
    made = compare([], made_runs._run(hostile, {}, made_runs.failing("SEC001", finding)))
    text = comparison_markdown(made, notes=(hostile,))
    for tag in re.findall(r"<[^>]*>", text):
        assert tag in ("<details>", "</details>", "<summary>", "</summary>")
    assert not re.search(r"(?<!\\)`", text)
    assert not re.search(r"(?<!\\)\[", text)
    assert not re.search(r"@\w", text)
