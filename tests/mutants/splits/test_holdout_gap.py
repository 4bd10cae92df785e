import pytest

from audit_lib.model import Outcome, View
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_json, mutant
from tests.mutants.tiny import tiny

LABELS = """
@surface("targets")
def build(at, panel):
    return each(panel, week=lambda b: b["close"].shift(-5) / b["close"] - 1)
"""


def meta(**spans):
    known = {
        "train": {"first": "2015-01-01", "last": "2015-12-23", "n": 700},
        "scaler": ["2015-01-01", "2015-12-31"],
        "judged": {"start": "2016-01-01", "end": "2016-06-30"},
    }
    return {"run": {"rows": known | spans}}


@pytest.mark.passes("SPL008")
def test_fits_that_end_a_horizon_before_the_holdout(tmp_path):
    """Labels read 5 bars; between 23 December and 1 January lie 6. A scaler reads no labels."""
    with tiny(tmp_path, LABELS, meta=meta(calibrator=["2015-06-01", "2015-12-25"])) as subject:
        result = run_check("SPL008", subject)
    assert_passes(result)
    assert result.evidence[0].view is View.TIMELINE
    assert ("judged", "2016-01-01", "2016-06-30", "test") in result.evidence[0].rows
    assert result.evidence[0].note == "labels read 5 bars ahead (measured)"


@pytest.mark.parametrize(
    ("spans", "missing"),
    [
        ({"judged": None}, "no judged at /run/rows"),
        ({"train": None, "scaler": None}, "no fit's dates at /run/rows"),
        ({"judged": None, "train": None, "scaler": None}, "no judged at /run/rows"),
    ],
)
def test_what_is_not_recorded_is_named(tmp_path, spans, missing):
    with tiny(tmp_path, LABELS, meta=meta(**spans)) as subject:
        result = run_check("SPL008", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert missing in result.reason


@pytest.mark.passes("SPL008")
def test_the_reference_engine(reference):
    result = run_check("SPL008", reference)
    assert_passes(result)
    assert result.examined[0].count == 4


@pytest.mark.fails("SPL008")
def test_train_labels_that_end_inside_the_holdout(tmp_path):
    late = meta(train=["2015-01-01", "2015-12-29"])
    with tiny(tmp_path, LABELS, meta=late) as subject:
        result = run_check("SPL008", subject)
    found = assert_fails(result, key="train", pointer="/run/rows/train")
    assert (found.measured, found.expected) == ("gap 2 bars", "gap of at least 4 bars")
    assert "end 2 bars after the first judged decision 2016-01-01" in found.message
    assert len(result.findings) == 1


@pytest.mark.fails("SPL008")
def test_the_engine_with_a_train_period_that_ends_too_late(engine):
    def later(data):
        data["run"]["rows"]["train"]["last"] = "2020-04-09"
        data["run"]["rows"]["scaler"]["last"] = "2020-05-29"

    edit_json(engine, "2020-12/meta.json", later)
    with mutant(engine) as subject:
        result = run_check("SPL008", subject)
    found = assert_fails(result, key="train", measured="gap 1 bars")
    assert "measured horizon 6" in found.message
    assert assert_fails(result, key="scaler").measured == "2020-05-29"
    assert len(result.findings) == 2


def test_a_declared_horizon_and_weekdays_will_do(tmp_path):
    told = meta(train=["2020-01-01", "2020-12-24"], judged=["2021-01-01", "2021-03-01"])
    told["targets"] = {"week": {"horizon": 10}}
    with tiny(tmp_path, meta=told) as subject:
        found = assert_fails(run_check("SPL008", subject), key="train")
    assert found.measured == "gap 5 bars"
    assert "declared horizon 10" in found.message


@pytest.mark.parametrize("spans", [{"judged": None}, {"train": None, "scaler": None}])
def test_without_dates_it_is_not_assessed(tmp_path, spans):
    with tiny(tmp_path, LABELS, meta=meta(**spans)) as subject:
        result = run_check("SPL008", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "/run/rows" in result.reason


#: hours of a market that never closes, in a zone; labels read 5 of them
HOURS = (
    LABELS
    + """
@surface("features")
def panel(at):
    market = _market()
    hours = pd.date_range("2015-01-01", periods=BARS, freq="h", tz="America/New_York", name="date")
    return market.set_index(market.index.set_levels(hours, level=1))
"""
)


def hourly(last, start="2015-01-10T00:00:00-05:00"):
    judged = {"start": start, "end": "2015-01-15T00:00:00-05:00"}
    return {"run": {"rows": {"train": ["2015-01-01", last], "judged": judged}}}


@pytest.mark.passes("SPL008")
@pytest.mark.parametrize(
    "last",
    ["2015-01-09T19:00:00-05:00", "2015-01-10T00:00:00+00:00", "2015-01-08", "2015-01-09 19:00"],
)
def test_hours_and_offsets_are_counted_on_the_panels_clock(tmp_path, last):
    with tiny(tmp_path, HOURS, meta=hourly(last)) as subject:
        assert_passes(run_check("SPL008", subject))


@pytest.mark.fails("SPL008")
@pytest.mark.parametrize(
    ("last", "gap"),
    [("2015-01-09T20:00:00-05:00", 3), ("2015-01-10T03:00:00+00:00", 1), ("2015-01-09", 0)],
)
def test_hours_that_reach_into_the_holdout(tmp_path, last, gap):
    with tiny(tmp_path, HOURS, meta=hourly(last)) as subject:
        found = assert_fails(run_check("SPL008", subject), key="train")
    assert (found.measured, found.expected) == (f"gap {gap} bars", "gap of at least 4 bars")
