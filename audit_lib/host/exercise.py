"""Lines of the subject's source that hook calls executed, as the child reports them.

A line counts for a hook where it ran between the beginning and the end of a call of that hook, in
the process that answered it.  What ``hooks.py`` runs when it is loaded belongs to no call; what a
call imports does.  Not seen are processes that the subject starts itself, and calls that cost
their process; both are counted, so that a reader knows what is missing.

The child is the subject's: it may report lines that never ran.  This is a measure of how much
probes reach, not a proof against an adversary.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

_LAST = 1 << 22


class Measure(StrEnum):
    """When lines are measured."""

    NEVER = "never"
    CHEAPLY = "cheaply"
    """where the child can trace in compiled code, or with ``sys.monitoring``"""
    ALWAYS = "always"


def library() -> str:
    """Folder of the ``coverage`` package of this interpreter; '' where it has none."""
    spec = importlib.util.find_spec("coverage")
    return str(Path(spec.origin).parent) if spec and spec.origin else ""


@dataclass
class ExercisedLines:
    """What the calls of one host, or of several, executed.

    Attributes:
        lines: hook to path (relative to the subject's root) to lines.
        calls: hook to calls whose lines are known.
        lost: hook to calls whose lines were lost with their process.
        forked: hook to processes that its calls forked, whose lines nobody saw.
        replaced: hooks that put another tracer in place, so that lines are missing.
        unmeasured: why calls were not measured, and how many.
    """

    lines: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    forked: Counter[str] = field(default_factory=Counter)
    replaced: set[str] = field(default_factory=set)
    unmeasured: Counter[str] = field(default_factory=Counter)

    def take(self, hook: str, report: Any, calls: int) -> None:
        """Take note of what a worker told after ``calls`` calls; it may be garbage."""
        try:
            lines = {
                str(path): {n for n in numbers if type(n) is int and 0 < n < _LAST}
                for path, numbers in report["lines"].items()
            }
            forks = int(report["forks"])
        except (KeyError, TypeError, ValueError, AttributeError):
            why = report.get("failed") if isinstance(report, Mapping) else None
            self.unmeasured[f"the measurement failed: {why or 'garbage'}"[:300]] += calls
            return
        self.add(ExercisedLines({hook: lines}, Counter({hook: calls})))
        if forks > 0:
            self.forked[hook] += forks
        if report.get("replaced"):
            self.replaced.add(hook)

    def add(self, other: ExercisedLines) -> None:
        """Take in what another host saw."""
        for hook, files in other.lines.items():
            own = self.lines.setdefault(hook, {})
            for path, lines in files.items():
                own.setdefault(path, set()).update(lines)
        self.calls.update(other.calls)
        self.lost.update(other.lost)
        self.forked.update(other.forked)
        self.replaced |= other.replaced
        self.unmeasured.update(other.unmeasured)
