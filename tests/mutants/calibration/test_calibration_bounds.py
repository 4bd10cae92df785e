"""What the checks of calibration decide at their bounds, and with half of what they need."""

import numpy as np
import pandas as pd
import pytest

from audit_lib.checks.calibration.error import _horizon
from audit_lib.checks.calibration.map import _largest_fall
from audit_lib.checks.calibration.measures import PROPER, _better
from audit_lib.checks.calibration.unseen import _extent, _overlap
from audit_lib.model import Outcome
from audit_lib.probes.prediction.scored import scored_sample
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.calibration.test_calibration import GOOD
from tests.mutants.tiny import tiny


def _small(rows, fitted, served="1 / (1 + np.exp(-SLOPE * np.asarray(scores)))"):
    """The right calibrator with few rows, each of a date of its own."""
    hooks = GOOD.replace("n=3000", f"n={rows}").replace("< 1500", f"< {fitted}")
    hooks = hooks.replace("np.repeat(np.arange(len(scores) // 5), 5)", "np.arange(len(scores))")
    return hooks.replace("1 / (1 + np.exp(-SLOPE * np.asarray(scores)))", served)


@pytest.mark.parametrize(
    ("rows", "fitted", "few"),
    [(100, 50, ""), (99, 50, "49 independent unseen"), (99, 49, "49 independent fitted")],
)
def test_fifty_dates_of_a_side_are_enough(tmp_path, rows, fitted, few):
    with tiny(tmp_path, _small(rows, fitted)) as subject:
        result = run_check("CAL003", subject)
    assert ("50 are needed" in result.reason) is bool(few)
    assert few in result.reason
    assert few or (len(result.margins) == 2 and result.examined[0].count == 100)


@pytest.mark.parametrize(
    ("rows", "values", "found"), [(6, 2, True), (5, 2, False), (6, 3, False), (8, 2, True)]
)
def test_a_map_takes_three_values_where_twice_as_many_scores_differ(tmp_path, rows, values, found):
    steps = f"np.minimum(np.argsort(np.argsort(scores)) * {values} // len(scores), {values} - 1)"
    served = f"{steps} * 0.2 + 0.1"
    with tiny(tmp_path, _small(rows, 3, served)) as subject:
        result = run_check("CAL004", subject)
    assert not found or assert_fails(result, key="distinct").measured == str(values)
    assert found or assert_passes(result) is None


def test_a_fall_is_told_where_it_is_deepest_and_none_without_two_values():
    grid = np.arange(5.0)
    assert _largest_fall(grid, np.array([0.1, 0.5, 0.4, 0.1, 0.6])) == (3.0, pytest.approx(0.4))
    assert _largest_fall(grid, np.array([0.1, 0.2, 0.2, 0.3, 0.6])) is None
    assert _largest_fall(grid, np.array([0.9, np.nan, np.nan, np.nan, 0.6])) == (
        4.0,
        pytest.approx(0.3),
    )
    assert _largest_fall(grid, np.array([0.9, np.nan, np.nan, np.nan, np.nan])) is None
    assert _largest_fall(grid[:2], np.array([0.5, 0.5 - 5e-10])) is None
    assert _largest_fall(grid[:2], np.array([0.5, 0.5 - 3e-9])) is not None


@pytest.mark.parametrize(
    ("rows", "missing"),
    [
        ({"judged": ["2020-01-01", "2020-12-31"]}, "calibrator"),
        ({"calibrator": ["2020-01-01", "2020-12-31"]}, "judged"),
        ({"calibrator": ["2020-01-01"], "judged": ["2020-01-01", "2020-12-31"]}, "calibrator"),
    ],
)
def test_the_extent_that_is_missing_is_named(tmp_path, rows, missing):
    with tiny(tmp_path, meta={"run": {"rows": rows}}) as subject:
        result = run_check("CAL002", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert f"has no extent of dates at /run/rows/{missing}" in result.reason


def test_extents_in_all_their_forms_and_what_overlaps():
    first, last = pd.Timestamp("2020-01-01"), pd.Timestamp("2020-06-30")
    for value in (
        ["2020-01-01", "2020-06-30"],
        {"first": "2020-01-01", "last": "2020-06-30"},
        {"start": "2020-01-01", "end": "2020-06-30"},
    ):
        assert _extent(value) == (first, last)
    for value in (None, "2020-01-01", ["2020-01-01"], ["2020-01-01"] * 3, ["soon", "later"]):
        assert _extent(value) is None
    day = pd.Timedelta(days=1)
    one = (first, last)
    assert _overlap(one, (last, last + day))
    assert _overlap(one, (first - day, first))
    assert not _overlap(one, (last + day, last + 2 * day))
    assert not _overlap(one, (first - 2 * day, first - day))


@pytest.mark.parametrize("measure", sorted(PROPER))
def test_an_answer_to_an_odd_sample_is_better_than_its_rows_only_where_it_is_lower(measure):
    scores, outcomes = np.array([0.9, 0.8, 0.2, 0.4]), np.array([1.0, 0.0, 0.0, 1.0])
    usable = np.array([True, True, True, False])
    due = PROPER[measure](scores[usable], outcomes[usable])
    assert not _better(measure, np.nan, scores, outcomes, ~np.ones(4, dtype=bool))
    assert _better(measure, 0.0, scores, outcomes, ~np.ones(4, dtype=bool))
    assert _better(measure, due - 0.1, scores, outcomes, usable)
    assert not _better(measure, due, scores, outcomes, usable)
    assert not _better(measure, due + 0.1, scores, outcomes, usable)


HORIZON = """
@surface("splits")
def declared(at):
    return {"horizon": 6}

@surface("features")
def panel(at):
    days = pd.date_range("2020-01-01", periods=500, freq="D")
    return pd.DataFrame({"close": 1.0}, index=days if DATED else range(500))
"""


@pytest.mark.parametrize(
    ("every", "dated", "bars"), [(1, True, 6), (2, True, 3), (4, True, 2), (4, False, 6)]
)
def test_an_outcome_spans_fewer_dates_where_the_sample_skips_some(tmp_path, every, dated, bars):
    days = f"list(pd.date_range('2020-01-01', periods=100, freq='{every}D').astype(str))"
    hooks = f"{_small(100, 50).replace('list(dates)', days)}\nDATED = {dated}\n{HORIZON}"
    with tiny(tmp_path, hooks) as subject:
        assert _horizon(subject, scored_sample(subject)) == bars
