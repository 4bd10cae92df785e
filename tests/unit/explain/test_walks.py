"""Walks against exact values, and hooks that look at more than their row."""

import numpy as np
import pandas as pd
import pytest
import shap

from audit_lib.errors import NotAssessed
from audit_lib.explain.answers import HookFunction
from audit_lib.explain.attribution import Setting, attribute
from audit_lib.explain.importance import Bootstrap, directions, groups, ranks_agree, sizes
from audit_lib.explain.rows import Rows
from audit_lib.explain.walks import linear, sampled


class Function:
    """A hook of one head, called in this process."""

    name = "predictor.predict"

    def __init__(self, function):
        self.function = function

    def __call__(self, table):
        return pd.DataFrame({"head": self.function(table)}, index=table.index)

    def many(self, calls):
        return [self(*call) for call in calls]


def answers(function, together=True):
    return HookFunction(Function(function), ("head",), lambda answer: answer, together)


def table(rows=200, width=4, seed=1):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(size=(rows, width)), columns=[f"x{i}" for i in range(width)])


def bent(t):
    return np.sin(t["x0"]) + t["x1"] * t["x2"]


def test_walks_agree_with_the_exact_values():
    x = table(300)
    a, b = x["x1"].to_numpy(), x["x2"].to_numpy()
    nothing, first, second, both = (a * b).mean(), a * b.mean(), a.mean() * b, a * b
    exact = np.zeros((300, 4))
    exact[:, 0] = np.sin(x["x0"]) - np.sin(x["x0"]).mean()
    exact[:, 1] = (first - nothing + both - second) / 2
    exact[:, 2] = (second - nothing + both - first) / 2
    asked = answers(bent)
    drawn = [
        sampled(asked, x, x, np.random.default_rng(seed), budget=5_000)["head"]
        for seed in range(30)
    ]
    mean = np.mean([one.values for one in drawn], axis=0)
    noise = np.std([one.values for one in drawn], axis=0)[:, :3] / np.sqrt(30)
    assert np.abs((mean - exact)[:, :3] / noise).mean() < 1.1  # 0.8 where there is no bias
    assert mean[:, 3].tolist() == [0.0] * 300
    squares = np.mean([one.squares.mean(axis=0) for one in drawn], axis=0)
    assert np.sqrt(squares) == pytest.approx(np.sqrt((exact**2).mean(axis=0)), rel=0.06, abs=1e-12)


def test_a_linear_function_gets_what_shap_gives_it():
    x, weights = table(), np.array([1.0, -2.0, 0.0, 0.5])
    got = linear(answers(lambda t: t.to_numpy() @ weights + 3), x, x, np.random.default_rng(0))[
        "head"
    ]
    every = shap.maskers.Independent(x.to_numpy(), max_samples=len(x))
    expected = shap.LinearExplainer((weights, 3.0), every).shap_values(x.to_numpy())
    assert got.walks[0] == pytest.approx(expected, abs=1e-9)
    assert got.method == "linear"


@pytest.mark.parametrize("function", [bent, lambda t: np.abs(t["x0"]), lambda t: t["x0"] * 0])
def test_what_is_bent_is_not_called_linear(function):
    assert linear(answers(function), table(), table(), np.random.default_rng(0)) == {}


def test_a_rank_within_the_date_is_walked_with_its_neighbours():
    x = table()
    ranked = answers(lambda t: t["x0"].rank(pct=True), together=False)
    got = sampled(ranked, x, x, np.random.default_rng(0), budget=8000)["head"]
    assert np.abs(got.values[:, 1:]).max() == 0
    assert got.error == 0
    found = directions(x.to_numpy(), got.values, Bootstrap(np.arange(200) // 5, 0))
    assert found[0].low > 0.5


def test_an_answer_that_changes_from_call_to_call_does_not_sum():
    rng = np.random.default_rng(5)
    noisy = answers(lambda t: t["x0"] + rng.normal(size=len(t)) * 0.01)
    got = sampled(noisy, table(), table(), np.random.default_rng(0), budget=2000)["head"]
    assert got.error > 1e-6


def test_intervals_need_pieces_of_time():
    few = sizes(np.ones((20, 1)), Bootstrap(np.zeros(20, dtype=int), 0))[0]
    assert (few.value, np.isnan(few.low)) == (1.0, True)


def test_groups_and_ranks():
    x = table(300)
    x["copy"] = -x["x1"] + 0.01 * x["x2"]
    x["text"] = "a"
    assert groups(x) == [("x1", "copy")]
    ours = np.arange(12.0)
    assert ranks_agree(ours, ours).low > 0.9
    assert ranks_agree(ours, -ours).high < 0
    assert np.isnan(ranks_agree(ours[:3], ours[:3]).value)


@pytest.mark.parametrize(
    ("function", "seconds", "why"),
    [
        (lambda t: np.zeros(len(t)), 300.0, "answers the same to all 200 rows"),
        (bent, 1e-6, "walks through 4 factors would take longer than the 0 s that they may"),
    ],
)
def test_what_cannot_be_told_or_would_take_too_long_is_not_assessed(function, seconds, why):
    with pytest.raises(NotAssessed, match=why):
        attribute(answers(function), Rows(table()), Setting(seconds=seconds))
