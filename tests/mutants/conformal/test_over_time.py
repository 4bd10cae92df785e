import pandas as pd
import pytest

from audit_lib.checks.conformal.over_time import _halves, _judged
from audit_lib.model import Outcome, Severity, View
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

HOOKS = """
BARS = 900

@surface("features")
def panel(at):
    market = _market()
    position = np.tile(np.arange(BARS), ASSETS)
    moves = np.log(market["close"]).groupby(level=0).diff().fillna(0.0)
    moves = moves * np.where(position > BREAK, 4.0, 1.0)
    market["close"] = 100 * np.exp(moves.groupby(level=0).cumsum())
    return market

BREAK = 10_000

@surface("features")
def build(at, panel):
    return each(panel, momentum=lambda b: b["close"].pct_change(20, fill_method=None))

@surface("targets")
def build(at, panel):
    return each(panel, week=lambda b: b["close"].shift(-5) / b["close"] - 1)

@surface("predictor")
def required(at):
    return ["momentum"]

@surface("predictor")
def predict(at, features):
    return pd.DataFrame({"week": 0.0 * features["momentum"]})

@surface("conformal")
def interval(at, residuals, predictions, alpha):
    scores = np.sort(np.abs(residuals))
    width = scores[int(np.ceil((len(scores) + 1) * (1 - alpha))) - 1]
    return np.column_stack([predictions - width, predictions + width])
"""
FOLDS = {"folds": [{"train": ["2015-01-01", "2016-06-30"], "test": ["2016-07-15", "2018-06-01"]}]}


@pytest.mark.passes("CNF101")
def test_a_market_that_stays_as_it_was(tmp_path):
    with tiny(tmp_path, HOOKS, meta=FOLDS) as subject:
        result = run_check("CNF101", subject)
    assert_passes(result)
    assert result.evidence[0].view is View.LINES
    row = dict(zip(result.evidence[1].columns, result.evidence[1].rows[0], strict=True))
    assert (row["head"], row["promised"], round(row["accepted from"], 9)) == ("week", 0.9, 0.85)
    assert row["low"] < row["covered"] < row["high"]
    assert row["blocks"] == 7
    assert row["dates in a block"] > 30
    assert 0.5 < row["seen from"] < row["accepted from"]


@pytest.mark.fails("CNF101")
def test_a_market_whose_moves_grow(tmp_path):
    with tiny(tmp_path, HOOKS.replace("BREAK = 10_000", "BREAK = 640"), meta=FOLDS) as subject:
        result = run_check("CNF101", subject)
    found = assert_fails(result, key="week", hook="conformal.interval")
    assert float(found.measured) < 0.75
    assert "binomial" in found.message


@pytest.mark.fails("CNF101")
def test_a_head_of_another_name_than_its_label(tmp_path):
    text = HOOKS.replace("BREAK = 10_000", "BREAK = 640").replace(
        'DataFrame({"week"', 'DataFrame({"move"'
    )
    heads = "heads: {move: {kind: real, label: week}}"
    with tiny(tmp_path, text, meta=FOLDS, parameters=heads) as subject:
        assert_fails(run_check("CNF101", subject), key="move")
    with tiny(tmp_path / "b", text, meta=FOLDS) as subject:
        assert run_check("CNF101", subject).outcome is Outcome.NOT_ASSESSED


