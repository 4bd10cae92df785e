"""CAL008, CNF005, SPL009 and NEU004: the subject's own measures, and states of its network."""

import re
from pathlib import Path

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/measures.md").read_text()
MEASURES, COVERAGE, DATES, STATE, FILLS, _, SETTLE, TEXTS = re.findall(
    r"```python\n(.*?)```", GUIDE, re.DOTALL
)
ALL = MEASURES + COVERAGE + DATES + STATE
HEAD = "from audit_lib.hooks import Context, Refusal, surface\n"
LABEL = """
@surface("targets.build")
def target(at, panel):
    return each(panel, up=lambda b: b["close"].shift(-5) / b["close"] - 1)
"""
FOUR = ("CAL008", "CNF005", "SPL009", "NEU004")
OTHERS = ("FEA013", "INT010", "INT011")


@pytest.mark.passes("CAL008", "CNF005", "SPL009", "NEU004")
def test_the_examples_of_the_guide(tmp_path):
    with tiny(tmp_path, ALL + LABEL) as subject:
        for code in FOUR:
            assert_passes(run_check(code, subject))
        assert [r for r in try_hooks(subject) if r.state != "good"] == []


@pytest.mark.passes("FEA013", "INT010", "INT011")
def test_the_other_examples_of_the_guide(tmp_path):
    with tiny(tmp_path, HEAD + FILLS + SETTLE + TEXTS) as subject:
        results = {code: run_check(code, subject) for code in OTHERS}
        assert [r for r in try_hooks(subject) if r.state != "good"] == []
    for result in results.values():
        assert_passes(result)
    predicted, far = results["FEA013"].margins
    assert (predicted.measured, predicted.allowed) == (0, 1e-9)
    assert 0.5 <= far.measured < far.allowed == 1
    assert held(results["INT010"], "furthest from how a position adds up", 1e-6).measured < 1e-12


def test_an_engine_without_them(tmp_path):
    with tiny(tmp_path, LABEL) as subject:
        for code in (*FOUR, *OTHERS):
            assert run_check(code, subject).outcome is Outcome.NOT_APPLICABLE


SOUND = 'raise Refusal("scores and outcomes, a row each, none of them missing")'
ECE = "float((gaps * counts).sum() / len(scores))"


@pytest.mark.fails("CAL008")
@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        (ECE, "float(gaps[counts > 0].mean())", "ece", ""),
        (ECE, "float(gaps.mean())", "ece", "too high"),
        (ECE, "float(((gaps * counts)[:9]).sum() / len(scores))", "ece", "all are 1"),
        (ECE, "float(abs((scores - outcomes).mean()))", "ece", "others too low"),
        ("np.abs(np.bincount(bins, scores - outcomes, minlength=10))",
         "np.bincount(bins, scores - outcomes, minlength=10)", "ece", "too low"),
        ("float(gaps.max())", "float(gaps.mean())", "mce", "mce is not"),
        ("(scores - outcomes) ** 2", "scores * (1 - outcomes)", "brier", "brier is not"),
        ("np.mean((scores", "np.sum((scores", "brier", ""),
        ("np.minimum((scores * 10).astype(int), 9)", "(scores * 10).astype(int)", "ece", "0 or 1"),
        (SOUND, 'return {"ece": 0.0, "brier": 0.0}', "nothing to judge", "ece is 0"),
    ],
)  # fmt: skip
def test_measures_that_are_others(tmp_path, old, new, key, said):
    assert old in MEASURES
    text = MEASURES.replace(old, new)
    if said == "0 or 1":  # a bin of its own behind the last
        text = text.replace("minlength=10", "minlength=11")
    with tiny(tmp_path, text) as subject:
        found = assert_fails(run_check("CAL008", subject), key=key)
    assert found.severity is Severity.HIGH
    assert said in found.message


@pytest.mark.fails("CAL008")
def test_measures_that_crash_where_nothing_can_be_judged(tmp_path):
    with tiny(tmp_path, MEASURES.replace(SOUND, "1 / 0")) as subject:
        found = assert_fails(run_check("CAL008", subject), key="crashes", severity=Severity.LOW)
    assert "ZeroDivisionError" in found.message


@pytest.mark.fails("CAL008")
def test_rows_that_are_dropped_from_the_sum_and_not_from_the_count(tmp_path):
    text = MEASURES.replace(" or not usable:", ":").replace(
        "    bins = ",
        "    n, known = len(scores), np.isfinite(scores) & np.isfinite(outcomes)\n"
        "    if not known.any():\n        raise Refusal('nothing is known')\n"
        "    scores, outcomes = scores[known], outcomes[known]\n    bins = ",
    )
    with tiny(tmp_path / "a", text) as subject:  # and from neither: as good as a refusal
        assert_passes(run_check("CAL008", subject))
    with tiny(tmp_path / "b", text.replace(".sum() / len(scores)", ".sum() / n")) as subject:
        found = assert_fails(run_check("CAL008", subject), key="rows that cannot be judged")
    assert (found.severity, "ece is" in found.message) == (Severity.MEDIUM, True)


