"""What a log says of a run: each stage once, and what runs after a silence."""

import io
import threading
from types import SimpleNamespace

import pytest
from rich.console import Console

from audit_lib.cli import watch
from audit_lib.execution.progress import Event, Stage
from audit_lib.model import Task

T2, T3 = Task("T2"), Task("T3")
PLAN = SimpleNamespace(
    tasks=(T2, T3), jobs=[SimpleNamespace(run_id="r", subject="engine", version="v1")]
)


class Heard(io.StringIO):
    """A log that says when a text was written."""

    def __init__(self, wanted):
        super().__init__()
        self.wanted, self.there = wanted, threading.Event()

    def write(self, text):
        count = super().write(text)
        if self.wanted in self.getvalue():
            self.there.set()
        return count


def event(stage, task=None, **facts):
    return Event("engine", "v1", "r", stage, task, **facts)


@pytest.mark.parametrize("quiet", [0.0, 1e9])
def test_a_log_says_what_runs_after_a_silence(monkeypatch, quiet):
    monkeypatch.setattr(watch, "QUIET", quiet)
    log = Heard("T2 FEA101 3/49 ~40 s left")
    with watch.Watch(PLAN, Console(file=log, width=200)) as seen:
        seen.note(event(Stage.STARTED, T2))
        seen.note(event(Stage.CHECK, T2, check="FEA101", done=3, total=49, left=40))
        assert log.there.wait(30 if quiet == 0 else 0.2) is (quiet == 0)
        seen.note(event(Stage.FINISHED, T2))
        seen.note(event(Stage.PUBLISHED))
    lines = [line.rpartition("  ")[0] for line in log.getvalue().splitlines()]  # but for seconds
    running = {"engine v1  T2", "engine v1  T2 FEA101 3/49 ~40 s left"}
    assert [line for line in lines if line not in running] == [
        "engine v1  T2 started",
        "engine v1  T2 finished",
        "engine v1  published",
    ]
    assert bool(running & set(lines)) is (quiet == 0)
