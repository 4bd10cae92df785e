from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_lib.reference_engine import backtest, live
from audit_lib.reference_engine.errors import ArtifactRefused, Refused
from audit_lib.reference_engine.feature_builders import build_backtest
from audit_lib.reference_engine.panel import load_panel
from audit_lib.reference_engine.predictor import Predictor
from audit_lib.reference_engine.risk_gates import GATES, pass_gate, pass_gates
from audit_lib.reference_engine.rules import DecisionConfig, wish, wishes
from tests.mutants.mutate import CANDIDATE, CLEAN

CONFIG = DecisionConfig()
number = st.one_of(st.floats(-1, 1.5), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 0.42, 0.33]))
rows = st.lists(st.tuples(number, number, number), min_size=1, max_size=20)


def frame(values: list[tuple[float, float, float]]) -> pd.DataFrame:
    return pd.DataFrame(values, columns=["return", "direction", "volatility"], dtype="float64")


def decided(values: list[tuple[float, float, float]], drawdown: float = 0.0) -> pd.DataFrame:
    predictions = frame(values)
    return pass_gates(*wishes(predictions, CONFIG), predictions, CONFIG, drawdown)


@settings(deadline=None)
@given(rows, st.sampled_from([0.0, 0.149, 0.15, 0.9]))
def test_columns_and_rows_decide_alike(values, drawdown):
    whole = decided(values, drawdown)
    for (_, expected), row in zip(whole.iterrows(), frame(values).to_dict("records"), strict=True):
        order = pass_gate(*wish(row, CONFIG), row, CONFIG, drawdown)
        assert tuple(order) == tuple(expected)


@settings(deadline=None)
@given(rows)
def test_orders_are_well_formed(values):
    orders = decided(values)
    assert orders["side"].isin([-1, 0, 1]).all()
    assert ((orders["size"] > 0) == (orders["side"] != 0)).all()
    assert (orders["size"] <= CONFIG.max_position).all()
    assert set(orders["gate"]) <= {"", *GATES}
    complete = np.isfinite(frame(values)).all(axis=1) & (frame(values)["volatility"] > 0)
    assert (orders.loc[~complete, "gate"] == "incomplete").all()


@settings(deadline=None)
@given(st.floats(-0.02, 0.02), st.floats(0.05, 0.55), st.lists(st.floats(0, 1), min_size=2))
def test_a_higher_probability_never_sells_more(expected, volatility, probabilities):
    orders = decided([(expected, p, volatility) for p in sorted(probabilities)])
    assert (np.diff(orders["side"] * orders["size"]) >= 0).all()


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 0.59), min_size=2))
def test_more_volatility_never_means_more_size(volatilities):
    orders = decided([(0.01, 0.48, v) for v in sorted(volatilities)])
    assert (np.diff(orders["size"]) <= 0).all()


def test_every_gate_can_close():
    long = (0.01, 0.48, 0.2)
    assert decided([long])["size"].item() == pytest.approx(0.05)
    assert decided([long])["gate"].item() == ""
    assert decided([long], drawdown=0.15)["gate"].item() == "drawdown"
    assert decided([(0.01, 0.48, 0.61)])["gate"].item() == "volatility"
    assert decided([(0.01, np.nan, 0.2)])["gate"].item() == "incomplete"
    capped = decided([(0.01, 0.48, 0.02)]).iloc[0]
    assert capped.to_dict() == {"side": 1, "size": CONFIG.max_position, "gate": "position_cap"}
    assert decided([(0.0, 0.48, 0.2)])["side"].item() == 0
    assert decided([(0.001, 0.28, 0.2)])["side"].item() == -1
    assert decided([(0.002, 0.28, 0.2)])["side"].item() == 0


@pytest.mark.parametrize("version", CLEAN)
def test_live_and_backtest_give_the_same_orders(store, version):
    predictor = Predictor.load(store, version)
    features = build_backtest(load_panel(start="2022-01-03"), predictor.checkpoint.feature_cols)
    one, other = backtest.decide(predictor, features), live.decide(predictor, features)
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert (one["side"] != 0).any()
    shuffled = features.sample(frac=1.0, random_state=2)
    pd.testing.assert_frame_equal(live.decide(predictor, shuffled), one.reindex(shuffled.index))


