"""Two made-up runs between which findings met every fate, one of them by moving with its file."""

from __future__ import annotations

from dataclasses import replace

import made_up

from audit_lib.model import Exempted, Location, Outcome, Severity, Task, TaskResult

UNTIL = "2026-12-31"


def failing(code: str, *findings, **changes):
    """A check's answer with those findings."""
    return made_up.result(code, Outcome.FAIL, findings=findings, **changes)


def waiver(finding, until: str = UNTIL) -> Exempted:
    """A waiver of a finding."""
    return Exempted(finding.fingerprint, "risk desk", "known; mended in Q1", until)


def many(code: str, number: int, **changes):
    """Findings of one check that differ in what they are about."""
    return tuple(
        made_up.finding(code, key=str(i), message=f"column {i} reads ahead", **changes)
        for i in range(number)
    )


def before(run_id: str = "20261120T090000Z-aaaa") -> list[TaskResult]:
    """The earlier run."""
    ended = made_up.finding("CAL001", key="ended", message="the map is flat")
    old = Location("old/splits.py", line=10, symbol="Folds.make")
    return _run(
        run_id,
        {"engine/features.py": 3, "old/splits.py": 1},
        failing("FEA001", *many("FEA001", 9), *many("FEA001", 1, severity=Severity.CRITICAL)),
        failing("SPL001", made_up.finding("SPL001", location=old)),
        failing("CAL001", ended, exempted=(waiver(ended),)),
        failing("GOV001", *many("GOV001", 5)),
        failing("DRF001", made_up.finding("DRF001", key="fixed")),
        failing("PRC001", made_up.finding("PRC001", key="waived")),
        made_up.result("TGT001"),
    )


def after(run_id: str = "20261121T090000Z-bbbb") -> list[TaskResult]:
    """The later run."""
    ended = made_up.finding("CAL001", key="ended", message="the map is flat")
    waived = made_up.finding("PRC001", key="waived")
    moved = Location("new/splits.py", line=14, symbol="Folds.make")
    critical = failing("HED001", made_up.finding("HED001", severity=Severity.CRITICAL))
    return _run(
        run_id,
        {"engine/features.py": 4, "new/splits.py": 2},
        failing("FEA001", *many("FEA001", 9)),
        failing("SPL001", made_up.finding("SPL001", location=moved)),
        failing("CAL001", ended, lapsed=(waiver(ended, "2026-11-01"),)),
        made_up.result("GOV001", Outcome.ERROR, reason="the check crashed: ValueError"),
        made_up.result("DRF001"),
        failing("PRC001", waived, exempted=(waiver(waived),)),
        critical,
        failing("DOC001", made_up.finding("DOC001", key="back", severity=Severity.LOW)),
        replace(critical, task=Task.T6),
        made_up.result("TGT001", Outcome.NOT_ASSESSED),
    )


def long_ago(run_id: str = "20261119T090000Z-9999") -> list[TaskResult]:
    """A run before both."""
    back = made_up.finding("DOC001", key="back", severity=Severity.LOW)
    return _run(run_id, {}, failing("DOC001", back))


def _run(run_id: str, files: dict[str, int], *results) -> list[TaskResult]:
    tasks = []
    for task in made_up.tasks(run_id=run_id):
        closes = task.task is Task.T6
        own = tuple(r for r in results if r.task is task.task)
        tasks.append(replace(task, results=own, boundaries=(), dependents=files if closes else {}))
    return tasks
