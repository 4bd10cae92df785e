import numpy as np
import pandas as pd
import pytest

from audit_lib.model import Outcome, Severity, View
from audit_lib.probes.labels.label_reach import CALM, _after_date, label_reach
from audit_lib.probes.market.perturbation import LOUD
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import CANDIDATE, mutant
from tests.mutants.tiny import tiny

TARGETS = """
@surface("targets")
def build(at, panel):
    return each(panel, week=lambda b: b["close"].shift(-10) / b["close"] - 1)
"""
SPLITS = """
PURGE, EMBARGO = {purge}, {embargo}

@surface("splits")
def folds(at, panel):
    dates = panel.index.get_level_values(1)
    days = dates.unique().sort_values()
    position = days.get_indexer(dates)
    found = []
    for start in (200, 270, 340):
        test = (position >= start) & (position < start + 60)
        train = position < start - PURGE
        if {combinatorial}:
            train |= position >= start + 60 + EMBARGO
        found.append({{"train": np.flatnonzero(train), "test": np.flatnonzero(test)}})
    return found

@surface("splits")
def declared(at):
    return {{"horizon": 10, "purge": PURGE, "embargo": EMBARGO}}
"""


def splits(purge=10, embargo=10, combinatorial=False):
    return TARGETS + SPLITS.format(purge=purge, embargo=embargo, combinatorial=combinatorial)


CODES = ["SPL001", "SPL002", "SPL003", "SPL005"]


@pytest.mark.passes("SPL001", "SPL002", "SPL003", "SPL005")
def test_purged_walk_forward_passes(tmp_path):
    with tiny(tmp_path, splits()) as subject:
        for code in CODES:
            assert_passes(run_check(code, subject))


def test_purge_and_embargo_of_one_bar_less_than_the_horizon_share_no_return(tmp_path):
    with tiny(tmp_path, splits(9, 9, combinatorial=True)) as subject:
        assert_passes(run_check("SPL001", subject))


@pytest.mark.parametrize(("purge", "left"), [(10, 1), (14, 5), (4, -5)])
def test_the_bars_left_between_a_fitted_label_and_the_test_are_said(tmp_path, purge, left):
    with tiny(tmp_path, splits(purge)) as subject:
        (margin,) = run_check("SPL001", subject).margins
    assert (margin.measured, margin.allowed, margin.least) == (left, 0, True)


@pytest.mark.fails("SPL001")
def test_labels_that_end_inside_the_test_period(tmp_path):
    with tiny(tmp_path, splits(4)) as subject:
        result = run_check("SPL001", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, key="before", hook="splits.folds")
    assert found.measured == "5 bars, 45 rows"
    assert found.message.startswith("3 of 3 folds")
    assert "(measured horizon 10): fold 1, 2, 3" in found.message
    lanes, edges = (e for e in result.evidence if e.view is View.TIMELINE)
    assert {row[3] for row in lanes.rows} == {"train", "test", "reach of train labels"}
    assert [row for row in edges.rows if row[0] == "fold 1"] == [
        ("fold 1", -30, -5, "train"),
        ("fold 1", -5, 0, "labels of train"),
        ("fold 1", 0, 30, "test"),
        ("fold 1", 0, 5, "leak"),
    ]


@pytest.mark.fails("SPL001")
def test_a_purge_that_counts_rows_of_a_panel_for_time(tmp_path):
    """Ten rows of three assets are three dates and a bit."""
    hooks = (
        TARGETS
        + """
@surface("splits")
def folds(at, panel):
    order = np.argsort(panel.index.get_level_values(1), kind="stable")
    return [{"train": order[: 600 - 10], "test": order[600:900]}]
"""
    )
    with tiny(tmp_path, hooks) as subject:
        result = run_check("SPL001", subject)
        assert_passes(run_check("SPL002", subject))
    assert assert_fails(result, key="before").measured.startswith("6 bars")


@pytest.mark.fails("SPL002")
def test_rows_that_stand_twice_are_not_time(tmp_path):
    hooks = (
        splits()
        + """
@surface("features")
def panel(at):
    market = _market()
    return pd.concat([market, market.iloc[100:130]]).sort_index()
"""
    )
    with tiny(tmp_path, hooks) as subject:
        found = assert_fails(run_check("SPL002", subject), key="panel")
    assert (found.measured, found.location.symbol) == ("30", "features.panel")


