"""Progress of a task while its checks run.

In a notebook one line is updated in place.  The same messages carry :data:`MIME`, which the
headless runner reads to tell which check is running; the last message carries only the summary.
"""

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from audit_lib.checks.base import Check
from audit_lib.execution.progress import MIME
from audit_lib.model import CheckResult, Outcome, Task
from audit_lib.workbook.display import Sheet, escaped, in_notebook, static_table
from audit_lib.workbook.sheets import words

_UNTOLD = (Outcome.ERROR, Outcome.NOT_ASSESSED)
#: most checks listed while others still run
_SHOWN = 12


class TaskProgress:
    """Shows how far a task is.  Call it as the engine does: (check, None), then (check, result)."""

    def __init__(self, task: Task, codes: Iterable[str], seconds_of: Mapping[str, float]) -> None:
        """Begin.

        Args:
            codes: of its checks.
            seconds_of: how long checks took when they were asked last.
        """
        self.task = task
        self.waiting = dict.fromkeys(codes)
        self.seconds_of = seconds_of
        self.total = len(self.waiting)
        self.done = 0
        self.answers: list[CheckResult] = []
        self.started = time.perf_counter()
        self._handle: Any = None

    def __call__(self, check: type[Check], result: CheckResult | None) -> None:
        """Note that a check begins (no result yet) or has answered."""
        self.done += result is not None
        if result is not None:
            self.waiting.pop(check.code, None)
            self.answers += [result] if result.open_findings or result.outcome in _UNTOLD else []
        left = sum(self.seconds_of.get(code, 0.0) for code in self.waiting)
        doing = (
            f"{check.code} {check.title()}" if result is None else f"{check.code} {result.outcome}"
        )
        text = f"{self.task.value}  {self.done}/{self.total}  {doing}"
        if left >= 1:
            text += f"  (about {left:.0f} s left, as it was last)"
        bar = f'<progress value="{self.done}" max="{self.total}" style="width:16em"></progress>'
        self._update(
            {
                "text/plain": text,
                "text/html": f"{bar} {escaped(text)}{self._so_far()}",
                MIME: {
                    "task": self.task.value,
                    "check": check.code,
                    "done": self.done,
                    "total": self.total,
                    "left": round(left),
                },
            }
        )

    def finish(self, summary: str, *, keep: bool = False) -> None:
        """Replace the progress by a sentence; ``keep`` leaves what was found so far below it."""
        below = self._so_far() if keep else ""
        self._update({"text/plain": summary, "text/html": f"<p>{escaped(summary)}</p>{below}"})

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def _so_far(self) -> str:
        """What checks have said up to now, worst first."""
        # findings of a check stand worst first
        results = list(self.answers)
        results.sort(key=lambda r: [-f.severity for f in r.open_findings[:1]] or [1])
        rows = tuple(
            (
                r.code,
                words(r.outcome),
                r.open_findings[0].severity.label if r.open_findings else None,
                r.open_findings[0].message if r.open_findings else r.reason,
                len(r.open_findings) or None,
            )
            for r in results[:_SHOWN]
        )
        columns = ("check", "outcome", "severity", "what", "findings")
        more = f"{len(results) - _SHOWN} more" if len(results) > _SHOWN else ""
        return static_table(Sheet("", columns, rows)) + more if rows else ""

    def _update(self, bundle: dict[str, Any]) -> None:
        if not in_notebook():
            if sys.stderr.isatty():
                sys.stderr.write(f"\r\x1b[K{bundle['text/plain']}")
            return
        from IPython.display import display

        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)
