"""Where a number must be right, a reference says so: closed forms, at points that are drawn."""

import time

import numpy as np
import pytest

from audit_lib.checks.pricing.surface import durrleman
from audit_lib.probes.prediction.options import black_scholes, random_terms
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

PRICER = """
from scipy.stats import norm

@surface("pricing")
def price(at, t):
    s, k, v, m, r, q, w = (t[c].to_numpy(float) for c in (
        "spot", "strike", "volatility", "maturity", "rate", "dividend", "kind"))
    f, df = s * np.exp((r - q) * m), np.exp(-r * m)
    dev = {deviation}
    with np.errstate(all="ignore"):
        d1 = np.log(f / k) / dev + dev / 2
        made = df * w * (f * norm.cdf(w * d1) - k * norm.cdf(w * (d1 - dev)))
    return np.where(dev > 1e-10, made, df * np.maximum(w * (f - k), 0))
"""
OTHER = """
from scipy.stats import norm

@surface("pricing")
def price(at, t):
    s, k, v, m, r, q, w = (t[c].to_numpy(float) for c in (
        "spot", "strike", "volatility", "maturity", "rate", "dividend", "kind"))
    f, df, dev = s * np.exp((r - q) * m), np.exp(-r * m), v * np.sqrt(m)
    with np.errstate(all="ignore"):
        d = w * (f - k) / (f * dev)
        made = df * f * dev * (d * norm.cdf(d) + norm.pdf(d))
    return np.where(dev > 1e-10, made, df * np.maximum(w * (f - k), 0))
"""
IMPLIED = """
@surface("pricing")
def implied_volatility(at, t):
    s, k, m, r, q, w, p = (t[c].to_numpy(float) for c in (
        "spot", "strike", "maturity", "rate", "dividend", "kind", "price"))
    fs, ks = s * np.exp(-q * m), k * np.exp(-r * m)
    least, most = np.maximum(w * (fs - ks), 0), np.where(w > 0, fs, ks)
    a, b = np.full(len(t), 1e-9), np.full(len(t), 20.0)
    for _ in range(80):
        middle = (a + b) / 2
        up = price(at, t.assign(volatility=middle)) > p
        a, b = np.where(up, a, middle), np.where(up, middle, b)
    made = np.where(p - least <= {stuck} * s, {guess}, (a + b) / 2)
    ok = (p {low} least) & (p < most) & (m > 0) & np.isfinite(k) & (p >= 0)
    return np.where(ok, made, np.nan)
"""


def pricer(deviation="v * np.sqrt(m)"):
    return PRICER.format(deviation=deviation)


def implied(low=">", stuck="-1", guess="np.nan"):
    return pricer() + IMPLIED.format(low=low, stuck=stuck, guess=guess)


def test_the_closed_form_is_that_of_a_well_kept_library():
    library = pytest.importorskip("vollib.black_scholes_merton").black_scholes_merton
    drawn = random_terms(np.random.default_rng(3), 300)
    due = [
        library("c" if o.kind == 1 else "p", o.spot, o.strike, o.maturity, o.rate, o.volatility,
                o.dividend)
        for o in drawn.itertuples()
    ]  # fmt: skip
    off = np.abs(black_scholes(drawn) - due) / drawn["spot"].to_numpy()
    assert off.max() < 1e-12


@pytest.mark.fails("PRC001")
@pytest.mark.parametrize(
    "deviation",
    [
        "v * m",
        "v**2 * m",
        "2 * v * np.sqrt(m)",
        "v * np.sqrt(m * 252 / 365)",
        "v * np.sqrt(m) / 100",
    ],
)
def test_volatility_that_scales_otherwise(tmp_path, deviation):
    with tiny(tmp_path, pricer(deviation)) as subject:
        assert_fails(run_check("PRC001", subject), key="near expiry")


@pytest.mark.fails("PRC001")
@pytest.mark.parametrize(
    "deviation",
    [
        "v * np.sqrt(np.minimum(m, 2.0))",
        "np.minimum(v, 0.6) * np.sqrt(m)",
        "v * np.sqrt(np.where(k > 1.3 * s, 1.1 * m, m))",
    ],
)
def test_a_formula_that_is_another_somewhere(tmp_path, deviation):
    with tiny(tmp_path, pricer(deviation)) as subject:
        assert_fails(run_check("PRC001", subject), key="closed form")


@pytest.mark.passes("PRC001")
def test_the_formula_passes_and_normal_prices_are_another_model(tmp_path):
    with tiny(tmp_path / "formula", pricer()) as subject:
        assert_passes(run_check("PRC001", subject))
    with tiny(tmp_path / "other", OTHER) as subject:
        result = run_check("PRC001", subject)
    assert not {f.key for f in result.findings} & {"near expiry", "closed form"}


@pytest.mark.fails("PRC003")
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"low": ">=", "stuck": "1e-12", "guess": "0.35"}, "at the lower bound"),
        ({"stuck": "1e-8", "guess": "0.2"}, "a hair above the lower bound"),
    ],
)
def test_a_price_at_its_bound_gets_the_first_guess(tmp_path, change, key):
    with tiny(tmp_path, implied(**change)) as subject:
        assert_fails(run_check("PRC003", subject), key=key)


