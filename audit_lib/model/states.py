"""What became of each finding since an earlier run, in the words of SARIF (3.27.24)."""

from collections.abc import Iterable

from audit_lib.model.closure import ALARMING, Closed, Comparison, Fate
from audit_lib.model.merging import identity
from audit_lib.model.results import TaskResult
from audit_lib.model.verdicts import breaks

NEW, UNCHANGED, UPDATED = "new", "unchanged", "updated"


def baseline_states(tasks: Iterable[TaskResult], comparison: Comparison) -> dict[str, str]:
    """State of every finding of a run, by its fingerprint.

    What only informs is compared by identity alone.
    """
    closed = {c.matter.identity: c for c in comparison.closed}
    states: dict[str, str] = {}
    for finding, version in ((f, t.version) for t in tasks for r in t.results for f in r.findings):
        name = identity(finding, version)
        if breaks(finding):
            states[finding.fingerprint] = _state(closed.get(name))
        else:
            states[finding.fingerprint] = UNCHANGED if name in comparison.notes else NEW
    return states


def _state(closed: Closed | None) -> str:
    if closed is None or closed.fate in (Fate.NEW, Fate.REGRESSED) or closed.was is None:
        return NEW
    same = closed.was.finding.measured == closed.matter.finding.measured
    if closed.fate in ALARMING or closed.moved_from or not same:
        return UPDATED
    return UNCHANGED
