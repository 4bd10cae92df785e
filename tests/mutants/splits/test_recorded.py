import pytest

from audit_lib.model import Outcome, View
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny


def meta(train_end, **first):
    fold = {
        "train_start": "2015-01-01",
        "train_end": train_end,
        "test_start": "2015-09-01",
        "test_end": "2015-10-30",
    }
    nested = {
        "train": ["2015-01-01", "2015-10-16"],
        "test": {"start": "2015-11-02", "end": "2015-12-31"},
    }
    return {"targets": {"week": {"horizon": 10}}, "folds": [fold | first, nested]}


@pytest.mark.passes("SPL004")
def test_recorded_folds_with_a_gap_of_the_horizon(tmp_path):
    with tiny(tmp_path, meta=meta("2015-08-18")) as subject:
        result = run_check("SPL004", subject)
    assert_passes(result)
    lanes = next(e for e in result.evidence if e.view is View.TIMELINE)
    assert ("fold 2", "2015-11-02", "2015-12-31", "test") in lanes.rows


@pytest.mark.fails("SPL004")
def test_a_gap_shorter_than_the_horizon(tmp_path):
    with tiny(tmp_path, meta=meta("2015-08-26")) as subject:
        result = run_check("SPL004", subject)
    found = assert_fails(result, pointer="/folds", key="purge", path="v1/meta.json")
    assert (found.measured, found.expected) == ("gap 3 bars", "gap of at least 9 bars")
    assert "end up to 6 bars after" in found.message
    assert len(result.findings) == 1


@pytest.mark.parametrize(("train_end", "gap"), [("2015-08-18", 9), ("2015-08-19", 8)])
def test_a_gap_of_the_horizon_less_one_bar_is_enough(tmp_path, train_end, gap):
    with tiny(tmp_path, meta=meta(train_end)) as subject:
        result = run_check("SPL004", subject)
    (margin,) = result.margins
    assert (margin.measured, margin.allowed, margin.unit, margin.least) == (gap, 9, "bars", True)
    assert [f.key for f in result.findings] == ["purge"] * (gap < 9)


@pytest.mark.fails("SPL004")
def test_train_and_test_periods_that_overlap(tmp_path):
    with tiny(tmp_path, meta=meta("2015-09-10", test_end="2015-11-20")) as subject:
        result = run_check("SPL004", subject)
    assert assert_fails(result, pointer="/folds/0", key="order").measured == "2015-09-10"
    assert assert_fails(result, pointer="/folds/1", key="overlap").measured == "2015-11-02"


def test_a_version_without_a_table_is_not_assessed(tmp_path):
    with tiny(tmp_path, meta={"folds": [{"fold": 1}]}) as subject:
        result = run_check("SPL004", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "/folds/0 has no date train_start" in result.reason
