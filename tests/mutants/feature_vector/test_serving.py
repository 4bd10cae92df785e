"""FEA001 to FEA007: what is built, what is required, and what the predictor does with it."""

import numpy as np
import pandas as pd
import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.probes.lifecycle.schema_hash import recognise
from audit_lib.probes.market.transforms import step
from audit_lib.probes.questions.samples import few
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_json, edit_source, mutant
from tests.mutants.tiny import tiny

CODES = ("FEA001", "FEA002", "FEA003", "FEA004", "FEA005", "FEA006", "FEA007")
BUILD = """
def features(panel):
    return each(
        panel,
        move=lambda b: b["close"].pct_change(5, fill_method=None),
        calm=lambda b: returns(b).rolling(20).std(),
        level={level},
    )

@surface("features")
def build(at, panel):
    return features(panel)

@surface("features")
def build_live(at, panel):
    {live}

@surface("features")
def policy(at):
    return {{"move": "END_OF_DAY", "calm": "END_OF_DAY", "level": "{policy}"}}

@surface("predictor")
def required(at):
    return ["move", "calm", "level"]

@surface("predictor")
def predict(at, features):
    names = ["move", "calm", "level"]
    {guard}
    x = {x}
    return pd.DataFrame({{"score": {score}}}, index=features.index)
"""
GUARD = """missing = [n for n in names if n not in features]
    if missing or features.columns.duplicated().any():
        raise Refusal(f"missing or double: {missing}")
    features = features[names]
    if not all(t.kind == "f" for t in features.dtypes):
        raise Refusal("features must be numbers")
    features = features.where(np.isfinite(features))"""


def engine_text(**changes):
    parts = {
        "level": 'lambda b: b["close"] / b["close"].rolling(50).mean() - 1',
        "live": "return features(panel)",
        "policy": "CAUSAL",
        "guard": GUARD,
        "x": "features[names].to_numpy()",
        "score": "x[:, 0] - 2 * x[:, 1] + 3 * x[:, 2]",
    }
    return BUILD.format(**{**parts, **changes})


META = {"feature_cols": ["move", "calm", "level"]}


@pytest.mark.passes("FEA001", "FEA002", "FEA003", "FEA004", "FEA005", "FEA006", "FEA007")
def test_the_reference_engine_serves_what_it_trained(reference):
    for code in CODES:
        assert_passes(run_check(code, reference))


@pytest.mark.passes("FEA001", "FEA002", "FEA004", "FEA005", "FEA006", "FEA007")
def test_a_small_engine_with_manners_passes(tmp_path):
    with tiny(tmp_path, engine_text(), meta=META) as subject:
        for code in (c for c in CODES if c != "FEA003"):
            assert_passes(run_check(code, subject))
        parity = run_check("FEA003", subject)
    assert parity.outcome is Outcome.NOT_ASSESSED  # nobody wrote the backtest builder
    assert [g.what for g in parity.gaps] == ["features.build_backtest"]


# --- FEA001 -----------------------------------------------------------------------------------
@pytest.mark.fails("FEA001")
def test_two_columns_change_places(tmp_path):
    meta = {"feature_cols": ["calm", "move", "level"]}
    with tiny(tmp_path, engine_text(), meta=meta) as subject:
        result = run_check("FEA001", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, key="order", pointer="/feature_cols", path="v1/meta.json")
    assert (found.measured, found.expected) == ("move", "calm")
    assert found.severity is Severity.CRITICAL


@pytest.mark.fails("FEA001")
def test_a_column_that_the_checkpoint_does_not_know(tmp_path):
    with tiny(tmp_path, engine_text(), meta={"feature_cols": ["move", "calm"]}) as subject:
        result = run_check("FEA001", subject)
    found = assert_fails(result, key="asked for by the predictor, and not in the checkpoint")
    assert found.measured == "['level']"


@pytest.mark.fails("FEA001")
@pytest.mark.parametrize(("kept", "said"), [("move,calm,level", "str"), ([1, 2, 3], "list")])
def test_columns_that_are_no_list_of_names(tmp_path, kept, said):
    with tiny(tmp_path, engine_text(), meta={"feature_cols": kept}) as subject:
        found = assert_fails(run_check("FEA001", subject), key="feature_cols")
    assert (found.measured, found.expected) == (said, "3 column names")


@pytest.mark.passes("FEA001")
def test_columns_of_the_other_models_of_an_ensemble(tmp_path):
    meta = {"feature_cols": ["move", "calm"], "models": {"1": {"features": ["calm", "level"]}}}
    with tiny(tmp_path, engine_text(), meta=meta) as subject:
        assert_passes(run_check("FEA001", subject))


