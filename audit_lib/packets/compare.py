"""Findings of two runs against each other: what is new, persists, was fixed, came back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audit_lib.model import CheckResult, Finding, Outcome, TaskResult, breaks, digest_of, ranked


@dataclass(frozen=True)
class Comparison:
    """What became of the findings between two runs.  ``INFO`` findings are left out.

    Attributes:
        label: what is compared with, such as ``champion 2022-06``.
        before: subject, version and run id of the earlier side, as text.
        new: open now, and never seen before.
        regressed: open now, absent or waived on the earlier side, and seen before that.
        persisting: open on both sides.
        fixed: open before, gone now, and the check that found it gave an answer.
        untold: open before and not seen now, but its check crashed, was not run or could not
            assess everything: nobody knows whether it is fixed.
        exempted: open before or new, and waived now.
    """

    label: str
    before: str
    new: tuple[Finding, ...]
    regressed: tuple[Finding, ...]
    persisting: tuple[Finding, ...]
    fixed: tuple[Finding, ...]
    untold: tuple[Finding, ...]
    exempted: tuple[Finding, ...]

    def states(self) -> dict[Finding, str]:
        """Findings of the later run to ``new``, ``regressed``, ``persisting`` or ``exempted``."""
        names = ("exempted", "persisting", "regressed", "new")
        return {finding: name for name in names for finding in getattr(self, name)}


def compare(
    before: Sequence[TaskResult],
    after: Sequence[TaskResult],
    *,
    label: str = "before",
    earlier: Iterable[Sequence[TaskResult]] = (),
) -> Comparison:
    """Compare two runs by the identity of their findings.

    Args:
        before: tasks of the earlier run, of the same or another version.
        after: tasks of the run in question.
        label: what the earlier side is called.
        earlier: runs before ``before``; what they found and ``before`` did not has come back.
    """
    was, is_now = _sorted_out(before), _sorted_out(after)
    once = {key for run in earlier for side in _sorted_out(run) for key in side}
    open_before, waived_before = was
    open_now, waived_now = is_now
    answered = _answered(after)
    gone = {k: f for k, f in open_before.items() if k not in open_now and k not in waived_now}
    came = {k: f for k, f in open_now.items() if k not in open_before}
    back = {k for k in came if k in once or k in waived_before}
    first = before[0] if before else None
    return Comparison(
        label=label,
        before=f"{first.subject} {first.version} run {first.run_id}" if first else "nothing",
        new=_tidy(f for k, f in came.items() if k not in back),
        regressed=_tidy(f for k, f in came.items() if k in back),
        persisting=_tidy(f for k, f in open_now.items() if k in open_before),
        fixed=_tidy(f for f in gone.values() if f.code in answered),
        untold=_tidy(f for f in gone.values() if f.code not in answered),
        exempted=_tidy(waived_now.values()),
    )


def identity(finding: Finding, version: str) -> str:
    """Identity of a finding across versions: its fingerprint with the version id taken out.

    The id is taken out where it stands by itself (``models/v7/meta.json``), never inside a word;
    a short one like ``2`` only where it names a folder, since elsewhere it is an index as likely.
    """
    place = finding.location
    short = len(version) < 3 or (version.isdigit() and len(version) < 4)
    token = re.compile(rf"(?<![A-Za-z0-9]){re.escape(version)}(?![A-Za-z0-9])")

    def nameless(text: str) -> str:
        return text if short else token.sub("{version}", text)

    path = "/".join(
        "{version}" if part == version else nameless(part) for part in place.path.split("/")
    )
    inner = place.symbol or place.pointer
    return digest_of([finding.code, place.base, path, nameless(inner), nameless(finding.key)])


def _sorted_out(tasks: Sequence[TaskResult]) -> tuple[dict[str, Finding], dict[str, Finding]]:
    """Open and waived findings by identity."""
    opened: dict[str, Finding] = {}
    waived: dict[str, Finding] = {}
    for task in tasks:
        for result in task.results:
            stands = set(result.open_findings)
            for finding in filter(breaks, result.findings):
                side = opened if finding in stands else waived
                side.setdefault(identity(finding, task.version), finding)
    return opened, waived


def _answered(tasks: Sequence[TaskResult]) -> set[str]:
    results: list[CheckResult] = [r for t in tasks for r in t.results]
    return {r.code for r in results if r.outcome in (Outcome.PASS, Outcome.FAIL) and not r.gaps}


def _tidy(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(ranked(findings))
