from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_lib.reference_engine.errors import ArtifactRefused, Refused
from audit_lib.reference_engine.option_quotes import DAYS, fit_surface, quotes
from audit_lib.reference_engine.pricing import implied_volatility, price
from audit_lib.reference_engine.svi import GRID, Slice, Surface


def term(**changes: float) -> pd.DataFrame:
    base = {
        "spot": 100.0,
        "strike": 105.0,
        "maturity": 0.75,
        "rate": 0.03,
        "dividend": 0.01,
        "volatility": 0.2,
        "kind": 1.0,
    }
    return pd.DataFrame([{**base, **changes}])


def test_a_textbook_price():
    # Hull, Options, Futures, and Other Derivatives, example 15.6: call 4.76, put 0.81
    hull = {"spot": 42.0, "strike": 40.0, "rate": 0.1, "dividend": 0.0, "maturity": 0.5}
    assert price(term(**hull))[0] == pytest.approx(4.76, abs=0.005)
    assert price(term(**hull, kind=-1.0))[0] == pytest.approx(0.81, abs=0.005)


markets = {
    "spot": st.floats(20, 500),
    "strike": st.floats(20, 500),
    "maturity": st.floats(0.01, 5),
    "rate": st.floats(-0.05, 0.15),
    "dividend": st.floats(0, 0.1),
    "volatility": st.floats(0.02, 2),
}


@settings(deadline=None)
@given(**markets)
def test_put_call_parity(**market):
    call, put = price(term(**market))[0], price(term(**market, kind=-1.0))[0]
    forward = market["spot"] * np.exp((market["rate"] - market["dividend"]) * market["maturity"])
    worth = np.exp(-market["rate"] * market["maturity"]) * (forward - market["strike"])
    assert call - put == pytest.approx(worth, abs=1e-9 * (market["spot"] + market["strike"]))


@settings(deadline=None)
@given(**markets, kind=st.sampled_from([-1.0, 1.0]))
def test_the_implied_volatility_gives_the_price_back(**market):
    terms = term(**market)
    paid = price(terms)
    found = implied_volatility(terms.assign(price=paid))
    again = price(terms.assign(volatility=np.nan_to_num(found)))
    assert np.isfinite(found).all()
    assert again[0] == pytest.approx(paid[0], rel=1e-9, abs=1e-9 * market["spot"])


def test_an_out_of_the_money_volatility_is_found_exactly():
    volatilities = np.array([0.05, 0.2, 0.7, 1.5])
    terms = pd.concat([term(volatility=v, strike=130.0) for v in volatilities])
    found = implied_volatility(terms.assign(price=price(terms)))
    np.testing.assert_allclose(found, volatilities, rtol=1e-9)


def test_without_time_or_volatility_the_forward_decides():
    assert price(term(maturity=0.0, strike=90.0)) == pytest.approx([10.0])
    still = price(term(volatility=0.0, strike=90.0))
    expected = 100 * np.exp(-0.01 * 0.75) - 90 * np.exp(-0.03 * 0.75)
    assert still == pytest.approx([expected])


@pytest.mark.parametrize("paid", [-1.0, 99.9, 250.0])
def test_an_impossible_price_has_no_volatility(paid):
    assert np.isnan(implied_volatility(term().assign(price=paid))).all()
    assert np.isnan(implied_volatility(term(maturity=0.0).assign(price=1.0))).all()


@pytest.mark.parametrize(
    "bad",
    [{"spot": 0.0}, {"strike": -1.0}, {"maturity": -0.1}, {"kind": 0.5}, {"volatility": -0.1}],
)
def test_terms_outside_their_domain_are_refused(bad):
    with pytest.raises(Refused):
        price(term(**bad))


def test_missing_and_not_finite_terms_are_refused():
    with pytest.raises(Refused, match="'strike'"):
        price(term().drop(columns="strike"))
    with pytest.raises(Refused, match="finite"):
        price(term(rate=np.nan))


def durrleman(surface: Surface, maturity: float) -> np.ndarray:
    """g(k) of an interpolated slice by finite differences, apart from the engine's own formula."""
    k = np.linspace(-1.5, 1.5, 1201)
    w = surface.total_variance(k, np.full(len(k), maturity))
    first = np.gradient(w, k)
    second = np.gradient(first, k)
    g = (1 - k * first / (2 * w)) ** 2 - first**2 / 4 * (1 / w + 0.25) + second / 2
    return g[3:-3]


@pytest.mark.parametrize("version", ["2018-12", "2020-03", "2020-12", "2021-12", "2022-03rc"])
def test_stored_surfaces_admit_no_arbitrage(store, version):
    from audit_lib.reference_engine.registry import Registry

    surface = Registry(store).load(version).surface
    assert surface.arbitrage() == []
    times = [0.02, 0.1, 0.4, 0.75, 1.0, 2.0, 5.0]
    for maturity in times:
        assert durrleman(surface, maturity).min() > 0
    levels = [surface.total_variance(GRID, np.full(len(GRID), t)) for t in times]
    assert all((late > early).all() for early, late in pairwise(levels))
    assert (surface.total_variance(GRID, np.zeros(len(GRID))) == 0).all()


def test_the_surface_follows_its_quotes(short_panel):
    surface = fit_surface(short_panel)
    wide = short_panel["close"].unstack("asset")
    basket = np.log1p(wide.pct_change().mean(axis=1).dropna().to_numpy())
    for days in DAYS:
        k, variance = quotes(basket, days)
        years = days / 252
        fitted = surface.total_variance(k, np.full(len(k), years))
        np.testing.assert_allclose(np.sqrt(fitted / years), np.sqrt(variance / years), atol=2e-3)
    level = np.sqrt(variance[len(k) // 2] / years)
    assert level == pytest.approx(np.std(basket) * np.sqrt(252), rel=0.02)


GOOD = Slice(0.5, 0.01, 0.05, -0.3, 0.0, 0.2)


@pytest.mark.parametrize(
    ("slices", "complaint"),
    [
        ((Slice(0.5, -0.2, 0.05, -0.3, 0.0, 0.2),), "not positive"),
        ((Slice(0.5, 0.001, 0.4, -0.9, 0.3, 0.01),), "butterfly"),
        ((Slice(0.5, 0.5, 1.5, -0.9, 0.0, 1.0),), "wings"),
        ((GOOD, Slice(1.0, 0.0, 0.05, -0.3, 0.0, 0.1)), "calendar"),
        ((GOOD, GOOD), "calendar"),
        ((), "no slices"),
    ],
)
def test_a_surface_with_arbitrage_is_refused(slices, complaint):
    with pytest.raises(ArtifactRefused, match=complaint):
        Surface.from_data([s.__dict__ for s in slices])


def test_points_outside_the_surface_are_refused():
    surface = Surface((GOOD,))
    with pytest.raises(Refused):
        surface.total_variance(np.zeros(1), np.array([-1.0]))
    with pytest.raises(Refused):
        surface.total_variance(np.array([np.nan]), np.ones(1))
    with pytest.raises(ArtifactRefused):
        Surface.from_data([{"maturity": 1.0}])