@pytest.mark.fails("FEA001")
def test_the_candidate_is_hashed_in_another_order(engine):
    with mutant(engine, "2022-03rc") as subject:
        result = run_check("FEA001", subject)
    assert_fails(result, key="hash", pointer="/schema_hash", path="2022-03rc/meta.json")
    assert "schema hash" in [e.what for e in result.examined]


@pytest.mark.fails("FEA001")
def test_a_hash_of_sorted_names_does_not_see_the_order(tmp_path):
    import hashlib

    digest = hashlib.sha256(b"calm,level,move").hexdigest()[:16]
    with tiny(tmp_path, engine_text(), meta={**META, "schema_hash": digest}) as subject:
        found = assert_fails(run_check("FEA001", subject), key="hash order")
    assert "sha256 of commas" in found.message
    assert recognise(digest, ["move", "calm", "level"]) is None


def test_a_hash_of_no_known_form_is_a_gap(tmp_path):
    with tiny(tmp_path, engine_text(), meta={**META, "schema_hash": "0" * 64}) as subject:
        result = run_check("FEA001", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert [g.what for g in result.gaps] == ["schema hash"]


HASHED = """

@surface("features.schema_hash")
def schema_hash(at, names):
    import hashlib

    told = [[n, "float64", "none"] for n in NAMES]
    return hashlib.md5(repr(told).encode()).hexdigest()
"""


def own_hash(tmp_path, order, kept="names"):
    import hashlib

    names = sorted(META["feature_cols"]) if "sorted" in kept else META["feature_cols"]
    digest = hashlib.md5(repr([[n, "float64", "none"] for n in names]).encode()).hexdigest()
    text = engine_text() + HASHED.replace("NAMES", order)
    digest = digest if kept != "another" else "0" * 32
    with tiny(tmp_path, text, meta={**META, "schema_hash": digest}) as subject:
        return run_check("FEA001", subject)


@pytest.mark.fails("FEA001")
@pytest.mark.parametrize(
    ("order", "kept", "said"),
    [
        ("sorted(names)", "sorted", "where two columns change places"),
        ("sorted(names)[:2]", "another", "where two columns change places and where a column is"),
        ("names", "another", "is not that of the stored columns"),
    ],
)
def test_the_subjects_own_hash_is_asked(tmp_path, order, kept, said):
    assert said in " ".join(f.message for f in own_hash(tmp_path, order, kept).findings)


@pytest.mark.passes("FEA001")
def test_a_hash_of_the_subjects_own_form(tmp_path):
    assert_passes(own_hash(tmp_path, "names"))


@pytest.mark.parametrize(
    "text",
    [
        '[["a", "float32"], ["b", "float32"]]',
        "a:float64|b:float64",
        '{"a":"float64","b":"float64"}',
        "a=f8\nb=f8",
    ],
)
def test_forms_with_types_are_known(text):
    import hashlib

    for digest in (
        hashlib.blake2s(text.encode(), digest_size=8).hexdigest(),
        hashlib.sha3_256(text.encode()).hexdigest()[:12],
    ):
        assert recognise(digest, ["a", "b"])
        assert recognise(digest, ["b", "a"]) is None


# --- FEA002 -----------------------------------------------------------------------------------
@pytest.mark.fails("FEA002")
def test_the_candidate_requires_a_research_feature(engine):
    with mutant(engine, "2022-03rc") as subject:
        result = run_check("FEA002", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, key="trend_centred_21", severity=Severity.CRITICAL)
    assert found.measured == "RESEARCH_ONLY"


@pytest.mark.fails("FEA002")
@pytest.mark.parametrize(("kind", "text"), [("LIVE", "which is none of"), ("", "none of")])
def test_a_type_that_nobody_knows(tmp_path, kind, text):
    with tiny(tmp_path, engine_text(policy=kind), meta=META) as subject:
        found = assert_fails(run_check("FEA002", subject), key="level")
    assert text in found.message


DERIVED = """
@surface("features")
def policy(at): return POLICY
@surface("predictor")
def required(at): return ["gap"]
"""
BASE = {"gap": "CAUSAL", "close": "END_OF_DAY", "peek": "RESEARCH_ONLY", "rsi_14": "CAUSAL"}


@pytest.mark.fails("FEA002")
@pytest.mark.parametrize(
    "name", ["X_gap_x_peek", "peek_z20", "close_over_gap", "rolling_mean_peek_5", "X_peek_centered"]
)
def test_a_derived_feature_is_typed_more_permissively(tmp_path, name):
    with tiny(tmp_path, DERIVED.replace("POLICY", repr(BASE | {name: "CAUSAL"}))) as subject:
        found = assert_fails(run_check("FEA002", subject), key=f"derived {name}")
    assert (found.measured, found.severity) == ("CAUSAL", Severity.MEDIUM)


@pytest.mark.passes("FEA002")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("X_gap_x_rsi_14", "CAUSAL"),  # of parents that are
        ("X_gap_x_peek", "RESEARCH_ONLY"),
        ("close_lag1", "CAUSAL"),  # yesterday's close is known
        ("close_mean_20", "CAUSAL"),  # its window may end yesterday
        ("rsi", "RESEARCH_ONLY"),  # rsi_14 is no child of it
        ("peek_5", "CAUSAL"),  # another parameter, and nothing was done to it
        ("gap_peeking_order", "CAUSAL"),  # the name holds words that nobody did
        ("closeness_rank", "CAUSAL"),  # no word of its own
    ],
)
def test_features_that_only_sound_derived(tmp_path, name, kind):
    with tiny(tmp_path, DERIVED.replace("POLICY", repr(BASE | {name: kind}))) as subject:
        assert_passes(run_check("FEA002", subject))


