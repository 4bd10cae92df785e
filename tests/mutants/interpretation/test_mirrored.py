"""INT008 and the thresholds of INT001: rule sets that lean to one side, and right ones."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.interpretation.test_orders import META, SIZING, text
from tests.mutants.tiny import tiny

LONG, SHORT = "(up >= limit)", "(up <= 1 - limit)"
SIZE = "size = (0.1 * (up - 0.5).abs() / risk).clip(0, 0.5).fillna(0.0)"
BOOK = """    def best(scores):
        n, rank = len(scores), scores.rank(method="first")
        return (rank > n - (TOP)).astype(int) - (rank <= (BOTTOM)).astype(int)
    side = known * up.groupby(level="date").transform(best)
    size = side.abs() * 0.05
"""


def answered(folder, *changes, code="INT008", **more):
    made = text(**more)
    for old, new in changes:
        assert old in made, old
        made = made.replace(old, new)
    options = SIZING.replace("}}}", "}}, INT008: {rows: 60, names: 23}}")
    with tiny(folder, made, meta=META, parameters=options) as subject:
        return run_check(code, subject)


def book(top, bottom):
    made = BOOK.replace("TOP", top).replace("BOTTOM", bottom)
    return ("    capped =", made + "    capped =")


LEANS = {
    "one bound excludes its score": ([(SHORT, "(up < 1 - limit)")], "bounds"),
    "one more is sold": ([book("n // 4", "-(-n // 4)")], "books"),
    "the sells are what is left": ([book("int(n * 0.3)", "n - int(n * 0.7)")], "books"),
    "the middle of odd dates is sold": ([book("n // 2", "(n + 1) // 2")], "books"),
    "shorts are sized by a square": (
        [(SIZE, SIZE + "\n    size = size.where(side > 0, size**2)")],
        "sizes",
    ),
    "shorts are sized by another score": (
        [(SIZE, SIZE + "\n    size = size.where(side > 0, 0.1 * p['gain'].abs())")],
        "sizes",
    ),
    "a strong sell is taken back": (
        [(SIZE, SIZE + "\n    side = side.where(~((side < 0) & (up < 0.1)), 0)")],
        "sides",
    ),
}


@pytest.mark.fails("INT008")
@pytest.mark.parametrize("name", LEANS)
def test_rule_sets_that_lean(tmp_path, name):
    changes, kind = LEANS[name]
    result = answered(tmp_path, *changes)
    assert {f.key.rpartition(" ")[2] for f in result.findings} == {kind}
    found = assert_fails(result, key=f"decisions.rules_live {kind}")
    assert found.severity is (Severity.LOW if kind == "bounds" else Severity.MEDIUM)


ALIKE = {
    "as it is": ([], set()),
    "both bounds exclude": ([(LONG, "(up > limit)"), (SHORT, "(up < 1 - limit)")], set()),
    "as many from both ends": ([book("n // 4", "n // 4")], set()),
    "by sign": ([(LONG, "(up - 0.5 >= 0.125)"), (SHORT, "(0.5 - up >= 0.125)")], set()),
    "two ends by design": ([book("0.4 * n", "0.1 * n")], {"design"}),
    "thresholds by design": ([(SHORT, "(up <= 0.3)")], {"design"}),
    "shorts at half size": (
        [(SIZE, SIZE + "\n    size = size.where(side > 0, size / 2)")],
        {"design"},
    ),
}


@pytest.mark.passes("INT008")
@pytest.mark.parametrize("name", ALIKE)
def test_rule_sets_that_do_not(tmp_path, name):
    changes, notes = ALIKE[name]
    result = answered(tmp_path, *changes)
    assert_passes(result)
    assert {f.key.rpartition(" ")[2] for f in result.findings} == notes


def test_a_rule_set_that_never_sells_is_not_asked(tmp_path):
    result = answered(tmp_path, (SHORT, "(up < 0)"))
    assert result.outcome is Outcome.NOT_APPLICABLE


@pytest.mark.fails("INT001")
@pytest.mark.parametrize(
    "rules", ["0.6317", "np.nextafter(0.6123, 1)"], ids=["another number", "the next number"]
)
def test_a_path_whose_threshold_is_another_by_a_hair(tmp_path, rules):
    """No round number tells 0.6123 from its neighbour."""
    result = answered(
        tmp_path,
        ("limit=0.6,", "limit=0.6123,"),
        code="INT001",
        rules=f"return _orders(predictions, limit={rules})",
    )
    assert "beside thresholds" in assert_fails(result, key="side").message


@pytest.mark.fails("INT001")
def test_a_rule_set_that_ends_in_an_error_where_one_head_is_missing(tmp_path):
    """The error costs the rows without that head, and no others."""
    known = "    known = p.notna()"
    needs = (known, "    p['risk'].map(round)\n" + known)
    other = "return _orders(predictions, limit=0.6317)"
    wrong = answered(tmp_path, needs, ("limit=0.6,", "limit=0.6123,"), code="INT001", rules=other)
    assert "beside thresholds" in assert_fails(wrong, key="side").message
    assert "beside thresholds without risk" not in {g.what for g in wrong.gaps}  # neither trades
    blind = "return _orders(predictions.fillna({'gain': 0.01}))"
    wrong = answered(tmp_path / "b", needs, code="INT001", rules=blind)
    assert "beside thresholds without gain" in assert_fails(wrong, key="side").message


CODED = """
def _kind(code):
    return {0: "calm", 1: "wild"}[code]
