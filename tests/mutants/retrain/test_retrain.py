import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

HEAD = """
@surface("retrain")
def decide(at, state):
    reasons = []
    if state["days_since_training"] > 90:
        reasons.append("old")
    if state["psi"] > 0.25:
        reasons.append("drift")
"""
TAIL = """
    return {"retrain": bool(reasons), "reasons": reasons}
"""


@pytest.mark.passes("RET001", "RET002", "RET003")
def test_the_reference_engine_retrains_in_time(reference):
    for code in ("RET001", "RET002", "RET003"):
        assert_passes(run_check(code, reference))


@pytest.mark.passes("RET001", "RET002")
def test_a_difference_of_scores_passes(tmp_path):
    rule = """    if state["live_score"] < state["training_score"] - 0.02:
        reasons.append("decay")"""
    with tiny(tmp_path, HEAD + rule + TAIL) as subject:
        assert_passes(run_check("RET001", subject))
        result = run_check("RET002", subject)
    assert_passes(result)
    unused = next(f for f in result.findings if f.key == "unused")
    assert unused.severity is Severity.INFO
    assert "errors shift up" in unused.message


@pytest.mark.fails("RET002")
def test_a_ratio_of_scores_that_may_be_negative(tmp_path):
    rule = """    trained = state["training_score"]
    if trained and state["live_score"] / trained < 0.5:
        reasons.append("decay")"""
    with tiny(tmp_path, HEAD + rule + TAIL) as subject:
        monotone, extremes = (run_check(c, subject) for c in ("RET001", "RET002"))
    assert_fails(monotone, key="better live score")  # of -0.05 and below, 0 and above fire
    found = assert_fails(extremes, key="live score")
    assert found.measured == "wrong for training scores 0, -0.05, -1"


@pytest.mark.passes("RET002")
@pytest.mark.parametrize("watched", ["training_score", "live_score"])
def test_a_score_that_must_reach_a_floor(tmp_path, watched):
    rule = f"""    if state["{watched}"] < 0.015:
        reasons.append("poor")"""
    with tiny(tmp_path, HEAD + rule + TAIL) as subject:
        result = run_check("RET002", subject)
    assert {f.key for f in result.findings} == {"unused"}


@pytest.mark.fails("RET002")
@pytest.mark.parametrize(
    ("limit", "other", "key"),
    [
        ('"psi"] > 0.25', '"psi"] > 25', "PSI out of reach"),
        ('"days_since_training"] > 90', '"days_since_training"] > 90 * 86_400', "age out of reach"),
    ],
)
def test_a_threshold_in_another_unit(tmp_path, limit, other, key):
    with tiny(tmp_path, HEAD.replace(limit, other) + TAIL) as subject:
        found = assert_fails(run_check("RET002", subject), key=key)
    assert "does not trigger, and" in found.message


@pytest.mark.fails("RET002")
def test_a_ratio_that_blames_healthy_models_of_negative_score(tmp_path):
    rule = """    if state["live_score"] < 0.8 * state["training_score"]:
        reasons.append("decay")"""
    with tiny(tmp_path, HEAD + rule + TAIL) as subject:
        found = assert_fails(run_check("RET002", subject), key="healthy")
    assert found.measured == "wrong for training scores -0.05, -1"


@pytest.mark.fails("RET001")
def test_a_decay_beyond_reason_is_taken_for_an_error_of_data(engine):
    edit_source(engine, "retrain.py", "if loss > max(MAX_DECAY", "if 0.5 > loss > max(MAX_DECAY")
    with mutant(engine) as subject:
        found = assert_fails(run_check("RET001", subject), key="live score")
    assert found.anchor.symbol == "retrain.decide"
    assert "takes the trigger back" in found.message