# --- FEA003 -----------------------------------------------------------------------------------
@pytest.mark.fails("FEA003")
def test_live_forgets_to_rank(engine):
    edit_source(
        engine,
        "feature_builders.py",
        "return percentile_rank(value) if feature.ranked else value",
        "return value",
    )
    with mutant(engine) as subject:
        result = run_check("FEA003", subject)
    found = assert_fails(result, key="values momentum_rank_63", hook="features.build_live")
    assert found.severity is Severity.CRITICAL
    assert len(result.findings) == 1


@pytest.mark.fails("FEA003")
@pytest.mark.parametrize(
    ("live", "key", "severity"),
    [
        ("return features(panel)[['calm', 'move', 'level']]", "order", Severity.HIGH),
        ("return features(panel).drop(columns='calm')", "columns calm", Severity.CRITICAL),
        ("return features(panel).astype({'calm': 'float32'})", "dtype calm", Severity.LOW),
        ("return features(panel).iloc[:-7]", "rows", Severity.MEDIUM),
        ("return features(panel).shift(1)", "values move", Severity.CRITICAL),
    ],
)
def test_live_builders_that_differ(tmp_path, live, key, severity):
    with tiny(tmp_path, engine_text(live=live), meta=META) as subject:
        found = assert_fails(run_check("FEA003", subject), key=key)
    assert found.severity is severity


def test_a_live_builder_that_answers_the_newest_bars_only_does_not_differ(tmp_path):
    live = "f = features(panel)\n    return f[f.index.get_level_values('date') >= '2016-06-01']"
    with tiny(tmp_path, engine_text(live=live), meta=META) as subject:
        result = run_check("FEA003", subject)
    (margin,) = result.margins
    assert result.findings == ()
    assert (margin.what, margin.measured, margin.allowed) == ("difference of build_live", 0, 1e-9)


@pytest.mark.fails("FEA003")
def test_columns_that_are_all_missing_are_one_finding(tmp_path):
    with tiny(tmp_path, engine_text(live="return features(panel).add_prefix('x_')")) as subject:
        result = run_check("FEA003", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, key="columns", severity=Severity.CRITICAL)
    assert found.message.endswith("columns move, calm, level: each is missing")


@pytest.mark.fails("FEA003")
def test_gaps_that_one_path_fills_are_one_finding_and_wrong_numbers_another(tmp_path):
    live = "f = features(panel).fillna(0.0)\n    return f.assign(calm=f['calm'] * 2)"
    with tiny(tmp_path, engine_text(live=live), meta=META) as subject:
        result = run_check("FEA003", subject)
    filled = assert_fails(result, key="build_live is 0 where the other has nothing")
    assert "rows in which training has nothing" in filled.message
    scaled = assert_fails(result, key="values calm")
    assert "is 2 times" in scaled.message
    assert len(result.findings) == 2


@pytest.mark.fails("FEA003")
def test_numbers_that_one_path_lacks(tmp_path):
    live = "f = features(panel)\n    return f.assign(calm=f['calm'].where(f['calm'] > 0.05))"
    with tiny(tmp_path, engine_text(live=live), meta=META) as subject:
        (found,) = run_check("FEA003", subject).findings
    assert found.key == "missing calm"
    assert "calm has nothing in" in found.message


SCALES = "f = features(panel)\n    return f.assign(move=f['move'] * {a}, calm=f['calm'] * {b})"


