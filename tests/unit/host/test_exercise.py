"""What a child tells about executed lines is data, and may be garbage."""

from __future__ import annotations

import pytest

from audit_lib.host import ExercisedLines


def test_lines_add_up_over_tellings_and_hosts() -> None:
    one, two = ExercisedLines(), ExercisedLines()
    one.take("a.b", {"lines": {"x.py": [1, 2]}, "forks": 0}, calls=1)
    one.take("a.b", {"lines": {"x.py": [2, 3]}, "forks": 2, "replaced": True}, calls=4)
    two.take("a.c", {"lines": {"x.py": [9]}, "forks": 0}, calls=1)
    two.lost["a.b"] = 3
    one.add(two)
    assert one.lines == {"a.b": {"x.py": {1, 2, 3}}, "a.c": {"x.py": {9}}}
    assert one.calls == {"a.b": 5, "a.c": 1}
    assert (one.lost, one.forked, one.replaced) == ({"a.b": 3}, {"a.b": 2}, {"a.b"})
    assert two.lines == {"a.c": {"x.py": {9}}}


@pytest.mark.parametrize(
    "told",
    [
        None,
        3,
        [],
        {},
        {"lines": []},
        {"lines": {"x.py": 3}, "forks": 0},
        {"lines": {}, "forks": "x"},
    ],
)
def test_garbage_is_no_measurement(told) -> None:
    seen = ExercisedLines()
    seen.take("a.b", told, calls=2)
    assert (seen.lines, seen.calls) == ({}, {})
    assert seen.unmeasured == {"the measurement failed: garbage": 2}


def test_a_failed_measurement_says_why() -> None:
    seen = ExercisedLines()
    seen.take("a.b", {"failed": "AttributeError: gone"}, calls=1)
    assert seen.unmeasured == {"the measurement failed: AttributeError: gone": 1}


def test_what_is_no_line_number_is_left_out() -> None:
    seen = ExercisedLines()
    seen.take("a.b", {"lines": {"x.py": [0, -1, True, "3", 2.0, 1 << 40, 7]}, "forks": 0}, calls=1)
    assert seen.lines == {"a.b": {"x.py": {7}}}