"""


@pytest.mark.fails("INT001")
def test_a_head_of_codes_keeps_no_threshold_from_being_found(tmp_path):
    """A table that holds a code which nobody knows is an error, and tells nothing."""
    coded = [
        ('"risk": calm}, index', '"risk": calm, "regime": (calm > 0.2) * 1}, index'),
        ("    known = p.notna()", "    p['regime'].map(_kind)\n    known = p.notna()"),
        ("def _orders(", CODED.lstrip() + "\ndef _orders("),
        ("limit=0.6,", "limit=0.6123,"),
    ]
    other = "return _orders(predictions, limit=0.6317)"
    wrong = answered(tmp_path, *coded, code="INT001", rules=other)
    assert "beside thresholds" in assert_fails(wrong, key="side").message


SIZED = {
    "inverse": ("(0.02 / (up - 0.5).abs()).clip(0, 0.5).fillna(0.0)", {"falling"}),
    "stairs": ("pd.cut((up - 0.5).abs(), [-1, .2, .4, 1], labels=[.07, .05, .02])"
               ".astype(float).fillna(0.0)", {"falling"}),
    "one size": ("0.1 * side.abs()", set()),
    "less for what is too good": ("(0.1 * (up - 0.5).abs()).where((up - 0.5).abs() < 0.45, 0.02)"
                                  ".fillna(0.0)", set()),
    "capped": ("(0.5 * (up - 0.5).abs()).clip(0, 0.12).fillna(0.0)", set()),
}  # fmt: skip


@pytest.mark.fails("INT008")
@pytest.mark.parametrize("name", [n for n, (_, kinds) in SIZED.items() if kinds])
def test_sizes_that_fall_as_the_edge_grows(tmp_path, name):
    result = answered(tmp_path, (SIZE, f"size = {SIZED[name][0]}"))
    found = assert_fails(result, key="sizes fall as the edge grows", hook="decisions.rules_live")
    assert found.severity is Severity.MEDIUM


@pytest.mark.passes("INT008")
@pytest.mark.parametrize("name", [n for n, (_, kinds) in SIZED.items() if not kinds])
def test_sizes_that_do_not(tmp_path, name):
    assert_passes(answered(tmp_path, (SIZE, f"size = {SIZED[name][0]}")))


RULE = """
def side_of(score):
    if score > 0.6:
        return 1
    {sell}
    return 0
"""
BY_RULE = """
import sys

@surface("features")
def build(at, panel):
    return each(panel, move=lambda b: returns(b).fillna(0))

@surface("predictor")
def required(at):
    return ["move"]

@surface("predictor")
def predict(at, features):
    return pd.DataFrame({"up": 1 / (1 + np.exp(-80 * features["move"]))})

@surface("decisions")
def rules_live(at, predictions):
    space = {}
    exec(compile((at.root / "rule.py").read_text(), at.root / "rule.py", "exec"), space)
    side = [space["side_of"](x) for x in predictions["up"]]
    return pd.DataFrame({"side": side, "size": np.abs(side) * 0.1, "gate": ""}, predictions.index)
"""
HEADS = "heads: {up: {kind: probability}}"


@pytest.mark.fails("INT008")
@pytest.mark.parametrize("says", ["return -1", "return 'short'"])
def test_a_short_that_no_score_reaches(tmp_path, says):
    rule = RULE.format(sell=f"if score > 0.6 and score < 0.4:\n        {says}")
    with tiny(tmp_path, BY_RULE, source={"rule.py": rule}, parameters=HEADS) as subject:
        found = assert_fails(run_check("INT008", subject), key="never short")
    assert (found.location.path, found.location.line) == ("rule.py", 6)


@pytest.mark.parametrize("sell", ["pass", "last = [0][-1]", "score = -1 * score"])
def test_a_rule_that_has_no_word_for_short(tmp_path, sell):
    source = {"rule.py": RULE.format(sell=sell)}
    with tiny(tmp_path, BY_RULE, source=source, parameters=HEADS) as subject:
        assert run_check("INT008", subject).outcome is Outcome.NOT_APPLICABLE
