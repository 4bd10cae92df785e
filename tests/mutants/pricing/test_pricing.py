import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

SURFACE = """
@surface("pricing")
def total_variance(at, points):
    k, t = points["log_moneyness"].to_numpy(), points["maturity"].to_numpy()
    return {formula}
"""


@pytest.mark.passes("PRC001", "PRC002", "PRC003", "PRC004")
def test_the_reference_engine_prices_without_arbitrage(reference):
    for code in ("PRC001", "PRC003", "PRC004"):
        assert_passes(run_check(code, reference))
    assert 0 < held(run_check("PRC002", reference), "Largest break", 1e-8).measured < 1e-12


@pytest.mark.passes("PRC004")
@pytest.mark.parametrize(
    "formula", ["0.04 * t", "t * (0.02 + 0.05 * (-0.3 * k + np.sqrt(k**2 + 0.09)))"]
)
def test_flat_and_smiling_surfaces_pass(tmp_path, formula):
    with tiny(tmp_path, SURFACE.format(formula=formula)) as subject:
        assert_passes(run_check("PRC004", subject))


@pytest.mark.fails("PRC001")
def test_expiry_day_is_nan(engine):
    edit_source(
        engine,
        "pricing.py",
        "return np.where(deviation > 0, np.maximum(value, intrinsic), intrinsic)",
        "return value",
    )
    with mutant(engine) as subject:
        result = run_check("PRC001", subject)
    found = assert_fails(result, key="zero maturity")
    assert "nan" in found.measured
    assert found.anchor.symbol == "pricing.price"


@pytest.mark.fails("PRC001")
def test_the_strike_is_not_discounted_at_expiry(engine):
    edit_source(engine, "pricing.py", "np.exp(-rate * maturity), kind", "np.exp(-rate), kind")
    with mutant(engine) as subject:
        result = run_check("PRC001", subject)
        assert_fails(run_check("PRC002", subject), key="put-call parity")
    found = assert_fails(result, cause="wrong nearly everywhere")
    assert found.key == found.cause
    table = next(e for e in result.evidence if e.name.startswith("alike"))
    assert {row[0] for row in table.rows} >= {"zero maturity", "zero volatility", "tiny volatility"}


@pytest.mark.fails("PRC002")
def test_the_dividend_has_the_wrong_sign(engine):
    edit_source(
        engine,
        "pricing.py",
        "forward = spot * np.exp((rate - dividend) * maturity)",
        "forward = spot * np.exp((rate + dividend) * maturity)",
    )
    with mutant(engine) as subject:
        result = run_check("PRC002", subject)
    found = assert_fails(result, key="put-call parity", severity=Severity.HIGH)
    assert "q 0.03" in found.message
    assert {f.key for f in result.findings} == {"put-call parity", "bounds"}


@pytest.mark.fails("PRC002")
def test_a_price_that_depends_on_its_neighbours(engine):
    edit_source(
        engine,
        "pricing.py",
        "    return value\n\n\ndef undiscounted",
        "    return value + 1e-6 * len(terms)\n\n\ndef undiscounted",
    )
    with mutant(engine) as subject:
        result = run_check("PRC002", subject)
    assert_fails(result, key="alone as in the batch")


@pytest.mark.fails("PRC003")
def test_the_search_stops_early(engine):
    edit_source(engine, "pricing.py", "for _ in range(80):", "for _ in range(8):")
    with mutant(engine) as subject:
        result = run_check("PRC003", subject)
    assert_fails(result, key="inversion")
    assert len(result.findings) == 1


@pytest.mark.fails("PRC003")
def test_an_impossible_price_gets_the_end_of_the_bracket(engine):
    edit_source(engine, "pricing.py", "return np.where(solvable, answer, np.nan)", "return answer")
    edit_source(
        engine,
        "pricing.py",
        "high = np.where(solvable, MAX_VOLATILITY * np.sqrt(maturity), 0.0)",
        "high = MAX_VOLATILITY * np.sqrt(maturity)",
    )
    with mutant(engine) as subject:
        result = run_check("PRC003", subject)
    found = assert_fails(result, key="a price above the upper bound")
    assert float(found.measured) == pytest.approx(10.0)


@pytest.mark.fails("PRC004")
@pytest.mark.parametrize(
    ("formula", "key"),
    [
        ("0.04 * t - 0.01", "positive variance"),
        ("0.04 * np.abs(1.2 - t) + 0.001", "no calendar arbitrage"),
        ("t * (0.01 + 1.4 * np.sqrt(k**2 + 1e-4))", "no butterfly arbitrage"),
        ("t * (0.4 + 1.5 * np.maximum(np.abs(k) - 1.0, 0.0))", "wings rise at most at slope 2"),
        ("t * (0.4 + 1.5 * np.maximum(k - 1.0, 0.0))", "wings rise at most at slope 2"),
        ("t * (0.4 + 1.5 * np.maximum(-k - 1.0, 0.0))", "wings rise at most at slope 2"),
    ],
)
def test_surfaces_with_arbitrage(tmp_path, formula, key):
    with tiny(tmp_path, SURFACE.format(formula=formula)) as subject:
        result = run_check("PRC004", subject)
    found = assert_fails(result, key=key)
    assert found.message.startswith(key)


@pytest.mark.passes("PRC004")
def test_wings_just_below_the_bound_pass_and_say_how_near_the_density_is(tmp_path):
    formula = "400 + 1.9 * np.sqrt(k**2 + 1) + 0.01 * t"
    with tiny(tmp_path, SURFACE.format(formula=formula)) as subject:
        result = run_check("PRC004", subject)
    assert_passes(result)
    (margin,) = result.margins
    assert (margin.allowed, margin.least) == (-1e-4, True)
    assert 0.9 < margin.measured < 2


@pytest.mark.fails("PRC004")
def test_wings_that_are_steep_where_variance_is_large(tmp_path):
    """Where 1/w is small, Durrleman's g is negative by its quarter alone."""
    formula = "1 + 1.99 * (np.sqrt(k**2 + 1) - 1) + 0.01 * t"
    with tiny(tmp_path, SURFACE.format(formula=formula)) as subject:
        result = run_check("PRC004", subject)
    assert {f.key for f in result.findings} == {"no butterfly arbitrage beyond the grid"}
    found = assert_fails(result, severity=Severity.MEDIUM)
    assert float(found.measured) == pytest.approx(-0.146, abs=0.01)


@pytest.mark.fails("PRC004")
def test_slices_in_the_wrong_order(engine):
    edit_source(
        engine,
        "svi.py",
        "*(s.total_variance(k) for s in self.slices)]",
        "*(s.total_variance(k) for s in self.slices[::-1])]",
    )
    with mutant(engine) as subject:
        found = assert_fails(run_check("PRC004", subject), key="positive variance")
    assert "maturity 2" in found.message


def test_a_pricer_that_declines_everything_is_not_assessed(tmp_path):
    text = """
@surface("pricing")
def price(at, terms):
    raise Refusal("markets are closed")
"""
    with tiny(tmp_path, text) as subject:
        for code in ("PRC001", "PRC002"):
            assert run_check(code, subject).outcome is Outcome.NOT_ASSESSED
