import pytest

from audit_lib.model import Outcome, Severity, View
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

GOOD = """
def _return(b):
    return b["close"].shift(-6) / b["close"].shift(-1) - 1

@surface("targets")
def build(at, panel):
    return each(
        panel,
        week=_return,
        up=lambda b: (_return(b) > 0.002).astype(float).where(_return(b).notna()),
    )

@surface("targets")
def declared(at):
    return {
        "week": {"horizon": 6, "kind": "simple_return"},
        "up": {"horizon": 6, "kind": "direction", "thresholds": [0.002]},
    }
"""
TAKES = ["TGT001", "TGT002", "TGT003", "TGT004", "TGT005"]


@pytest.mark.passes("TGT001", "TGT002", "TGT003", "TGT004", "TGT005")
def test_labels_that_are_as_declared(tmp_path):
    with tiny(tmp_path, GOOD) as subject:
        results = {code: run_check(code, subject) for code in TAKES}
    for result in results.values():
        assert_passes(result)
    for what in ("distance from the return", "overlap of two classes", "threshold beyond"):
        assert held(results["TGT004"], what, 1e-6).measured < 1e-9
    assert held(results["TGT005"], "Class balance", 0.02, least=True).measured > 0.4
    assert held(results["TGT005"], "different values of a label", 2, least=True).measured == 2


@pytest.mark.fails("TGT001")
def test_a_horizon_that_forgets_the_entry(tmp_path):
    meta = {"targets": {"week": {"horizon": 5}, "up": {"horizon": 6}}}
    hooks = GOOD.replace('"week": {"horizon": 6', '"week": {"horizon": 5')
    with tiny(tmp_path, hooks, meta=meta) as subject:
        result = run_check("TGT001", subject)
    in_code = assert_fails(result, key="week", base="parameters", hook="targets.declared")
    in_file = assert_fails(result, key="week", base="artifacts", pointer="/targets/week")
    assert (in_code.measured, in_code.expected) == ("6", "5")
    assert "reads 6 bars ahead; the metadata declares 5" in in_file.message
    assert len(result.findings) == 2
    chart = next(e for e in result.evidence if e.view is View.INFLUENCE)
    assert chart.columns == ("column", "look_back", "look_ahead", "allowed_ahead")
    assert set(chart.rows) == {("week", 0, 6, 5), ("up", 0, 6, 6)}


@pytest.mark.fails("TGT001", "TGT003")
def test_a_label_scaled_on_the_whole_sample(tmp_path):
    hooks = GOOD.replace("week=_return", "week=lambda b: _return(b) / _return(b).std()")
    with tiny(tmp_path, hooks) as subject:
        result = run_check("TGT001", subject)
        assert_fails(run_check("TGT003", subject), key="week")
        subject.inquiry.so_far = (result,)
        assert not run_check("TGT003", subject).findings  # of the same cause
    assert "reads the whole sample" in assert_fails(result, key="week").message


@pytest.mark.fails("TGT002")
def test_labels_that_read_volume_or_the_past_or_nothing(tmp_path):
    hooks = GOOD.replace(
        "week=_return",
        "week=lambda b: _return(b) * np.log(b['volume']),"
        "scaled=lambda b: _return(b) / returns(b).rolling(20).std(),"
        "stale=lambda b: b['close'].pct_change(5, fill_method=None),"
        "loud=lambda b: _return(b) + np.random.default_rng().normal(0, 0.02, len(b))",
    )
    with tiny(tmp_path, hooks) as subject:
        result = run_check("TGT002", subject)
    keys = {f.key for f in result.findings}
    assert keys == {"week fields", "scaled past", "stale past", "stale future", "loud noise"}
    assert assert_fails(result, key="week fields").measured == "moves with volume"
    assert assert_fails(result, key="scaled past").measured == "look-back 20 bars"
    assert assert_fails(result, key="stale future").severity is Severity.CRITICAL


@pytest.mark.fails("TGT003")
def test_labels_filled_where_the_outcome_is_unknown(tmp_path):
    hooks = GOOD.replace("week=_return", "week=lambda b: _return(b).fillna(0.0)")
    with tiny(tmp_path, hooks) as subject:
        result = run_check("TGT003", subject)
    found = assert_fails(result, key="week")
    assert found.measured == "18"
    assert len(result.findings) == 1


@pytest.mark.fails("TGT004")
def test_a_log_return_declared_as_simple(tmp_path):
    hooks = GOOD.replace("week=_return", "week=lambda b: np.log1p(_return(b))")
    with tiny(tmp_path, hooks) as subject:
        result = run_check("TGT004", subject)
    found = assert_fails(result, key="week kind")
    assert (found.measured, found.expected) == ("log_return", "simple_return")
    assert "from close 1 bars ahead to close 6 bars ahead" in found.message


@pytest.mark.fails("TGT004")
def test_a_direction_that_is_turned_round(tmp_path):
    hooks = GOOD.replace("(_return(b) > 0.002)", "(_return(b) <= 0.002)")
    with tiny(tmp_path, hooks) as subject:
        found = assert_fails(run_check("TGT004", subject), key="up inverted")
    assert (found.measured, found.expected) == ("falls with the return", "rises with the return")
    with tiny(tmp_path / "class", hooks.replace('"direction"', '"class"')) as subject:
        result = run_check("TGT004", subject)  # a class of losses may be called 1
    assert result.outcome is Outcome.NOT_ASSESSED


@pytest.mark.fails("TGT004")
def test_a_threshold_off_by_a_unit(tmp_path):
    hooks = GOOD.replace("[0.002]", "[0.2]")
    with tiny(tmp_path, hooks) as subject:
        result = run_check("TGT004", subject)
    assert assert_fails(result, key="up threshold 0.2").measured.startswith("between 0.00")
    hooks = GOOD.replace("[0.002]", "[-0.002, 0.002]")
    with tiny(tmp_path / "more", hooks) as subject:
        result = run_check("TGT004", subject)
    assert assert_fails(result, key="up classes").measured == "2"


@pytest.mark.fails("TGT005")
def test_constant_labels_and_rare_classes(tmp_path):
    hooks = GOOD.replace("> 0.002", "> 0.08").replace(
        "week=_return", "week=lambda b: 0 * _return(b)"
    )
    with tiny(tmp_path, hooks) as subject:
        result = run_check("TGT005", subject)
    assert assert_fails(result, key="week").severity is Severity.CRITICAL
    assert float(assert_fails(result, key="up = 1.0").measured) < 0.02


def test_labels_that_nobody_declares_are_not_assessed(tmp_path):
    hooks = GOOD[: GOOD.index('@surface("targets")\ndef declared')]
    with tiny(tmp_path, hooks) as subject:
        assert run_check("TGT001", subject).outcome is Outcome.NOT_ASSESSED


@pytest.mark.parametrize(
    ("kind", "bars", "severity"),
    [
        ("simple_return", 20, Severity.MEDIUM),
        ("scaled_return", 20, Severity.INFO),
        ("scaled_return", 5, Severity.INFO),
        ("scaled_return", 4, Severity.MEDIUM),
    ],
)
def test_a_label_that_is_scaled_by_the_past(tmp_path, kind, bars, severity):
    past = f'(b["close"] / b["close"].shift({bars}))'
    text = GOOD.replace("week=_return", f"week=lambda b: _return(b) * {past}")
    with tiny(tmp_path, text.replace('"simple_return"', f'"{kind}"')) as subject:
        result = run_check("TGT002", subject)
    (found,) = [f for f in result.findings if f.key == "week past"]
    assert (found.measured, found.severity) == (f"look-back {bars} bars", severity)
