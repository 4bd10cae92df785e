"""What it costs to call a hook in the host, by isolation level.

Measured: start-up until the first hook can be called; one call (a fork of its own); one of many
small calls in a batch; 4,000 rows of a predictor that knows single rows and loads a model of 300
kB, by one call a row, in a batch of calls and in one call; a frame of 100 MB there and back;
recovery from a call that crashed, and from one that killed the whole child.  For comparison, the
same small call in this process and a fresh interpreter that imports pandas.

Usage: python benchmarks/host.py [--calls 10000] [--level bubblewrap ...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from audit_lib.errors import AuditError
from audit_lib.host import HookError, Host, Isolation, Limits, probe

HOOKS = """
import json, os, signal
from audit_lib.hooks import surface

@surface("governance")
def promote(at, champion, challenger):
    return champion["score"] < challenger["score"]

@surface("features")
def build(at, panel):
    return panel

@surface("online")
def run(at, way):
    if way == "crash":
        os.abort()
    pid = os.getpid()
    while pid > 1:
        with open(f"/proc/{pid}/stat") as line:
            pid = int(line.read().rpartition(")")[2].split()[1])
        os.kill(pid, signal.SIGKILL)

def model():
    return json.loads(json.dumps(list(range(40_000))))

@surface("predictor.predict", variant="call")
def call(at, row):
    weights = model()
    return row * weights[3]

@surface("predictor.predict", variant="row", each="row")
def row(at):
    weights = model()
    return lambda row: row * weights[3]
"""
ROWS = 4_000
CHAMPION, CHALLENGER = {"score": 1.0}, {"score": 2.0}
ROUNDS = 20


def took(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def median(work: Callable[[], object]) -> float:
    """Median seconds of some runs."""
    return float(np.median([took(work) for _ in range(ROUNDS)]))


def fails(host: Host, way: str) -> None:
    """A call that costs its process, and the next one that finds another."""
    with suppress(HookError):
        host.call("online.run", way)
    host.call("governance.promote", CHAMPION, CHALLENGER)


def measure(level: Isolation, folder: Path, calls: int, frame: pd.DataFrame) -> dict[str, str]:
    """One column of the table."""
    limits = Limits(memory_mb=2048, output_mb=256)
    begun = time.perf_counter()
    with Host(
        folder / "hooks.py", root=folder, limits=limits, isolation=level, allow_unisolated=True
    ) as host:
        host.hooks()
        started = time.perf_counter() - begun
        host.call("governance.promote", CHAMPION, CHALLENGER)
        one = median(lambda: host.call("governance.promote", CHAMPION, CHALLENGER))
        batch = [(CHAMPION, CHALLENGER)] * calls
        many = took(lambda: host.call_many("governance.promote", batch))
        table = pd.DataFrame(np.random.default_rng(1).normal(size=(ROWS, 8)))
        first = [(table.iloc[[i]],) for i in range(ROWS // 10)]
        alone = 10 * took(lambda: [host.call("predictor.predict[call]", *c) for c in first])
        each = [(table.iloc[[i]],) for i in range(ROWS)]
        batched = took(lambda: host.call_many("predictor.predict[call]", each))
        whole = took(lambda: host.call("predictor.predict[row]", table))
        there_and_back = min(took(lambda: host.call("features.build", frame)) for _ in range(3))
        crash = median(lambda: fails(host, "crash")) - one
        contained = "signals" in host.probed.stopped
        murder = f"{took(lambda: fails(host, 'murder')):.2f} s" if contained else "not tried"
    megabytes = 2 * frame.to_numpy().nbytes / 1e6
    return {
        "start-up": f"{started:.2f} s",
        "one call": f"{1e3 * one:.1f} ms",
        f"{calls} calls in a batch": f"{many:.2f} s",
        "each of them": f"{1e6 * many / calls:.0f} µs",
        f"{ROWS} rows, a call each": f"{alone:.2f} s",
        f"{ROWS} rows in a batch of calls": f"{batched:.2f} s, 1/{alone / batched:.0f}",
        f"{ROWS} rows in one call": f"{whole:.2f} s, 1/{alone / whole:.0f}",
        "frame of 100 MB, there and back": f"{there_and_back:.2f} s",
        "transfer rate": f"{megabytes / there_and_back:.0f} MB/s",
        "a crash costs": f"{1e3 * crash:.1f} ms",
        "the child killed costs": murder,
    }


def main() -> None:
    """Measure the levels this machine has and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=10_000)
    options.add_argument("--level", nargs="*", choices=[i.label for i in Isolation])
    chosen = options.parse_args()
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(125_000, 100)))
    columns = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "hooks.py").write_text(HOOKS)
        for level in sorted(Isolation, reverse=True):
            if chosen.level and level.label not in chosen.level:
                continue
            try:
                probe(level)
            except AuditError as error:
                print(f"{level.label}: {error}", file=sys.stderr)
                continue
            columns[level.label] = measure(level, folder, chosen.calls, frame)
    with pd.option_context("display.width", 200, "display.max_columns", 10):
        print(pd.DataFrame(columns))
    direct = median(lambda: [CHAMPION["score"] < CHALLENGER["score"] for _ in range(1000)]) / 1000
    fresh = took(lambda: subprocess.run([sys.executable, "-c", "import pandas"], check=True))
    print(f"\nload of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"in this process: {1e6 * direct:.2f} µs a call")
    print(f"an interpreter of its own with pandas: {fresh:.2f} s a call")


if __name__ == "__main__":
    main()
