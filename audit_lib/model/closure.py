"""Closing an audit: one list of findings, what became of each since the last run, what weighs most.

Pure functions over results.  A finding is the same finding in two runs or versions where its
fingerprint is the same; measured values and line numbers do not enter it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from audit_lib.model.results import CheckResult, Exempted, Finding, TaskResult
from audit_lib.model.vocabulary import Outcome, Task


class Fate(StrEnum):
    """What became of a finding between two runs."""

    NEW = "new"
    """not there before"""
    PERSISTING = "persisting"
    """there before and now"""
    FIXED = "fixed"
    """there before, and its check has looked again and not found it"""
    REGRESSED = "regressed"
    """fixed in an earlier run, and back"""
    EXEMPTED = "exempted"
    """there, and waived by an exemption in force"""
    EXPIRED = "expired"
    """there, and waived before; the waiver covers it no longer"""
    UNKNOWN = "unknown"
    """there before, and its check could not tell this time"""


@dataclass(frozen=True)
class Closed:
    """One finding of the closing list.

    Attributes:
        finding: the worst of those that share its fingerprint.
        fate: what became of it.
        tasks: tasks that reported it.
        blast: how many files depend on the place it stands at.
        exemption: what waives it, or None.
    """

    finding: Finding
    fate: Fate
    tasks: tuple[Task, ...]
    blast: int = 0
    exemption: Exempted | None = None


def merged(results: Iterable[TaskResult]) -> list[tuple[Finding, tuple[Task, ...]]]:
    """Findings of all tasks, one a fingerprint: the worst, with every task that reported it."""
    worst: dict[str, Finding] = {}
    tasks: dict[str, list[Task]] = {}
    for task in results:
        for result in task.results:
            for finding in result.findings:
                mark = finding.fingerprint
                if mark not in worst or finding.severity > worst[mark].severity:
                    worst[mark] = finding
                if task.task not in tasks.setdefault(mark, []):
                    tasks[mark].append(task.task)
    return [(finding, tuple(tasks[mark])) for mark, finding in worst.items()]


def close(
    results: Iterable[TaskResult],
    *,
    before: Iterable[TaskResult] = (),
    history: Iterable[Collection[str]] = (),
    dependents: Callable[[str], int] | Mapping[str, int] | None = None,
) -> tuple[Closed, ...]:
    """The closing list: merged, with fates, the weightiest first.

    Order: open before waived before fixed; then severity; then blast radius; then code and place.

    Args:
        results: tasks of this run.
        before: tasks of the run or version to compare with; without it everything is new.
        history: fingerprints of every earlier run, oldest first; one that was there, then gone,
            and is back has regressed.
        dependents: path of a source file to how many files depend on it.
    """
    now, past = list(results), list(before)
    waived_now, waived_past = _waived(now), _waived(past)
    previous = {f.fingerprint: (f, t) for f, t in merged(past)}
    ever = {mark for run in history for mark in run}
    closed = []
    present = set()
    for finding, tasks in merged(now):
        mark = finding.fingerprint
        present.add(mark)
        exemption = waived_now.get(mark)
        if exemption is not None:
            fate = Fate.EXEMPTED
        elif mark in waived_past:
            fate = Fate.EXPIRED
        elif mark in previous:
            fate = Fate.PERSISTING
        else:
            fate = Fate.REGRESSED if mark in ever else Fate.NEW
        closed.append(Closed(finding, fate, tasks, _blast(finding, dependents), exemption))
    looked = {r.code for t in now for r in t.results if _told(r)}
    for mark, (finding, tasks) in previous.items():
        if mark not in present:
            fate = Fate.FIXED if finding.code in looked else Fate.UNKNOWN
            closed.append(Closed(finding, fate, tasks, _blast(finding, dependents)))
    return tuple(sorted(closed, key=_weight))


def counts(closed: Iterable[Closed]) -> dict[Fate, int]:
    """How many findings met each fate; every fate is listed."""
    listed = list(closed)
    return {fate: sum(c.fate is fate for c in listed) for fate in Fate}


_ORDER = (
    {Fate.NEW, Fate.PERSISTING, Fate.REGRESSED, Fate.EXPIRED},
    {Fate.UNKNOWN},
    {Fate.EXEMPTED},
    {Fate.FIXED},
)


def _weight(item: Closed) -> tuple[int, int, int, str, str, str]:
    place = next(i for i, fates in enumerate(_ORDER) if item.fate in fates)
    finding = item.finding
    return (
        place, -finding.severity, -item.blast, finding.code, str(finding.location), finding.key
    )  # fmt: skip


def _blast(finding: Finding, dependents: Callable[[str], int] | Mapping[str, int] | None) -> int:
    if dependents is None or finding.location.base != "source":
        return 0
    path = finding.location.path
    return dependents.get(path, 0) if isinstance(dependents, Mapping) else dependents(path)


def _waived(results: Iterable[TaskResult]) -> dict[str, Exempted]:
    return {e.fingerprint: e for t in results for r in t.results for e in r.exempted}


def _told(result: CheckResult) -> bool:
    return result.outcome in (Outcome.PASS, Outcome.FAIL, Outcome.NOT_APPLICABLE) and not (
        result.gaps
    )
