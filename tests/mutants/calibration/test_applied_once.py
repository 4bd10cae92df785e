"""Calibrators that are applied not at all, twice, or on the other class; and right ones."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

SERVING = """
def logit(features):
    return 40 * features["move"].to_numpy()

def score(features):
    return 1 / (1 + np.exp(-logit(features)))

def stored(scores):
    return np.clip(0.1 + 0.7 * np.asarray(scores) ** 1.5, 0, 1)

@surface("features")
def build(at, panel):
    return each(panel, move=lambda b: b["close"].pct_change(5, fill_method=None))

@surface("predictor")
def required(at):
    return ["move"]

@surface("predictor")
def predict(at, features):
    s = score(features)
    return pd.DataFrame({"up": SERVE, "ret": 0.2 * s}, index=features.index)

@surface("calibration")
def served(at, scores):
    return stored(scores)

@surface("explain")
def stages(at, features):
    s = score(features)
    return {"raw": pd.DataFrame({"up": RAW, "ret": 0.2 * s}, index=features.index)}

@surface("calibration")
def sample(at):
    rng = np.random.default_rng(1)
    scores = FITTED
    outcomes = (rng.random(600) < 0.5).astype(int)
    return {"scores": scores, "outcomes": outcomes, "fitted": np.arange(600) < 400}
"""
HEADS = "heads: {up: {kind: probability}, ret: {kind: real}}\n"


def answered(folder, serve, raw="s", fitted="rng.beta(2, 2, 600)"):
    text = SERVING.replace("SERVE", serve).replace("RAW", raw).replace("FITTED", fitted)
    with tiny(folder, text, parameters=HEADS) as subject:
        return run_check("CAL006", subject)


WRONG = {
    "s": "the raw score",
    "stored(stored(s))": "the map of the map",
    "1 - stored(s)": "one minus the map",
    "stored(1 - s)": "the map of one minus the score",
}


@pytest.mark.fails("CAL006")
@pytest.mark.parametrize("serve", WRONG)
def test_what_is_served_instead_of_the_map(tmp_path, serve):
    found = assert_fails(answered(tmp_path, serve), key="up", hook="predictor.predict")
    assert found.measured == WRONG[serve]


@pytest.mark.fails("CAL006")
def test_the_raw_link_is_served(tmp_path):
    found = assert_fails(answered(tmp_path, "s", raw="logit(features)"), key="up")
    assert found.measured == "the raw score"


@pytest.mark.fails("CAL006")
def test_scores_of_another_unit_than_the_fit(tmp_path):
    result = answered(tmp_path, "stored(s)", fitted="rng.normal(-8, 1, 600)")
    found = assert_fails(result, key="up", expected="scores like those that it was fitted on")
    assert found.message.startswith(
        "head up is the map of other scores than it was fitted on: 100%"
    )


@pytest.mark.parametrize(("fitted", "outcome"), [(8, Outcome.FAIL), (7, Outcome.PASS)])
def test_eight_fitted_scores_tell_where_the_fit_was(tmp_path, fitted, outcome):
    text = SERVING.replace("< 400", f"< {fitted}").replace("FITTED", "rng.normal(-8, 1, 600)")
    text = text.replace("SERVE", "stored(s)").replace("RAW", "s")
    with tiny(tmp_path, text, parameters=HEADS) as subject:
        assert run_check("CAL006", subject).outcome is outcome


@pytest.mark.passes("CAL006")
@pytest.mark.parametrize(
    ("serve", "raw"),
    [
        ("stored(s)", "s"),
        ("stored(s)", "logit(features)"),
        ("np.where(s > 2, 0.5, np.interp(s, np.linspace(0, 1, 20001), "
         "stored(np.linspace(0, 1, 20001))))", "s"),
    ],
)  # fmt: skip
def test_the_map_of_the_score(tmp_path, serve, raw):
    result = answered(tmp_path, serve, raw)
    assert_passes(result)
    outside, off = result.margins
    assert (outside.measured, outside.allowed) == (0, 0.5)
    assert 0 <= off.measured <= off.allowed == 1e-6


def test_a_blend_is_a_gap(tmp_path):
    result = answered(tmp_path, "0.5 * stored(s) + 0.25")
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.gaps[0].why == "no head is the map of its raw score"


#: without the stages: a map of steps, as isotonic regression makes, and the sample's own scores
UNSTAGED = (
    SERVING.partition('@surface("explain")')[0].replace(
        "return np.clip(0.1 + 0.7 * np.asarray(scores) ** 1.5, 0, 1)",
        "return np.interp(scores, [0.2, 0.4, 0.45, 0.5, 0.6, 0.8], [0.1, 0.1, 0.5, 0.5, 0.6, 0.9])",
    )
    + """
@surface("calibration")
def sample(at):
    s = SAMPLED
    return {"scores": s, "outcomes": (s > 0.5).astype(int), "fitted": np.arange(len(s)) < 400}