@pytest.mark.fails("FEA003")
@pytest.mark.parametrize(
    ("live", "cause", "said"),
    [
        (SCALES.format(a=1.4826, b=1.4826), "a constant factor", "is 1.4826 times"),
        (SCALES.format(a=16, b=100), "a constant factor", " times what training builds"),
        ("return features(panel) - 0.25", "a constant offset", "is -0.25 beside"),
        ("return np.log1p(features(panel))", "log(1 + x)", "is log(1 + x), x being"),
    ],
)
def test_a_step_that_one_path_leaves_out_is_named_once(tmp_path, live, cause, said):
    with tiny(tmp_path, engine_text(live=live), meta=META) as subject:
        (found,) = run_check("FEA003", subject).findings
    assert found.cause == f"build_live values: {cause}"
    assert said in found.message
    assert "more of the same cause" in found.message


def test_what_no_single_step_makes_has_no_name():
    rng = np.random.default_rng(3)
    x = pd.Series(rng.normal(size=200))
    assert step(x, x + 0.01 * rng.normal(size=200)) is None
    assert step(x, x**2) is None
    assert step(x, x.where(x > 0)) is None  # equal where both have a number
    assert step(x[:10], 2 * x[:10]) is None
    assert step(x, x * 0) is None
    small = 1e-6 * x  # nearly its own logarithm of one plus it, and not a step of it
    assert step(small, small + 1e-9 * rng.normal(size=200)) is None
    assert step(x, -3 * x + 2).name == "a constant factor and offset"
    assert step(x.abs() + 1, np.log(x.abs() + 1)).name == "log(x)"


# --- FEA004 -----------------------------------------------------------------------------------
@pytest.mark.fails("FEA004")
def test_columns_taken_by_position(engine):
    edit_source(engine, "predictor.py", "chosen = features[wanted]", "chosen = features")
    with mutant(engine) as subject:
        result = run_check("FEA004", subject)
    found = assert_fails(result, key="columns are taken by position", severity=Severity.CRITICAL)
    assert found.anchor.symbol == "predictor.predict"
    assert "columns shuffled" in found.message
    assert not [f for f in result.findings if not f.key.startswith("columns")]


@pytest.mark.fails("FEA004")
def test_features_standardised_within_the_batch(tmp_path):
    x = "((features - features.mean()) / features.std().fillna(1)).to_numpy()"
    with tiny(tmp_path, engine_text(x=x), meta=META) as subject:
        result = run_check("FEA004", subject)
    found = assert_fails(result, key="a prediction depends on the rows beside it")
    assert "row 0 alone" in found.message
    assert "beside rows a hundred times larger" in found.message
    assert "rows shuffled" not in {f.key for f in result.findings}


@pytest.mark.fails("FEA004")
@pytest.mark.parametrize("fill", ["fillna(features.median())", "ffill()", "interpolate()"])
def test_gaps_that_are_filled_from_the_rows_beside(tmp_path, fill):
    guard = "features = features[names].astype(float)"
    with tiny(tmp_path, engine_text(guard=guard, x=f"features.{fill}.to_numpy()")) as subject:
        result = run_check("FEA004", subject)
    found = assert_fails(result, key="a prediction depends on the rows beside it")
    assert "alone, with a gap" in found.message
    assert {f.key for f in result.findings} == {found.key}


@pytest.mark.passes("FEA004")
@pytest.mark.parametrize(
    "fill", ["fillna(0.02)", "fillna(pd.Series([0.0, 0.01, 1.0], names))", "dropna()", "abs()"]
)
def test_gaps_that_each_row_fills_by_itself(tmp_path, fill):
    guard = f"features = features[names].{fill}"
    with tiny(tmp_path, engine_text(guard=guard, x="features.to_numpy()")) as subject:
        result = run_check("FEA004", subject)
    assert_passes(result)
    shown = [row[0] for row in result.evidence[0].rows]
    assert "row 47 alone, with a gap" in shown


@pytest.mark.fails("FEA004")
@pytest.mark.parametrize(
    "guard",
    [
        "features = features.where(features.notna().all(axis=1))[names]",
        "features = features.assign(move=features.mean(axis=1))[names]",
    ],
)
def test_a_column_that_nobody_reads_counts(tmp_path, guard):
    with tiny(tmp_path, engine_text(guard=guard), meta=META) as subject:
        found = assert_fails(run_check("FEA004", subject))
    assert found.key == "a column more, blank in half of its rows"


@pytest.mark.fails("FEA004")
def test_predictions_that_lose_their_labels(tmp_path):
    score = "np.sort(x[:, 0])"
    with tiny(tmp_path, engine_text(score=score), meta=META) as subject:
        assert_fails(run_check("FEA004", subject), key="rows shuffled")