@pytest.mark.parametrize(("off", "told"), [(0.7e-4, False), (1.5e-4, True)])
def test_a_volatility_that_is_off_by_about_a_basis_point(tmp_path, off, told):
    """PRC003: one basis point is accepted, and no more."""
    text = implied().replace(
        "return np.where(ok, made, np.nan)", f"return np.where(ok, made + {off}, np.nan)"
    )
    with tiny(tmp_path, text) as subject:
        result = run_check("PRC003", subject)
    assert ("inversion" in {f.key for f in result.findings}) is told


@pytest.mark.passes("PRC003")
@pytest.mark.parametrize(
    "change", [{}, {"low": ">=", "stuck": "1e-12", "guess": "0.0"}, {"stuck": "1e-8"}]
)
def test_a_price_at_its_bound_that_is_declined_or_fits_passes(tmp_path, change):
    with tiny(tmp_path, implied(**change)) as subject:
        assert_passes(run_check("PRC003", subject))


SURFACE = """
@surface("pricing")
def total_variance(at, points):
    k, t = points["log_moneyness"].to_numpy(), points["maturity"].to_numpy()
    return {formula}
"""
VOGT = "t * (-0.0410 + 0.1331 * (0.3060 * (k - 0.3586) + np.sqrt((k - 0.3586) ** 2 + 0.4153**2)))"


@pytest.mark.fails("PRC004")
def test_a_smile_that_is_sound_only_where_it_is_quoted(tmp_path):
    """Axel Vogt's example (Gatheral and Jacquier 2014, section 5.1), at a maturity of one year."""
    formula = VOGT.replace("t * (", "(t / t) * (", 1) + " * (1 + 1e-6 * t)"
    with tiny(tmp_path, SURFACE.format(formula=formula)) as subject:
        found = assert_fails(
            run_check("PRC004", subject), key="no butterfly arbitrage beyond the grid"
        )
    assert "log-moneyness" in found.message


#: Raw parameters (a, b, rho, m, sigma) of the two repairs of that example in the same section.
REPAIRED = (
    (0.00774089, 0.06924203, -0.33403651, 0.04203380, 0.11860801),
    (-0.03051991, 0.10271678, 0.10071761, 0.27234419, 0.41239815),
)


@pytest.mark.passes("PRC004")
@pytest.mark.parametrize("raw", REPAIRED)
def test_the_repaired_smile_is_sound(tmp_path, raw):
    a, b, rho, m, sigma = raw
    formula = f"({a} + {b} * ({rho} * (k - {m}) + np.sqrt((k - {m}) ** 2 + {sigma}**2)))"
    with tiny(tmp_path, SURFACE.format(formula=f"{formula} * (1 + 1e-6 * t)")) as subject:
        assert_passes(run_check("PRC004", subject))


def test_a_map_of_200_by_50_points_takes_no_second():
    k, t = np.linspace(-3, 3, 200), np.linspace(0.01, 10, 50)
    w = 0.04 * t[:, None] * (1 + k**2)
    started = time.process_time()
    g = durrleman(k, w, np.gradient(w, k, axis=1), 0.08 * t[:, None] + 0 * k)
    falls = np.diff(w, axis=0) < 0
    assert time.process_time() - started < 1
    assert g.shape == w.shape
    assert not falls.any()


@pytest.mark.fails("PRC004")
def test_an_interpolation_that_sags_between_two_maturities(tmp_path):
    sag = "0.04 * t * (1 - 0.6 * np.exp(-((t - 0.72) / 0.03) ** 2))"
    with tiny(tmp_path, SURFACE.format(formula=sag)) as subject:
        assert_fails(run_check("PRC004", subject), key="no calendar arbitrage between maturities")


@pytest.mark.parametrize("node", [50, 72, 118, None])
def test_one_of_120_maturities_that_lies_too_low(tmp_path, node):
    low = f"w[{node}] *= 0.97" if node else ""
    text = SURFACE.format(formula="np.interp(t, nodes, w) * (1 + 0.02 * k**2)")
    text = text.replace(
        "    return",
        f"    nodes = np.arange(1, 121) / 60\n    w = 0.04 * nodes\n    {low}\n    return",
    )
    with tiny(tmp_path, text) as subject:
        result = run_check("PRC004", subject)
    told = {f.key for f in result.findings if "calendar" in f.key and "beyond" not in f.key}
    assert ("no calendar arbitrage between maturities" in told) is (node is not None)


@pytest.mark.fails("PRC004")
def test_an_extrapolation_that_falls_beyond_the_last_maturity(tmp_path):
    falling = "0.04 * np.where(t > 2.0, np.maximum(4.0 - t, 0.5), t)"
    with tiny(tmp_path, SURFACE.format(formula=falling)) as subject:
        found = assert_fails(
            run_check("PRC004", subject), key="no calendar arbitrage beyond the last maturity"
        )
    assert found.message.startswith("beyond the last maturity, total variance falls at")


@pytest.mark.passes("PRC004")
def test_an_extrapolation_that_is_declined(tmp_path):
    with tiny(tmp_path, SURFACE.format(formula="np.where(t > 2.0, np.nan, 0.04 * t)")) as subject:
        assert_passes(run_check("PRC004", subject))
