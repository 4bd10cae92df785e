from __future__ import annotations

import csv
import io
import re

import made_up
import pytest

from audit_lib.model import Outcome
from audit_lib.reporters import Report, report_of
from audit_lib.reporters.csv_report import COLUMNS, safe_cell, to_csv


def rows(*reports):
    return list(csv.DictReader(io.StringIO(to_csv(*reports))))


def test_a_row_a_finding_and_one_for_whatever_could_not_be_told():
    made = rows(report_of(made_up.tasks()))
    states = {row["code"]: row["state"] for row in made}
    assert states["SPL001"] == "open"
    assert states["DRF001"] == "exempted"
    assert states["GOV001"] == "error"
    assert states["ONL001"] == "not_assessed"
    assert "TGT001" not in states
    assert tuple(made[0]) == COLUMNS


def test_cells_say_what_the_finding_says():
    finding = made_up.finding("SPL001")
    (row,) = rows(
        Report("e", "v", "t", (made_up.result("SPL001", Outcome.FAIL, findings=(finding,)),))
    )
    assert row["path"] == "engine/features.py"
    assert row["line"] == "88"
    assert row["severity"] == "high"
    assert row["fingerprint"] == finding.fingerprint
    assert row["measured"] == "purge 4"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+A1", "-A1", "@SUM(1)", "|cmd", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1",
     "＠x", "｜x", " \t=1", "\u00a0=1", "-1-1", "+1;2", "=", "-"],
)  # fmt: skip
def test_formulas_are_disarmed(text):
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["-1", "+1.5", "-1e-12", "1", "plain", "a=b", "", "a - b", "−5 %"])
def test_numbers_and_prose_stay(text):
    assert safe_cell(text) == text


@pytest.mark.parametrize("text", ["x;=cmd", "x;  =cmd", "x\n=cmd", "x\t@SUM(1)"])
def test_cells_that_another_separator_would_make_are_disarmed(text):
    for part in re.split(r"[;\n\t]", safe_cell(text)):
        assert not re.match(r"\s*[=+\-@|]", part)


def test_nothing_hostile_starts_a_cell():
    made = rows(report_of(made_up.tasks()))
    cells = [cell for row in made for cell in row.values() if not re.fullmatch(r"[+-]?\d*", cell)]
    assert len(cells) > 100
    assert not [c for c in cells if re.match(r"\s*[=+\-@|\t\r\n]", c)]