def test_a_predictor_that_ranks_across_a_date_may_do_so_when_it_says_so(tmp_path):
    text = engine_text(score="features['move'].groupby(level='date').rank()")
    with tiny(tmp_path, text, meta=META) as subject:
        assert run_check("FEA004", subject).outcome is Outcome.FAIL
    promise = "options: {FEA004: {unit: date}}"
    with tiny(tmp_path / "b", text, meta=META, parameters=promise) as subject:
        assert_passes(run_check("FEA004", subject))


# --- FEA005 -----------------------------------------------------------------------------------
@pytest.mark.fails("FEA005")
def test_a_column_that_is_filled_with_zero(engine):
    edit_source(
        engine,
        "predictor.py",
        "missing = [name for name in wanted if name not in features.columns]",
        "missing = []\n        features = features.reindex(columns=wanted, fill_value=0.0)",
    )
    with mutant(engine) as subject:
        result = run_check("FEA005", subject)
    assert len([f for f in result.findings if f.key.startswith("absent")]) == 1
    found = assert_fails(result, key="absent, as if it were zero", severity=Severity.HIGH)
    assert "more of the same cause: absent " in found.message
    assert found.measured.startswith("as if ")


@pytest.mark.fails("FEA005")
def test_a_single_column_that_is_filled(tmp_path):
    guard = "features = features.assign(calm=features.get('calm', 0.0))\n    " + GUARD
    with tiny(tmp_path, engine_text(guard=guard), meta=META) as subject:
        result = run_check("FEA005", subject)
    found = assert_fails(result, key="absent calm", severity=Severity.HIGH)
    assert found.measured == "as if calm were zero"


@pytest.mark.fails("FEA005")
def test_gaps_that_are_served_as_zero_where_no_feature_is(tmp_path):
    filled = GUARD + "\n    features = features.fillna(0.0).where(features.notna().any(axis=1))"
    with tiny(tmp_path, engine_text(guard=filled), meta=META) as subject:
        found = assert_fails(run_check("FEA005", subject), key="zero calm")
    assert found.severity is Severity.HIGH
    assert "calm is NaN and is served as a zero is, which it never takes" in found.message


@pytest.mark.parametrize("column", ["move", "level"])
def test_gaps_that_are_served_as_a_value_of_the_feature(tmp_path, column):
    filled = f"features = features.assign({column}=features['{column}'].fillna(0.0))"
    guard = f"{GUARD}\n    {filled}.where(features.notna().any(axis=1))"
    with tiny(tmp_path, engine_text(guard=guard), meta=META) as subject:
        found = run_check("FEA005", subject).findings
    assert not [f for f in found if f.severity > Severity.INFO]


@pytest.mark.parametrize(
    ("fill", "way", "outcome"),
    [
        ("0.0", "zero", Outcome.PASS),
        ("0.0", "median", Outcome.FAIL),
        ("pd.Series(MEDIANS)", "median", Outcome.PASS),
        ("pd.Series(MEDIANS)", "zero", Outcome.FAIL),
    ],
)
def test_a_row_of_nothing_is_filled_as_is_documented(tmp_path, fill, way, outcome):
    with tiny(tmp_path / "plain", engine_text(), meta=META) as subject:
        fill = fill.replace("MEDIANS", str(few(subject, 24).median().to_dict()))
    text = engine_text(x=f"features[names].fillna({fill}).to_numpy()")
    said = (
        f"options: {{FEA005: {{documented: {{nan: {way}, all_nan: {way}, infinite: predicted}}}}}}"
    )
    with tiny(tmp_path / "filled", text, meta=META, parameters=said) as subject:
        result = run_check("FEA005", subject)
    assert result.outcome is outcome, [f.message for f in result.findings]


@pytest.mark.fails("FEA005")
def test_a_row_of_nothing_gets_a_prediction(tmp_path):
    guard = GUARD + "\n    features = features.fillna(features.median()).fillna(0.0)"
    with tiny(tmp_path, engine_text(guard=guard), meta=META) as subject:
        result = run_check("FEA005", subject)
    found = assert_fails(result, key="all_nan", severity=Severity.MEDIUM)
    assert "every feature is NaN" in found.message


@pytest.mark.fails("FEA005")
def test_a_crash_in_place_of_a_refusal(tmp_path):
    guard = "_ = [features[n] for n in names]\n    1 / all(t.kind == 'f' for t in features.dtypes)"
    with tiny(tmp_path, engine_text(guard=guard), meta=META) as subject:
        result = run_check("FEA005", subject)
    found = assert_fails(result, key="text move", severity=Severity.LOW)
    assert "ZeroDivisionError" in found.message
    assert not any("absent" in f.message for f in result.findings)  # the KeyError names it