@pytest.mark.fails("RET002")
def test_a_disaster_is_taken_for_a_broken_feed(tmp_path):
    """Each alarm alone is believed, several at once are not."""
    rule = """    if state["live_score"] < state["training_score"] - 0.02:
        reasons.append("decay")
    reasons = reasons if len(reasons) == 1 else []"""
    with tiny(tmp_path, HEAD + rule + TAIL) as subject:
        result = run_check("RET002", subject)
    found = assert_fails(result, key="disastrous")
    assert found.message == (
        "a disastrous model does not trigger (training score 1, 0.05, 0, -0.05, -1)"
    )
    assert {f.key for f in result.findings} == {"disastrous", "unused"}


SCORED = """
@surface("retrain")
def decide(at, state):
    apart = state["live_score"] - state["training_score"]
    old = state["days_since_training"] > 100
    return {"retrain": bool(old or RULE), "reasons": []}
"""


@pytest.mark.fails("RET001")
@pytest.mark.parametrize("rule", ["apart > 0.04", "apart > 0.5", "-0.3 > -apart"])
def test_a_score_that_is_compared_the_wrong_way_round(tmp_path, rule):
    with tiny(tmp_path, SCORED.replace("RULE", rule)) as subject:
        found = assert_fails(run_check("RET001", subject), key="better live score")
    assert "above that of training" in found.message


@pytest.mark.passes("RET001")
@pytest.mark.parametrize("rule", ["apart < -0.04", "abs(apart) > 0.04", "False"])
def test_scores_that_are_watched_below_on_both_sides_or_not(tmp_path, rule):
    with tiny(tmp_path, SCORED.replace("RULE", rule)) as subject:
        assert_passes(run_check("RET001", subject))


SHIFT = """
@surface("retrain")
def decide(at, state):
    errors = np.asarray(state["errors"])
    half = len(errors) // 2
    shift = errors[half:].mean() - errors[:half].mean()
    fires = bool({rule})
    return {{"retrain": fires, "reasons": ["shift"] * fires}}
"""


@pytest.mark.fails("RET001")
@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("-0.08 < shift < -0.008", "errors shift down"),
        ("0.008 < shift < 0.08", "errors shift up"),
    ],
)
def test_a_shift_beyond_reason_is_taken_for_an_error_of_data(tmp_path, rule, key):
    with tiny(tmp_path, SHIFT.format(rule=rule)) as subject:
        assert_fails(run_check("RET001", subject), key=key)


@pytest.mark.passes("RET002")
@pytest.mark.parametrize(
    ("rule", "watched", "other"),
    [("shift < -0.01", "down", "up"), ("shift > 0.01 or state['psi'] > 1", "up", "down")],
)
def test_errors_may_be_watched_on_one_side(tmp_path, rule, watched, other):
    with tiny(tmp_path, SHIFT.format(rule=rule)) as subject:
        result = run_check("RET002", subject)
    (unused,) = result.findings
    assert f"errors shift {other}" in unused.message
    assert f"errors shift {watched}" not in unused.message


@pytest.mark.passes("RET002")
def test_triggers_that_must_all_fire(engine):
    edit_source(
        engine,
        "retrain.py",
        "    return reasons\n",
        "    return reasons if len(reasons) > 1 else []\n",
    )
    with mutant(engine) as subject:
        result = run_check("RET002", subject)
    assert result.outcome is Outcome.PASS  # the disaster has every reason; single ones are unused
    unused = next(f for f in result.findings if f.key == "unused")
    assert "age" in unused.message
    assert "live score" in unused.message


@pytest.mark.fails("RET002")
def test_a_trigger_that_always_fires(engine):
    edit_source(engine, "retrain.py", "> MAX_AGE_DAYS:", "> -1:")
    with mutant(engine) as subject:
        found = assert_fails(run_check("RET002", subject), key="healthy")
    assert found.message.startswith("a healthy model triggers")


@pytest.mark.fails("RET002")
def test_a_trigger_without_a_reason(tmp_path):
    rule = '    return {"retrain": bool(reasons), "reasons": []}\n'
    with tiny(tmp_path, HEAD + rule) as subject:
        found = assert_fails(run_check("RET002", subject), key="reasons")
    assert found.severity is Severity.LOW


