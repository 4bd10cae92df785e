"""GOV008: gates and what they cannot read."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

METRICS = """
import math

@surface("governance")
def metrics(at):
    return {"sharpe": "higher", "drawdown": "lower", "trades": "higher", "notes": "higher"}

@surface("governance")
def admits(at, metrics):
    reasons = []
    %s
    return {"admitted": not reasons, "reasons": reasons}
"""
CLOSED = """
    for name, least in (("sharpe", 0.5), ("trades", 30)):
        if not metrics.get(name, -math.inf) >= least:
            reasons.append(f"{name} below {least}")
    if not metrics.get("drawdown", math.inf) <= 0.2:
        reasons.append("drawdown above 0.2")
"""
OPEN = """
    if metrics.get("sharpe", 0.0) < 0.5:
        reasons.append("sharpe below 0.5")
    if metrics.get("trades", 0) < 30:
        reasons.append("too few trades")
    if metrics.get("drawdown", 0.0) > 0.2:
        reasons.append("drawdown above 0.2")
"""
REFUSING = (
    CLOSED
    + """
    if set(metrics) < {"sharpe", "drawdown", "trades"}:
        raise Refusal("a metric is not recorded")
"""
)


@pytest.mark.passes("GOV008")
@pytest.mark.parametrize("gate", [CLOSED, REFUSING])
def test_gates_that_ask_for_what_must_hold(tmp_path, gate):
    with tiny(tmp_path, METRICS % gate.strip()) as subject:
        result = run_check("GOV008", subject)
    assert_passes(result)
    assert result.examined[0].count == 6  # notes are nobody's gate


@pytest.mark.fails("GOV008")
def test_gates_that_ask_for_what_must_not(tmp_path):
    with tiny(tmp_path, METRICS % OPEN.strip()) as subject:
        result = run_check("GOV008", subject)
    found = assert_fails(result, cause="a metric that is NaN", severity=Severity.HIGH)
    assert found.message.startswith("a version whose sharpe is NaN is admitted")
    assert found.message.endswith("(and 2 more of the same cause: drawdown NaN, trades NaN)")
    missing = assert_fails(result, cause="a metric that is missing")
    assert missing.key == "drawdown missing"


def test_a_gate_that_refuses_no_value_holds_nothing_to_slip_by(reference):
    result = run_check("GOV008", reference)
    assert (result.outcome, result.findings) == (Outcome.NOT_APPLICABLE, ())
    assert result.reason.startswith("the gate refuses no value of any metric")


def test_a_gate_that_admits_nothing_is_not_assessed(tmp_path):
    with tiny(tmp_path, METRICS % 'reasons.append("closed")') as subject:
        result = run_check("GOV008", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.reason.startswith("no metrics were found that the gate admits")
    assert "and it says: " in result.reason
