import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_lib.probes.questions.relations import (
    Break,
    better,
    dominance_breaks,
    first_retraction,
    largest_fall,
    reordered_columns,
    shuffled,
)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], None),
        ([False, True, True], None),
        ([True, False], Break(0, 1)),
        ([False, True, None, False, True], Break(1, 3)),
        ([None, None], None),
    ],
)
def test_an_answer_that_is_taken_back(flags, expected):
    assert first_retraction(flags) == expected


@given(st.lists(st.booleans(), max_size=12))
def test_a_sorted_ladder_is_never_taken_back(flags):
    assert first_retraction(sorted(flags)) is None
    found = first_retraction(flags)
    assert (found is None) == (flags == sorted(flags))


def test_the_largest_fall_counts_from_the_highest_value_before_it():
    assert largest_fall([0.0, 2.0, 1.0, 3.0, 1.5]) == Break(3, 4, 1.5)
    assert largest_fall([0.0, float("nan"), 1.0]) is None
    assert largest_fall([1.0, 0.9], slack=0.2) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_a_rising_sequence_has_no_fall(values):
    assert largest_fall(sorted(values)) is None


def test_dominance_compares_rows_that_are_better_in_everything():
    scores = np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 3.0]])
    free = np.ones(3, dtype=bool)
    assert dominance_breaks(scores, np.array([1.0, 2.0, 9.0]), free, slack=0.0) == (1, 0, None)
    pairs, broken, worst = dominance_breaks(scores, np.array([2.0, 1.5, 0.0]), free, slack=0.0)
    assert (pairs, broken, worst) == (1, 1, Break(0, 1, 0.5))


def test_a_row_that_something_reduced_is_not_held_against_a_larger_one():
    scores, values = np.array([[1.0], [2.0]]), np.array([2.0, 1.0])
    held = np.array([True, False])
    assert dominance_breaks(scores, values, held, slack=0.0) == (0, 0, None)


def test_better_follows_the_direction():
    metrics = {"sharpe": 1.0, "drawdown": 0.2}
    assert better(metrics, "sharpe", 0.5, "higher") == {"sharpe": 1.5, "drawdown": 0.2}
    assert better(metrics, "drawdown", 0.1, "lower") == {"sharpe": 1.0, "drawdown": 0.1}


def test_other_orders_hold_the_same_rows_and_columns():
    table = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]}, index=list("xyz"))
    assert shuffled(table, 1).sort_index().equals(table)
    for other in reordered_columns(table, 1).values():
        assert list(other.columns) != list(table.columns)
        assert other[table.columns].equals(table)
    assert reordered_columns(table[["a"]], 1) == {}
