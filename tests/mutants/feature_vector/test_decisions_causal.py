import pytest

from audit_lib.checks.feature_vector.decisions_causal import DecisionsReadNoFuture
from audit_lib.engine import run_check as ask
from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

HOOKS = """
@surface("features")
def build(at, panel):
    return each(
        panel,
        momentum=lambda b: b["close"].pct_change(10, fill_method=None),
        spread=lambda b: returns(b).rolling(20).std(),
    )

@surface("predictor")
def required(at):
    return ["momentum", "spread"]

@surface("decisions")
def backtest(at, features):
    side = np.sign(features["momentum"]) * (features["momentum"].abs() > LEVEL(features))
    size = 0.01 / features["spread"]
    return pd.DataFrame({"side": side, "size": size, "gate": np.where(side == 0, "weak", "")},
                        index=features.index)

def LEVEL(features):
    return 0.03

@surface("decisions")
def live(at, features):
    return backtest(at, features)
"""


@pytest.mark.passes("FEA106")
def test_orders_that_follow_from_earlier_bars(tmp_path):
    with tiny(tmp_path, HOOKS) as subject:
        assert_passes(run_check("FEA106", subject))


@pytest.mark.fails("FEA106")
def test_a_threshold_taken_from_the_whole_sample(tmp_path):
    hooks = HOOKS.replace("    return 0.03", '    return features["momentum"].abs().median()')
    with tiny(tmp_path, hooks) as subject:
        result = run_check("FEA106", subject)
    keys = {f.key for f in result.findings}
    assert keys == {f"decisions.{p} {c}" for p in ("backtest", "live") for c in ("side", "gate")}
    found = assert_fails(result, key="decisions.live side", hook="decisions.live")
    assert int(found.measured.split()[1]) > 50


@pytest.mark.fails("FEA106")
def test_a_signal_of_the_next_bar(tmp_path):
    hooks = HOOKS.replace(
        '    size = 0.01 / features["spread"]',
        '    later = features["momentum"].groupby(level=0).shift(-1)\n'
        "    side = side.where(later * side >= 0, 0.0)\n"
        '    size = 0.01 / features["spread"]',
    )
    with tiny(tmp_path, hooks) as subject:
        result = run_check("FEA106", subject)
    found = assert_fails(result, key="decisions.backtest side")
    reach = int(found.measured.split()[1])
    assert 1 <= reach < 40  # the next complete row: one bar, or a gap and the warm-up after it
    assert "whole sample" not in found.message


def test_rules_that_raise_are_not_assessed(tmp_path):
    hooks = HOOKS.replace("    return 0.03", '    raise ValueError("no level")')
    with tiny(tmp_path, hooks) as subject:
        result = run_check("FEA106", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "no level" in result.reason


def test_orders_that_rank_the_assets_of_a_date(tmp_path):
    hooks = HOOKS.replace(
        'np.sign(features["momentum"])',
        '(features["momentum"].groupby(level=1).rank(pct=True) > 0.5).astype(int)',
    )
    with tiny(tmp_path, hooks) as subject:
        result = run_check("FEA106", subject)
    assert_passes(result)
    assert "24 builds" in result.evidence[0].note


@pytest.mark.passes("FEA106")
def test_the_reference_engine(reference):
    result = run_check("FEA106", reference)
    assert_passes(result)
    assert "3 builds" in result.evidence[0].note


@pytest.mark.fails("FEA106")
def test_a_backtest_that_standardises_its_predictions_over_the_test(engine):
    edit_source(
        engine,
        "backtest.py",
        "return interpret(predictor, predictor.predict(features), drawdown)",
        "found = predictor.predict(features)\n"
        '    found["volatility"] *= found["volatility"].median() / 0.2\n'
        "    return interpret(predictor, found, drawdown)",
    )
    with mutant(engine) as subject:
        result = ask(DecisionsReadNoFuture(assets=2, bars=100), subject)
    found = assert_fails(result, key="decisions.backtest size")
    assert int(found.measured.split()[1]) > 80
    assert not any("live" in f.key for f in result.findings)