def test_a_type_error_about_text_is_loud_enough(tmp_path):
    with tiny(tmp_path, engine_text(guard="pass"), meta=META) as subject:
        result = run_check("FEA005", subject)
    assert ("text", "move", "crashed") in [row[:3] for row in result.evidence[0].rows]
    assert not any("text" in f.key for f in result.findings)


@pytest.mark.fails("FEA005")
def test_a_crash_that_names_no_feature(tmp_path):
    guard = "features = features.iloc[:, :3]; assert len(features.columns) == 3 or 1 / 0"
    guard = guard.replace("assert ", "_ = ") + "; names = list(features.columns)"
    with tiny(tmp_path, engine_text(guard=guard), meta=META) as subject:
        found = assert_fails(run_check("FEA005", subject), cause="crash of ZeroDivisionError")
    assert found.severity is Severity.LOW


@pytest.mark.passes("FEA005")
def test_an_infinity_that_is_taken_for_a_nan_beside_a_head_that_needs_it_not(tmp_path):
    text = engine_text().replace('{"score":', '{"calm": x[:, 1], "score":')
    with tiny(tmp_path, text, meta=META) as subject:
        assert_passes(run_check("FEA005", subject))
    refused = "options: {FEA005: {documented: {nan: refused}}}"
    with tiny(tmp_path / "b", text, meta=META, parameters=refused) as subject:
        keys = {f.key.partition(" ")[0] for f in run_check("FEA005", subject).findings}
    assert "infinite," in keys or "infinite" in keys


@pytest.mark.passes("FEA005")
def test_a_refusal_that_does_not_name_the_feature_is_noted(tmp_path):
    guard = GUARD.replace('f"missing or double: {missing}"', '"the features are not right"')
    with tiny(tmp_path, engine_text(guard=guard), meta=META) as subject:
        result = run_check("FEA005", subject)
    assert_passes(result)
    (found,) = result.findings
    assert (found.key, found.severity) == (
        "refusals that do not name the feature",
        Severity.INFO,
    )


def test_what_an_error_says_of_this_machine_is_left_out(tmp_path):
    guard = '_ = features["move"] if "move" in features else {}[str(at.root / "x")]'
    with tiny(tmp_path, engine_text(guard=guard), meta=META) as subject:
        result = run_check("FEA005", subject)
    told = [f for f in result.findings if "<source>/x" in f.message]
    assert told
    assert not any(str(subject.root) in f.message + f.measured for f in result.findings)


#: trees handle NaN and infinities by branches of their own, and the library refuses the rest
TREES = (
    engine_text(guard="", x="features[names]", score="MODEL.predict(x)")
    + """
import lightgbm as lgb

def _fitted():
    known = features(_market())
    label = known["move"].fillna(0.01) * 3 + known["calm"].fillna(0.1) * 50
    return lgb.LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1).fit(known, label)

MODEL = _fitted()
"""
)


@pytest.mark.passes("FEA005")
@pytest.mark.parametrize("form", ["x", "x.to_numpy(dtype=float)", "features[names].astype(float)"])
def test_a_tree_model_that_is_called_plainly(tmp_path, form):
    with tiny(tmp_path, TREES.replace("predict(x)", f"predict({form})"), meta=META) as subject:
        result = run_check("FEA005", subject)
    assert_passes(result)
    assert {f.key for f in result.findings} == {"all_nan"}
    assert all(f.severity is Severity.INFO for f in result.findings)


#: fitted where nothing was missing, the library takes NaN for zero, which no line here does
WHOLE = (
    TREES.replace(".fit(known, label)", ".fit(known.dropna(), label[known.notna().all(axis=1)])")
    .replace('known["move"].fillna(0.01)', 'known["move"]')
    .replace('known["calm"].fillna(0.1)', 'known["calm"]')
)


@pytest.mark.passes("FEA005")
def test_a_tree_model_that_never_saw_a_missing_value(tmp_path):
    with tiny(tmp_path, WHOLE, meta=META) as subject:
        result = run_check("FEA005", subject)
    assert_passes(result)
    assert ("nan", "move", "answered") in [row[:3] for row in result.evidence[0].rows]
    assert "the model handles NaN itself" in result.findings[0].message


@pytest.mark.fails("FEA005")
def test_a_fill_in_front_of_a_tree_model_is_the_engines(tmp_path):
    text = WHOLE.replace("MODEL.predict(x)", "MODEL.predict(x.fillna(0.0))")
    with tiny(tmp_path, text, meta=META) as subject:
        assert_fails(run_check("FEA005", subject), key="all_nan", severity=Severity.MEDIUM)