def test_a_judged_period_too_short_to_tell(tmp_path):
    meta = {
        "folds": [{"train": ["2015-01-01", "2016-06-30"], "test": ["2016-07-15", "2016-08-30"]}]
    }
    with tiny(tmp_path, HOOKS, meta=meta) as subject:
        result = run_check("CNF101", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "rows to calibrate on" in result.reason


def test_a_shortfall_that_few_blocks_cannot_tell_is_no_pass(tmp_path):
    meta = {
        "folds": [{"train": ["2015-01-01", "2016-06-30"], "test": ["2016-12-20", "2017-09-30"]}]
    }
    text = HOOKS.replace("BREAK = 10_000", "BREAK = 590").replace("BREAK, 4.0", "BREAK, 1.7")
    with tiny(tmp_path, text, meta=meta) as subject:
        result = run_check("CNF101", subject)
    covered = result.evidence[1].rows[0][1]
    assert covered < 0.85
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "the blocks cannot tell the two apart" in result.reason
    assert "99.9 % interval" in result.reason


#: volatility with a half-life of two months, the same law over all years
CLUSTERS = (
    HOOKS.replace("4.0, 1.0)", "1.0, 1.0) * np.tile(_moods(SEED), ASSETS)")
    + """
def _moods(seed):
    rng, mood, moods = np.random.default_rng(seed), 0.0, []
    for shock in rng.normal(0, 0.6 * (1 - 0.983**2) ** 0.5, BARS):
        mood = 0.983 * mood + shock
        moods.append(np.exp(mood))
    return np.array(moods)
"""
)


def test_volatility_in_clusters_is_no_fault(tmp_path):
    """Blocks of a horizon are not independent then: they once accused in these years."""
    for seed in ("2", "27"):
        with tiny(tmp_path / seed, CLUSTERS.replace("SEED", seed), meta=FOLDS) as subject:
            result = run_check("CNF101", subject)
        assert not result.findings, seed
        assert result.outcome is Outcome.NOT_ASSESSED, seed


def test_intervals_that_are_too_wide_are_noted(tmp_path):
    with tiny(tmp_path, HOOKS.replace("width = ", "width = 2 * "), meta=FOLDS) as subject:
        result = run_check("CNF101", subject)
    assert result.outcome is Outcome.PASS
    (found,) = result.findings
    assert (found.key, found.severity) == ("week wider than promised", Severity.INFO)


def test_a_sample_that_could_not_show_a_fault_is_no_pass(tmp_path):
    strict = "options: {CNF101: {must_see: 0.84}}"
    with tiny(tmp_path, HOOKS, meta=FOLDS, parameters=strict) as subject:
        result = run_check("CNF101", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "could have seen only a coverage below" in result.reason


@pytest.mark.passes("CNF101")
def test_a_head_that_no_interval_is_served_for_is_not_judged(tmp_path):
    text = HOOKS.replace("BREAK = 10_000", "BREAK = 640").replace(
        "week=lambda b: b",
        "calm=lambda b: pd.Series(np.sin(np.arange(len(b)) ** 2.0), b.index), week=lambda b: b",
    )
    text = text.replace('{"week": 0.0 *', '{"calm": 0.0 * features["momentum"], "week": 0.0 *')
    served = "options: {CNF101: {heads: [calm]}}"
    with tiny(tmp_path, text, meta=FOLDS, parameters=served) as subject:
        result = run_check("CNF101", subject)
    assert_passes(result)
    assert [row[0] for row in result.evidence[1].rows] == ["calm"]
    with tiny(tmp_path / "all", text, meta=FOLDS) as subject:
        assert_fails(run_check("CNF101", subject), key="week")
    unknown = "options: {CNF101: {heads: [calm, mild]}}"
    with tiny(tmp_path / "unknown", text, meta=FOLDS, parameters=unknown) as subject:
        result = run_check("CNF101", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "'mild' is not one that has the name of a label" in result.reason


@pytest.mark.parametrize(
    ("days", "horizon", "early", "late"),
    [(10, 2, 5, 3), (11, 2, 5, 4), (10, 0, 5, 5), (4, 2, 2, 0), (1, 3, 0, 0), (0, 1, 0, 0)],
)
def test_halves_lie_a_horizon_apart(days, horizon, early, late):
    index = pd.MultiIndex.from_product([["A", "B"], pd.date_range("2020-01-01", periods=days)])
    rows = pd.Series(range(2 * days), index, dtype=float)
    first, second = _halves(rows, horizon)
    assert (len(first), len(second)) == (2 * early, 2 * late)
    if late:
        gap = second.index.get_level_values(1).min() - first.index.get_level_values(1).max()
        assert gap.days == horizon + 1


def test_the_last_quarter_is_judged_where_no_period_is_recorded(tmp_path):
    days = pd.date_range("2020-01-01", periods=400)
    index = pd.MultiIndex.from_product([["A", "B"], days])
    with tiny(tmp_path, HOOKS, meta={}) as subject:
        assert _judged(subject, index) == (days[300], days[399])
