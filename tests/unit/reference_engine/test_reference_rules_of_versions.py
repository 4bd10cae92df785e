"""Governance, retraining and drift: rules over versions."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_lib.reference_engine.drift import LIMIT, SLACK, cusum, psi
from audit_lib.reference_engine.errors import Refused
from audit_lib.reference_engine.governance import MARGIN, METRICS, RANKING, should_promote
from audit_lib.reference_engine.registry import Registry
from audit_lib.reference_engine.retrain import LiveState, reasons_to_retrain

scores = st.fixed_dictionaries({name: st.floats(-1, 1) for name in METRICS})
BASE = {"rank_correlation": 0.02, "auc": 0.55, "calibration_error": 0.04}


@settings(deadline=None)
@given(scores, scores)
def test_two_versions_cannot_displace_each_other(one, other):
    assert not should_promote(one, one)
    assert not (should_promote(one, other) and should_promote(other, one))


@settings(deadline=None)
@given(scores, scores, st.sampled_from(sorted(METRICS)), st.floats(0, 1))
def test_a_better_metric_never_costs_the_promotion(champion, challenger, name, amount):
    better = dict(challenger)
    better[name] += amount if METRICS[name] == "higher" else -amount
    assert should_promote(champion, better) or not should_promote(champion, challenger)


def test_the_margin_and_the_guards_hold():
    def against(**changes: float) -> bool:
        return should_promote(BASE, {**BASE, **changes})

    assert RANKING == "rank_correlation"
    assert against(rank_correlation=0.02 + MARGIN)
    assert not against(rank_correlation=0.02 + 0.9 * MARGIN)
    assert not against(rank_correlation=0.5, auc=0.5499)
    assert not against(rank_correlation=0.5, calibration_error=0.0401)
    assert should_promote(None, BASE)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_challenger_without_numbers_is_not_promoted(value):
    for name in METRICS:
        assert not should_promote(None, {**BASE, name: value})
        with pytest.raises(Refused, match="finite"):
            should_promote({**BASE, name: value}, BASE)
        with pytest.raises(Refused, match=name):
            should_promote(None, {k: v for k, v in BASE.items() if k != name})


def test_the_stored_champion_is_the_one_governance_picks(store):
    registry = Registry(store)
    held: str | None = None
    for version in registry.versions()[:-1]:
        champion = None if held is None else registry.metrics(held)
        held = version if should_promote(champion, registry.metrics(version)) else held
    assert held == registry.pointer("champion") == "2020-12"
    assert registry.pointer("latest") == "2021-12"


def reasons(**state: object) -> list[str]:
    return [reason.split(":")[0] for reason in reasons_to_retrain(LiveState.of(state))]


def test_each_trigger_fires_alone():
    rng = np.random.default_rng(1)
    calm = rng.normal(0, 0.02, 120)
    assert reasons() == []
    healthy = {
        "days_since_training": 400,
        "psi": 0.25,
        "errors": calm,
        "live_score": 0.0,
        "training_score": 0.03,
        "n_samples": 10_000,
        "weather": "fine",
    }
    assert reasons(**healthy) == []
    assert reasons(**{**healthy, "days_since_training": 401}) == ["age"]
    assert reasons(**{**healthy, "psi": 0.26}) == ["psi"]
    shifted = calm + np.where(np.arange(120) < 80, 0.0, 0.05)
    assert reasons(**{**healthy, "errors": shifted}) == ["cusum"]
    assert reasons(**{**healthy, "live_score": -0.01}) == ["decay"]


def test_a_score_on_few_samples_says_little():
    state = {"live_score": -0.1, "training_score": 0.05}
    assert reasons(**state, n_samples=100) == []
    assert reasons(**state, n_samples=2000) == ["decay"]
    assert reasons(**state, n_samples=0) == []
    assert reasons(**state) == ["decay"]


def test_calm_errors_of_any_unit_rarely_fire():
    rng = np.random.default_rng(2)
    fired = [
        bool(reasons(errors=rng.normal(3.0, 1.0, n) * unit))
        for n, unit in itertools.product([40, 100, 250], [1e-6, 1.0, 1e6])
        for _ in range(60)
    ]
    assert np.mean(fired) < 0.06
    assert reasons(errors=np.zeros(50)) == reasons(errors=[1.0] * 10 + [9.0] * 10) == []
    assert reasons(errors=[0.0] * 25 + [1.0] * 25) == ["cusum"]


@pytest.mark.parametrize(
    "state",
    [
        {"psi": math.nan},
        {"errors": [0.0, math.inf]},
        {"live_score": math.nan},
        {"days_since_training": -1},
        {"n_samples": -5},
    ],
)
def test_states_that_mean_nothing_are_refused(state):
    with pytest.raises(Refused):
        reasons_to_retrain(LiveState.of(state))


def test_psi_knows_same_and_other():
    rng = np.random.default_rng(3)
    sample = rng.normal(size=4000)
    assert psi(sample, sample) == 0
    assert psi(sample, np.tile(sample, 3)) == pytest.approx(0, abs=1e-12)
    assert psi(sample, rng.normal(size=4000)) < 0.02
    assert psi(sample, rng.normal(0.5, 1, 4000)) > 0.2
    assert psi(sample, sample * 2) > 0.2
    assert psi(sample * 100 + 7, (sample + 1) * 100 + 7) == pytest.approx(psi(sample, sample + 1))


def test_psi_of_a_constant_tells_less_same_and_more():
    still = np.full(50, 2.0)
    assert psi(still, still[:3]) == 0
    assert psi(still, still + 1) == psi(still, still - 1) > 5


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_psi_sees_a_feed_that_breaks(broken):
    sample = np.arange(100.0)
    half = np.where(np.arange(100) % 2 == 0, sample, broken)
    assert psi(sample, half) > 1
    assert psi(half, half) == 0
    assert psi(sample, np.full(5, broken)) > 5


def test_psi_needs_values_on_both_sides():
    for reference, current in (([], [1.0]), ([np.nan], [1.0]), ([1.0], [])):
        with pytest.raises(Refused):
            psi(np.array(reference), np.array(current))


def test_cusum_finds_where_a_shift_began():
    series = np.where(np.arange(100) < 60, 0.0, 2.0)
    found = cusum(series, 0.0, 1.0)
    steps = int(LIMIT / (2.0 - SLACK)) + 1
    assert (found.alarm, found.at) == (True, 60 + steps - 1)
    assert cusum(-series, 0.0, 1.0) == found
    assert cusum(series * 10 + 5, 5.0, 10.0) == found


def test_cusum_is_quiet_without_a_shift():
    rng = np.random.default_rng(4)
    fired = [cusum(rng.normal(size=250), 0.0, 1.0).alarm for _ in range(200)]
    assert np.mean(fired) < 0.05
    assert cusum(np.array([]), 0.0, 1.0).at is None


@pytest.mark.parametrize(
    ("series", "target", "sigma"),
    [([0.0], 0.0, 0.0), ([0.0], 0.0, -1.0), ([0.0], math.nan, 1.0), ([math.nan], 0.0, 1.0)],
)
def test_cusum_refusals(series, target, sigma):
    with pytest.raises(Refused):
        cusum(np.array(series), target, sigma)
