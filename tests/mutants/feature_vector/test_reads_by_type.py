"""FEA002: what a feature reads besides its own asset's prices, beside what its type reads."""

import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

ENGINE = """
import numpy as np
import pandas as pd

@surface("features.panel")
def panel(at):
    draw = np.random.default_rng(1)
    dates = pd.bdate_range("2021-01-01", periods=60)
    index = pd.MultiIndex.from_product([["A", "B", "C"], dates], names=["asset", "date"])
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, len(index))))
    return pd.DataFrame({"close": close, "volume": draw.uniform(1, 2, len(index))}, index=index)

@surface("features.build")
def build(at, panel):
    close, volume = panel["close"], panel["volume"]
    step = close.groupby(level="asset").pct_change(fill_method=None)
    market = step.groupby(level="date").transform("mean")
    by = close.groupby(level="asset")
    out = {f"move_{n}": by.pct_change(n, fill_method=None) for n in (1, 5, 9)}
    out["low"] = close.groupby(level="asset").transform(lambda c: c.rolling(5).min()) / close
    out["volume_gap"] = volume / volume.groupby(level="asset").shift(1)
    out["turnover"] = volume * close
    out["beside"] = step - market
    out["market"] = market.groupby(level="asset").transform(lambda m: m.rolling(3).mean())
    out["odd"] = ODD
    return pd.DataFrame(out)

@surface("features.policy")
def policy(at):
    late = {"volume_gap", "turnover", "beside", "market"} - EARLY
    names = [*late, "volume_gap", "turnover", "beside", "market", "move_1", "move_5", "move_9"]
    return {n: "END_OF_DAY" if n in late else "CAUSAL" for n in [*names, "low", "odd"]}

@surface("predictor.required")
def required(at):
    return ["move_1", "odd"]
"""


def asked(folder, odd, early="set()"):
    with tiny(folder, ENGINE.replace("ODD", odd).replace("EARLY", early)) as subject:
        return run_check("FEA002", subject)


@pytest.mark.fails("FEA002")
@pytest.mark.parametrize(
    ("odd", "reads"),
    [
        ("step * (volume > 1.5)", "volume"),
        ("close / (close * volume).groupby(level='asset').transform(lambda v: v.mean())", "volume"),
        ("step / step.groupby(level='date').transform('std')", "other assets"),
    ],
)
def test_a_feature_reads_what_only_stricter_ones_read(tmp_path, odd, reads):
    found = assert_fails(asked(tmp_path, odd), key=f"odd reads {reads}", path="hooks.py")
    assert found.severity is Severity.MEDIUM


@pytest.mark.passes("FEA002")
@pytest.mark.parametrize(
    ("odd", "early"),
    [
        ("close / close.groupby(level='asset').shift(2)", "set()"),
        ("step * volume", "{'volume_gap'}"),  # its type reads volume elsewhere, too
        ("step / market", "{'market'}"),
        ("step * volume - market", "{'volume_gap', 'beside'}"),
    ],
)
def test_what_a_feature_reads_fits_its_type(tmp_path, odd, early):
    result = asked(tmp_path, odd, early)
    assert_passes(result)
    assert result.findings == ()


def test_one_other_reader_is_a_note(tmp_path):
    text = ENGINE.replace("volume * close", "1 / close").replace("ODD", "step * volume")
    with tiny(tmp_path, text.replace("EARLY", "set()")) as subject:
        result = run_check("FEA002", subject)
    assert [(f.key, f.severity) for f in result.findings] == [("odd reads volume", Severity.INFO)]
