from itertools import pairwise

import numpy as np
import pytest

from audit_lib.reference_engine.errors import Refused
from audit_lib.reference_engine.recipes import RECIPES, SHORT_PURGE, Recipe
from audit_lib.reference_engine.scaling import FLOOR, RobustScaler
from audit_lib.reference_engine.splits import WalkForward, date_positions
from audit_lib.reference_engine.targets import HORIZON, UP_THRESHOLD, build_targets

PLAN = Recipe("any", "", "").splits


def test_labels_are_computed_from_entry_to_exit(short_panel):
    labels = build_targets(short_panel).loc["KO"]
    closes = short_panel.loc["KO"]["close"].to_numpy()
    earned = closes[10 + 6] / closes[10 + 1] - 1
    assert labels["return"].iloc[10] == pytest.approx(earned, rel=1e-12)
    assert labels["direction"].iloc[10] == float(earned > UP_THRESHOLD)
    daily = np.diff(np.log(closes[11:17]))
    assert labels["volatility"].iloc[10] == pytest.approx(np.sqrt(252 * np.mean(daily**2)))


def test_a_label_is_unknown_until_its_last_close(short_panel):
    labels = build_targets(short_panel).loc["KO"]
    assert labels.iloc[-HORIZON:].isna().all(axis=None)
    assert labels.iloc[:-HORIZON].notna().all(axis=None)


def test_labels_read_the_future_only(short_panel):
    before = build_targets(short_panel).loc["KO"]
    moved = short_panel.copy()
    moved.loc[("KO", before.index[100]), "close"] *= 1.5
    changed = (build_targets(moved).loc["KO"] != before).any(axis=1) & before.notna().all(axis=1)
    assert np.flatnonzero(changed).tolist() == list(range(100 - HORIZON, 100))


@pytest.mark.parametrize("n_dates", [100, 252, 2015])
def test_folds_are_purged_embargoed_and_in_order(n_dates):
    folds = PLAN.over(n_dates)
    assert len(folds) == PLAN.folds
    for fold in folds:
        assert fold.train[0] == 0
        assert fold.test[0] - fold.train[1] == PLAN.purge >= HORIZON
    for early, late in pairwise(folds):
        assert late.test[0] - early.test[1] == PLAN.embargo
        assert late.test[1] - late.test[0] == early.test[1] - early.test[0]
    assert folds[-1].test[1] == n_dates


def test_rows_of_a_date_are_on_one_side(short_panel):
    shuffled = short_panel.sample(frac=1.0, random_state=1)
    positions = date_positions(shuffled)
    for train, test in PLAN.rows(shuffled):
        assert positions[train].max() + PLAN.purge < positions[test].min()
        assert len(test) == 3 * len(np.unique(positions[test]))


def test_the_candidates_purge_is_shorter_than_its_labels():
    assert SHORT_PURGE.purge < HORIZON
    assert [r.version for r in RECIPES if r.splits.purge < HORIZON] == ["2022-03rc"]


def test_too_few_dates_are_refused(short_panel):
    with pytest.raises(Refused, match="too few"):
        PLAN.over(30)
    with pytest.raises(Refused, match="too few"):
        PLAN.rows(short_panel.iloc[:0])


def test_a_plan_survives_being_recorded():
    record = {"folds": 4, "opening": 0.5, "purge": 7, "embargo": 3, "horizon": 6}
    assert WalkForward.of(record) == WalkForward(4, 0.5, 7, 3)


def test_a_scaler_centres_and_scales():
    rows = np.random.default_rng(0).normal([3.0, -1.0], [2.0, 0.5], size=(20_000, 2))
    scaled = RobustScaler.fit(rows).transform(rows)
    np.testing.assert_allclose(np.median(scaled, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0, rtol=0.02)


def test_a_column_that_stands_still_does_not_explode():
    rows = np.full((10, 1), 5.0)
    scaler = RobustScaler.fit(rows)
    assert scaler.scale.tolist() == [FLOOR]
    assert scaler.transform(rows).tolist() == [[0.0]] * 10


def test_a_scaler_wants_finite_rows():
    with pytest.raises(Refused):
        RobustScaler.fit(np.array([[np.nan]]))
    with pytest.raises(Refused):
        RobustScaler.fit(np.empty((0, 2)))