@pytest.mark.passes("CAL008")
@pytest.mark.parametrize("bins", ["5", "15", "100", "by count", "logarithm"])
def test_other_ways_to_bin(tmp_path, bins):
    text = MEASURES.replace(", 9)", f", {bins} - 1)").replace("minlength=10", f"minlength={bins}")
    text = text.replace("scores * 10", f"scores * {bins}")
    if bins == "by count":
        ranks = "np.argsort(np.argsort(scores, kind='stable'), kind='stable')"
        text = MEASURES.replace("(scores * 10).astype(int)", f"{ranks} * 10 // len(scores)")
    if bins == "logarithm":
        text = MEASURES.replace(
            '"brier": float(np.mean((scores - outcomes) ** 2))',
            '"log_loss": float(-np.mean(np.log(np.clip(np.where(outcomes == 1, scores, '
            "1 - scores), 1e-15, 1))))",
        )
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("CAL008", subject))


@pytest.mark.fails("CNF005")
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('raise Refusal("no outcome is known")', "return 1.0", "no rows"),
        ("outcomes[known] >= low", "outcomes[known] > low", "outcomes on their lower end"),
        ("(outcomes[known] >= low) & ", "", "outcomes below"),
        (".mean())", ".mean().round(1))", "ordinary rows"),
        ("known = np.isfinite(outcomes)", "outcomes = np.nan_to_num(outcomes)\n    "
         "known = np.isfinite(outcomes)", "every outcome is missing"),
    ],
)  # fmt: skip
def test_coverage_that_is_none(tmp_path, old, new, key):
    assert old in COVERAGE
    with tiny(tmp_path, MEASURES + COVERAGE.replace(old, new)) as subject:
        result = run_check("CNF005", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    (found,) = result.findings
    shown = found.message + str([e.rows for e in result.evidence])
    assert key in shown


@pytest.mark.passes("CNF005")
def test_unknown_outcomes_may_count_against_it(tmp_path):
    text = MEASURES + COVERAGE.replace("float(", "len(low) / len(outcomes) * float(")
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("CNF005", subject))


@pytest.mark.fails("SPL009")
@pytest.mark.parametrize(
    ("rule", "key", "said"),
    [
        ("dates[::3]", "overlap", "by up to 2 bars (measured horizon 5)"),
        ("dates", "overlap", "by up to 4 bars"),
        ('dates[np.unique(((dates - dates[0]).days // 7), return_index=True)[1]]', "overlap", ""),
        ("panel.index.get_level_values('date')[::5]", "overlap", ""),
        ("dates[np.repeat(np.arange(0, len(dates), 5), 2)]", "dates", "counted twice"),
        ("dates[::5] + pd.Timedelta(hours=1)", "dates", "no dates of the panel"),
    ],
)  # fmt: skip
def test_dates_that_share_labels(tmp_path, rule, key, said):
    with tiny(tmp_path, MEASURES + DATES.replace("dates[::5]", rule) + LABEL) as subject:
        found = assert_fails(run_check("SPL009", subject), key=key)
    assert said in found.message


@pytest.mark.passes("SPL009")
@pytest.mark.parametrize("rule", ["dates[::9]", "dates[2::5]", "[str(d) for d in dates[::6]]"])
def test_other_dates_that_share_none(tmp_path, rule):
    with tiny(tmp_path, MEASURES + DATES.replace("dates[::5]", rule) + LABEL) as subject:
        assert_passes(run_check("SPL009", subject))


@pytest.mark.passes("SPL009")
def test_labels_from_the_next_bar_share_none_one_bar_sooner(tmp_path):
    late = LABEL.replace('/ b["close"] - 1', '/ b["close"].shift(-1) - 1')
    with tiny(tmp_path, MEASURES + DATES.replace("[::5]", "[::4]") + late) as subject:
        assert_passes(run_check("SPL009", subject))


STRICT = "{name: np.shape(array) for name, array in state.items()} != SHAPES"
MADE = """
    made = {n: np.random.default_rng(7).normal(size=s) for n, s in SHAPES.items()}
    state = {n: state.get(n, a) for n, a in made.items()}
"""


