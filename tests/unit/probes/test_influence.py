import numpy as np
import pandas as pd
import pytest
from scipy.signal import savgol_filter

from audit_lib.probes.market.influence import MeasurementStatus, manageable, measure_influence
from tests.unit.probes.builders import market, per_asset, returns


def _week(bars):
    return bars["close"].resample("W").last().reindex(bars.index, method="bfill") / bars["close"]


def _month(bars):
    month = bars.index.to_period("M")
    return bars["close"].groupby(month).transform("last") / bars["close"]


def _forward_join(bars):
    left = bars["close"].rename("c").reset_index()
    right = bars["close"].iloc[::21].rename("m").reset_index()
    return pd.merge_asof(left, right, on="date", direction="forward")["m"].to_numpy() / left["c"]


LEAKS = {
    "shift": (lambda b: returns(b).shift(-1), 1),
    "centred_3": (lambda b: b["close"].rolling(3, center=True).mean() / b["close"], 1),
    "centred_11": (lambda b: returns(b).rolling(11, center=True).std(), 5),
    "week": (_week, 4),
    "month": (_month, None),
    "forward_join": (_forward_join, 20),
    "target": (lambda b: b["close"].shift(-5) / b["close"] - 1, 5),
    "reversed": (lambda b: b["close"][::-1].rolling(10).mean()[::-1] / b["close"], 9),
    "smoother": (lambda b: savgol_filter(b["close"].ffill().bfill(), 7, 2) / b["close"], 3),
    "signal_1": (lambda b: (b["close"].shift(-1) > b["close"]).astype(int), 1),
    "signal_2": (lambda b: (b["close"].shift(-2) > b["close"].shift(-1)) & (returns(b) < -0.01), 2),
    "signal_centred": (lambda b: b["close"] > b["close"].rolling(3, center=True).mean(), 1),
    "rare_signal": (lambda b: (returns(b) < -0.025) & (returns(b).shift(-1) > 0), 1),
}
WHOLE = {
    "zscore": lambda b: (b["close"] - b["close"].mean()) / b["close"].std(),
    "rank": lambda b: b["close"].rank(pct=True),
    "last": lambda b: b["close"] / b["close"].iloc[-1],
    "length": lambda b: np.arange(len(b)) / len(b),
    "min_max": lambda b: (b["close"] - b["close"].min()) / np.ptp(b["close"]),
}
AT_GAPS = {
    "backfill": lambda b: b["close"].bfill().pct_change(fill_method=None),
    "interpolate": lambda b: b["close"].interpolate().pct_change(fill_method=None),
}
CLEAN = {
    "return_1": (returns, 1),
    "mean_5": (lambda b: b["close"] / b["close"].rolling(5).mean() - 1, 4),
    "deviation_20": (lambda b: returns(b).rolling(20).std(), 20),
    "kurtosis_60": (lambda b: b["close"].rolling(60).kurt(), 59),
    "skew_20": (lambda b: returns(b).rolling(20).skew(), 20),
    "maximum_50": (lambda b: b["close"] / b["close"].rolling(50).max() - 1, 49),
    "rank_60": (lambda b: b["close"].rolling(60).rank(pct=True), 59),
    "lag_3": (lambda b: returns(b).shift(3), 4),
    "range": (lambda b: (b["high"] - b["low"]) / b["close"], 0),
    "filled": (lambda b: np.log(b["close"].ffill()), 0),
    "single": (lambda b: (b["close"].rolling(5).mean()).astype("float32"), 4),
}


@pytest.fixture(scope="module")
def measured():
    columns = {n: f for n, (f, _) in {**LEAKS, **CLEAN}.items()} | WHOLE | AT_GAPS
    return measure_influence(per_asset(**columns), market())


@pytest.mark.parametrize("name", LEAKS)
def test_names_the_leak_and_its_exact_reach(measured, name):
    expected = LEAKS[name][1]
    found = measured.columns[name]
    assert found.look_ahead > 0
    assert expected is None or found.look_ahead == expected
    assert not found.whole_future
    assert not found.at_gaps_only


@pytest.mark.parametrize("name", WHOLE)
def test_tells_reading_the_whole_sample_from_a_window(measured, name):
    assert measured.columns[name].look_ahead > 300
    assert measured.columns[name].whole_future


@pytest.mark.parametrize("name", AT_GAPS)
def test_finds_leaks_that_show_only_beside_gaps(measured, name):
    assert measured.columns[name].look_ahead > 0
    assert measured.columns[name].at_gaps_only


@pytest.mark.parametrize("name", CLEAN)
def test_measures_the_look_back_and_accuses_nothing_clean(measured, name):
    found = measured.columns[name]
    assert (found.look_back, found.look_ahead) == (CLEAN[name][1], 0)
    assert found.reacts
    assert not found.across
    assert found.trials > 40


