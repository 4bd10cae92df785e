import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

CODES = ("HED001", "HED002", "HED003", "HED004")
ENGINE = """
def _features(panel):
    return each(
        panel,
        move=lambda b: b["close"].pct_change(5, fill_method=None),
        calm=lambda b: returns(b).rolling(20).std() * 252**0.5,
        hint=lambda b: b["close"].shift(-5) / b["close"] - 1,
    )

@surface("features")
def build(at, panel):
    return _features(panel)

@surface("predictor")
def required(at):
    return ["move", "calm", "hint"]

@surface("targets")
def build(at, panel):
    return each(
        panel,
        week=lambda b: b["close"].shift(-5) / b["close"] - 1,
        risk=lambda b: returns(b).rolling(20).std().shift(-3) * 252**0.5,
    )

@surface("predictor")
def predict(at, features):
    drift = features["hint"] * 0.3 + features["move"] * 0.1
    risk = features["calm"]
    return pd.DataFrame({heads}, index=features.index)
"""
META = {
    "feature_cols": ["move", "calm", "hint"],
    "heads": {
        "gain": {"kind": "return", "label": "week"},
        "risk": {"kind": "volatility", "label": "risk"},
    },
}
HEADS = '{"gain": drift, "risk": risk}'


def heads(text=HEADS):
    return ENGINE.replace("{heads}", text)


@pytest.mark.passes("HED001", "HED002", "HED003", "HED004")
def test_the_reference_engines_heads_pass(reference):
    results = {code: run_check(code, reference) for code in CODES}
    for result in results.values():
        assert_passes(result)
    assert held(results["HED003"], "fewest values of a head", 10, least=True).measured > 10
    assert 0 < held(results["HED003"], "largest share of one value", 0.5).measured < 0.5
    assert held(results["HED004"], "rank correlation of two heads", 0.98).measured > 0.5
    assert held(results["HED004"], "times that a head and its label differ", 4).measured > 1
    told = {m.what.partition(",")[0]: m for m in results["HED004"].margins}
    gain = told["gain in fit with two heads exchanged"]
    own = told["rank correlation of a head with its label"]
    assert gain.measured < 0 < gain.allowed
    assert own.allowed < 0 < own.measured


@pytest.mark.passes("HED001", "HED002", "HED003", "HED004")
def test_a_small_engine_passes(tmp_path):
    with tiny(tmp_path, heads(), meta=META) as subject:
        for code in CODES:
            assert_passes(run_check(code, subject))


# --- HED001 -----------------------------------------------------------------------------------
@pytest.mark.fails("HED001")
def test_the_candidate_exchanges_two_outputs(engine):
    with mutant(engine, "2022-03rc") as subject:
        result = run_check("HED001", subject)
    (found,) = result.findings  # one exchange, not a finding a head
    assert_fails(result, key="direction volatility output", severity=Severity.CRITICAL)
    assert found.location.pointer == "/heads/direction"
    assert (found.measured, found.expected) == ("volatility, direction", "direction, volatility")


@pytest.mark.fails("HED001")
def test_outputs_without_names(tmp_path):
    with tiny(tmp_path, heads("{0: drift, 1: risk}"), meta={"feature_cols": []}) as subject:
        result = run_check("HED001", subject)
    assert_fails(result, key="heads", pointer="/heads")
    assert_fails(result, key="are numbered, not named")


@pytest.mark.passes("HED001")
@pytest.mark.fails("HED001")
def test_heads_that_the_parameters_declare(tmp_path):
    """They are compared with what is predicted; that the checkpoint lacks them is CHK001's."""
    meta = {"feature_cols": META["feature_cols"]}
    found = {}
    for second in ("risk", "other"):
        declared = f"heads: {{gain: {{kind: real}}, {second}: {{kind: positive}}}}"
        with tiny(tmp_path / second, heads(), meta=meta, parameters=declared) as subject:
            found[second], stored = run_check("HED001", subject), run_check("CHK001", subject)
        assert {f.key: f.severity for f in stored.findings}["heads"] is Severity.MEDIUM
    assert_passes(found["risk"])
    assert {f.key for f in found["other"].findings} == {
        "are predicted, and no head of the checkpoint",
        "are heads of the checkpoint, and not predicted",
    }


