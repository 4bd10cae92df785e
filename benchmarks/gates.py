"""What a gate's time is made of with nothing kept: interpreter, imports, host, hooks, the rest.

Each part is measured in a process of its own kind, one after another, so that they come to more
than a gate takes, which starts the host while it imports.  CPU is that of this process and of the
host's.  Interpreter and imports are the same for every gate.

Usage: python benchmarks/gates.py [GATE...]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SUBJECT, VERSION = "reference_engine", "2020-12"


def spent() -> float:
    """Seconds of CPU of this process and all below it so far."""
    me = psutil.Process()
    total = sum(me.cpu_times()[:4])
    for child in me.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.Error:
            continue
    return float(total)


def timed(what: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and CPU of a call, and its answer."""
    wall, cpu = time.perf_counter(), spent()
    answer = what()
    return time.perf_counter() - wall, spent() - cpu, answer


def started(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def parts(name: str) -> list[tuple[str, float, float]]:
    """The parts of one gate: what, wall, CPU."""
    from audit_lib.gates import gate_named, run_gate
    from audit_lib.host import Host
    from audit_lib.subject.subject import open_subject

    subject = open_subject(SUBJECT, workspace=ROOT).at(VERSION)
    gate = gate_named(name, subject)
    opened = timed(subject.host.open)
    read = timed(subject.host.hooks)
    calls, processes, wall, cpu = 0, 0, 0.0, 0.0
    plain = Host.call_many

    def watched(self: Host, hook: str, batch: Any, **given: Any) -> Any:
        nonlocal calls, processes, wall, cpu
        listed = list(batch)
        took = timed(lambda: plain(self, hook, listed, **given))
        calls, processes = calls + len(listed), processes + 1
        wall, cpu = wall + took[0], cpu + took[1]
        return took[2]

    Host.call_many = watched  # type: ignore[method-assign]  # this process measures, and ends
    today = datetime.now(UTC).date()
    whole = timed(lambda: run_gate(gate, subject, today=today))
    Host.call_many = plain  # type: ignore[method-assign]
    subject.close()
    return [
        ("host: isolation, NumPy, pandas", *opened[:2]),
        ("host: `hooks.py`", *read[:2]),
        (f"hooks: {calls} calls in {processes} processes", wall, cpu),
        ("reading, probing, judging here", whole[0] - wall, whole[1] - cpu),
    ]


def main() -> None:
    os.environ["AUDIT_CACHE"] = "off"
    began = time.perf_counter()
    everyday = "import audit_lib.cli.app, audit_lib.cli.gate, audit_lib.checks.catalogue, pandas"
    always = [
        ("interpreter", *timed(lambda: started("pass"))[:2]),
        ("interpreter and imports", *timed(lambda: started(everyday))[:2]),
    ]
    import pandas  # noqa: F401 - so that it is in nobody's part below

    print("| gate | what | wall | CPU |\n|---|---|---:|---:|")
    for what, wall, cpu in always:
        print(f"| every | {what} | {wall:.2f} s | {cpu:.2f} s |")
    for name in sys.argv[1:] or ("pull_request", "backtest", "live"):
        for what, wall, cpu in parts(name):
            print(f"| {name} | {what} | {wall:.2f} s | {cpu:.2f} s |", flush=True)
    load = os.getloadavg()[0]
    print(f"\n{time.perf_counter() - began:.0f} s in all, load of the last minute {load:.0f}")


if __name__ == "__main__":
    main()