def test_the_candidate_trades_by_two_thresholds(store):
    predictor = Predictor.load(store, CANDIDATE)
    numbers = {f.name: f for f in fields(DecisionConfig)}
    differing = [
        name
        for name in numbers
        if len({getattr(d, name) for d in predictor.checkpoint.decisions.values()}) > 1
    ]
    assert differing == ["max_return_short"]
    predictions = pd.DataFrame(
        {"return": [0.001, 0.1], "direction": [0.2, 0.2], "volatility": [0.2, 0.2]}
    )
    assert backtest.interpret(predictor, predictions)["side"].tolist() == [-1, 0]
    assert live.interpret(predictor, predictions)["side"].tolist() == [-1, -1]


def test_a_live_session_trades_as_the_backtest(champion):
    panel = load_panel(start="2020-05-01", end="2021-01-15")
    expected = backtest.decide(champion, build_backtest(panel, champion.checkpoint.feature_cols))
    session = live.LiveSession(champion)
    for date, bar in panel.groupby(level="date"):
        closes = bar["close"].droplevel("date").to_dict()
        orders = session.on_bar(closes)
        wanted = expected.xs(date, level="date")
        assert {a: tuple(o) for a, o in orders.items()} == {
            asset: tuple(row) for asset, row in wanted.iterrows()
        }
    assert session.on_bar({"AAPL": float("nan")})["AAPL"].gate == "incomplete"


def test_a_simulated_account_pays_what_it_should(champion):
    """One asset bought once: the account earns its weight in the return, a bar after the fill."""
    panel = load_panel(start="2019-06-03", end="2020-12-31")
    start = pd.Timestamp("2020-06-01")
    report = backtest.run(champion, panel, start)
    daily = panel["close"].unstack("asset").pct_change()
    signed = (report.orders["side"] * report.orders["size"]).unstack("asset")
    weights = signed.shift(backtest.ENTRY + 1).rolling(backtest.HOLDING, min_periods=1).sum()
    weights = weights.fillna(0.0) / backtest.HOLDING
    traded = weights.diff().abs().sum(axis=1)
    expected = (weights * daily.reindex(weights.index)).sum(axis=1) - backtest.COST * traded
    np.testing.assert_allclose(report.returns, expected, atol=1e-12)
    assert report.returns.abs().sum() > 0
    assert report.orders.index.get_level_values("date").min() == start


def test_a_drawdown_stops_trading(champion):
    config = replace(CONFIG, max_drawdown=1e-9)
    stopped = Predictor.of(
        replace(champion.checkpoint, decisions={"backtest": config, "live": config})
    )
    report = backtest.run(
        stopped, load_panel(start="2019-06-03", end="2020-08-31"), pd.Timestamp("2020-02-03")
    )
    assert (report.orders["gate"] == "drawdown").any()
    assert report.metrics()["traded"] < 0.5


def test_numbers_are_all_named_or_refused():
    data = CONFIG.as_data()
    assert DecisionConfig.from_data(data) == CONFIG
    for wrong in ({**data, "extra": 1.0}, {k: v for k, v in data.items() if k != "neutral"}):
        with pytest.raises(ArtifactRefused):
            DecisionConfig.from_data(wrong)


def test_drift_of_the_inputs_is_seen(champion):
    columns = champion.checkpoint.feature_cols
    same = build_backtest(load_panel(start="2013-01-02", end="2019-12-31"), columns).dropna()
    assert max(live.feature_drift(champion, same).values()) < 0.1
    crash = build_backtest(load_panel(start="2019-12-02", end="2020-06-30"), columns)
    moved = live.feature_drift(champion, crash.loc[(slice(None), slice("2020-03-02", None)), :])
    assert moved["volatility_21"] > 1.0
    with pytest.raises(Refused):
        live.feature_drift(champion, same.iloc[:0])