@pytest.mark.fails("FEA005")
@pytest.mark.parametrize(
    "filled",
    [
        "x.where(x.notna(), 0.3)",
        "np.where(np.isnan(x), 0.3, x)",
        "x.mask(x.isna(), pd.Series({'move': 0.1, 'calm': 0.3, 'level': 0.0}), axis=1)",
        "x.replace({np.nan: 0.3})",
    ],
)
def test_a_constant_in_front_of_a_tree_model_is_the_engines_however_it_is_spelt(tmp_path, filled):
    with tiny(tmp_path, WHOLE.replace("predict(x)", f"predict({filled})"), meta=META) as subject:
        found = assert_fails(run_check("FEA005", subject), key="all_nan")
    assert found.severity is Severity.MEDIUM


@pytest.mark.fails("FEA005")
def test_a_row_of_nothing_is_less_where_the_fills_are_told(tmp_path):
    told = '\n@surface("features")\ndef fills(at):\n    return dict.fromkeys(required(at), 0.3)\n'
    text = WHOLE.replace("predict(x)", "predict(x.replace({np.nan: 0.3}))") + told
    with tiny(tmp_path, text, meta=META) as subject:
        assert_fails(run_check("FEA005", subject), key="all_nan", severity=Severity.LOW)


#: fitted where much was missing, and told that zero says the same
ZERO_IS_MISSING = WHOLE.replace("verbose=-1", "verbose=-1, zero_as_missing=True").replace(
    "fit(known.dropna()",
    "fit(known.dropna().mask(np.random.default_rng(0).random(known.dropna().shape) < 0.05)",
)


@pytest.mark.passes("FEA005")
@pytest.mark.parametrize("form", ["x", "x.fillna(0.0)"])
def test_a_model_that_takes_zero_for_missing(tmp_path, form):
    text = ZERO_IS_MISSING.replace("predict(x)", f"predict({form})")
    with tiny(tmp_path, text, meta=META) as subject:
        result = run_check("FEA005", subject)
    assert_passes(result)
    said = {row[3] for row in result.evidence[0].rows if row[0] == "nan"}
    assert form == "x" or "as if move were NaN" in said


@pytest.mark.fails("FEA005")
def test_a_model_that_takes_zero_for_missing_behind_another_fill(tmp_path):
    text = ZERO_IS_MISSING.replace("predict(x)", "predict(x.fillna(0.3))")
    with tiny(tmp_path, text, meta=META) as subject:
        assert_fails(run_check("FEA005", subject), key="all_nan", severity=Severity.MEDIUM)


@pytest.mark.passes("FEA005")
def test_a_fill_that_no_prediction_goes_through_says_nothing_of_the_model(tmp_path):
    text = TREES + "\ndef report(table):\n    return table.fillna(0.0)\n"
    with tiny(tmp_path, text, meta=META) as subject:
        assert_passes(run_check("FEA005", subject))


@pytest.mark.fails("FEA005")
def test_a_fill_in_the_file_of_the_predictor_is_no_handling_by_the_model(engine):
    """Filled with a stored value that is neither zero nor the median of the sample."""
    edit_source(engine, "predictor.py", "return chosen.to_num", "return chosen.fillna(0.3).to_num")
    with mutant(engine, contained=True) as subject:
        found = assert_fails(run_check("FEA005", subject), key="all_nan")
    assert found.severity is Severity.MEDIUM


@pytest.mark.fails("FEA005")
def test_what_is_documented_must_be_what_happens(tmp_path):
    text = engine_text(guard=GUARD + "\n    features = features.fillna(0.0)")
    others = "all_nan: predicted, infinite: predicted"

    def asked(way):
        options = f"options: {{FEA005: {{documented: {{nan: {way}, {others}}}}}}}"
        with tiny(tmp_path / way, text, meta=META, parameters=options) as subject:
            return run_check("FEA005", subject)

    assert_passes(asked("zero"))
    found = assert_fails(asked("median"), cause="nan is documented as median")
    assert found.severity is Severity.MEDIUM
    assert_fails(asked("refused"), cause="nan is documented as refused")


def test_builders_are_asked_about_a_panel_once(tmp_path):
    with tiny(tmp_path, engine_text(), meta=META) as subject:
        for code in ("FEA007", "FEA006"):
            run_check(code, subject)
        once = subject.heard("features.build").asked
        for code in ("FEA006", "FEA007"):
            run_check(code, subject)
        assert subject.heard("features.build").asked == once


# --- FEA006 -----------------------------------------------------------------------------------
@pytest.mark.fails("FEA006")
def test_a_denominator_of_zero(engine):
    edit_source(
        engine, "features.py", "gains / np.where(moves == 0, 1.0, moves)", "(gains + 1e-9) / moves"
    )
    edit_source(engine, "features.py", "return np.where(moves == 0, 0.5, ", "return (")
    with mutant(engine) as subject:
        result = run_check("FEA006", subject)
    found = assert_fails(result, cause="strength_14 is infinite")
    assert found.severity is Severity.MEDIUM


