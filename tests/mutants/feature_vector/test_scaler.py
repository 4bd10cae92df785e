import numpy as np
import pandas as pd
import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import MARKET, tiny

HOOKS = """
@surface("features")
def build(at, panel):
    return each(
        panel,
        momentum=lambda b: b["close"].pct_change(20, fill_method=None),
        range=lambda b: b["close"].rolling(10).std(),
        traded=lambda b: np.log(b["volume"]),
        longer=lambda b: b["close"].rolling(30).std(),
    )
"""
TRAIN, TEST = ("2015-01-01", "2015-12-15"), ("2016-01-04", "2016-05-31")
COLUMNS = ["momentum", "range", "traded", "longer"]


def features():
    space: dict = {"__name__": "market"}
    exec(MARKET + HOOKS, space)
    return space["build"](None, space["_market"]())


def meta(start, end, complete=False, factor=1.0):
    built = features()
    dates = built.index.get_level_values(1)
    part = built[(dates >= start) & (dates <= end)]
    part = part.dropna() if complete else part
    centre = part.median()
    return {
        "feature_cols": COLUMNS,
        "scaler": {
            "median": centre.tolist(),
            "mad": (factor * (part - centre).abs().median()).tolist(),
        },
        "folds": [{"train": list(TRAIN), "test": list(TEST)}],
    }


@pytest.mark.passes("FEA104", "FEA105")
@pytest.mark.parametrize(("complete", "factor"), [(False, 1.0), (True, 1.4826022185056018)])
def test_a_scaler_fitted_on_train_rows(tmp_path, complete, factor):
    with tiny(tmp_path, HOOKS, meta=meta(*TRAIN, complete, factor)) as subject:
        result = run_check("FEA104", subject)
        assert_passes(run_check("FEA105", subject))
    assert held(result, "share that train rows reproduce", 0.8, least=True).measured == 1
    best = next(row for row in result.evidence[0].rows if row[0] == "/scaler/mad")
    assert best[1] == ("MAD" if factor == 1.0 else "MAD x 1.4826")
    assert best[2].startswith("train of fold 1")


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ([], "no feature columns at "),
        ([*COLUMNS[:3], "gone", "lost"], "features.build makes no column 'gone'"),
    ],
)
def test_columns_that_are_not_recorded_or_not_made(tmp_path, columns, why):
    with tiny(tmp_path, HOOKS, meta={**meta(*TRAIN), "feature_cols": columns}) as subject:
        result = run_check("FEA104", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.reason.startswith(why)


@pytest.mark.fails("FEA104")
@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (TRAIN[0], TEST[1], "train and test of the last fold"),
        ("1900-01-01", "2100-01-01", "the whole sample"),
    ],
)
def test_a_scaler_fitted_on_the_judged_period_too(tmp_path, start, end, rows):
    with tiny(tmp_path, HOOKS, meta=meta(start, end)) as subject:
        result = run_check("FEA104", subject)
    found = assert_fails(result, pointer="/scaler/median", severity=Severity.CRITICAL)
    assert found.measured == rows
    assert assert_fails(result, pointer="/scaler/mad").measured == rows
    assert len(result.findings) == 2
    assert result.margins[0].room < 0


@pytest.mark.parametrize("whole", [False, True])
def test_recorded_spans_will_do_where_no_folds_are(tmp_path, whole):
    told = meta(TRAIN[0], TEST[1] if whole else TRAIN[1])
    del told["folds"]
    told["run"] = {"rows": {"train": list(TRAIN), "judged": {"first": TEST[0], "last": TEST[1]}}}
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        result = run_check("FEA104", subject)
    if whole:
        found = assert_fails(result, pointer="/scaler/mad")
        assert found.measured == "train and the recorded judged rows"
    else:
        assert_passes(result)


@pytest.mark.fails("FEA104")
def test_numbers_that_belong_to_other_columns(tmp_path):
    told = meta(*TRAIN)
    told["feature_cols"] = ["traded", "longer", "momentum", "range"]
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        result = run_check("FEA104", subject)
    found = assert_fails(result, key="/scaler/median order", pointer="/scaler/median")
    assert found.measured == "another order of columns"
    assert "4 of 4 numbers are the median of other features" in found.message
    assert {f.key for f in result.findings} == {"/scaler/median order", "/scaler/mad order"}


def test_numbers_that_nothing_reproduces_are_not_assessed(tmp_path):
    told = meta(*TRAIN)
    told["scaler"]["median"] = [1.0, 2.0, 3.0, 4.0]
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        result = run_check("FEA104", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "no set of rows reproduces it" in result.reason


@pytest.mark.fails("FEA105")
def test_scales_of_another_size(tmp_path):
    told = meta(*TRAIN)
    told["scaler"]["mad"] = [0.0, 1e7, 0.4, 1.0]
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        result = run_check("FEA105", subject)
    assert assert_fails(result, key="momentum", pointer="/scaler/mad").measured == "0"
    assert float(assert_fails(result, key="range").measured) < 1e-6
    assert len(result.findings) == 2


def test_the_market_of_the_tests_is_what_the_hooks_see():
    built = features()
    assert list(built.columns) == COLUMNS
    assert isinstance(built.index, pd.MultiIndex)
    assert np.isfinite(built["traded"]).all()