def test_three_builds_whatever_the_length(measured):
    assert measured.builds == 3
    longer = measure_influence(per_asset(r=returns), market(1, 3000))
    assert longer.builds == 3


def test_witness_can_be_seen_again_by_hand():
    panel = market(2)
    build = per_asset(leak=lambda b: returns(b).shift(-1))
    witness = measure_influence(build, panel).columns["leak"].witness
    cut = panel[panel.index.get_level_values(1) <= pd.Timestamp(witness.cut)]
    here = (witness.asset, pd.Timestamp(witness.row))
    assert build(panel)["leak"][here] == pytest.approx(witness.before)
    assert np.isnan(build(cut)["leak"][here])


def test_exponential_and_expanding_memories():
    build = per_asset(
        fading=lambda b: b["close"].ewm(span=10).mean() / b["close"],
        expanding=lambda b: b["close"] - b["close"].expanding().mean(),
    )
    columns = measure_influence(build, market()).columns
    assert 80 < columns["fading"].look_back < 160
    assert not columns["fading"].whole_past
    assert columns["expanding"].whole_past
    assert columns["expanding"].look_ahead == 0


def _across(panel):
    close = panel["close"].unstack(0)
    moves = close.pct_change(fill_method=None)
    dates = panel.index.get_level_values(1)
    own = panel["close"].groupby(level=0).pct_change(fill_method=None)
    frame = pd.DataFrame(index=panel.index)
    frame["rank"] = own.groupby(level=1).rank(pct=True)
    frame["demeaned"] = own - own.groupby(level=1).transform("mean")
    frame["leader"] = moves.iloc[:, 0].reindex(dates).to_numpy()
    frame["leader_ahead"] = moves.iloc[:, 0].shift(-1).reindex(dates).to_numpy()
    frame["unlisted"] = close.bfill().pct_change(fill_method=None).mean(axis=1)[dates].to_numpy()
    frame["scaled"] = (own - own.mean()) / own.std()
    frame["ungrouped"] = panel["close"].shift(1) / panel["close"]
    filled = moves.fillna(0.0)
    axes = np.linalg.svd(filled - filled.mean(), full_matrices=False)[2]
    frame["component"] = (filled @ axes[0])[dates].to_numpy()
    return frame


def test_columns_that_look_across_assets():
    found = measure_influence(_across, market(6)).columns
    clean = {"rank": 1, "demeaned": 1, "leader": 1}
    assert {n: (found[n].look_back, found[n].look_ahead) for n in clean} == {
        n: (back, 0) for n, back in clean.items()
    }
    assert found["leader_ahead"].look_ahead == 1
    assert found["unlisted"].look_ahead > 0
    assert found["scaled"].whole_future
    assert found["component"].whole_future
    assert found["ungrouped"].look_ahead > 100
    assert all(found[n].across for n in found)


def test_nondeterminism_is_told_from_leaks():
    def build(panel):
        frame = per_asset(r=returns, ahead=lambda b: b["close"].shift(-5) / b["close"])(panel)
        rng = np.random.default_rng()
        frame["random"] = frame["r"] + rng.normal(0, 1e-2, len(frame))
        frame["ahead"] += rng.normal(0, 1e-6, len(frame))
        frame["seeded"] = frame["r"] + np.random.default_rng(0).normal(0, 1e-3, len(frame))
        return frame

    found = measure_influence(build, market(3)).columns
    assert found["random"].noise > 0.1
    assert found["random"].look_ahead == 0
    assert 0 < found["ahead"].noise < 0.01
    assert found["ahead"].look_ahead == 5
    assert found["seeded"].noise == 0
    assert found["seeded"].look_ahead == 0
    assert found["r"].noise == 0


def test_inert_and_empty_columns():
    build = per_asset(
        constant=lambda b: np.ones(len(b)),
        weekday=lambda b: b.index.day_of_week,
        nothing=lambda b: np.full(len(b), np.nan),
        r=returns,
    )
    found = measure_influence(build, market(2)).columns
    assert not found["constant"].reacts
    assert not found["weekday"].reacts
    assert found["nothing"].empty
    assert found["r"].reacts


def test_a_builder_that_raises():
    def build(panel):
        raise KeyError("no column adj_close")

    found = measure_influence(build, market(2))
    assert found.outcome is MeasurementStatus.RAISES
    assert "adj_close" in found.reason
    assert found.builds == 1