@pytest.mark.fails("RET003")
def test_nan_is_not_above_the_limit(engine):
    edit_source(
        engine,
        "retrain.py",
        "if value is not None and not np.isfinite(",
        "if False and not np.isfinite(",
    )
    with mutant(engine) as subject:
        result = run_check("RET003", subject)
    silent = {f.key for f in result.findings if "answered as healthy" in f.message}
    assert {"psi NaN", "live_score NaN", "days_since_training NaN"} <= silent


@pytest.mark.fails("RET003")
def test_keys_that_are_not_watched_may_be_nan(tmp_path):
    with tiny(tmp_path, HEAD + TAIL) as subject:
        result = run_check("RET003", subject)
    assert {f.key for f in result.findings} == {"psi NaN", "days_since_training NaN"}
    assert_fails(result, key="psi NaN")


@pytest.mark.passes("RET003")
@pytest.mark.parametrize("how", ["floor", "raise"])
def test_a_key_that_the_trigger_never_reads_is_not_asked_for(tmp_path, how):
    rule = """    if not np.isfinite(state["live_score"]) or state["live_score"] < 0.015:
        reasons.append("poor, or unknown")
    if not np.isfinite([state["psi"], state["days_since_training"]]).all():
        reasons.append("unknown")"""
    if how == "raise":
        rule = rule.replace('reasons.append("unknown")', 'raise ValueError("unknown")')
    with tiny(tmp_path, HEAD + rule + TAIL) as subject:
        result = run_check("RET003", subject)
    assert_passes(result)
    assert not any("training_score" in str(row[0]) for row in result.evidence[0].rows)


@pytest.mark.fails("RET003")
def test_a_training_score_that_is_compared_must_be_known(tmp_path):
    rule = """    if not np.isfinite(state["live_score"]) or (
        state["live_score"] < state["training_score"] - 0.02
    ):
        reasons.append("decay")"""
    with tiny(tmp_path, HEAD + rule + TAIL) as subject:
        assert_fails(run_check("RET003", subject), key="training_score NaN")


@pytest.mark.fails("RET001")
@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (
            'state["psi"] > 0.25 and state["live_score"] > 0.5 * state["training_score"]',
            "live score",
        ),
        ('np.std(state["errors"]) > 0.015 and state["psi"] < 0.4', "PSI"),
        ('state["live_score"] < 0 and state["days_since_training"] < 300', "age"),
        ('state["n_samples"] < 50 and 0.05 < state["psi"] < 0.25', "PSI"),
    ],
)
def test_an_alarm_that_another_takes_back(tmp_path, rule, key):
    text = f"""
@surface("retrain")
def decide(at, state):
    fires = bool({rule})
    return {{"retrain": fires, "reasons": ["worse"] * fires}}
"""
    with tiny(tmp_path, text) as subject:
        assert_fails(run_check("RET001", subject), key=key)


ODDLY = {
    "any of several scores of badness": """
    bad = [state["psi"] / 0.25, state["days_since_training"] / 90]
    bad += [1 + (state["training_score"] - state["live_score"]) - 0.02]
    fires = max(bad) > 1""",
    "small samples wait longer": """
    loss = state["training_score"] - state["live_score"]
    fires = loss > max(0.02, 2 / np.sqrt(state["n_samples"]))""",
    "a weighted sum": """
    fires = state["psi"] + state["days_since_training"] / 365 - state["live_score"] > 0.4""",
    "two alarms are needed": """
    alarms = [state["psi"] > 0.1, state["days_since_training"] > 60, state["live_score"] < 0]
    fires = sum(alarms) >= 2""",
    "errors by their size": """
    fires = abs(np.mean(state["errors"][60:])) > 0.01""",
}


@pytest.mark.passes("RET001")
@pytest.mark.parametrize("name", ODDLY)
def test_right_triggers_that_are_written_oddly(tmp_path, name):
    text = f"""
@surface("retrain")
def decide(at, state):{ODDLY[name]}
    return {{"retrain": bool(fires), "reasons": ["worse"] * bool(fires)}}
"""
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("RET001", subject))
