"""Where series are cut: days that are longer or shorter than others."""

import numpy as np
import pandas as pd
import pytest

from audit_lib.probes.market.cuts import NOWHERE, Deal, offset_changes, series_candidates


@pytest.mark.parametrize(
    ("zone", "back", "forward"),
    [
        ("America/New_York", "2024-11-03", "2024-03-10"),
        ("Europe/Berlin", "2024-10-27", "2024-03-31"),
        ("Australia/Lord_Howe", "2024-04-07", "2024-10-06"),  # by half an hour
        ("America/Santiago", "2024-04-06", "2024-09-08"),  # at midnight
    ],
)
def test_the_ends_of_days_on_which_the_clock_changes(zone, back, forward):
    dates = pd.date_range("2024-01-01", "2024-12-30", freq="30min", tz=zone)
    longer, shorter = (
        dates[odd].strftime("%Y-%m-%d %H:%M").tolist() for odd in offset_changes(dates)
    )
    assert longer == [f"{back} 23:00"]
    assert shorter == [f"{forward} 23:00"]


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_where_the_clock_never_changes_no_day_is_odd(zone):
    dates = pd.date_range("2024-01-01", "2024-12-30", freq="h", tz=zone)
    assert [len(odd) for odd in offset_changes(dates)] in ([], [0, 0])
    frame = pd.DataFrame({"close": np.arange(float(len(dates)))}, dates)
    plain = series_candidates(frame.tz_localize(None), "close")
    assert len(series_candidates(frame, "close")) == len(plain)


@pytest.mark.parametrize(("freq", "slots"), [("30min", 48), ("h", 24), ("B", 5), ("W", 1)])
def test_each_time_of_a_day_is_met_before_any_is_met_again(freq, slots):
    dates = pd.date_range("2024-01-01", periods=400, freq=freq)
    deal = Deal(np.random.default_rng(0))
    for turn in (1, 2):
        cuts = [deal.one(dates, NOWHERE, 20, 390) for _ in range(slots)]
        assert len(set(cuts)) == slots
        assert set(deal.met.values()) == {turn}
    inside = [deal.one(dates, np.array([30, 31, 399]), 20, 390) for _ in range(4)]
    assert set(inside) <= {30, 31}
