"""Which rows depend on each other, and how far apart a sample's dates are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audit_lib.probes.statistics.clusters import Calendar, Clusters, bars_apart

BARS = pd.bdate_range("2020-01-01", periods=260)


@pytest.mark.parametrize(("every", "apart"), [(1, 1), (2, 2), (5, 5), (6, 6)])
def test_a_thinned_sample_is_that_many_bars_apart(every: int, apart: int):
    chosen = BARS[::every]
    assert bars_apart(chosen, BARS) == apart
    assert bars_apart(chosen.strftime("%Y-%m-%d"), BARS) == apart
    assert bars_apart(np.repeat(chosen.to_numpy(), 3), BARS) == apart


def test_the_nearest_two_dates_decide_and_strange_dates_tell_nothing():
    assert bars_apart([*BARS[::10], BARS[11]], BARS) == 1
    assert bars_apart([pd.Timestamp("1999-01-01"), *BARS[::10]], BARS) == 1
    assert bars_apart(BARS[:1], BARS) == 1


def test_labels_that_overlap_share_a_block_of_twice_the_horizon():
    clusters = Clusters.of(BARS, horizon=5)
    assert (clusters.count, clusters.span) == (26, 10)
    assert Clusters.of(BARS, horizon=1).count == 260


def test_a_calendar_measures_its_spacing_and_counts_bars_between():
    calendar = Calendar.of(BARS.tz_localize("America/New_York"))
    assert calendar.daily
    assert calendar.between(calendar.dates[3], calendar.dates[9]) == 5
    hourly = Calendar.of(pd.date_range("2020-01-01", periods=100, freq="h"))
    assert hourly.spacing == pd.Timedelta(hours=1)
    assert hourly.between(hourly.dates[90], hourly.dates[-1] + pd.Timedelta(hours=5)) == 13
    assert calendar.between(calendar.dates[-3], calendar.dates[-1] + pd.Timedelta(days=7)) == 6
