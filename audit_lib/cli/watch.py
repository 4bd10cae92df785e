"""Live progress of runs: one line a version; which tasks are done, which check runs, how long."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from audit_lib.execution.plan import Plan
from audit_lib.execution.progress import Event, Stage
from audit_lib.model import Task, Verdict
from audit_lib.reporters.console import MARKS as SIGNS

#: seconds of silence in a log after which it says what runs
QUIET = 60.0
MARKS = {verdict: Text(mark, style=tone) for verdict, (mark, tone) in SIGNS.items()}


@dataclass
class _Line:
    subject: str
    version: str
    started: float | None = None
    ended: float | None = None
    running: dict[Task, str] = field(default_factory=dict)
    done: dict[Task, Text] = field(default_factory=dict)
    state: Text = field(default_factory=lambda: Text("waiting", style="dim"))


class Watch:
    """A context manager whose ``note`` is given to ``execute``.

    On a terminal the lines are redrawn in place; elsewhere each stage that matters is one line,
    so that a log stays readable, and so is what runs after a minute in which nothing was said.
    """

    def __init__(self, plan: Plan, console: Console) -> None:
        self.tasks = plan.tasks
        self.console = console
        self.lines = {j.run_id: _Line(j.subject, j.version) for j in plan.jobs}
        self.lock = threading.Lock()
        self.over, self.said = threading.Event(), time.monotonic()
        self.live = Live(get_renderable=self._table, console=console, refresh_per_second=8)

    def __enter__(self) -> Watch:
        """Start drawing."""
        if self.console.is_terminal:
            self.live.start()
        else:
            threading.Thread(target=self._break_silence, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state standing."""
        self.over.set()
        if self.console.is_terminal:
            self.live.stop()

    def note(self, event: Event) -> None:
        """Take note of an event; called from several threads."""
        with self.lock:
            line = self.lines[event.run_id]
            line.started = line.started or time.monotonic()
            if event.task is not None:
                self._task(line, event)
            elif event.stage is Stage.ASSEMBLING:
                line.state = Text("writing the packet", style="dim")
            elif event.stage is Stage.PUBLISHED:
                line.state, line.ended = Text("published", style="green"), time.monotonic()
            elif event.stage is Stage.FAILED:
                line.state, line.ended = Text("failed", style="bold red"), time.monotonic()
            if not self.console.is_terminal and event.stage is not Stage.CHECK:
                self._log(line, f"{event.task.value if event.task else ''} {event.stage.value}")

    def _break_silence(self) -> None:
        """Say what runs, where nothing was said for a while."""
        while not self.over.wait(QUIET / 20):
            with self.lock:
                if time.monotonic() - self.said >= QUIET:
                    for line in self.lines.values():
                        if line.running and line.ended is None:
                            self._log(line, "  ".join(line.running.values()))

    def verdict(self, run_id: str, task: Task, verdict: Verdict | None) -> None:
        """Replace a task's mark by its verdict, once the results are known."""
        with self.lock:
            self.lines[run_id].done[task] = MARKS[verdict] if verdict else Text("–", style="dim")

    def _task(self, line: _Line, event: Event) -> None:
        assert event.task is not None
        if event.stage is Stage.FINISHED:
            line.running.pop(event.task, None)
            line.done[event.task] = Text("•", style="cyan")
        else:
            count = f" {event.done}/{event.total}" if event.total else ""
            left = f" ~{event.left} s left" if event.left else ""
            line.running[event.task] = f"{event.task.value} {event.check}{count}{left}".rstrip()

    def _log(self, line: _Line, what: str) -> None:
        self.said = time.monotonic()
        elapsed = self.said - (line.started or self.said)
        told = f"{line.subject} {line.version}  {what.strip()}  {elapsed:.0f} s"
        self.console.print(told, highlight=False)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
        table.add_column("version", no_wrap=True)
        for task in self.tasks:
            table.add_column(task.value, justify="center", no_wrap=True)
        table.add_column("elapsed", justify="right", no_wrap=True)
        table.add_column("now", no_wrap=True, overflow="ellipsis")
        with self.lock:
            for line in self.lines.values():
                table.add_row(*self._row(line))
        return table

    def _row(self, line: _Line) -> list[Text]:
        marks = [
            line.done.get(task) or Text("…" if task in line.running else "·", style="dim")
            for task in self.tasks
        ]
        elapsed = Text("")
        if line.started is not None:
            elapsed = Text(f"{(line.ended or time.monotonic()) - line.started:.0f} s")
        now = Text("  ".join(line.running.values())) if line.running else line.state
        return [Text(line.version, style="bold"), *marks, elapsed, now]
