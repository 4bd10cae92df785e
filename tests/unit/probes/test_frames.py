import numpy as np
import pandas as pd
import pytest

from audit_lib.probes.questions.frames import differences, label

DATES = pd.date_range("2020-01-01", periods=4, freq="D")
INDEX = pd.MultiIndex.from_product([["A", "B"], DATES], names=["asset", "date"])


def table(**changes):
    base = pd.DataFrame({"x": np.arange(8.0), "y": np.arange(8.0) * 1e-6}, index=INDEX)
    return base.assign(**changes)


def kinds(left, right, **options):
    found = differences(left, right, **{"tolerance": 1e-9, **options})
    return [(d.kind, d.column) for d in found]


def test_equal_frames_have_no_difference():
    assert kinds(table(x=np.nan), table(x=np.nan)) == []


def test_rows_in_another_order_are_the_same_rows():
    assert kinds(table(), table().iloc[::-1]) == []


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (table()[["y", "x"]], ("order", "")),
        (table().drop(columns="y"), ("columns", "y")),
        (table(z=1.0), ("columns", "z")),
        (table().astype({"x": "float32"}), ("dtype", "x")),
        (table().iloc[:-1], ("rows", "")),
        (pd.concat([table(), table().iloc[:1]]), ("rows", "")),
        (table(x=np.arange(8.0) + 1e-6), ("values", "x")),
    ],
)
def test_each_difference_has_its_kind(other, expected):
    assert expected in kinds(table(), other)


def test_the_tolerance_follows_the_size_of_the_column():
    nudged = table(y=np.arange(8.0) * 1e-6 + 1e-12)
    assert kinds(table(), nudged, tolerance=1e-9) == [("values", "y")]
    assert kinds(table(), nudged, tolerance=1e-5) == []


def test_the_newest_dates_alone_are_not_missing_rows():
    dates = INDEX.get_level_values("date")
    newest = table()[dates >= DATES[2]]
    assert kinds(table(), newest) == []
    assert kinds(table(), newest.iloc[1:]) == [("rows", "")]


def test_columns_beyond_those_asked_for_may_differ():
    assert kinds(table(), table(z=1.0, y=0.0), columns=["x"]) == []


def test_a_value_difference_says_where_and_how_much():
    (found,) = differences(
        table(), table(x=np.arange(8.0) + 0.5 * (np.arange(8) >= 6)), tolerance=1e-9
    )
    assert (found.count, found.total, found.largest) == (2, 8, 0.5)
    assert found.text == "differs in 2 of 8 rows, first at B 2020-01-03: 6 and 6.5"


def test_labels_read_as_people_write_them():
    assert label(("AAPL", pd.Timestamp("2020-01-02"))) == "AAPL 2020-01-02"
    assert label(pd.Timestamp("2020-01-02 15:30")) == "2020-01-02 15:30:00"
