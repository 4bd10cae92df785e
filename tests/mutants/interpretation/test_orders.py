import re

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.mutate import edit_json, edit_source, mutant
from tests.mutants.tiny import tiny

CODES = ("INT001", "INT002", "INT003", "INT004")
ENGINE = """
@surface("features")
def build(at, panel):
    return each(
        panel,
        move=lambda b: b["close"].pct_change(5, fill_method=None),
        calm=lambda b: returns(b).rolling(20).std() * 252**0.5,
    )

@surface("predictor")
def required(at):
    return ["move", "calm"]

def _predict(features):
    x, calm = features["move"], features["calm"]
    return pd.DataFrame(
        {"up": 1 / (1 + np.exp(-40 * x)), "gain": x * 0.3, "risk": calm}, index=features.index
    )

@surface("predictor")
def predict(at, features):
    return _predict(features)

def _orders(p, limit=0.6, gate="risk"):
    known = p.notna().all(axis=1) & (p["risk"] > 0)
    up, risk = p["up"], p["risk"]
    side = (known & (up >= limit)).astype(int) - (known & (up <= 1 - limit)).astype(int)
    size = (0.1 * (up - 0.5).abs() / risk).clip(0, 0.5).fillna(0.0)
    capped = (side != 0) & (size > 0.08)
    return pd.DataFrame(
        {
            "side": side,
            "size": size.where(side != 0, 0.0).where(~capped, 0.08),
            "gate": np.where(capped, gate, ""),
        },
        index=p.index,
    )

@surface("decisions")
def backtest(at, features):
    return _orders(_predict(features))

@surface("decisions")
def live(at, features):
    {live}

@surface("decisions")
def rules_backtest(at, predictions):
    return _orders(predictions)

@surface("decisions")
def rules_live(at, predictions):
    {rules}
"""
META = {
    "feature_cols": ["move", "calm"],
    "heads": {"up": "probability", "gain": "return", "risk": "volatility"},
}
SIZING = "options: {INT002: {sizing: {up: increasing, risk: decreasing}}}"


def text(live="return _orders(_predict(features))", rules="return _orders(predictions)"):
    return ENGINE.replace("{live}", live).replace("{rules}", rules)


@pytest.mark.passes("INT001", "INT002", "INT003", "INT004")
def test_the_reference_engine_interprets_alike(reference):
    results = {code: run_check(code, reference) for code in CODES}
    for result in results.values():
        assert_passes(result)
    assert held(results["INT001"], "difference of an order in backtest and live", 1e-9)


@pytest.mark.passes("INT001", "INT002", "INT003", "INT004")
def test_a_small_engine_passes(tmp_path):
    with tiny(tmp_path, text(), meta=META, parameters=SIZING) as subject:
        for code in CODES:
            assert_passes(run_check(code, subject))


@pytest.mark.passes("INT003")
def test_a_version_that_trades_late_in_the_sample(reference):
    subject = reference.at("2018-12")
    assert_passes(run_check("INT003", subject))


# --- INT001 -----------------------------------------------------------------------------------
@pytest.mark.fails("INT001")
def test_the_candidate_sells_at_another_threshold(engine):
    with mutant(engine, "2022-03rc") as subject:
        result = run_check("INT001", subject)
    found = assert_fails(result, key="side", severity=Severity.CRITICAL)
    assert found.anchor.symbol == "decisions.live"
    assert "(backtest, then live" in found.message
    assert "size" not in {f.key for f in result.findings}  # it follows the side


@pytest.mark.fails("INT001")
def test_a_threshold_far_from_the_scores_of_an_undeclared_head(tmp_path):
    shy = text(rules="return _orders(predictions, limit=0.7)")
    shy = shy.replace("1 / (1 + np.exp(-40 * x))", "0.05 + 0.001 * np.sign(x)")
    with tiny(tmp_path, shy, meta={"feature_cols": ["move", "calm"]}) as subject:
        found = assert_fails(run_check("INT001", subject), key="side", severity=Severity.CRITICAL)
    assert "made-up predictions" in found.message


REFUSES = """
    if {when}:
        raise Refusal("it fell")
    return _orders(_predict(features))"""


