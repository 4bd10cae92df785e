"""Gates that do not decide by their threshold, and right ones written oddly."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import CLEAN, edit_source, mutant
from tests.mutants.tiny import tiny

GATES = """
@surface("features")
def build(at, panel):
    return each(panel, move=lambda b: b["close"].pct_change(5, fill_method=None),
                risk=lambda b: returns(b).rolling(20).std())

@surface("predictor")
def required(at):
    return ["move", "risk"]

def sides(features):
    return np.sign(features["move"].to_numpy()).astype(int)

def gate(features):
    side, risk = sides(features), features["risk"].to_numpy()
    rows = np.flatnonzero(side != 0)
    found = pd.DataFrame({"row": rows, "gate": "risk", "value": VALUE, "threshold": LIMIT})
    return found.assign(passed=PASSED)

@surface("explain")
def stages(at, features):
    return {"gates": gate(features)}

@surface("decisions")
def backtest(at, features):
    side, found = sides(features), gate(features)
    names = np.full(len(side), "", dtype=object)
    names[found["row"][~found["passed"]]] = "risk"
    DECIDE
    return pd.DataFrame({"side": side, "size": np.abs(side) * 0.1, "gate": names},
                        index=features.index)
"""
RIGHT = {
    "VALUE": "risk[rows]",
    "LIMIT": "0.016",
    "PASSED": 'found["value"] <= found["threshold"]',
    "DECIDE": 'side = np.where(names == "risk", 0, side)',
}


def answered(folder, **changes):
    text = GATES
    for name, code in {**RIGHT, **changes}.items():
        text = text.replace(name, code)
    with tiny(folder, text) as subject:
        return run_check("INT007", subject)


WRONG = {
    "per cent beside a fraction": ({"LIMIT": "1.6"}, "risk reach"),
    "a year beside a day": ({"VALUE": "252 * risk[rows]"}, "risk always"),
    "another number is compared": (
        {"PASSED": "np.abs(features['move'].to_numpy()[rows]) <= 0.016"},
        "risk threshold",
    ),
    "only bought orders are looked at": (
        {"PASSED": '(found["value"] <= found["threshold"]) | (side[rows] < 0)'},
        "risk threshold",
    ),
    "the value is never filled": ({"VALUE": "0.0 * risk[rows]"}, "risk reach"),
    "cut off before": ({"VALUE": "np.minimum(risk[rows], 0.016)"}, "risk cut off"),
    "it is not asked": ({"DECIDE": 'names[:] = ""'}, "risk placed"),
    "every order names it": (
        {"DECIDE": 'side = np.where(names == "risk", 0, side); names[:] = "risk"'},
        "risk named",
    ),
}


@pytest.mark.fails("INT007")
@pytest.mark.parametrize("name", WRONG)
def test_gates_that_do_not_decide(tmp_path, name):
    changes, key = WRONG[name]
    result = answered(tmp_path, **changes)
    assert_fails(result, key=key)
    assert {f.key for f in result.findings} == {key}


@pytest.mark.fails("INT007")
def test_what_is_not_known_passes(tmp_path):
    blank = "np.where(rows % 7 == 0, np.nan, risk[rows])"
    result = answered(tmp_path, VALUE=blank, PASSED='~(found["value"] > found["threshold"])')
    found = assert_fails(result, key="risk passes NaN", severity=Severity.HIGH)
    assert found.measured.endswith("values that are NaN")


ODD = {
    "as it is": {},
    "a floor": {
        "VALUE": "-risk[rows]",
        "LIMIT": "-0.016",
        "PASSED": 'found["value"] >= found["threshold"]',
    },
    "a limit for each side": {
        "VALUE": "side[rows] * risk[rows]",
        "LIMIT": "side[rows] * 0.016",
        "PASSED": 'side[rows] * found["value"] < side[rows] * found["threshold"]',
    },
    "a quiet gate within reach": {"LIMIT": "0.3"},
    "cut off far above": {"VALUE": "np.minimum(risk[rows], 0.05)"},
    "a limit that follows the market": {"LIMIT": "0.7 * risk[rows].max()"},
    "it reduces": {"DECIDE": "pass"},
    "what is not known is refused": {"VALUE": "np.where(rows % 7 == 0, np.nan, risk[rows])"},
}


@pytest.mark.passes("INT007")
@pytest.mark.parametrize("name", ODD)
def test_gates_that_decide(tmp_path, name):
    assert_passes(answered(tmp_path, **ODD[name]))


def test_a_gate_without_numbers_is_a_gap(tmp_path):
    result = answered(tmp_path, LIMIT="np.nan", PASSED='found["row"] % 5 > 0')
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.gaps[0].what == "gate risk"


@pytest.mark.passes("INT007")
def test_the_reference_engines_gates_pass(reference):
    for version in CLEAN[2:]:
        assert_passes(run_check("INT007", reference.at(version)))


@pytest.mark.fails("INT007")
def test_the_reference_engine_in_per_cent(engine):
    edit_source(
        engine,
        "risk_gates.py",
        "wild = wanted & (volatility > config.max_volatility)",
        "wild = wanted & (volatility > 100 * config.max_volatility)",
    )
    with mutant(engine, "2021-12") as subject:
        found = assert_fails(run_check("INT007", subject), key="volatility placed")
    assert found.measured.endswith("orders that are placed as if no gate had")


HEADS = """
@surface("predictor")
def predict(at, features):
    risk = np.exp(raw(features))
    return pd.DataFrame({"edge": features["move"], "risk": SERVED}, index=features.index)

def raw(features):
    return np.log(features["risk"].to_numpy())

@surface("decisions")
def rules_backtest(at, predictions):
    move, risk = predictions["edge"].to_numpy(), predictions["risk"].to_numpy()
    calm = np.isfinite(move) & (risk <= 0.05)
    side = np.where(calm, np.sign(np.nan_to_num(move)), 0).astype(int)
    return pd.DataFrame({"side": side, "size": np.abs(side) * 0.1,
                         "gate": np.where(calm, "", "risk")}, index=predictions.index)
"""
HEADED = GATES.replace(
    'return {"gates": gate(features)}',
    """return {
        "gates": gate(features), "raw": pd.DataFrame({"risk": raw(features)}, features.index)}""",
)
KINDS = "heads: {edge: {kind: real}, risk: {kind: positive}}"


@pytest.mark.fails("INT007")
@pytest.mark.parametrize("served", ["np.minimum(risk, 0.02)", "np.where(risk > 0.018, 0.03, risk)"])
def test_a_head_is_cut_off_before_its_threshold(tmp_path, served):
    text = HEADED + HEADS.replace("SERVED", served)
    for name, code in RIGHT.items():
        text = text.replace(name, code)
    with tiny(tmp_path, text, parameters=KINDS) as subject:
        found = assert_fails(run_check("INT007", subject), key="risk cut off")
    assert "the rules change at 0.05" in found.message


@pytest.mark.passes("INT007")
@pytest.mark.parametrize("served", ["risk", "np.minimum(risk, 0.06)", "np.round(risk, 3)"])
def test_a_head_that_reaches_its_threshold(tmp_path, served):
    text = HEADED + HEADS.replace("SERVED", served)
    for name, code in RIGHT.items():
        text = text.replace(name, code)
    with tiny(tmp_path, text, parameters=KINDS) as subject:
        assert_passes(run_check("INT007", subject))
