"""What the time of a task is made of: CPU of each check, and of each hook that it asks.

Nothing is kept.  CPU is that of this process and of every process of the host, as far as they can
still be seen when a call has ended; a check's part contains that of the hooks that it asked.

Usage: python benchmarks/asked.py SUBJECT [--tasks T4] [--version latest] [--root CHECKOUT]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gates import spent, timed

from audit_lib.checks.base import Check
from audit_lib.engine import run_task
from audit_lib.hooks import without_variant
from audit_lib.host import Host
from audit_lib.model import CheckResult, Outcome, Task
from audit_lib.selection import roster_of
from audit_lib.subject.subject import open_subject

ROOT = Path(__file__).resolve().parent.parent


class Watch:
    """CPU by check and by hook, while it stands in the place of ``Host.call_many``."""

    def __init__(self) -> None:
        self.checks: dict[str, float] = {}
        self.hooks: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
        self.plain, self.began = Host.call_many, 0.0

    def turn(self, check: type[Check], result: CheckResult | None) -> None:
        """Called before and after each check."""
        if result is None:
            self.began = spent()
        else:
            self.checks[check.code] = spent() - self.began

    def call_many(self, host: Host, hook: str, batch: Any, **given: Any) -> list[Any]:
        """Calls of a hook in one process, with their CPU noted."""
        calls = list(batch)
        _, cpu, answers = timed(lambda: self.plain(host, hook, calls, **given))
        part = self.hooks[without_variant(hook)[0]]
        part[0], part[1], part[2] = part[0] + len(calls), part[1] + 1, part[2] + cpu
        return list(answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("subject")
    parser.add_argument("--tasks", default="T4")
    parser.add_argument("--version", default="latest")
    parser.add_argument("--root", type=Path)
    parser.add_argument("--workspace", type=Path, default=ROOT)
    given = parser.parse_args()
    os.environ["AUDIT_CACHE"] = "off"
    subject = open_subject(given.subject, root=given.root, workspace=given.workspace)
    subject, watch = subject.at(subject.select(given.version)[0]), Watch()

    def watched(host: Host, hook: str, batch: Any, **more: Any) -> list[Any]:
        return watch.call_many(host, hook, batch, **more)

    with patch.object(Host, "call_many", watched):
        print("| task | CPU | checks | hooks: calls in processes |\n|---|---:|---|---|")
        for task in given.tasks.split(","):
            watch.checks.clear()
            watch.hooks.clear()
            ask = partial(run_task, Task(task), subject, roster_of(subject).of(Task(task)))
            _, cpu, done = timed(partial(ask, run_id="measured", progress=watch.turn))
            slow = sorted(watch.checks.items(), key=lambda one: -one[1])
            asked = sorted(watch.hooks.items(), key=lambda one: -one[1][2])
            inside = sum(part[2] for _, part in asked)
            codes = ", ".join(f"{code} {took:.1f}" for code, took in slow[:12])
            hooks = "; ".join(
                f"{hook} {took:.1f} s: {calls:.0f} in {processes:.0f}"
                for hook, (calls, processes, took) in asked[:10]
            )
            print(
                f"| {task} | {cpu:.0f} s, {inside:.0f} in hooks | {codes} | {hooks} |", flush=True
            )
            untold = [r for r in done.results if r.outcome is Outcome.NOT_ASSESSED]
            if untold:
                print(f"{len(untold)} not assessed, such as {untold[0].reason}", file=sys.stderr)
    subject.close()
    print(f"\nload of the last minute {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