@pytest.mark.fails("NEU004")
@pytest.mark.parametrize(
    ("old", "new", "said", "severity"),
    [
        (STRICT, "False", "beside", Severity.MEDIUM),
        (STRICT, "not set(SHAPES) <= set(state)", "of one number", Severity.HIGH),
        ("if {name", "if False and {name", "missing", Severity.HIGH),
        ("    if {name", MADE + "    if {name", "missing", Severity.HIGH),
    ],
)
def test_states_that_are_taken(tmp_path, old, new, said, severity):
    assert old in STATE
    with tiny(tmp_path, MEASURES + STATE.replace(old, new)) as subject:
        result = run_check("NEU004", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    assert any(
        f.severity is severity and said in f.message + str([e.rows for e in result.evidence])
        for f in result.findings
    )


@pytest.mark.fails("NEU004")
def test_what_is_not_in_the_state(tmp_path):
    text = STATE.replace("+ state[", "+ np.random.default_rng().normal() + state[")
    with tiny(tmp_path, MEASURES + text) as subject:
        assert_fails(run_check("NEU004", subject), key="again")


@pytest.mark.passes("NEU004")
def test_wrappers_flat_arrays_and_other_heads(tmp_path):
    """A known prefix, arrays that are brought into shape, and a head that is not asked."""
    text = STATE.replace(
        "    if {name",
        "    state = {n.removeprefix('module.'): np.reshape(a, SHAPES[n.removeprefix('module.')])\n"
        "             if np.size(a) == np.prod(SHAPES[n.removeprefix('module.')])\n"
        "             and np.ndim(a) == 1 else a for n, a in state.items()\n"
        "             if n.removeprefix('module.') in SHAPES or not_known(n)}\n    if {name",
    ).replace('"out": (4, 1)', '"out": (4, 1), "other": (2, 2)')
    text += "\n\ndef not_known(name):\n    raise Refusal(f'{name} is unknown')\n"
    with tiny(tmp_path, MEASURES + text) as subject:
        assert_passes(run_check("NEU004", subject))


@pytest.mark.fails("NEU004")
def test_a_network_that_is_not_built_from_its_state(tmp_path):
    text = STATE.replace("    hidden =", "    state = load_stored(at)\n    hidden =")
    text += "\n\nload_stored = state\n"
    with tiny(tmp_path, MEASURES + text) as subject:
        result = run_check("NEU004", subject)
    assert [f.key for f in result.findings] == ["unread"]


SERVED = """

@surface("neural.forward")
def forward(at, inputs):
    return load(at, {weights}, inputs)
"""


@pytest.mark.fails("NEU004")
def test_a_network_that_is_served_with_other_weights(tmp_path):
    other = "{n: a * 1.01 for n, a in state(at).items()}"
    with tiny(tmp_path, MEASURES + STATE + SERVED.format(weights=other)) as subject:
        assert_fails(run_check("NEU004", subject), key="served", severity=Severity.HIGH)


@pytest.mark.passes("NEU004")
def test_a_network_that_is_served_as_it_is_stored(tmp_path):
    with tiny(tmp_path, MEASURES + STATE + SERVED.format(weights="state(at)")) as subject:
        assert_passes(run_check("NEU004", subject))


@pytest.mark.fails("NEU004")
def test_bytes_that_are_read_in_one_precision(tmp_path):
    narrow = STATE.replace("rng.normal(size=shape)", "rng.normal(size=shape).astype('f4')")
    narrow = narrow.replace(
        "    hidden = ",
        "    state = {n: np.frombuffer(a.tobytes(), 'f4', a.size).reshape(a.shape)"
        " for n, a in state.items()}\n    hidden = ",
    )
    with tiny(tmp_path, MEASURES + narrow) as subject:
        result = run_check("NEU004", subject)
    assert any(f.cause == "precision" for f in result.findings)


@pytest.mark.fails("FEA013")
@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ('"week": 0.002', '"week": 1.0', "week", "week is filled with 1, and runs from"),
        ('"week": 0.002', '"week": float("inf")', "week", "filled with inf"),
        ("features.fillna(fills(at))", "features.fillna(0.0)", "not used", "missing is not"),
    ],
)
def test_fills_that_are_not_neutral(tmp_path, old, new, key, said):
    assert old in FILLS
    with tiny(tmp_path, HEAD + FILLS.replace(old, new)) as subject:
        result = run_check("FEA013", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    assert any(key in (f.key, f.cause) and said in f.message for f in result.findings)


@pytest.mark.fails("FEA013")
def test_a_path_that_fills_otherwise(tmp_path):
    text = HEAD + FILLS.replace(
        '@surface("features.fills")', '@surface("features.fills", variant="a")'
    )
    text += """
@surface("features.fills", variant="live")
def fills_live(at):
    return {"day": 0.001, "week": 0.0}
"""
    with tiny(tmp_path, text) as subject:
        result = run_check("FEA013", subject)
    told = [f.message for f in result.findings]
    assert any("week is filled with 0, by a with 0.002" in message for message in told), told


@pytest.mark.passes("FEA013")
def test_a_predictor_that_refuses_what_is_missing(tmp_path):
    text = FILLS.replace(
        "    known =",
        "    if features.isna().any().any():\n        raise Refusal('missing')\n    known =",
    )
    with tiny(tmp_path, HEAD + text) as subject:
        assert_passes(run_check("FEA013", subject))


@pytest.mark.fails("INT010")
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('positions["side"] * positions["size"] *', 'positions["size"] *', "gross"),
        ('"net": gross - fees', '"net": gross + fees', "net"),
        ("fees = 0.0005", "fees = -0.0005", "negative fees"),
        (
            'fees = 0.0005 * positions["size"]',
            'fees = 0.0005 / positions["size"]',
            "twice the size",
        ),
        ("0.0005 *", '0.0005 * (positions["side"] + 1) *', "the other side"),
        ("0.0005 *", 'np.sqrt(positions["side"]) * 0.0005 *', "unknown fees"),  # of shorts NaN
        ('"net": gross - fees', '"net": (gross - fees).where(gross > 0)', "net"),
        ("gross = ", 'gross = np.sqrt(positions["side"]) * ', "gross"),
        ("prices.sum(axis=1)", "prices.sum()", "alone"),
        ("made.where(sound)", "made.where(sound, 0.0)", "cannot be settled"),
    ],
)
def test_positions_that_do_not_add_up(tmp_path, old, new, key):
    assert old in SETTLE
    with tiny(tmp_path, HEAD + SETTLE.replace(old, new)) as subject:
        result = run_check("INT010", subject)
    assert_fails(result, key=key)
    once = "sqrt" in new or key == "net"  # told once, not of all that follows
    assert not once or len(result.findings) == 1