@pytest.mark.fails("SPL001", "SPL003")
def test_the_engine_with_a_purge_that_forgets_the_horizon(engine):
    with mutant(engine, CANDIDATE) as subject:
        purged, declared = run_check("SPL001", subject), run_check("SPL003", subject)
    assert assert_fails(purged, key="before").measured.startswith("3 bars")
    assert assert_fails(declared, key="code purge").measured == "purge 2"


@pytest.mark.passes("SPL001", "SPL002", "SPL003", "SPL005")
def test_the_reference_engine(reference):
    for code in CODES:
        assert_passes(run_check(code, reference))


@pytest.mark.fails("SPL001")
def test_train_rows_right_after_the_test_period(tmp_path):
    with tiny(tmp_path, splits(10, 0, combinatorial=True)) as subject:
        result = run_check("SPL001", subject)
    assert assert_fails(result, key="after").measured == "9 bars, 81 rows"


@pytest.mark.fails("SPL001", "SPL002")
def test_rows_drawn_at_random_are_told_without_measuring_every_stretch(tmp_path):
    hooks = (
        splits()
        + """
@surface("splits")
def folds(at, panel):
    rows = np.random.default_rng(0).permutation(len(panel))
    return [{"train": np.sort(rows[:900]), "test": np.sort(rows[900:])}]
"""
    )
    with tiny(tmp_path, hooks) as subject:
        before, builds = run_check("SPL001", subject), label_reach(subject).found
        assert_fails(run_check("SPL002", subject))
    assert_fails(before, key="before")
    assert 0 < len(builds) < 150


@pytest.mark.fails("SPL002")
def test_a_panel_split_by_row(tmp_path):
    hooks = (
        TARGETS
        + """
@surface("splits")
def folds(at, panel):
    half = len(panel) // 2
    return [{"train": np.arange(half), "test": np.arange(half, len(panel))},
            {"train": np.arange(600), "test": np.arange(500, 900)},
            {"train": np.append(np.arange(100), 5), "test": np.array([], dtype=int)}]
"""
    )
    with tiny(tmp_path, hooks) as subject:
        result = run_check("SPL002", subject)
    dates = assert_fails(result, key="fold 1 dates")
    assert dates.measured == "420 of 420 test dates"
    assert "split by row" in dates.message
    assert assert_fails(result, key="fold 2 rows").measured == "100"
    assert assert_fails(result, key="fold 3 train", severity=Severity.HIGH).measured == "1"
    assert assert_fails(result, key="fold 3 test").measured == "no rows"


@pytest.mark.fails("SPL003")
def test_declared_numbers_that_do_not_fit(tmp_path):
    hooks = splits(10).replace('"horizon": 10, "purge": PURGE', '"horizon": 5, "purge": 12')
    meta = {"splits": {"purge": 4, "horizon": 10, "embargo": 10}}
    with tiny(tmp_path, hooks, meta=meta) as subject:
        result = run_check("SPL003", subject)
    assert assert_fails(result, key="metadata purge", pointer="/splits").measured == "purge 4"
    assert assert_fails(result, key="code horizon").measured == "10"
    assert assert_fails(result, key="purge code").expected == "at least 12 bars"
    assert len(result.findings) == 3


@pytest.mark.fails("SPL005")
def test_folds_too_short_and_years_that_nobody_judges(tmp_path):
    hooks = splits().replace("start + 60)", "start + 15)")
    with tiny(tmp_path, hooks) as subject:
        result = run_check("SPL005", subject)
    assert assert_fails(result, cause="few dates").measured == "15"
    assert float(assert_fails(result, key="share").measured) == pytest.approx(45 / 220, abs=1e-4)


def starting(*starts):
    return splits().replace("(200, 270, 340)", repr(starts)).replace("start + 60)", "start + 30)")


