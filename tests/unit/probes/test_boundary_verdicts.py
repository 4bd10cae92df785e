"""What keeps a boundary from being called kept: results that are missing or could not tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit_lib.checks.catalogue import check_class
from audit_lib.model import Gap, Location, Outcome
from audit_lib.probes.code.boundaries.forms import Boundary
from audit_lib.probes.code.boundaries.verdicts import _merged, _unsure

EDGE = Boundary("B1", "high", (), (), (), (), Location("boundaries.yaml"))


def result(code, outcome=Outcome.PASS, reason="", gaps=()):
    return check_class(code).result(outcome, reason, gaps=gaps)


BOTH = [result("BND003"), result("BND001")]
OWN, OTHER = (Gap(f"{name}: price", "nobody reads it") for name in ("B1", "B2"))
BLIND = result("BND001", Outcome.NOT_ASSESSED, "no source")
CRASHED = result("BND003", Outcome.ERROR, "it crashed")


@pytest.mark.parametrize(
    ("results", "checks", "said"),
    [
        (BOTH, (), ""),
        (BOTH[:1], (), "BND001 did not run"),
        (BOTH[1:], (), "BND003 did not run"),
        ([CRASHED, BOTH[1]], (), "BND003: it crashed"),
        ([BOTH[0], BLIND], (), "BND001: no source"),
        ([result("BND003", Outcome.NOT_ASSESSED, "B1", [OWN]), BOTH[1]], (),
         "price: nobody reads it"),
        # What could not be told of another boundary says nothing of this one.
        ([result("BND003", Outcome.NOT_ASSESSED, "B2", [OTHER]), BOTH[1]], (), ""),
        ([result("BND003", Outcome.ERROR, "it crashed", [OTHER]), BOTH[1]], (),
         "BND003: it crashed"),
        (BOTH, ("PRC*",), "PRC* did not run"),
        ([*BOTH, result("PRC001"), result("CAL001", Outcome.ERROR, "?")], ("PRC*",), ""),
        ([*BOTH, result("PRC001", Outcome.NOT_ASSESSED, "no hook")], ("PRC*",), "PRC001: no hook"),
        ([*BOTH, result("PRC001", Outcome.ERROR, "it crashed")], ("PRC*",), "PRC001: it crashed"),
    ],
)  # fmt: skip
def test_a_boundary_is_unsure_where_a_check_it_rests_on_could_not_tell(results, checks, said):
    """BND003 and what else a boundary names."""
    assert _unsure(replace(EDGE, checks=checks), results) == said


def test_two_declarations_of_one_boundary_are_one():
    again = replace(EDGE, risk="critical", checks=("PRC*",), note="one more")
    assert _merged(EDGE, again) == again
    assert _merged(again, replace(EDGE, risk="")) == again
    assert _merged(replace(EDGE, risk=""), again).risk == "critical"