@pytest.mark.fails("HED001")
def test_two_heads_read_one_output(tmp_path):
    listed = [{"name": "gain", "index": 0}, {"name": "risk", "index": 0}]
    with tiny(tmp_path, heads(), meta={**META, "heads": listed}) as subject:
        result = run_check("HED001", subject)
    found = assert_fails(result, key="risk", pointer="/heads/1")
    assert found.severity is Severity.CRITICAL


@pytest.mark.fails("HED001")
def test_a_head_that_is_never_predicted(tmp_path):
    with tiny(tmp_path, heads('{"gain": drift}'), meta=META) as subject:
        found = assert_fails(run_check("HED001", subject))
    assert found.key == "are heads of the checkpoint, and not predicted"


# --- HED002 -----------------------------------------------------------------------------------
@pytest.mark.fails("HED002")
def test_a_probability_without_its_link(engine):
    edit_source(
        engine,
        "heads.py",
        'return calibrator.apply(value) if head.kind == "probability" else value',
        'return value * 90 - 30 if head.kind == "probability" else value',
    )
    with mutant(engine) as subject:
        result = run_check("HED002", subject)
    found = assert_fails(result, key="direction outside 0 to 1", severity=Severity.HIGH)
    assert found.expected == "between 0 and 1"


@pytest.mark.fails("HED002")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"gain": drift, "risk": risk - risk.median()}', "risk not above zero"),
        ('{"gain": drift / 0.0, "risk": risk}', "gain not finite"),
        (
            '{"gain": drift + np.random.default_rng().normal(), "risk": risk}',
            "repeat",
        ),
        ('{"gain": drift.to_numpy()[::-1], "risk": risk.to_numpy()}).iloc[:-1].reindex', "index"),
    ],
)
def test_outputs_that_break_their_contract(tmp_path, text, key):
    if key == "index":
        source = heads().replace("index=features.index)", "index=features.index).iloc[:-1]")
    else:
        source = heads(text)
    with tiny(tmp_path, source, meta=META) as subject:
        found = assert_fails(run_check("HED002", subject), key=key)
    assert found.anchor.symbol == "predictor.predict"


def test_a_head_of_unknown_kind_is_a_gap(tmp_path):
    with tiny(tmp_path, heads(), meta={**META, "heads": ["gain", "risk"]}) as subject:
        result = run_check("HED002", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "no kind is declared" in result.reason


@pytest.mark.parametrize(("kind", "wrong"), [("direction", False), ("probability", True)])
def test_a_head_of_classes_is_held_to_no_range(tmp_path, kind, wrong):
    gain = {"kind": kind, "label": "week"}
    meta = {**META, "heads": {**META["heads"], "gain": gain}}
    with tiny(tmp_path, heads('{"gain": np.sign(drift), "risk": risk}'), meta=meta) as subject:
        result = run_check("HED002", subject)
    assert ("gain outside 0 to 1" in {f.key for f in result.findings}) is wrong


# --- HED003 -----------------------------------------------------------------------------------
@pytest.mark.fails("HED003")
def test_a_calibrator_that_answers_the_base_rate(engine):
    edit_source(
        engine,
        "calibration.py",
        "return np.interp(scores, self.scores, self.probabilities)",
        "return np.interp(scores, self.scores, self.probabilities) * 0 + 0.38",
    )
    with mutant(engine) as subject:
        result = run_check("HED003", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, key="direction constant")
    assert found.message == "head direction answers 0.38 for every row"


@pytest.mark.fails("HED003")
def test_a_slope_of_nothing_is_a_constant(tmp_path):
    """Values that differ in the last digits: what a calibrator makes of scores without skill."""
    meta = {**META, "heads": {**META["heads"], "gain": {"kind": "probability", "label": "week"}}}
    text = '{"gain": 1 / (1 + np.exp(-SLOPE * drift)), "risk": risk}'
    flat, steep = (text.replace("SLOPE", slope) for slope in ("1e-6", "1"))
    with tiny(tmp_path, heads(flat), meta=meta) as subject:
        found = assert_fails(run_check("HED003", subject), key="gain constant")
    assert "answers 0.5 for every row, within" in found.message
    with tiny(tmp_path / "b", heads(steep), meta=meta) as subject:
        assert_passes(run_check("HED003", subject))


@pytest.mark.fails("HED003")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"gain": np.sign(drift), "risk": risk}', "gain few values"),
        ('{"gain": drift.clip(drift.quantile(0.7), None), "risk": risk}', "gain share"),
        ('{"gain": drift * np.nan, "risk": risk}', "gain none"),
    ],
)
def test_heads_that_say_little(tmp_path, text, key):
    with tiny(tmp_path, heads(text), meta=META) as subject:
        assert_fails(run_check("HED003", subject), key=key)


