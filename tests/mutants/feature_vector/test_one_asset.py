"""Engines of one instrument, whose tables are indexed by date alone, and prices in whole cents."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

HOOKS = """
def _bars():
    bars = _market().xs("S0", level=0).rename_axis("day")
    return (100 * bars).round().astype("int64") if {whole} else bars

@surface("features")
def panel(at):
    return _bars()

def _features(bars):
    assert bars.index.nlevels == 1 and bars.index.name == "day", bars.index
    close = bars["close"]
    return pd.DataFrame({{"move": {move}, "calm": close.rolling(20).std() / close}})

@surface("features")
def build(at, panel):
    return _features(panel)

@surface("features")
def build_backtest(at, panel):
    return _features(panel)

@surface("features")
def build_live(at, panel):
    return _features(panel) * {factor}

@surface("targets")
def build(at, panel):
    close = panel["close"]
    return pd.DataFrame({{"week": close.shift(-{horizon}) / close - 1}})

@surface("targets")
def declared(at):
    return {{"week": {{"kind": "return", "horizon": 5}}}}

@surface("splits")
def folds(at, panel):
    assert panel.index.nlevels == 1
    found = []
    for start in (200, 300):
        found.append({{
            "train": np.arange(0, start - {purge}), "test": np.arange(start, start + 60)
        }})
    return found

@surface("predictor")
def required(at):
    return ["move", "calm"]

@surface("predictor")
def predict(at, features):
    score = features["move"] - features["calm"]
    if {within}:
        score = score / score.std()
    return pd.DataFrame({{"score": score.to_numpy()}}, index=features.index)
"""
RIGHT = {
    "whole": False, "move": "close / close.shift(5) - 1", "factor": 1, "horizon": 5, "purge": 5,
    "within": False,
}  # fmt: skip
CODES = ["FEA101", "FEA003", "FEA004", "FEA006", "FEA108", "TGT001", "TGT002", "TGT003", "SPL001"]


def engine(tmp_path, **changes):
    return tiny(tmp_path, HOOKS.format(**RIGHT | changes))


@pytest.mark.parametrize("whole", [False, True], ids=["fractions", "whole cents"])
def test_an_engine_of_one_asset_is_asked_in_its_own_form(tmp_path, whole):
    with engine(tmp_path, whole=whole) as subject:
        for code in CODES:
            result = run_check(code, subject)
            assert result.outcome is Outcome.PASS, (code, result.reason, result.findings)


@pytest.mark.fails("FEA101")
def test_a_feature_that_reads_the_next_bar(tmp_path):
    with engine(tmp_path, move="close.shift(-1) / close - 1") as subject:
        found = assert_fails(run_check("FEA101", subject))
    assert "'move'" in found.message
    assert "reads 1 bar ahead" in found.message


@pytest.mark.fails("FEA003")
def test_a_live_builder_that_scales(tmp_path):
    with engine(tmp_path, factor=1.4826) as subject:
        assert "1.4826 times" in assert_fails(run_check("FEA003", subject)).message


@pytest.mark.fails("FEA004")
def test_predictions_that_depend_on_the_rows_beside(tmp_path):
    with engine(tmp_path, within=True) as subject:
        assert_fails(run_check("FEA004", subject), key="a prediction depends on the rows beside it")


@pytest.mark.fails("TGT001")
def test_a_label_longer_than_declared(tmp_path):
    with engine(tmp_path, horizon=6) as subject:
        assert_fails(run_check("TGT001", subject))


@pytest.mark.fails("SPL001")
def test_a_purge_that_is_too_short(tmp_path):
    with engine(tmp_path, purge=2) as subject:
        assert_fails(run_check("SPL001", subject), key="before")


@pytest.mark.passes("FEA101")
def test_the_panel_keeps_its_form_for_who_asks_it_again(tmp_path):
    with engine(tmp_path) as subject:
        again = subject.hook("features.build")(subject.hook("features.panel")())
        assert again.index.names == ["asset", "date"]
        assert_passes(run_check("FEA101", subject))