@pytest.mark.fails("INT001")
@pytest.mark.parametrize("path", ["live", "backtest"])
def test_one_path_refuses_what_the_other_trades(tmp_path, path):
    refusing = REFUSES.format(when='not (features["move"] > 0).all()')
    engine = text(live=refusing) if path == "live" else text()
    if path == "backtest":
        head = "def backtest(at, features):\n"
        engine = engine.replace(f"{head}    return _orders(_predict(features))", head + refusing)
    other = "backtest" if path == "live" else "live"
    with tiny(tmp_path, engine, meta=META, parameters=SIZING) as subject:
        result = run_check("INT001", subject)
    found = assert_fails(result, key="refusal as they are", severity=Severity.HIGH)
    assert found.anchor.symbol == f"decisions.{path}"
    assert re.fullmatch(
        rf"{path} refuses \d+ of \d+ rows as they are that {other} trades: it fell",
        found.message,
    )


def test_refusing_all_and_standing_aside_is_no_difference_and_no_pass(tmp_path):
    flat = text(live=REFUSES.format(when="True"))
    flat = flat.replace(
        "def backtest(at, features):\n    return _orders(_predict(features))",
        "def backtest(at, features):\n    return _orders(_predict(features) * np.nan)",
    )
    with tiny(tmp_path, flat, meta=META, parameters=SIZING) as subject:
        result = run_check("INT001", subject)
    assert not result.findings
    # A path that never gave an order was not seen to agree with the other.
    assert result.outcome is Outcome.NOT_ASSESSED


def test_a_table_refused_as_a_whole_and_no_row_of_it_is_a_gap(tmp_path):
    single = text(live=REFUSES.format(when="len(features) > 1"))
    with tiny(tmp_path, single, meta=META, parameters=SIZING) as subject:
        result = run_check("INT001", subject)
    assert not result.findings
    assert any("live refused the table, though none of 1" in g.why for g in result.gaps)


@pytest.mark.fails("INT001")
def test_a_threshold_that_live_excludes(engine):
    edit_source(
        engine,
        "rules.py",
        "if probability >= config.enter_long and expected >= config.min_return_long:",
        "if probability > config.enter_long and expected >= config.min_return_long:",
    )
    with mutant(engine) as subject:
        result = run_check("INT001", subject)
    found = assert_fails(result, key="side")
    assert "made-up predictions" in found.message


@pytest.mark.fails("INT001")
@pytest.mark.parametrize(
    ("live", "key", "severity"),
    [
        ("return _orders(_predict(features), gate='cap')", "gate", Severity.MEDIUM),
        ("return _orders(_predict(features)).assign(size=0.05)", "size", Severity.HIGH),
        ("return _orders(_predict(features)).iloc[:-3]", "rows", Severity.HIGH),
    ],
)
def test_live_paths_that_differ(tmp_path, live, key, severity):
    with tiny(tmp_path, text(live), meta=META) as subject:
        found = assert_fails(run_check("INT001", subject), key=key)
    assert found.severity is severity


