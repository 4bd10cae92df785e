from __future__ import annotations

import pytest

from audit_lib.model import CheckResult, Margin, Outcome


def held(result: CheckResult, what: str, allowed: float, *, least: bool = False) -> Margin:
    """The margin by which a passing check kept a promise, which must leave room."""
    assert result.outcome is Outcome.PASS, result.reason
    (margin,) = [m for m in result.margins if m.what.startswith(what)]
    assert (margin.allowed, margin.least) == (pytest.approx(allowed), least)
    assert margin.room >= 0
    return margin
