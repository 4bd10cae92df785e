"""Orders with declared fields, over more than two paths."""

import re
from pathlib import Path

import pytest

from audit_lib.errors import ParameterError
from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/orders.md").read_text()
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
(DECLARED,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
FEATURES = """
@surface("features.build")
def build(at, panel):
    return each(panel, drift=lambda b: returns(b).rolling(5).mean())

@surface("predictor.required")
def required(at):
    return ["drift"]
"""
SOUND = FEATURES + EXAMPLE.replace("rounding=1", "rounding=0")


@pytest.mark.fails("INT001")
def test_the_example_of_the_guide_names_the_path_and_the_field(tmp_path):
    with tiny(tmp_path, FEATURES + EXAMPLE, parameters=DECLARED) as subject:
        result = run_check("INT001", subject)
        assert {(f.variant, f.key) for f in result.findings} == {("paper", "strike")}
        found = assert_fails(result, key="strike")
        assert found.location.symbol == "decisions.live[paper]"
        tried = {r.hook: r.state for r in try_hooks(subject)}
        assert tried["decisions.live[paper]"] == "good"


@pytest.mark.passes("INT001", "INT002")
def test_paths_that_agree_in_every_field(tmp_path):
    with tiny(tmp_path, SOUND, parameters=DECLARED) as subject:
        assert_passes(run_check("INT001", subject))
        assert_passes(run_check("INT002", subject))


def test_a_gate_is_a_name(tmp_path):
    for gate, state in [("0.0", "wrong"), ("np.nan", "good"), ("'drawdown'", "good")]:
        text = (FEATURES + SOUND).replace('"gate": "",', f'"gate": {gate},')
        with tiny(tmp_path / gate.strip("'"), text, parameters=DECLARED) as subject:
            (tried,) = (r for r in try_hooks(subject) if r.hook == "decisions.backtest")
        assert tried.state == state
        assert any("gate must be the name" in c for c in tried.complaints) == (state == "wrong")


def test_a_field_that_is_not_declared_is_not_compared(tmp_path):
    with tiny(tmp_path, FEATURES + EXAMPLE) as subject:
        assert_passes(run_check("INT001", subject))


def test_numbers_within_their_tolerance_agree(tmp_path):
    near = DECLARED.replace("tolerance: 1.0e-6", "tolerance: 0.01")
    with tiny(tmp_path, FEATURES + EXAMPLE, parameters=near) as subject:
        assert_passes(run_check("INT001", subject))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("(100 * (1 +", "(-100 * (1 +", "a strike below 0"),
        ('"call", "put"', '"call", "strangle"', "a spread that is none of call, put, condor"),
        ('"expiry": "third friday"', '"expiry": ""', "no expiry"),
    ],
)
@pytest.mark.fails("INT002")
def test_a_field_that_no_order_may_hold(tmp_path, before, after, said):
    with tiny(tmp_path, SOUND.replace(before, after), parameters=DECLARED) as subject:
        result = run_check("INT002", subject)
    assert result.outcome is Outcome.FAIL
    assert all(said in f.message for f in result.findings)


def test_rows_without_a_side_hold_no_fields(tmp_path):
    idle = (
        (FEATURES + EXAMPLE)
        .replace("fillna(0)", 'where(features["drift"].abs() > 0.002, 0)')
        .replace(".round(rounding)", ".round(0)")
        .replace('"expiry": "third friday"', '"expiry": np.where(side != 0, "x", str(rounding))')
    )
    assert "str(rounding)" in idle
    with tiny(tmp_path, idle, parameters=DECLARED) as subject:
        assert_passes(run_check("INT001", subject))


def test_what_every_order_has_is_not_declared(tmp_path):
    refused = pytest.raises(ParameterError, match="every order has a field 'side'")
    with refused, tiny(tmp_path, "", parameters="orders: {side: {}}"):
        pass
