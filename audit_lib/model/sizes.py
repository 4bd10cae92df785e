"""How large a departure is, so that a finding which stays can be said to get worse or better.

What was seen belongs to the identity of a finding; its size does not, and is read from what was
measured and expected.
"""

import re

from audit_lib.model.results import Finding

#: a change of the size by less than this factor is a re-measurement
_NOTABLE = 1.2
_AMOUNT = re.compile(
    r"(?P<lead>(?:[A-Za-z-]+ )*)(?P<number>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
    r"(?: of (?P<whole>\d+))?(?P<unit>\s?%|(?: [a-z]+)*)(?: \(.*\))?"
)
_NOTHING = ("none", "not negative")
_LEAST, _MOST = ("at least", "not below", "above"), ("at most", "below", "under", "less than")


def size(finding: Finding) -> float | None:
    """Distance of what was measured from what was expected; None where they are no amounts.

    Both must be one number, with words around it at most, and of the same unit; an interval may
    stand behind it. Of "3 of 40 rows" it is the share, also where words say what is expected.
    """
    got = _AMOUNT.fullmatch(finding.measured.strip())
    due = _AMOUNT.fullmatch(finding.expected.strip())
    if got is None or (due is None and finding.expected not in _NOTHING and not got["whole"]):
        return None
    measured = float(got["number"]) / max(1, int(got["whole"] or 1))
    if due is None:
        return abs(measured)
    units = {_unit(got["unit"]), _unit(due["unit"])} - {""}
    if len(units) > 1:
        return None
    expected, lead = float(due["number"]), due["lead"].strip()
    if lead.endswith(_LEAST):
        return max(0.0, expected - measured)
    if lead.endswith(_MOST):
        return max(0.0, measured - expected)
    return abs(measured - expected)


def trend(then: Finding, now: Finding) -> int:
    """1 where a finding that was there before got worse, -1 where it got better, else 0."""
    if then.severity != now.severity:
        return 1 if now.severity > then.severity else -1
    before, after = size(then), size(now)
    if before is None or after is None or (then.expected, then.key) != (now.expected, now.key):
        return 0
    if after > _NOTABLE * before + 1e-12:
        return 1
    return -1 if before > _NOTABLE * after + 1e-12 else 0


def _unit(text: str) -> str:
    return text.strip()
