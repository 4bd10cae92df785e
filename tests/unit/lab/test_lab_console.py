"""The console: driven as a person would, with its widgets in this process."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import ipywidgets as widgets
import made_up
import pandas as pd
import pytest

from audit_lib import console
from audit_lib.errors import AuditError, ParameterError, RunError
from audit_lib.execution.layout import Place, RunFolder
from audit_lib.exemptions import load_exemptions
from audit_lib.lab import enable
from audit_lib.lab.console import Console, explorer, options_of
from audit_lib.model import Task
from audit_lib.reporters.json_report import dump_task
from audit_lib.workbook import Workbook, desk
from audit_lib.workbook.findings import blamed
from audit_lib.workbook.sheets import identified
from tests.mutants.tiny import tiny


@pytest.fixture
def audit(workspace: Path) -> Workbook:
    opened = Workbook.open("T2", {"subject": "toy", "version": "v1"})
    tasks = {t.task: t for t in made_up.tasks()}
    every = tuple(r for t in tasks.values() for r in t.results)
    opened.result = replace(tasks[Task.T2], results=every)
    return opened


FOUND = identified(r for t in made_up.tasks() for r in t.results)


# --- looking ----------------------------------------------------------------------------------
def test_findings_are_searched_and_narrowed_worst_first():
    everything = desk.matching(FOUND)
    assert sorted(everything) == sorted(FOUND)
    ranks = [FOUND[n][0].severity for n in everything]
    assert ranks == sorted(ranks, reverse=True)
    (one,) = {FOUND[n][0].contract.value for n in desk.matching(FOUND, contract="splits")}
    assert one == "splits"
    word = FOUND[everything[0]][0].message.split()[0].upper()
    assert everything[0] in desk.matching(FOUND, word)
    assert desk.matching(FOUND, "no such words at all") == []


def test_without_widgets_the_console_shows_the_list_and_the_worst(audit, capsys):
    audit.console()
    console(audit)
    said = capsys.readouterr().out
    names = desk.matching(audit.all_findings())
    assert said.count(f"Findings: {len(names)}") == 2
    assert "of this finding" in said


def test_a_console_needs_a_run(workspace):
    with pytest.raises(RunError, match="nothing has run yet"):
        Workbook.open("T2", {"subject": "toy", "version": "v1"}).console()
    with pytest.raises(RunError, match="no complete run of toy v1: nothing is published"):
        console("toy", "v1")


def test_widgets_narrow_the_list_and_show_what_is_chosen(audit, capsys):
    enable()
    made = Console(audit)
    names = desk.matching(audit.all_findings())
    assert made.name == names[0]
    assert f"{len(names)} of {len(names)} findings" in made.count.value
    assert names[0] in capsys.readouterr().out
    severity = made.facets["severity"]
    severity.value = severity.options[-1][1]
    assert 0 < len(made.chosen.options) < len(names)
    assert {audit.finding(n).finding.severity.label for _, n in made.chosen.options} == {
        severity.value
    }
    made.facets["severity"].value = "any"
    rests = next(n for n in names if audit.finding(n).evidence())
    made.chosen.value = rests
    assert made.table.value.startswith(rests.split("-")[0])
    capsys.readouterr()
    made._table()
    assert audit.finding(rests).evidence()[0].title in capsys.readouterr().out
    made.search.value = "no such words at all"
    assert not made.chosen.options
    assert made.name == ""


def test_a_finding_whose_place_is_gone_is_still_shown(audit):
    name = next(n for n in audit.all_findings() if n.startswith("SPL001"))
    said = "\n".join(map(repr, desk.about(audit, name)))
    assert name in said
    assert "there is no such file in the source" in said


def test_a_finding_is_followed_over_the_versions(audit, tmp_path, monkeypatch):
    name = next(n for n in audit.all_findings() if n.startswith("SPL001"))
    run = RunFolder(tmp_path / "r1")
    run.save(audit.task, dump_task(audit.result))
    monkeypatch.setattr(Place, "latest", lambda place: run if place.version == "v1" else None)
    versions = audit.subject.versions()
    monkeypatch.setattr(type(audit.subject), "versions", lambda _: [*versions, "v9"])
    told = {row[0]: row[1:] for row in audit.history(name).rows}
    assert told["v1"][:3] == ("r1", "found", audit.finding(name).finding.severity.label)
    assert told["v9"] == (None, "no run", None, None)
    assert "over the versions" in "\n".join(map(repr, desk.about(audit, name)))


# --- source -----------------------------------------------------------------------------------
def git(folder, *asked):
    who = ["-c", "user.name=A. Uthor", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, "-C", str(folder), *asked], check=True, capture_output=True)


def test_lines_stand_beside_who_changed_them_where_git_knows(tmp_path):
    file = tmp_path / "deep" / "model.py"
    file.parent.mkdir()
    file.write_text("a = 1\nb = 2\n")
    assert blamed(file, ["a = 1", "b = 2"], 1, 2) == ()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    one, two = blamed(file, ["a = 1", "b = 2"], 1, 2)
    assert one.endswith(" A. Uthor")
    assert two == ""  # as the line above
    # What is not committed as it stands is nobody's, rather than somebody else's.
    assert blamed(file, ["a = 1", "b = 3"], 1, 2) == ()


def test_reading_who_changed_a_line_runs_nothing_of_the_repository(tmp_path):
    file, ran = tmp_path / "model.py", tmp_path / "ran"
    file.write_text("a = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    (tmp_path / ".gitattributes").write_text("*.py filter=x diff=x\n")
    for key in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "diff.x.textconv",
                "core.pager", "diff.x.command", "pager.blame"):  # fmt: skip
        git(tmp_path, "config", key, f"touch {ran}; cat")
    assert len(blamed(file, ["a = 1"], 1, 1)) == 1
    assert not ran.exists()


# --- acting -----------------------------------------------------------------------------------
PANEL = """
@surface("features.panel")
def panel(at):
    days = pd.date_range("2020-01-01", periods=9, name="date")
    index = pd.MultiIndex.from_product([["A", "B"], days], names=["asset", "date"])
    return pd.DataFrame({"close": np.arange(18.0)}, index=index)