def test_a_panel_too_short():
    assert (
        measure_influence(per_asset(r=returns), market(2, 20)).outcome
        is MeasurementStatus.TOO_SHORT
    )
    warm = per_asset(r=lambda b: b["close"].rolling(252).mean())
    found = measure_influence(warm, market(2, 200))
    assert found.outcome is MeasurementStatus.TOO_SHORT
    assert "no value" in found.reason


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda p: p["close"].to_numpy(), "ndarray"),
        (lambda p: pd.concat([p, p]), "rows twice"),
        (lambda p: p.droplevel(0), "(asset, date)"),
    ],
)
def test_a_builder_that_answers_other_rows(answer, said):
    found = measure_influence(answer, market(2))
    assert found.outcome is MeasurementStatus.OTHER_ROWS
    assert said in found.reason


def test_rows_the_panel_does_not_have_are_told():
    def build(panel):
        more = panel.rename(index={"S00": "ZZ"}, level=0).loc[["ZZ"]]
        return pd.concat([panel, more])[["close"]]

    assert "420 rows answered" in measure_influence(build, market(2)).problems[0]


def test_a_builder_that_refuses_gaps_is_measured_without_them():
    def build(panel):
        if panel.isna().any().any():
            raise ValueError("prices must be complete")
        return per_asset(ahead=lambda b: returns(b).shift(-1))(panel)

    found = measure_influence(build, market(2))
    assert found.columns["ahead"].look_ahead == 1
    assert any("gaps refused" in p and "complete" in p for p in found.problems)


def test_a_builder_that_refuses_wild_prices_is_measured_gently():
    def build(panel):
        moves = panel["close"].groupby(level=0).pct_change(fill_method=None).abs()
        if moves.max() > 0.3:
            raise ValueError("implausible move")
        return per_asset(ahead=lambda b: (b["close"].shift(-1) > b["close"]) * 1, r=returns)(panel)

    found = measure_influence(build, market(2)).columns
    assert (found["ahead"].look_ahead, found["r"].look_ahead) == (1, 0)


def test_a_builder_that_knows_its_assets_is_measured_by_common_dates():
    def build(panel):
        if set(panel.index.get_level_values(0)) - {"S00", "S01", "S02"}:
            raise KeyError("unknown asset")
        return per_asset(ahead=lambda b: returns(b).shift(-1), r=returns)(panel)

    found = measure_influence(build, market(3))
    assert (found.columns["ahead"].look_ahead, found.columns["r"].look_ahead) == (1, 0)
    assert any("clones refused" in p for p in found.problems)


def test_fields_limit_what_is_perturbed():
    build = per_asset(
        priced=lambda b: b["close"].shift(-3), traded=lambda b: b["volume"].rolling(4).mean()
    )
    found = measure_influence(build, market(2), fields=["volume"]).columns
    assert not found["priced"].reacts
    assert found["traded"].look_back == 3


@pytest.mark.parametrize("tz", [None, "America/New_York"])
def test_minute_bars(tz):
    panel = market(1, 1500, freq="min")
    if tz:
        panel = panel.tz_localize("UTC", level=1).tz_convert(tz, level=1)
    hourly = per_asset(
        hour=lambda b: b["close"].groupby(b.index.floor("h")).transform("last"), r=returns
    )
    found = measure_influence(hourly, panel).columns
    assert found["hour"].look_ahead == 59
    assert found["r"].look_ahead == 0


def test_sessions_of_minutes_with_nights_between():
    """Five trading days of 390 minutes: what leaks inside a session reaches to its close."""
    days = pd.date_range("2024-03-06", periods=5, freq="B", tz="America/New_York")  # summer time
    index = pd.DatetimeIndex(
        np.concatenate(
            [pd.date_range(d + pd.Timedelta("9h30min"), periods=390, freq="min") for d in days]
        )
    )
    dates = index.tz_convert("UTC").rename("date")
    panel = market(1, len(dates))
    panel.index = pd.MultiIndex.from_product([["S00"], dates], names=["asset", "date"])

    def session(bars):
        return bars.index.tz_convert("America/New_York").normalize()

    build = per_asset(
        close=lambda b: b["close"].groupby(session(b)).transform("last") / b["close"],
        opened=lambda b: b["close"].groupby(session(b)).transform("first") / b["close"],
        since=lambda b: b["volume"].groupby(session(b)).cumsum(),
        ahead=lambda b: returns(b).shift(-1),
        r=returns,
    )
    found = measure_influence(build, panel).columns
    assert {n: found[n].look_ahead for n in ("opened", "since", "ahead", "r")} == {
        "opened": 0,
        "since": 0,
        "ahead": 1,
        "r": 0,
    }
    assert 100 < found["close"].look_ahead <= 389
    assert 100 < found["opened"].look_back <= 389
    assert found["r"].look_back == 1


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_hours_across_a_change_of_the_clock(zone):
    dates = pd.date_range("2024-03-01", periods=700, freq="h", tz=zone, name="date")
    panel = market(2, 700)
    panel.index = pd.MultiIndex.from_product([["S00", "S01"], dates], names=["asset", "date"])
    build = per_asset(
        day=lambda b: b["close"].groupby(b.index.normalize()).transform("max") / b["close"],
        hour=lambda b: b.index.hour,
        mean=lambda b: b["close"].rolling("6h").mean(),
    )
    found = measure_influence(build, panel).columns
    assert found["day"].look_ahead in (23, 24)
    assert (found["hour"].look_ahead, found["hour"].look_back) == (0, 0)
    assert (found["mean"].look_ahead, found["mean"].look_back) == (0, 5)