def test_a_live_path_that_fails_leaves_gaps(tmp_path):
    with tiny(tmp_path, text("raise OSError('no broker')"), meta=META) as subject:
        result = run_check("INT001", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "no broker" in result.reason


# --- INT002 -----------------------------------------------------------------------------------
@pytest.mark.fails("INT002")
def test_a_size_that_nobody_limits(engine):
    edit_source(
        engine,
        "risk_gates.py",
        "np.where(refused | ~wanted, 0.0, np.minimum(size, config.max_position))",
        "np.where(refused | ~wanted, 0.0, size * 100)",
    )
    with mutant(engine) as subject:
        result = run_check("INT002", subject)
    found = assert_fails(result, key="a size above 1 made-up predictions")
    assert found.anchor.symbol == "decisions.rules_backtest"


@pytest.mark.fails("INT002")
@pytest.mark.parametrize(
    ("rules", "key"),
    [
        (
            "return _orders(predictions).replace({'side': {1: 2}})",
            "a side that is none of -1, 0, 1",
        ),
        ("o = _orders(predictions)\n    return o.assign(size=-o['size'])", "a negative size"),
        ("return _orders(predictions).assign(size=np.nan)", "a size that is not finite"),
        ("return _orders(predictions).assign(size=0.01)", "a size without a side"),
        ("return _orders(predictions).assign(size=0.0)", "a side without a size"),
    ],
)
def test_orders_that_cannot_be_placed(tmp_path, rules, key):
    with tiny(tmp_path, text(rules=rules), meta=META) as subject:
        found = assert_fails(run_check("INT002", subject), key=f"{key} made-up predictions")
    assert found.anchor.symbol == "decisions.rules_live"


def test_undeclared_leverage_is_a_note_and_more_than_declared_a_finding(tmp_path):
    geared = text("o = _orders(_predict(features))\n    return o.assign(size=o['size'] * 30)")
    with tiny(tmp_path, geared, meta=META) as subject:
        result = run_check("INT002", subject)
    assert {f.severity for f in result.findings} == {Severity.INFO}
    declared = "options: {INT002: {largest: 2}}"
    with tiny(tmp_path / "b", geared, meta=META, parameters=declared) as subject:
        found = assert_fails(run_check("INT002", subject), severity=Severity.HIGH)
    assert "orders of live" in found.message
    assert "a size above 2" in found.message


@pytest.mark.fails("INT002")
def test_a_gate_that_raises_sizes(tmp_path):
    raised = text().replace("size > 0.08", "size < 0.06")
    raised = raised.replace("where(~capped, 0.08)", "where(~capped, 0.2)")
    with tiny(tmp_path, raised, meta=META) as subject:
        assert_passes(run_check("INT002", subject))  # nobody says how sizing goes
    with tiny(tmp_path / "b", raised, meta=META, parameters=SIZING) as subject:
        result = run_check("INT002", subject)
    found = assert_fails(result, key="sizing long", hook="decisions.rules_backtest")
    assert found.expected == "0 pairs"


def test_sizing_in_a_head_that_does_not_exist_is_a_gap(tmp_path):
    wrong = "options: {INT002: {sizing: {alpha: increasing}}}"
    with tiny(tmp_path, text(), meta=META, parameters=wrong) as subject:
        result = run_check("INT002", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "no head is called 'alpha'" in result.reason


# --- INT003 -----------------------------------------------------------------------------------
@pytest.mark.fails("INT003")
def test_a_threshold_that_no_score_reaches(engine):
    def unreachable(decisions):
        for numbers in decisions.values():
            numbers.update(enter_long=1.2, enter_short=-0.2)

    edit_json(engine, "2020-12/decisions.json", unreachable)
    with mutant(engine) as subject:
        result = run_check("INT003", subject)
    assert {f.key for f in result.findings} == {"never", "strongest"}
    found = assert_fails(result, key="never", hook="decisions.live")
    assert found.message.startswith("none of ")


@pytest.mark.fails("INT003")
def test_scores_that_say_nothing_are_traded(tmp_path):
    rules = "return _orders(predictions.fillna(0.9))"
    with tiny(tmp_path, text(rules=rules), meta=META) as subject:
        result = run_check("INT003", subject)
    found = assert_fails(result, key="NaN in up")
    assert found.anchor.symbol == "decisions.rules_live"
    eager = "return _orders(predictions.assign(up=predictions['up'] + 0.2))"
    with tiny(tmp_path / "b", text(rules=eager), meta=META) as subject:
        assert_fails(run_check("INT003", subject), key="neutral")


@pytest.mark.parametrize(
    ("heads", "why"),
    [
        ({"risk": "volatility"}, "no head of the checkpoint is a return or a probability"),
        ({"elsewhere": "return"}, "no directional head is among the predictions"),
    ],
)
def test_rules_without_a_head_that_tells_a_side_are_a_gap(tmp_path, heads, why):
    with tiny(tmp_path, text(), meta={**META, "heads": heads}) as subject:
        result = run_check("INT003", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert {(g.what, g.why) for g in result.gaps} == {
        (f"decisions.rules_{path}", why) for path in ("backtest", "live")
    }


CAPPED = """
    p = predictions.fillna({"risk": 0.2})
    orders = _orders(p)
    raw = 0.08 + 0 * predictions["risk"] if WHOLE else 0.08 + 0 * p["risk"]
    return orders.assign(size=np.where(orders["side"] != 0, raw, 0.0))
"""


@pytest.mark.fails("INT003")
def test_a_size_that_is_nan_where_a_cap_hides_what_a_head_does(tmp_path):
    with tiny(tmp_path, text(rules=CAPPED.replace("WHOLE", "True")), meta=META) as subject:
        found = assert_fails(run_check("INT003", subject))
    assert found.key == "NaN in risk"


@pytest.mark.passes("INT003")
def test_a_rule_set_that_raises_where_a_head_is_missing_trades_nothing(tmp_path):
    raises = "predictions['risk'].map(round); return _orders(predictions)"
    with tiny(tmp_path, text(rules=raises), meta=META) as subject:
        assert_passes(run_check("INT003", subject))


@pytest.mark.passes("INT003")
def test_a_head_that_does_nothing_may_be_nan(tmp_path):
    with tiny(tmp_path, text(rules=CAPPED.replace("WHOLE", "False")), meta=META) as subject:
        assert_passes(run_check("INT003", subject))


@pytest.mark.fails("INT003")
def test_features_that_are_nan_are_traded(tmp_path):
    live = "return _orders(_predict(features.fillna(0.05)))"
    with tiny(tmp_path, text(live), meta=META) as subject:
        found = assert_fails(run_check("INT003", subject), key="NaN features")
    assert found.anchor.symbol == "decisions.live"


#: a book that buys the best and sells the worst of each date, whatever the level of its scores
BOOK = """
    score = (predictions["gain"] / predictions["risk"]).where(predictions["risk"] > 0)
    place = score.groupby(level="date").rank(pct=True, na_option="keep", method="METHOD")
    side = (place > 0.75).astype(int) - (place < 0.25).astype(int)
    size = (0.01 / predictions["risk"]).clip(0, 0.5).where(side != 0, 0.0).fillna(0.0)
    return pd.DataFrame({"side": side, "size": size, "gate": ""}, index=predictions.index)"""


@pytest.mark.passes("INT003")
@pytest.mark.parametrize("method", ["average", "first"])
def test_a_book_that_compares_the_rows_of_a_date_trades_when_it_should(tmp_path, method):
    rules = text(rules=BOOK.strip().replace("METHOD", method))
    with tiny(tmp_path, rules, meta=META) as subject:
        assert_passes(run_check("INT003", subject))


@pytest.mark.fails("INT003")
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [("keep", "bottom", "NaN in gain"), ("place > 0.75", "place > 1.75", "strongest")],
)
def test_a_book_that_does_not(tmp_path, old, new, key):
    book = BOOK.strip().replace("METHOD", "average").replace(old, new)
    with tiny(tmp_path, text(rules=book), meta=META) as subject:
        assert_fails(run_check("INT003", subject), key=key)


# --- INT004 -----------------------------------------------------------------------------------
@pytest.mark.fails("INT004")
def test_sides_that_are_mirrored(engine):
    edit_source(
        engine,
        "rules.py",
        '    with np.errstate(invalid="ignore"):\n',
        "    expected, probability = 0.004 - expected, 2 * config.neutral - probability\n"
        '    with np.errstate(invalid="ignore"):\n',
    )
    with mutant(engine) as subject:
        result = run_check("INT004", subject)
    found = assert_fails(result, hook="decisions.backtest", key="sides")
    assert found.message.startswith("what is bought scores below what is sold")
    assert len(result.findings) == 1


@pytest.mark.fails("INT004")
@pytest.mark.parametrize(
    ("live", "message"),
    [
        (
            "p = _predict(features)\n    return _orders(p.assign(up=p['risk'].rank(pct=True)))",
            "sides follow risk, which tells no direction",
        ),
        (
            "p = _predict(features)\n    return _orders(p.assign(up=1 - p['up']))",
            "what is bought scores below what is sold",
        ),
        (
            "r = np.random.default_rng(0).random(len(features))\n"
            "    return _orders(_predict(features).assign(up=r))",
            "sides follow no directional head",
        ),
    ],
)
def test_sides_that_follow_something_else(tmp_path, live, message):
    with tiny(tmp_path, text(live), meta=META) as subject:
        found = assert_fails(run_check("INT004", subject), hook="decisions.live")
    assert found.message.startswith(message)


NAMED = {"feature_cols": ["move", "calm"], "heads": ["up", "gain", "risk"]}
FACTS = """heads:
  up: {kind: probability, output: 0}
  gain: {kind: real, output: 1}
  risk: {kind: positive, output: 2}
"""
#: a return that tells nothing, so that sides can follow `up` alone
APART = text().replace('"gain": x * 0.3', '"gain": (x * 1e4) % 0.01')


@pytest.mark.fails("INT004")
@pytest.mark.passes("INT004")
def test_heads_that_the_checkpoint_only_names_are_what_the_parameters_say(tmp_path):
    with tiny(tmp_path / "a", APART, meta=NAMED, parameters=FACTS) as subject:
        assert_passes(run_check("INT004", subject))
    other = APART.replace("    return _orders(_predict(features))", "    p = _predict(features)\n"
                          "    return _orders(p.assign(up=p['risk'].rank(pct=True)))")  # fmt: skip
    with tiny(tmp_path / "b", other, meta=NAMED, parameters=FACTS) as subject:
        result = run_check("INT004", subject)
    found = assert_fails(result, hook="decisions.live", key="sides")
    assert found.message.startswith("sides follow risk, which tells no direction")


def test_sides_that_follow_a_head_of_unknown_kind_accuse_nobody(tmp_path):
    facts = FACTS.replace("  up: {kind: probability, output: 0}\n", "")
    with tiny(tmp_path, APART, meta=NAMED, parameters=facts) as subject:
        result = run_check("INT004", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.gaps[0].why == "sides follow up, and nobody says of what kind that head is"


#: a head that is no direction and goes along with one, if not quite
ALONG = text().replace(
    '"risk": calm}', '"risk": 0.2 + 0.1 / (1 + np.exp(-40 * x)) + 0.018 * np.sin(1e4 * x)}'
)


@pytest.mark.fails("INT004")
def test_sides_that_follow_a_head_that_goes_along_with_a_direction(tmp_path):
    live = "p = _predict(features)\n    return _orders(p.assign(up=p['risk'].rank(pct=True)))"
    along = ALONG.replace("return _orders(_predict(features))", live.replace("\n    ", "; "))
    with tiny(tmp_path, along, meta=META) as s:
        result = run_check("INT004", s)
    found = assert_fails(result, symbol="decisions.live", key="sides")
    assert float(found.measured) > 0.9
    assert found.message.startswith("sides follow risk, which tells no direction")


@pytest.mark.passes("INT004")
def test_sides_that_follow_the_direction_with_another_head_along(tmp_path):
    with tiny(tmp_path, ALONG, meta=META) as subject:
        assert_passes(run_check("INT004", subject))


#: the best and the worst of each day, whatever the level of the day; each asset by its own history
BOOKS = {
    "by date": "p['up'].groupby(level='date').rank() - 2",
    "by asset": "p['up'] - p['up'].groupby(level='asset').transform('median')",
}
#: a level that drowns what tells the assets of a day, or the days of an asset, apart
LEVELS = {"by date": "x.groupby(level='date').transform('sum') * 8", "by asset": "OWN"}


def _book(score, level):
    source = text().replace("return _orders(_predict(features))", "return _book(features)")
    source = source.replace("-40 * x", f"-40 * (x + ({level}))")
    own = "OWN = pd.Series({'S0': 0.0, 'S1': 0.3, 'S2': -0.3})\n"
    source = source.replace("+ (OWN)", "+ x.index.get_level_values('asset').map(OWN).to_numpy()")
    body = (
        "\ndef _book(features):\n    p = _predict(features)\n"
        f"    score = {score}\n"
        "    made = pd.DataFrame({'side': np.sign(score), 'size': 0.01, 'gate': ''}, p.index)\n"
        "    made.loc[made['side'] == 0, 'size'] = 0.0\n    return made\n"
    )
    return own + source + body


@pytest.mark.passes("INT004")
@pytest.mark.parametrize("kind", BOOKS)
def test_books_that_compare_within_dates_or_assets_follow_their_head(tmp_path, kind):
    with tiny(tmp_path, _book(BOOKS[kind], LEVELS[kind]), meta=META) as subject:
        result = run_check("INT004", subject)
    assert_passes(result)
    areas = {(head, group): value for head, value, group in result.evidence[0].rows}
    assert areas["up", "decisions.live"] < 0.9
    assert areas["up", f"decisions.live, within {kind[3:]}s"] > 0.99


@pytest.mark.fails("INT004")
@pytest.mark.parametrize("kind", BOOKS)
def test_books_upside_down(tmp_path, kind):
    with tiny(tmp_path, _book(f"-({BOOKS[kind]})", LEVELS[kind]), meta=META) as subject:
        assert_fails(run_check("INT004", subject), hook="decisions.live", key="sides")


def test_a_head_without_effect_is_marked_where_its_gaps_are_traded(tmp_path):
    rules = "return _orders(predictions.assign(gain=0.0))"
    with tiny(tmp_path, text(rules=rules), meta=META) as subject:
        result = run_check("INT003", subject)
    assert_passes(result)
    shares = {(label, group): value for label, value, group in result.evidence[0].rows}
    idle = "NaN in gain, which has no effect on orders"
    assert shares[idle, "decisions.rules_live"] == 100
    bound = [v for (label, _), v in shares.items() if "NaN" in label or label == "neutral"]
    assert sorted(set(bound)) == [0, 100]
    assert all(
        v == 0 or "no effect" in label for (label, _), v in shares.items() if "NaN in" in label
    )
