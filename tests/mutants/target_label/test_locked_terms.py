import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

LABELS = """
@surface("targets")
def build(at, panel):
    return each(panel, week={label})

@surface("targets")
def preconditions(at):
    return {terms}
"""
NEXT_CLOSE = 'lambda b: b["close"].shift(-6) / b["close"].shift(-1) - 1'
AT_ONCE = 'lambda b: b["close"].shift(-10) / b["close"] - 1'
LOCKED = {"holding": 5, "entry": 1, "price": "close", "kind": "simple_return"}


def labels(label=NEXT_CLOSE, **terms):
    return LABELS.format(label=label, terms={**LOCKED, **terms})


@pytest.mark.passes("TGT007")
def test_labels_under_the_locked_terms_pass(tmp_path):
    with tiny(tmp_path, labels()) as subject:
        result = run_check("TGT007", subject)
    assert held(result, "distance from the return", 1e-6).measured < 1e-9
    assert result.examined[0].count == 4


@pytest.mark.fails("TGT007")
def test_another_horizon_entered_at_once(tmp_path):
    with tiny(tmp_path, labels(AT_ONCE)) as subject:
        result = run_check("TGT007", subject)
    (found,) = result.findings
    assert found.anchor.symbol == "targets.build"
    assert found.cause == "labels on other terms than the preconditions lock"
    table = next(e for e in result.evidence if e.name.startswith("alike"))
    cases = {row[0]: row[3:] for row in table.rows}
    assert cases == {"week holding": ("10", "5"), "week entry": ("0", "1")}


@pytest.mark.fails("TGT007")
def test_a_log_return_that_is_a_simple_one(tmp_path):
    with tiny(tmp_path, labels(kind="log_return")) as subject:
        found = assert_fails(run_check("TGT007", subject), key="week kind")
    assert found.measured == "simple_return"


def test_terms_that_are_not_locked_are_not_judged(tmp_path):
    text = LABELS.format(label=AT_ONCE, terms={"kind": "simple_return"})
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("TGT007", subject))


def test_preconditions_that_fix_nothing_are_not_assessed(tmp_path):
    with tiny(tmp_path, LABELS.format(label=AT_ONCE, terms={})) as subject:
        assert run_check("TGT007", subject).outcome is Outcome.NOT_ASSESSED


@pytest.mark.passes("TGT007")
def test_the_reference_engine_keeps_its_terms(reference):
    result = run_check("TGT007", reference)
    assert_passes(result)
    assert {row[0] for row in result.evidence[0].rows} == {"return", "direction", "volatility"}