@pytest.mark.fails("FEA006")
@pytest.mark.parametrize(
    ("build", "key", "severity"),
    [
        ("features(panel.loc[panel['close'] > 0]).loc[panel.index]", "a gap of NaN", "LOW"),
        ("features(panel).dropna(axis=1, how='all')", "columns three bars", "MEDIUM"),
        ("features(panel).assign(level=np.inf)", "level is infinite", "MEDIUM"),
    ],
)
def test_builders_that_do_not_stand_odd_bars(tmp_path, build, key, severity):
    text = engine_text().replace("return features(panel)", f"return {build}", 1)
    with tiny(tmp_path, text, meta=META) as subject:
        result = run_check("FEA006", subject)
    found = {f.key: f for f in result.findings}
    assert key in found, list(found)
    assert found[key].severity is Severity[severity]


def filling(folder, fill, live="return features(panel)"):
    level = f'lambda b: (b["close"] / b["close"].rolling(5).mean() - 1){fill}'
    with tiny(folder, engine_text(level=level, live=live), meta=META) as subject:
        return run_check("FEA006", subject)


@pytest.mark.fails("FEA006")
def test_a_gap_that_is_filled_with_what_never_is(tmp_path):
    found = assert_fails(filling(tmp_path, ".fillna(-999)"), key="fill level")
    assert (found.measured, found.severity) == ("-999", Severity.MEDIUM)


@pytest.mark.fails("FEA006")
@pytest.mark.parametrize("live", ["features(panel).fillna(0.0)", "features(panel.ffill())"])
def test_a_gap_that_live_fills_and_training_does_not(tmp_path, live):
    result = filling(tmp_path, "", f"return {live}")
    found = assert_fails(result, cause="gaps are filled otherwise than in training")
    assert (found.severity, found.anchor.symbol) == (Severity.HIGH, "features.build_live")


@pytest.mark.passes("FEA006")
@pytest.mark.parametrize(
    "fill",
    ["", ".fillna(0.0)", ".ffill()", ".clip(-1, 1).fillna(0)", ".clip(0, 1).fillna(0)"],
)
def test_gaps_that_are_filled_within_the_range_and_alike(tmp_path, fill):
    assert_passes(filling(tmp_path, fill))


# --- FEA007 -----------------------------------------------------------------------------------
@pytest.mark.fails("FEA007")
def test_a_feature_in_dollars(tmp_path):
    level = 'lambda b: b["close"] - b["close"].rolling(50).mean()'
    with tiny(tmp_path, engine_text(level=level), meta=META) as subject:
        result = run_check("FEA007", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, key="level prices", severity=Severity.LOW)
    assert float(found.measured) > 1
    allowed = "options: {FEA007: {carries_unit: [level]}}"
    with tiny(tmp_path / "b", engine_text(level=level), meta=META, parameters=allowed) as subject:
        passed = run_check("FEA007", subject)
    assert_passes(passed)
    (margin,) = passed.margins
    assert margin.what == "change with the unit"
    assert 0 <= margin.measured < margin.allowed


@pytest.mark.fails("FEA007")
def test_a_threshold_in_dollars(engine):
    edit_source(
        engine,
        "features.py",
        "gap: Floats = np.log(closes[..., -1] / np.mean(closes, axis=-1))",
        "gap: Floats = np.log(closes[..., -1] / np.maximum(np.mean(closes, axis=-1), 5.0))",
    )
    with mutant(engine) as subject:
        found = assert_fails(run_check("FEA007", subject), key="gap_mean_21 prices")
    assert found.anchor.symbol == "features.build"


def test_an_engine_that_cannot_build_is_not_assessed(tmp_path):
    text = engine_text().replace("return features(panel)", "raise OSError('no feed')", 1)
    with tiny(tmp_path, text, meta=META) as subject:
        for code in ("FEA003", "FEA004", "FEA005", "FEA006", "FEA007"):
            result = run_check(code, subject)
            assert result.outcome is Outcome.NOT_ASSESSED, code
            assert "no feed" in result.reason


def test_edits_of_metadata_are_seen_through_the_checkpoint(engine):
    edit_json(engine, "2022-03rc/meta.json", lambda m: m.update(feature_cols=None), seal=False)
    with mutant(engine, "2022-03rc") as subject:
        result = run_check("FEA001", subject)
    assert result.outcome is Outcome.NOT_ASSESSED  # the engine refuses such a checkpoint