"""


def test_a_case_is_the_bars_about_the_asset_and_date_of_its_row(tmp_path):
    with tiny(tmp_path, PANEL) as subject:
        told = desk.case(subject, {"who": "B", "when": "2020-01-05", "off": 0.1}, around=1)
        assert told["panel/close"].tolist() == [12.0, 13.0, 14.0]
        assert set(told.index.get_level_values("asset")) == {"B"}
        assert desk.case(subject, {"n": 3}, around=1).to_dict("records") == [{"n": 3}]


def test_a_row_that_is_not_there_is_one_message(audit, monkeypatch):
    monkeypatch.setattr(audit, "evidence", lambda _: pd.DataFrame({"a": [1, 2]}))
    with pytest.raises(AuditError, match="has no row 7"):
        audit.case("x", 7)


def test_a_check_is_run_again_with_other_options_and_compared(tmp_path):
    with tiny(tmp_path, PANEL) as subject:
        before, _ = desk.again(subject, "DOC001", None, {})
        after, (sheet,) = desk.again(subject, "DOC001", before, {"bindings": {}})
        assert after.outcome is before.outcome
        assert sheet.rows[0][0] == "outcome"
        assert sheet.rows[0][1] == sheet.rows[0][2]
        with pytest.raises(ParameterError, match="nonsense"):
            desk.again(subject, "DOC001", before, {"nonsense": 1})
        with pytest.raises(AuditError, match="DOC999"):
            desk.again(subject, "DOC999", None, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", {}),
        ("rows=200, share=0.5", {"rows": 200, "share": 0.5}),
        ("a={'b': [1]}", {"a": {"b": [1]}}),
    ],
)
def test_options_are_written_as_in_a_call(text, told):
    assert options_of(text) == told


@pytest.mark.parametrize("text", ["rows", "rows=", "x=open('f')", "1", ")", "**{}"])
def test_options_that_are_no_literals_are_refused(text):
    with pytest.raises(AuditError, match="options are not readable"):
        options_of(text)


def test_a_waiver_is_drafted_shown_and_written_only_when_asked(audit):
    name = desk.matching(audit.all_findings())[0]
    before = load_exemptions(audit.subject.folder)
    shown = repr(audit.waiver(name, 'desk "A"', "known", "2031-01-31"))
    assert "[[exemption]]" in shown
    assert "expires = 2031-01-31" in shown
    assert load_exemptions(audit.subject.folder) == before
    audit.waiver(name, 'desk "A"', "known", "2031-01-31", write=True)
    (made,) = (e for e in load_exemptions(audit.subject.folder) if e not in before)
    assert made.owner == 'desk "A"'
    assert made.covers(audit.finding(name).finding, "v1")
    with pytest.raises(ParameterError, match="owner"):
        audit.waiver(name, "", "known")


def test_the_form_writes_what_it_says(audit, capsys):
    made = Console(audit)
    made.owner.value, made.reason.value = "desk", "known"
    made._draft()
    assert "[[exemption]]" in capsys.readouterr().out
    made.owner.value = ""
    button = next(w for w in walked(made.widget) if getattr(w, "description", "") == "Draft")
    button.click()
    assert "a waiver's owner" in capsys.readouterr().out


def walked(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walked(child)


# --- one decision -----------------------------------------------------------------------------
def test_one_decision_after_the_other(tmp_path, capsys):
    from tests.unit.explain.planted import HOOKS

    with tiny(tmp_path, HOOKS) as subject:
        made = explorer(SimpleNamespace(subject=subject), "A1")
        assert "What would have turned it" in capsys.readouterr().out
        date = next(w for w in walked(made) if getattr(w, "description", "") == "date")
        button = next(w for w in walked(made) if isinstance(w, widgets.Button))
        date.value = "2031-01-01"
        button.click()
        assert "no row is at 2031-01-01" in capsys.readouterr().out
        explorer(SimpleNamespace(subject=subject), "A1", "2032-01-01")  # as `audit.why` asks it
        assert "no row is at 2032-01-01" in capsys.readouterr().out
