from __future__ import annotations

import math

import pytest

from audit_lib.model import Bound, Evidence, Margin


@pytest.mark.parametrize(
    ("measured", "allowed", "least", "room"),
    [
        (0.02, 0.05, False, 0.6),
        (0.05, 0.05, False, 0.0),
        (0.10, 0.05, False, -1.0),
        (24, 21, True, 1 / 7),
        (20, 21, True, -1 / 21),
        (-5e-5, -1e-4, True, 0.5),
        (0, 0, False, 1.0),
        (2, 0, True, math.inf),
        (2, 0, False, -math.inf),
    ],
)
def test_room_is_what_is_left_of_what_is_allowed(measured, allowed, least, room):
    assert Margin("x", measured, allowed, least=least).room == pytest.approx(room)


def table(bound: Bound, columns: tuple[str, ...], *rows: tuple) -> Evidence:
    return Evidence("e", "Errors", columns, rows, bound=bound)


def test_a_bounded_table_gives_the_row_that_leaves_the_least_room():
    bound = Bound("value", 0.5, "of spot")
    columns = ("label", "value", "low", "high")
    made = table(
        bound, columns, ("a", 0.1, 0.0, 0.2), ("b", 0.4, 0.3, 0.6), ("c", None, 0, 0)
    ).margin
    assert made == Margin("Errors (b)", 0.4, 0.5, "of spot", low=0.3, high=0.6)
    assert made.words == "Errors (b): 0.4 of spot (0.3 to 0.6); allowed: at most 0.5 of spot"


def test_a_bound_may_stand_in_a_column_and_be_a_least():
    bound = Bound("bars", "horizon", "bars", least=True)
    made = table(
        bound, ("model", "horizon", "bars"), ("a", 6, 9), ("b", 2, 2), ("c", None, 1)
    ).margin
    assert made == Margin("Errors (b)", 2, 2, "bars", least=True)


@pytest.mark.parametrize("cell", [None, math.nan, math.inf, "0.3", True])
def test_what_is_no_number_is_held_to_nothing(cell):
    assert table(Bound("value", 0.5), ("label", "value"), ("a", cell)).margin is None
    assert table(Bound("gone", 0.5), ("label", "value"), ("a", 0.1)).margin is None
    assert Evidence("e", "E", ("a",), ((1,),)).margin is None