def test_panels_of_unequal_histories():
    """Listed late, ended early, seldom traded: windows count bars of each asset."""
    panel = market(5, 500)
    dates = panel.index.get_level_values(1)
    days = dates.unique()
    asset = panel.index.get_level_values(0)
    kept = (
        ((asset != "S01") | (dates >= days[350]))
        & ((asset != "S02") | (dates <= days[180]))
        & ((asset != "S03") | (dates.day_of_week == 2))
        & ((asset != "S04") | (dates >= days[490]))
    )
    own = per_asset(
        r=returns,
        ahead=lambda b: returns(b).shift(-2),
        deviation=lambda b: returns(b).rolling(20).std(),
    )
    found = measure_influence(own, panel[kept])
    assert found.builds == 3
    windows = {n: (c.look_back, c.look_ahead) for n, c in found.columns.items()}
    assert windows == {"r": (1, 0), "ahead": (0, 2), "deviation": (20, 0)}
    across = measure_influence(_across, panel[kept]).columns
    clean = ("rank", "demeaned", "leader")
    assert {n: across[n].look_ahead for n in clean} == dict.fromkeys(clean, 0)
    assert across["leader_ahead"].look_ahead >= 1
    assert across["unlisted"].look_ahead > 0


def test_numbered_assets_and_swapped_levels():
    panel = market(3)
    panel.index = panel.index.set_levels([10, 20, 30], level=0)
    build = per_asset(ahead=lambda b: returns(b).shift(-1), r=returns)
    found = measure_influence(lambda p: build(p).swaplevel(), panel).columns
    assert (found["ahead"].look_ahead, found["r"].look_ahead) == (1, 0)


def test_batches_and_single_calls_agree():
    panel, build = market(3), per_asset(ahead=lambda b: returns(b).shift(-2), r=returns)
    batched = measure_influence(build, panel, many=lambda panels: [build(p) for p in panels])
    assert batched == measure_influence(build, panel)


def test_manageable_keeps_the_newest_bars_of_whole_assets():
    panel = market(30, 500)
    small = manageable(panel, 6000)
    assert small.index.get_level_values(0).nunique() == 12
    assert (small.groupby(level=0).size() == 500).all()
    assert manageable(panel) is panel


@pytest.mark.slow
def test_a_clean_builder_is_never_accused_over_100_seeds():
    """The probe is deterministic: on clean columns the stated rate of false alarms is 0.

    ``benchmarks/size_power.py`` runs more of them, across assets too.
    """
    build = per_asset(
        **{n: CLEAN[n][0] for n in ("return_1", "deviation_20", "maximum_50", "skew_20")},
        fading=lambda b: b["close"].ewm(span=8).mean(),
        signal=lambda b: (b["close"] > b["close"].rolling(10).mean()).astype(int),
    )
    accused = []
    for seed in range(100):
        found = measure_influence(build, market(1, 160, seed=seed), seed=seed, cuts=8)
        accused += [(seed, c.column) for c in found.leaking()]
    assert accused == []


def test_a_later_bar_at_one_time_of_a_day_of_half_hours():
    """One bar in 48; nine of twelve times of day are seen at the ordinary number of cuts."""
    panel = market(assets=1, bars=960, freq="30min")

    def late(minutes):
        def column(b):
            at = b.index.hour * 60 + b.index.minute == minutes
            return b["close"] / b["close"].shift(-1).where(at).ffill()

        return column

    build = per_asset(**{f"at_{m}": late(m) for m in range(0, 1440, 120)}, fine=returns)
    found = {c.column for c in measure_influence(build, panel).leaking()}
    assert "fine" not in found
    assert len(found) >= 9


def test_few_cuts_of_one_asset_find_what_many_find():
    """Half the copies: each cut in one direction, and no reference beside the asset itself."""
    columns = {n: f for n, (f, _) in {**LEAKS, **CLEAN}.items()} | WHOLE | AT_GAPS
    build, asked = per_asset(**columns), []

    def counted(panel):
        asked.append(panel.index.get_level_values(0).nunique())
        return build(panel)

    panel = market(assets=1, bars=430)
    found = measure_influence(counted, panel, cuts=8, plain=build(panel))
    assert sum(asked) < 32
    assert found.builds == 3
    assert {c.column for c in found.leaking()} == {*LEAKS, *WHOLE, *AT_GAPS}
