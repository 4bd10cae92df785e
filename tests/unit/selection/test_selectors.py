"""Selecting and ignoring, as ruff users expect; what is left out is never silently gone."""

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import tests.made_repo as made
from audit_lib.checks.catalogue import CATALOGUE
from audit_lib.cli.app import cli
from audit_lib.errors import ParameterError
from audit_lib.gates import GATES, gate_named, gates_of, run_gate
from audit_lib.model import Outcome, Severity, Task, TaskResult, Verdict
from audit_lib.reporters.json_report import dump_task, load_task
from audit_lib.selection import Selection, check_parameters, roster_of, selected

CODES = list(CATALOGUE)
TODAY = date(2026, 11, 29)


def subject(folder: Path, **parameters):
    """A subject with a store whose metadata lacks its columns, so that CHK001 fails."""
    files = made.good_store()
    del files["store/v1/meta.json"]["feature_cols"]
    return made.subject(folder, files, version="v1", artifacts=made.STORE, **parameters)


def asked(select=(), ignore=()):
    chosen = Selection(tuple(select), dict.fromkeys(ignore, "why"))
    return [code for code in CODES if not chosen.left_out(code)]


# --- which checks -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("select", "ignore", "codes"),
    [
        (["CHK"], [], [c for c in CODES if c.startswith("CHK")]),
        (["CHK0", "FEA101"], [], [c for c in CODES if c.startswith("CHK0") or c == "FEA101"]),
        ([], ["FEA"], [c for c in CODES if not c.startswith("FEA")]),
        (["FEA"], ["FEA111"], [c for c in CODES if c.startswith("FEA") and c != "FEA111"]),
        (["FEA111"], ["FEA"], ["FEA111"]),
        (["FEA111"], ["FEA111"], []),
        (["ALL"], ["FEA"], [c for c in CODES if not c.startswith("FEA")]),
        (["CHK"], ["ALL"], [c for c in CODES if c.startswith("CHK")]),
        (["ALL"], ["ALL"], []),
    ],
)
def test_the_most_specific_selector_decides(select, ignore, codes):
    assert asked(select, ignore) == codes


selectors = st.sampled_from(["ALL", *sorted({c[:n] for c in CODES for n in (2, 3, 4, 5, 6)})])


@given(st.lists(selectors, max_size=4), st.lists(selectors, max_size=4))
def test_ignoring_more_never_asks_more_and_order_does_not_matter(select, ignore):
    now = asked(select, ignore)
    assert set(asked(select, [*ignore, "FEA111"])) <= set(now)
    assert asked(select[::-1], ignore[::-1]) == now
    assert all(any(s == "ALL" or c.startswith(s) for s in select or ["ALL"]) for c in now)


@pytest.mark.parametrize(
    ("word", "near"), [("FAE", "FEA"), ("CHK90", "CHK"), ("FEA191", "FEA1"), ("fea101", "FEA")]
)
def test_an_unknown_code_names_near_ones(tmp_path, word, near):
    found = subject(tmp_path)
    with pytest.raises(ParameterError, match=f"no check is called '{word}'") as caught:
        selected(found, roster_of(found), select=[word])
    assert near in caught.value.mend
    assert caught.value.where == "--select"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"select": ["FEA101", "FAE"]}, "subject.yaml: select: no check is called 'FAE'"),
        ({"ignore": {"ZZZ001": "why"}}, "subject.yaml: ignore: no check is called 'ZZZ001'"),
        ({"severity": {"FEA199": "low"}}, "subject.yaml: severity: no check is called 'FEA199'"),
    ],
)
def test_unknown_codes_of_the_parameters_are_told_before_anything_runs(tmp_path, parameters, said):
    with pytest.raises(ParameterError, match=said):
        check_parameters(subject(tmp_path, **parameters))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"ignore": ["FEA111"]}, "key 'ignore': write each with its reason"),
        ({"ignore": {"FEA111": ""}}, r"key 'ignore\.FEA111'"),
        ({"severity": {"FEA111": "info"}}, "`info` would pass whatever the check finds"),
        ({"severity": {"FEA111": "awful"}}, r"key 'severity\.FEA111'"),
        ({"select": ["fea"]}, r"key 'select\.0'"),
        ({"gates": {"Nightly": ["CHK"]}}, "gate 'Nightly': use small letters"),
        ({"gates": {"nightly": []}}, "gate 'nightly' names no check"),
    ],
)
def test_what_does_not_fit_is_one_message_that_names_the_key(tmp_path, parameters, said):
    with pytest.raises(ParameterError, match=said):
        subject(tmp_path, **parameters)


# --- left out, and rated ----------------------------------------------------------------------
def gate(found, name="train", **asked):
    return run_gate(gate_named(name, found), found, today=TODAY, **asked)


