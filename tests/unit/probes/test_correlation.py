import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from audit_lib.probes.statistics.correlation import rank_correlations


def sample(n=2_000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    y = pd.DataFrame({"u": x[:, 0] + rng.normal(size=n), "v": rng.normal(size=n)})
    dates = pd.Index(pd.date_range("2015-01-01", periods=n // 4, freq="D").repeat(4))
    return pd.DataFrame(x, columns=["a", "b"]), y, dates


def test_correlations_are_those_of_spearman():
    left, right, dates = sample()
    found = rank_correlations(left, right, dates, block=10, draws=100, seed=1)
    for a in left:
        for b in right:
            assert found.at(a, b) == pytest.approx(spearmanr(left[a], right[b]).statistic, abs=1e-9)
    assert (found.samples, found.blocks) == (2_000, 50)


def test_the_bootstrap_knows_how_sure_it_is():
    left, right, dates = sample()
    found = rank_correlations(left, right, dates, block=10, draws=400, seed=1)
    assert found.of("b", "v").std() == pytest.approx(1 / np.sqrt(2_000), rel=0.35)


def test_rows_of_one_date_count_once():
    left, right, dates = sample(500)
    repeated = [pd.concat([t] * 8, ignore_index=True) for t in (left, right)]
    days = dates.append([dates] * 7)
    once = rank_correlations(left, right, dates, block=5, draws=400, seed=1)
    often = rank_correlations(*repeated, days, block=5, draws=400, seed=1)
    assert often.of("a", "v").std() == pytest.approx(once.of("a", "v").std(), rel=0.2)


def test_a_constant_column_has_no_correlation():
    left, right, dates = sample(400)
    found = rank_correlations(left.assign(b=1.0), right, dates, block=5, draws=50, seed=1)
    assert found.at("b", "u") == 0.0