@pytest.mark.fails("SPL005")
def test_a_fold_that_is_lost_among_others_leaves_a_hole(tmp_path):
    with tiny(tmp_path, starting(200, 230, 290, 320, 350, 380)) as subject:
        result = run_check("SPL005", subject)
    found = assert_fails(result, key="hole")
    assert (found.measured, found.expected) == ("30", "fewer than 30, which one fold judges")
    assert "no fold judges 30 dates from 2015-12-31 to 2016-02-10" in found.message
    assert {f.key for f in result.findings if f.severity is not Severity.INFO} == {"hole"}


@pytest.mark.passes("SPL005")
@pytest.mark.parametrize("starts", [(200, 230, 260, 290), (240, 300, 360), (200, 231, 262, 297)])
def test_folds_that_follow_each_other_or_all_stand_apart_leave_none(tmp_path, starts):
    with tiny(tmp_path, starting(*starts)) as subject:
        assert_passes(run_check("SPL005", subject))


@pytest.mark.fails("SPL005")
def test_a_test_period_that_runs_into_the_next(tmp_path):
    hooks = starting(200, 230, 260, 290).replace("start + 30)", "start + 33)")
    with tiny(tmp_path, hooks) as subject:
        found = assert_fails(run_check("SPL005", subject))
    assert found.key == "twice"
    assert "folds 1 and 2 both judge 9 rows of 99" in found.message


@pytest.mark.passes("SPL005")
@pytest.mark.parametrize("length", [45, 60])
def test_rolling_periods_share_rows_by_design(tmp_path, length):
    hooks = starting(200, 230, 260, 290).replace("start + 30)", f"start + {length})")
    with tiny(tmp_path, hooks) as subject:
        assert_passes(run_check("SPL005", subject))


def test_a_crash_that_train_never_saw_is_told(tmp_path):
    hooks = (
        splits()
        + """
@surface("features")
def panel(at):
    market = _market()
    at_ = market.index.get_level_values(1)
    late = at_ >= at_.unique()[340]
    market.loc[late, "close"] *= np.exp(np.random.default_rng(0).normal(0, 0.1, int(late.sum())))
    return market
"""
    )
    with tiny(tmp_path, hooks) as subject:
        result = run_check("SPL005", subject)
    assert [f.cause for f in result.findings] == ["other regime"]
    assert result.outcome is Outcome.PASS


def test_positions_outside_the_panel_are_not_assessed(tmp_path):
    hooks = (
        TARGETS
        + """
@surface("splits")
def folds(at, panel):
    return [{"train": [0, 1], "test": [10**6]}]
"""
    )
    with tiny(tmp_path, hooks) as subject:
        result = run_check("SPL002", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "outside the 1260 rows" in result.reason


def test_bars_after_a_date_move_up_or_down_or_stand_still():
    """SPL001 and TGT001: which label reads them is told by all three; earlier bars stay."""
    close = np.array([10.0, 11.0, 9.0, 12.0, 8.0])
    bars = pd.DataFrame({"close": close}, pd.date_range("2020-01-06", periods=5, freq="B"))
    late = bars.set_axis(bars.index + pd.Timedelta(days=30))
    made = {how: _after_date({"a": bars, "b": late}, bars.index[2], LOUD, how)
            for how in ("up", "down", "calm")}  # fmt: skip
    for how, panel in made.items():
        own, other = (panel.loc[a, "close"].to_numpy() for a in "ab")
        assert (own[:3] == close[:3]).all()
        assert (own[3:] != close[3:]).all()
        ahead = own[3:] / close[2] - 1
        assert (np.abs(ahead) < 10 * CALM).all() if how == "calm" else (np.abs(ahead) > 0.05).any()
        # An asset that begins later has no bar to stand still at.
        assert (np.abs(other / close - 1) > 0.05).all()
    ups, downs = (made[how].loc["a", "close"].to_numpy()[3:] for how in ("up", "down"))
    assert (ups > downs).all()


def test_splits_that_nobody_declares_are_not_assessed(tmp_path):
    text = splits().split('@surface("splits")\ndef declared')[0]
    with tiny(tmp_path, text, meta={}) as subject:
        result = run_check("SPL003", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "neither splits.declared nor the metadata" in result.reason
