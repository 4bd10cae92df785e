"""Terms that a pricer does not have are left out of the questions."""

import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.selection import check_parameters
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

NO_DIVIDEND = """
import math

def cumulative(z):
    return np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in z])

@surface("pricing")
def price(at, terms):
    spot, strike, t, rate, vol, kind = (
        terms[c].to_numpy() for c in ("spot", "strike", "maturity", "rate", "volatility", "kind")
    )
    spread = np.maximum(vol * np.sqrt(t), 1e-12)
    d = np.log(spot / strike) / spread + rate * t / spread + spread / 2
    present = strike * np.exp(-rate * t)
    return kind * (spot * cumulative(kind * d) - present * cumulative(kind * (d - spread)))
"""
LACKS = "absent: {pricing.dividend: it prices futures options on spot}"


@pytest.mark.parametrize(
    "code",
    [pytest.param(code, marks=pytest.mark.passes(code)) for code in ("PRC001", "PRC002")],
)
def test_a_pricer_without_dividends(tmp_path, code):
    with tiny(tmp_path / "asked", NO_DIVIDEND) as subject:
        assert run_check(code, subject).outcome is Outcome.FAIL
        (tried,) = (r for r in try_hooks(subject) if r.hook == "pricing.price")
        assert "the dividend moves no price" in tried.complaints[0]
    with tiny(tmp_path / "absent", NO_DIVIDEND, parameters=LACKS) as subject:
        check_parameters(subject)
        assert_passes(run_check(code, subject))
        assert {r.state for r in try_hooks(subject) if r.hook == "pricing.price"} == {"good"}


@pytest.mark.fails("PRC002")
def test_what_is_left_is_still_judged(tmp_path):
    wrong = NO_DIVIDEND.replace("strike * np.exp(-rate * t)", "strike")
    with tiny(tmp_path, wrong, parameters=LACKS) as subject:
        assert run_check("PRC002", subject).outcome is Outcome.FAIL


@pytest.mark.fails("PRC002")
def test_a_bump_at_the_money_breaks_convexity_alone(tmp_path):
    """Calls and puts alike, and at every scale: parity, order and scale still hold."""
    bump = "+ 0.002 * spot * (np.abs(strike / spot - 1) < 0.03)"
    text = NO_DIVIDEND.replace("(kind * (d - spread)))", f"(kind * (d - spread))) {bump}")
    with tiny(tmp_path, text, parameters=LACKS) as subject:
        result = run_check("PRC002", subject)
    assert {f.key for f in result.findings} == {"convex in the strike"}
    found = assert_fails(result, key="convex in the strike")
    assert 0.0005 < float(found.measured) < 0.002
