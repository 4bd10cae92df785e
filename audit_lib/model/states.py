"""What became of each finding since an earlier run, in the words of SARIF (3.27.24)."""

from collections.abc import Iterable

from audit_lib.model.closure import ALARMING, Closed, Comparison, Fate
from audit_lib.model.merging import identity
from audit_lib.model.results import TaskResult
from audit_lib.model.verdicts import breaks

NEW, UNCHANGED, UPDATED = "new", "unchanged", "updated"


def baseline_states(tasks: Iterable[TaskResult], comparison: Comparison) -> dict[str, str]:
    """State of every finding of a run, by its fingerprint.

    What a closing check says again of a finding has the state of that finding.  What only informs
    is compared by identity alone.
    """
    closed = {c.matter.identity: c for c in comparison.closed}
    every = [(f, t.version) for t in tasks for r in t.results for f in r.findings]
    states: dict[str, str] = {}
    for finding, version in every:
        name = identity(finding, version)
        if not breaks(finding):
            states[finding.fingerprint] = UNCHANGED if name in comparison.notes else NEW
        elif name in closed:
            states[finding.fingerprint] = _state(closed[name])
    for finding, _ in every:
        states.setdefault(finding.fingerprint, states.get(finding.key, NEW))
    return states


def _state(closed: Closed) -> str:
    if closed.fate in (Fate.NEW, Fate.REGRESSED) or closed.was is None:
        return NEW
    same = closed.was.finding.measured == closed.matter.finding.measured
    if closed.fate in ALARMING or closed.moved_from or not same:
        return UPDATED
    return UNCHANGED