"""
)
OWN = "score(build(at, _market()).dropna())"


def unstaged(folder, serve, sampled=OWN):
    text = UNSTAGED.replace("SERVE", serve).replace("SAMPLED", sampled)
    with tiny(folder, text, parameters=HEADS) as subject:
        return run_check("CAL006", subject)


@pytest.mark.fails("CAL006")
@pytest.mark.parametrize("serve", WRONG)
def test_the_values_tell_where_no_stage_does(tmp_path, serve):
    found = assert_fails(unstaged(tmp_path, serve), key="up", hook="predictor.predict")
    assert found.measured == WRONG[serve]


@pytest.mark.passes("CAL006")
def test_the_map_of_the_scores_is_among_what_is_served(tmp_path):
    assert_passes(unstaged(tmp_path / "a", "stored(s)"))
    assert_passes(unstaged(tmp_path / "b", "stored(s)", OWN + "[::3]"))
    for number, (serve, sampled) in enumerate(
        (("stored(s)", "np.random.default_rng(1).beta(2, 2, 600)"), ("0.9 * stored(s)", OWN))
    ):
        result = unstaged(tmp_path / str(number), serve, sampled)
        assert result.outcome is Outcome.NOT_ASSESSED
        assert result.gaps[0].why.endswith("write explain.stages")


@pytest.mark.passes("CAL006")
def test_the_reference_engine_applies_its_calibrator_once(reference):
    assert_passes(run_check("CAL006", reference))


@pytest.mark.fails("CAL006")
def test_the_reference_engine_serving_raw_scores(engine):
    edit_source(
        engine,
        "heads.py",
        'calibrator.apply(value) if head.kind == "probability" else value',
        'calibrator.apply(value) if head.kind == "calibrated" else value',
    )
    with mutant(engine) as subject:
        found = assert_fails(run_check("CAL006", subject), key="direction")
    assert found.measured == "the raw score"


FIT = """
@surface("calibration")
def fit_apply(at, scores, outcomes, served):
    scores, outcomes, served = (np.asarray(a, float) for a in (scores, outcomes, served))
    BEFORE
    edges = np.quantile(scores, np.linspace(0, 1, 11)[1:-1])
    which = np.searchsorted(edges, scores)
    n = np.bincount(which, minlength=10) + SMOOTH * 2
    p = (np.bincount(which, outcomes, minlength=10) + SMOOTH) / np.maximum(n, 1e-300)
    return np.maximum.accumulate(p)[np.searchsorted(edges, served)]
"""
REFUSED = 'if len(scores) < 50:\n        raise Refusal("too few")\n    '
REFUSED += (
    'if len(set(outcomes)) < 2 or not np.isfinite(scores).all():\n        raise Refusal("one")'
)


def learnt(folder, before, smooth="0"):
    with tiny(folder, FIT.replace("BEFORE", before).replace("SMOOTH", smooth)) as subject:
        return run_check("CAL007", subject)


@pytest.mark.fails("CAL007")
@pytest.mark.parametrize(
    ("before", "cause"),
    [
        (
            "if len(scores) < 50 or len(set(outcomes)) < 2 or np.isnan(scores).any():\n"
            "        return served",
            "scores are handed back as probabilities",
        ),
        (REFUSED.partition("\n    if")[0], "one class makes it certain"),
        (
            "if len(scores) < 50 or np.isnan(scores).any():\n"
            "        return np.full(len(served), 0.5)",
            "probabilities out of nothing",
        ),
    ],
)
def test_calibrators_of_nothing(tmp_path, before, cause):
    result = learnt(tmp_path, before)
    assert cause in {f.cause for f in result.findings}


@pytest.mark.passes("CAL007")
@pytest.mark.parametrize(
    ("before", "smooth"),
    [
        (REFUSED, "0"),
        (REFUSED.replace("Refusal(", "ValueError("), "0"),
        (REFUSED.partition("\n    if")[0] + "\n    if not np.isfinite(scores).all():\n"
         "        return np.full(len(served), np.nan)", "1"),
    ],
)  # fmt: skip
def test_calibrators_that_say_so(tmp_path, before, smooth):
    assert_passes(learnt(tmp_path, before, smooth))


@pytest.mark.passes("CAL007")
def test_the_reference_engine_fits_nothing_on_nothing(reference):
    assert_passes(run_check("CAL007", reference))


@pytest.mark.fails("CAL007")
def test_the_reference_engine_taking_one_class(engine):
    edit_source(
        engine,
        "calibration.py",
        "set(np.unique(y)) != {0.0, 1.0}:",
        "not set(np.unique(y)) <= {0.0, 1.0}:",
    )
    edit_source(engine, "calibration.py", "(ones + 1.0) / (n + 2.0)", "ones / n")
    with mutant(engine) as subject:
        found = assert_fails(run_check("CAL007", subject), cause="one class makes it certain")
    assert found.measured.startswith("is certain: ")


OUTPUTS = """
@surface("predictor")
def outputs(at, features):
    return np.column_stack([features["move"], logit(features)])
"""


@pytest.mark.fails("CAL006")
@pytest.mark.parametrize(("serve", "said"), [("s", "raw"), ("stored(stored(s))", "map of the map")])
def test_outputs_of_the_model_tell_the_raw_score(tmp_path, serve, said):
    text = SERVING.partition('@surface("explain")')[0].replace("SERVE", serve) + OUTPUTS
    with tiny(tmp_path, text, parameters=HEADS) as subject:
        found = assert_fails(run_check("CAL006", subject), key="up")
    assert said in found.message


@pytest.mark.passes("CAL006")
def test_outputs_of_which_one_is_calibrated_once(tmp_path):
    text = SERVING.partition('@surface("explain")')[0].replace("SERVE", "stored(s)") + OUTPUTS
    with tiny(tmp_path, text, parameters=HEADS) as subject:
        assert_passes(run_check("CAL006", subject))