@pytest.mark.passes("HED003")
def test_a_head_that_is_one_number_by_design_is_named(tmp_path):
    text = heads('{"gain": drift, "risk": drift * 0 + 0.02}')
    with tiny(tmp_path / "a", text, meta=META) as subject:
        assert_fails(run_check("HED003", subject), key="risk constant")
    option = "options: {HED003: {constant: {risk: a conformal width}}}\n"
    with tiny(tmp_path / "b", text, meta=META, parameters=option) as subject:
        assert_passes(run_check("HED003", subject))


@pytest.mark.fails("HED003")
def test_a_probability_that_is_stuck_at_its_ends(tmp_path):
    """Every row has another value; hardly any is more than a millionth from 0 or 1."""
    text = '{"gain": 1 / (1 + np.exp(-drift * 1e5)), "risk": risk}'
    meta = {**META, "heads": {**META["heads"], "gain": {"kind": "probability", "label": "week"}}}
    with tiny(tmp_path, heads(text), meta=meta) as subject:
        result = run_check("HED003", subject)
    found = assert_fails(result, key="gain saturated")
    assert "is stuck at 0 or 1 in 9" in found.message
    bolder = heads(text.replace("1e5", "1e3"))
    with tiny(tmp_path / "bolder", bolder, meta=meta) as subject:
        assert_passes(run_check("HED003", subject))


#: a class, a stepped probability and one that mostly says the base rate, each with its label
STEPS = {
    "class": ("np.sign(drift.where(drift.abs() > 0.01, 0.0))", "direction", ""),
    "undeclared class": ("np.sign(drift.where(drift.abs() > 0.012, 0.0))", "", ""),
    "isotonic": ("np.floor((drift.rank(pct=True) * 5)) / 5 * 0.4 + 0.3", "probability", ""),
    "one wide step": (
        "(drift.rank(pct=True) - 0.6).clip(0).mul(8).round() / 8 * 2 + 0.1",
        "probability",
        "",
    ),
    "label of three": ("np.sign(drift)", "return", "three"),
}


@pytest.mark.passes("HED003")
@pytest.mark.parametrize("name", STEPS)
def test_heads_that_step_by_design(tmp_path, name):
    text, kind, label = STEPS[name]
    source = heads('{"gain": ' + text + ', "risk": risk}').replace(
        "    return each(\n        panel,\n        week=",
        "    return each(\n        panel,\n        three=lambda b: np.sign(b['close'].diff()),"
        "\n        week=",
    )
    gain = {"name": "gain"} | ({"kind": kind} if kind else {}) | ({"label": label} if label else {})
    meta = {**META, "heads": [gain, {"name": "risk", "kind": "volatility", "label": "risk"}]}
    with tiny(tmp_path, source, meta=meta) as subject:
        assert_passes(run_check("HED003", subject))


