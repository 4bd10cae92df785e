import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

RULE = "return gains[RANKING] >= MARGIN and all(value >= 0 for value in gains.values())"

METRICS = """
@surface("governance")
def metrics(at):
    return {"sharpe": "higher", "drawdown": "lower"}
"""


@pytest.mark.passes("GOV001", "GOV002", "GOV003", "GOV004")
def test_the_reference_engine_governs_well(reference):
    for code in ("GOV001", "GOV002", "GOV003", "GOV004"):
        assert_passes(run_check(code, reference))


@pytest.mark.passes("GOV001", "GOV002", "GOV003", "GOV004")
def test_a_score_that_orders_all_models_passes(tmp_path):
    text = (
        METRICS
        + """
import math

def score(m):
    return m["sharpe"] - m["drawdown"]

@surface("governance")
def promote(at, champion, challenger):
    if not all(math.isfinite(challenger.get(k, math.nan)) for k in ("sharpe", "drawdown")):
        raise Refusal("a metric is missing or not finite")
    return champion is None or score(challenger) > score(champion) + 1e-9
"""
    )
    with tiny(tmp_path, text) as subject:
        for code in ("GOV001", "GOV002", "GOV003", "GOV004"):
            assert_passes(run_check(code, subject))


@pytest.mark.fails("GOV001")
def test_a_margin_relative_to_a_score_that_may_be_negative(engine):
    edit_source(
        engine, "governance.py", RULE, "return challenger[RANKING] >= 1.05 * champion[RANKING]"
    )
    with mutant(engine) as subject:
        found = assert_fails(run_check("GOV001", subject), key="equal", hook="governance.promote")
    assert found.expected == "0 promoted"
    assert "rank_correlation -" in found.message


GATED = """
def score(m):
    return m["sharpe"] - m["drawdown"] - 1

@surface("governance")
def promote(at, champion, challenger):
    good = 0.5 <= challenger["sharpe"] < 1 and 0 <= challenger["drawdown"] < 0.2
    return good and (champion is None or score(challenger) > MARGIN)
"""
KEPT = {"metrics": {"test": {"sharpe": 0.7, "drawdown": 0.05, "rows": 900}}}


@pytest.mark.fails("GOV001")
def test_equal_metrics_that_a_gate_admits_stand_in_the_metadata(tmp_path):
    gated = GATED.replace("MARGIN", "1.005 * score(champion)")
    with tiny(tmp_path, METRICS + gated, meta=KEPT) as subject:
        found = assert_fails(run_check("GOV001", subject))
    assert found.message.endswith("first at sharpe 0.7, drawdown 0.05")


@pytest.mark.passes("GOV001")
def test_a_margin_in_points_passes_there(tmp_path):
    gated = GATED.replace("MARGIN", "0.005 + score(champion)")
    with tiny(tmp_path, METRICS + gated, meta=KEPT) as subject:
        assert_passes(run_check("GOV001", subject))


@pytest.mark.fails("GOV001")
def test_a_tie_goes_to_the_challenger(engine):
    edit_source(engine, "governance.py", "gains[RANKING] >= MARGIN", "gains[RANKING] >= 0")
    with mutant(engine) as subject:
        result = run_check("GOV001", subject)
    found = assert_fails(result, key="equal", severity=Severity.HIGH)
    asked = sum(e.count for e in result.examined)
    assert found.measured == f"{asked} promoted"


@pytest.mark.fails("GOV002")
def test_a_metric_read_in_the_wrong_direction(engine):
    edit_source(
        engine,
        "governance.py",
        'return after - before if METRICS[metric] == "higher" else before - after',
        "return after - before",
    )
    with mutant(engine) as subject:
        result = run_check("GOV002", subject)
    with mutant(engine) as subject:
        lower = [
            name for name, way in subject.hook("governance.metrics")().items() if way == "lower"
        ]
    assert [f.key for f in result.findings] == lower
    found = assert_fails(result, key=lower[0], severity=Severity.HIGH)
    assert "lower is better" in found.message


@pytest.mark.fails("GOV002")
def test_a_rule_that_promotes_nobody(engine):
    edit_source(engine, "governance.py", RULE, "return False")
    with mutant(engine) as subject:
        found = assert_fails(run_check("GOV002", subject), key="never")
    assert found.severity is Severity.MEDIUM


@pytest.mark.fails("GOV003")
def test_any_metric_that_is_better_is_enough(engine):
    edit_source(engine, "governance.py", RULE, "return any(v > MARGIN for v in gains.values())")
    with mutant(engine) as subject:
        result = run_check("GOV003", subject)
        assert run_check("GOV001", subject).outcome is Outcome.PASS
    found = assert_fails(result, key="mutual")
    assert found.severity is Severity.MEDIUM
    assert len(result.evidence[0].rows) > 0


@pytest.mark.fails("GOV004")
def test_nan_is_never_worse(engine):
    edit_source(
        engine,
        "governance.py",
        "if not all(math.isfinite(challenger[name]) for name in METRICS):",
        "if False:",
    )
    edit_source(
        engine, "governance.py", RULE, "return not any(value < 0 for value in gains.values())"
    )
    with mutant(engine) as subject:
        result = run_check("GOV004", subject)
    keys = {f.key for f in result.findings if f.severity is Severity.HIGH}
    assert {"a metric that is NaN", "every metric NaN (empty chair)"} <= keys
    cases = {row[0] for e in result.evidence if e.name.startswith("alike") for row in e.rows}
    assert {"auc NaN", "rank_correlation NaN"} <= cases
    assert not any("missing" in key for key in keys)


@pytest.mark.fails("GOV004")
def test_a_missing_metric_that_crashes_is_told_from_a_refusal(tmp_path):
    text = (
        METRICS
        + """
@surface("governance")
def promote(at, champion, challenger):
    if champion is None:
        return challenger["sharpe"] > 0
    worse = challenger["drawdown"] > champion["drawdown"]
    return challenger["sharpe"] > champion["sharpe"] and not worse
"""
    )
    with tiny(tmp_path, text) as subject:
        result = run_check("GOV004", subject)
    found = assert_fails(result, key="sharpe missing")
    assert found.severity is Severity.LOW
    assert "KeyError" in found.message


def test_a_hook_that_fails_leaves_gaps_and_no_pass(tmp_path):
    text = (
        METRICS
        + """
@surface("governance")
def promote(at, champion, challenger):
    raise RuntimeError("no database")
"""
    )
    with tiny(tmp_path, text) as subject:
        for code in ("GOV001", "GOV002", "GOV003"):
            result = run_check(code, subject)
            assert result.outcome is Outcome.NOT_ASSESSED
            assert "no database" in result.reason


def test_a_rule_that_promotes_nobody_says_nothing_of_pairs(tmp_path):
    never = """
@surface("governance")
def promote(at, champion, challenger):
    return False
"""
    with tiny(tmp_path, METRICS + never) as subject:
        result = run_check("GOV003", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert [gap.what for gap in result.gaps] == ["promotions"]