def test_an_ignored_check_stays_in_sight_and_is_not_assessed(tmp_path):
    found = subject(tmp_path, ignore={"CHK001": "the desk writes it by hand"})
    result = next(r for r in gate(found).results if r.code == "CHK001")
    assert (result.outcome, result.asked) == (Outcome.NOT_ASSESSED, False)
    assert result.reason == "ignored: the desk writes it by hand"
    assert result.findings == ()


def test_a_gate_of_which_something_is_left_out_is_never_kept(tmp_path):
    found = made.subject(
        tmp_path,
        made.good_store(),
        version="v1",
        artifacts=made.STORE,
        gates={"nightly": ["CHK001", "CHK002"]},
    )
    assert gate(found, "nightly").verdict is Verdict.KEPT
    assert gate(found, "nightly", ignore=["CHK002"]).verdict is Verdict.INCONCLUSIVE
    assert gate(found, "nightly", select=["CHK002"]).verdict is Verdict.INCONCLUSIVE


def test_selecting_nothing_of_a_gate_is_an_error(tmp_path):
    with pytest.raises(ParameterError, match="no check of the gate is left: not selected") as told:
        gate(subject(tmp_path), select=["DRF"])
    assert "it holds CHK001" in told.value.mend


def test_what_the_command_selects_stands_in_place_and_both_ignore(tmp_path):
    found = subject(tmp_path, select=["SEC"], ignore={"CHK002": "why"})
    left = {r.code: r.reason for r in gate(found, select=["CHK"], ignore=["CHK003"]).results}
    assert left["CHK001"] == ""
    assert left["CHK002"] == "ignored: why"
    assert left["CHK003"] == "ignored: --ignore CHK003"
    assert left["SEC001"] == "not selected: --select names CHK"


def test_a_severity_of_the_parameters_counts_and_shows_the_checks_own(tmp_path):
    found = subject(tmp_path, severity={"CHK": "medium", "CHK001": "low"})
    result = next(r for r in gate(found).results if r.code == "CHK001")
    assert {f.severity for f in result.findings} == {Severity.LOW}
    assert (result.severity, result.declared) == (Severity.LOW, Severity.HIGH)
    assert result.outcome is Outcome.FAIL
    other = next(r for r in gate(found).results if r.code == "CHK002")
    assert other.severity is Severity.MEDIUM


def test_what_was_rated_and_left_out_is_read_back_as_it_was_written(tmp_path):
    found = subject(tmp_path, severity={"CHK": "low"}, ignore={"CHK002": "why"})
    answer = TaskResult("made", "v1", "r", Task.T1, gate(found).results)
    assert load_task(dump_task(answer)) == answer


# --- gates of one's own -----------------------------------------------------------------------
def test_an_own_gate_holds_codes_beginnings_and_other_gates(tmp_path):
    found = subject(
        tmp_path, gates={"nightly": ["SPL00", "backtest", "weekly"], "weekly": ["DRF001"]}
    )
    spl = [c for c in CODES if c.startswith("SPL00")]
    expected = {*spl, *GATES["backtest"].codes, "DRF001"}
    assert gate_named("nightly", found).codes == tuple(c for c in CODES if c in expected)
    assert set(gates_of(found)) == {*GATES, "nightly", "weekly"}


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ({"live": ["CHK"]}, "gate 'live' is one of the workbook's own"),
        ({"a": ["b"], "b": ["a"]}, "gate '.' holds itself"),
        ({"nightly": ["backtets"]}, "no gate is called 'backtets'"),
        ({"nightly": ["CHX"]}, "no check is called 'CHX'"),
    ],
)
def test_a_gate_that_makes_no_sense_is_one_message(tmp_path, gates, said):
    with pytest.raises(ParameterError, match=said):
        gates_of(subject(tmp_path, gates=gates))


def test_an_unknown_gate_names_the_nearest(tmp_path):
    with pytest.raises(ParameterError, match="no gate is called 'lvie'") as caught:
        gate_named("lvie", subject(tmp_path))
    assert "did you mean 'live'?" in caught.value.mend


# --- on the command line ----------------------------------------------------------------------
def workbook(folder, *words):
    return CliRunner().invoke(
        cli, [*words, "--workspace", str(folder), "--root", str(folder / "repo")]
    )


def test_the_command_takes_codes_and_shows_what_it_left_out(tmp_path):
    subject(tmp_path, gates={"nightly": ["CHK00"]})
    done = workbook(
        tmp_path, "gate", "nightly", "made", "--select", "CHK001,CHK002", "--ignore", "CHK002"
    )
    assert done.exit_code == 1
    assert "CHK001" in done.output
    assert "left out: CHK002: ignored: --ignore CHK002" in done.output
    assert ": not selected: --select names CHK001, CHK002" in done.output


def test_list_shows_the_gates_of_a_subject(tmp_path):
    subject(tmp_path, gates={"nightly": ["DRF001"]})
    done = workbook(tmp_path, "list", "made", "--gates")
    assert "nightly" in done.output
    assert "DRF001" in done.output