# --- HED004 -----------------------------------------------------------------------------------
@pytest.mark.fails("HED004")
def test_heads_that_are_exchanged_where_every_type_fits(tmp_path):
    swapped = '{"gain": risk * 0.1, "risk": drift.abs() + drift * 0.5 + 0.2}'
    source = heads(swapped).replace(
        "drift.abs() + drift * 0.5 + 0.2", "(drift - drift.min()) * 4 + 0.05"
    )
    with tiny(tmp_path, source, meta=META) as subject:
        result = run_check("HED004", subject)
    found = assert_fails(result, key="swapped gain and risk")
    assert found.severity is Severity.CRITICAL
    assert "standard errors" in found.message


@pytest.mark.fails("HED004")
def test_the_outputs_of_the_reference_engine_exchanged_when_served(engine):
    edit_source(
        engine,
        "predictor.py",
        "value = values[self.checkpoint.outputs[head.output]]",
        'value = values[{"return": "volatility", "volatility": "return"}.get(name, name)]',
    )
    with mutant(engine) as subject:
        result = run_check("HED004", subject)
    assert_fails(result, key="swapped return and volatility")


@pytest.mark.fails("HED004")
@pytest.mark.parametrize(
    ("text", "key", "severity"),
    [
        ('{"gain": -drift, "risk": risk}', "against gain", Severity.HIGH),
        ('{"gain": risk * 0.1, "risk": risk}', "same gain and risk", Severity.CRITICAL),
        ('{"gain": drift * 100, "risk": risk}', "unit gain", Severity.HIGH),
        ('{"gain": drift, "risk": risk / 252**0.5}', "unit risk", Severity.HIGH),
    ],
)
def test_heads_that_do_not_mean_what_they_say(tmp_path, text, key, severity):
    with tiny(tmp_path, heads(text), meta=META) as subject:
        found = assert_fails(run_check("HED004", subject), key=key)
    assert found.severity is severity


@pytest.mark.parametrize("level", ["date", "when"])
def test_the_level_of_dates_may_have_any_name(tmp_path, level):
    """Rows of a date are not independent, whatever the level is called."""
    renamed = f"return each_named(panel, '{level}', "
    source = (
        heads().replace("return each(\n        panel,", renamed)
        + """
def each_named(panel, name, **columns):
    return each(panel, **columns).rename_axis(["asset", name])
"""
    )
    with tiny(tmp_path, source, meta=META) as subject:
        result = run_check("HED004", subject)
    assert "12 blocks of dates" not in result.reason
    assert result.evidence[0].note.endswith(" 20 blocks of dates")


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        ('{"gain": drift * 0, "risk": risk * 0 + 0.2}', {"meaning of gain", "meaning of risk"}),
        ('{"gain": drift, "risk": risk * 0 + 0.2}', {"meaning of risk"}),
    ],
)
def test_heads_that_never_change_are_never_told(tmp_path, text, silent):
    with tiny(tmp_path, heads(text), meta=META) as subject:
        result = run_check("HED004", subject)
    assert result.outcome is not Outcome.PASS
    assert silent <= {g.what for g in result.gaps}


def test_heads_that_know_nothing_are_a_gap_and_not_a_verdict(tmp_path):
    noise = '{"gain": _noise(len(features), 1), "risk": abs(_noise(len(features), 2)) * 20}'
    source = (
        heads(noise)
        + """
def _noise(n, seed):
    return np.random.default_rng(seed).normal(size=n) * 0.01
"""
    )
    with tiny(tmp_path, source, meta=META) as subject:
        result = run_check("HED004", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "power too low" in result.reason
    assert "direction of gain: could have seen only a rank correlation with week below -0." in (
        result.reason
    )


def test_one_head_that_knows_nothing_passes_only_where_a_reversal_would_be_seen(tmp_path):
    noise = '{"gain": pd.Series(np.random.default_rng(1).normal(size=len(features)) * 0.02)}'
    source = heads(noise.replace(")}", ", features.index)}"))
    meta = {**META, "heads": {"gain": META["heads"]["gain"]}}
    for most, outcome in (("0.1", Outcome.NOT_ASSESSED), ("0.9", Outcome.PASS)):
        option = f"options: {{HED004: {{must_see: {most}}}}}\n"
        with tiny(tmp_path / most, source, meta=meta, parameters=option) as subject:
            assert run_check("HED004", subject).outcome is outcome
