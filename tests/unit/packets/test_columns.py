from __future__ import annotations

import math
from datetime import datetime

import pytest

from audit_lib.model import Evidence
from audit_lib.packets.columns import Columns, axis_words, moment, number, positions, short


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("", {"value": ""}),
        ("fraction of spot; up to 1e-08 is rounding", {"value": "fraction of spot"}),
        ("x: quantile; fraction of equity", {"x": "quantile", "value": "fraction of equity"}),
        ("x: alpha; must not rise", {"x": "alpha"}),
        ("x: shift; 0 is 50 bars under control", {"x": "shift"}),
        (
            "rows: maturity in years; columns: log-moneyness; total variance",
            {"rows": "maturity in years", "columns": "log-moneyness", "value": "total variance"},
        ),
    ],
)
def test_notes_say_what_the_axes_are(note, words):
    assert axis_words(note) == words


@pytest.mark.parametrize(
    ("cell", "value"),
    [(1, 1.0), (True, 1.0), (2.5, 2.5), (10**400, math.inf), (-(10**400), -math.inf)],
    ids=["int", "bool", "float", "huge", "tiny"],
)
def test_cells_as_numbers(cell, value):
    assert number(cell) == value


@pytest.mark.parametrize("cell", [None, "1", ""])
def test_cells_that_are_no_numbers(cell):
    assert math.isnan(number(cell))


def test_dates_are_read_in_utc():
    assert moment("2024-03-01") == datetime(2024, 3, 1)
    assert moment("2024-03-01T02:00:00+02:00") == datetime(2024, 3, 1)
    assert moment("2024-13-01") is None
    assert moment("march") is None
    assert moment(20240301) is None


def test_positions_are_numbers_dates_or_places():
    assert positions([1, 2.5]) == ([1.0, 2.5], None)
    assert positions(["2024-03-01", None])[0] == [datetime(2024, 3, 1), None]
    assert positions(["b", "a", "b"]) == ([0, 1, 0], ["b", "a"])


def test_long_names_lose_their_middle():
    assert short("momentum_rank_63_of_the_universe", 15) == "momentu…niverse"
    assert short("short", 15) == "short"
    assert len(short("x" * 99)) == 34


def test_tables_that_do_not_fit_have_no_columns():
    table = Evidence("e", "E", ("a", "b"), (("x", 1),))
    assert Columns.of(table, "x y z") is None
    assert Columns.of(Evidence("e", "E", ("a", "b"), ()), "x y") is None
    found = Columns.of(table, "label value", "group")
    assert found is not None
    assert not found.has("group")
    assert (found.texts("label"), found.numbers("value")) == (["x"], [1.0])
