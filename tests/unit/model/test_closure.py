from dataclasses import replace

from audit_lib.model import Exempted, Gap, Location, Outcome, Severity, Task
from audit_lib.model.closure import Fate, close, counts, merged
from tests.made_up import finding, result, tasks


def task(*results, task=Task.T6):
    return replace(tasks()[0], task=task, results=results)


def failing(*findings, **changes):
    return result(findings[0].code, Outcome.FAIL, findings=findings, **changes)


A = finding("BND001", key="a", location=Location("a.py", line=1))
B = finding("BND002", key="b", location=Location("b.py", line=1))


def fates(closed):
    return {c.finding.key: c.fate for c in closed}


def test_one_finding_of_two_tasks_is_one_and_the_worst_stands():
    worse = replace(A, severity=Severity.CRITICAL, message="worse")
    found = merged([task(failing(A), task=Task.T1), task(failing(worse), task=Task.T3)])
    assert found == [(worse, (Task.T1, Task.T3))]


def test_every_fate():
    c, d, e, f = (replace(A, key=k, code="DOC001") for k in "cdef")
    waiver = Exempted(c.fingerprint, "o", "r", "2026-12-31")
    ended = Exempted(d.fingerprint, "o", "r", "2026-01-01")
    before = [task(failing(A, B), failing(c, d, exempted=(ended,)))]
    now = [task(failing(A), result("BND002"), failing(c, d, e, f, exempted=(waiver,)))]
    closed = close(now, before=before, history=[{e.fingerprint}])
    assert fates(closed) == {
        "a": Fate.PERSISTING,
        "b": Fate.FIXED,
        "c": Fate.EXEMPTED,
        "d": Fate.EXPIRED,
        "e": Fate.REGRESSED,
        "f": Fate.NEW,
    }
    assert next(x for x in closed if x.finding.key == "c").exemption == waiver
    assert counts(closed)[Fate.UNKNOWN] == 0
    assert sum(counts(closed).values()) == 6


def test_what_was_not_looked_at_again_is_not_fixed():
    before = [task(failing(A))]
    for now in (
        [],
        [task(result("BND001", Outcome.ERROR))],
        [task(result("BND001", Outcome.NOT_ASSESSED))],
        [task(failing(B), result("BND001", gaps=(Gap("x", "y"),)))],
    ):
        assert fates(close(now, before=before))["a"] is Fate.UNKNOWN


def test_order_is_open_first_then_severity_then_blast_radius():
    low = replace(A, key="low", severity=Severity.LOW)
    wide = replace(A, key="wide", location=Location("wide.py"))
    far = replace(A, key="far", location=Location("wide.py", base="artifacts"))
    closed = close(
        [task(failing(low, A, wide, far))],
        before=[task(failing(A)), task(failing(B))],
        dependents={"wide.py": 9, "a.py": 2},
    )
    assert [(c.finding.key, c.blast) for c in closed] == [
        ("wide", 9), ("a", 2), ("far", 0), ("low", 2), ("b", 0),
    ]  # fmt: skip


def test_a_moved_line_is_the_same_finding():
    moved = replace(A, location=Location("a.py", line=99), measured="other")
    assert fates(close([task(failing(moved))], before=[task(failing(A))])) == {"a": Fate.PERSISTING}
