from __future__ import annotations

import math

import pytest

from audit_lib.model import Margin


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