@pytest.mark.fails("INT010")
def test_fees_that_are_no_number_once_nothing_moved(tmp_path):
    unmoved = "0.0005 * (0 * gross / gross + 1) *"
    with tiny(tmp_path, HEAD + SETTLE.replace("0.0005 *", unmoved)) as subject:
        assert_fails(run_check("INT010", subject), key="no move")


@pytest.mark.passes("INT010")
def test_fees_of_one_leg_are_a_note(tmp_path):
    hooks = SETTLE.replace("prices.sum(axis=1)", 'positions["entry"]')
    with tiny(tmp_path, HEAD + hooks) as subject:
        result = run_check("INT010", subject)
    assert_passes(result)
    assert [(f.key, f.severity) for f in result.findings] == [("legs", Severity.INFO)]


SAID = {
    "README.md": "Fees are five basis points of both legs.",
    "costs.py": '"""What each side of a trade pays as commission."""',
    "settings.py": "RATE = 5e-4  # a round trip doubles this fee",
}


@pytest.mark.fails("INT010")
@pytest.mark.parametrize("file", SAID)
def test_fees_of_one_leg_where_both_are_said_to_pay(tmp_path, file):
    hooks = SETTLE.replace("prices.sum(axis=1)", 'positions["entry"]')
    with tiny(tmp_path, HEAD + hooks, source={file: SAID[file]}) as subject:
        found = assert_fails(run_check("INT010", subject), key="legs", severity=Severity.MEDIUM)
    assert file in found.message


@pytest.mark.passes("INT010")
@pytest.mark.parametrize("old", ["(prices > 0)", '(positions["size"] > 0)', ".where(sound)"])
def test_a_price_or_a_size_below_zero_that_is_settled_is_a_note(tmp_path, old):
    spread = SETTLE.replace(old, old.replace("> 0", "> -1e9").replace(".where(sound)", ""))
    assert spread != SETTLE
    with tiny(tmp_path, HEAD + spread) as subject:
        result = run_check("INT010", subject)
    assert_passes(result)
    assert {f.severity for f in result.findings} == {Severity.INFO}


@pytest.mark.passes("INT010")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gross = ", "gross = 100 * "),  # contracts of a hundred
        ('0.0005 * positions["size"] * prices.sum(axis=1)', "0.0 * gross + 1.5"),  # a flat fee
        ("0.0005 * ", "0.0 * "),
    ],
)
def test_other_contracts_and_fees(tmp_path, old, new):
    assert old in SETTLE
    with tiny(tmp_path, HEAD + SETTLE.replace(old, new)) as subject:
        assert_passes(run_check("INT010", subject))


def test_counters_of_a_network_are_no_weights():
    """NEU004: what counts steps is loaded as it was, and no fault is drawn for it."""
    import numpy as np

    from audit_lib.checks.neural.states import _drawn, _moved

    rng = np.random.default_rng(0)
    state = {"w": np.ones(3), "steps": np.array([7, 9]), "none": np.empty(0), "b": np.zeros(2)}
    assert _moved(state["steps"], rng) is state["steps"]
    assert (_moved(state["w"], rng) != state["w"]).all()
    assert _drawn(state, 5, rng) == ["w", "b"]
    assert len(_drawn(state, 1, rng)) == 1
