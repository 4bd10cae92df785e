"""The table of docs/performance.md: what an audit costs, as ratios of one run on one machine.

`make bench` runs it, unattended; `--write` puts the table into the page, between its marks.  The
measure of all is the audit of one version of the embedded engine with nothing kept.  CPU is that of
the command and of every process below it, hosts included, as they were seen 20 times a second.

Workers: the same checks are asked by one and by two processes, and for more the time is what the
measured times of the units come to when they are dealt out, the longest first: a simulation.

Usage: python benchmarks/table.py [--write] [--quick]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- benchmarks/table.py writes what follows -->", "<!-- to here -->"
SUBJECT, VERSION = "reference_engine", "2020-12"


@dataclass(frozen=True)
class Took:
    """What a command took: seconds of wall and CPU, and the most memory of its processes."""

    wall: float
    cpu: float
    memory: float
    said: str


def run(command: Sequence[str], cache: Path | str, reports: Path | None = None) -> Took:
    """Run `workbook` with arguments; 1 and 2 are verdicts, anything above is an error."""
    whole = [sys.executable, "-m", "audit_lib.cli", *command]
    if reports is not None:
        whole += ["--reports", str(reports)]
    environment = {**os.environ, "AUDIT_CACHE": str(cache), "AUDIT_WORKSPACE": str(ROOT)}
    began = time.perf_counter()
    process = subprocess.Popen(
        whole, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    seen: dict[int, tuple[float, float]] = {}
    watcher = threading.Thread(target=_watch, args=(process, seen), daemon=True)
    watcher.start()
    said, wrong = process.communicate()
    wall = time.perf_counter() - began
    watcher.join()
    if process.returncode > 2:
        raise SystemExit(f"{' '.join(whole)} ended with {process.returncode}:\n{wrong}")
    cpu = sum(c for c, _ in seen.values())
    print(f"{' '.join(command)}: {wall:.1f} s, {cpu:.1f} s of CPU", file=sys.stderr, flush=True)
    return Took(wall, cpu, max((m for _, m in seen.values()), default=0.0), said + wrong)


def _watch(process: subprocess.Popen[str], seen: dict[int, tuple[float, float]]) -> None:
    """Note CPU and memory of a process and all below it, until it ends."""
    top = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            for one in [top, *top.children(recursive=True)]:
                with one.oneshot():
                    times, memory = one.cpu_times(), one.memory_info().rss / 1e6
                before = seen.get(one.pid, (0.0, 0.0))
                spent = times.user + times.system
                seen[one.pid] = max(before[0], spent), max(before[1], memory)
        except psutil.Error:
            pass
        time.sleep(0.05)


def audits(place: Path) -> list[tuple[str, Took]]:
    """The audit of one version: with nothing kept, again, after a change, under a budget."""
    cache, reports = place / "kept", place / "reports"
    audit = ["run", SUBJECT, "--version", VERSION]
    found = [("audit of a version, nothing kept", run(audit, cache, reports))]
    found.append(("the same again, nothing changed", run(audit, cache, reports)))
    if "the same answer" not in found[-1][1].said:
        raise SystemExit("an unchanged version was asked again")
    other = ["run", SUBJECT, "--version", "2021-12"]
    found.append(("another version after it", run(other, cache, reports)))
    for answer in cache.glob("*.run"):
        answer.unlink()
    found.append(("all answers kept, the packet anew", run(audit, cache, reports)))
    budget = [*audit, "--budget", "10s", "--fresh"]
    found.append(("with `--budget 10s`", run(budget, "off", reports)))
    return found


def gates(place: Path) -> list[tuple[str, Took]]:
    """Gates, cold and again."""
    found = [("`workbook --help`", run(["--help"], "off"))]
    for gate in ("pull_request", "backtest", "live"):
        cache = place / gate
        command = ["gate", gate, SUBJECT, "--version", VERSION, "--to", str(place / "records")]
        found.append((f"`gate {gate}`, nothing kept", run(command, cache)))
        found.append((f"`gate {gate}` again", run(command, cache)))
    return found


def workers(place: Path) -> list[tuple[str, float, str]]:
    """One and two processes measured, more simulated from the times of the units."""
    from audit_lib.execution.plan import plan
    from audit_lib.execution.spread import Spreading, ask

    planned = plan([SUBJECT], [VERSION], workspace=ROOT, reports=place / "reports")
    found, took = [], []
    os.environ["AUDIT_CACHE"] = str(place / "units")
    spreading = Spreading(planned)
    units = spreading.units()
    for unit in units:
        began = time.perf_counter()
        ask(unit)
        took.append(time.perf_counter() - began)
    spreading.close()
    alone = sum(took)
    found.append(("1 process", alone, "measured"))
    command = ["run", SUBJECT, "--version", VERSION, "--backend", "loky", "--jobs", "2"]
    both = run(command, place / "two", place / "reports")
    found.append(("2 processes, notebooks and packet included", both.wall, "measured"))
    for count in (2, 4, 8, 16):
        found.append((f"{count} processes", _dealt(took, count), "simulated"))
    return found


def _dealt(took: Sequence[float], count: int) -> float:
    """When the last of so many workers is done, the longest units first."""
    loads = [0.0] * count
    for seconds in sorted(took, reverse=True):
        loads[loads.index(min(loads))] += seconds
    return max(loads)


def table(*, quick: bool) -> str:
    """All of it as Markdown."""
    place = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        audited = audits(place)
        whole = audited[0][1]
        lines = [
            "| what | wall | CPU | of the audit | peak memory of a process |",
            "|---|---:|---:|---:|---:|",
        ]
        for name, took in [*audited, *gates(place)]:
            lines.append(
                f"| {name} | {took.wall:.1f} s | {took.cpu:.1f} s "
                f"| {_ratio(took.wall, whole.wall)} | {took.memory:.0f} MB |"
            )
        if not quick:
            lines += [
                "",
                "| checks of a version asked by | wall | of one | |",
                "|---|---:|---:|---|",
            ]
            scaled = workers(place)
            for name, seconds, how in scaled:
                ratio = _ratio(seconds, scaled[0][1])
                lines.append(f"| {name} | {seconds:.1f} s | {ratio} | {how} |")
            command = [sys.executable, str(HERE / "scale.py")]
            kept = {**os.environ, "AUDIT_CACHE": "off"}
            said = subprocess.run(
                command, capture_output=True, text=True, check=True, env=kept
            ).stdout
            lines += ["", "```text", *said.rstrip().splitlines(), "```"]
    finally:
        shutil.rmtree(place, ignore_errors=True)
    load = os.getloadavg()[2]
    lines += [
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python "
        f"{sys.version_info.major}.{sys.version_info.minor}, load of the last quarter of an hour "
        f"{load:.0f}; single runs.",
    ]
    return "\n".join(lines)


def _ratio(part: float, whole: float) -> str:
    return f"1/{whole / part:.0f}" if part < whole / 1.5 else f"{part / whole:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--quick", action="store_true", help="audits and gates alone")
    asked = parser.parse_args()
    made = table(quick=asked.quick)
    print(made)
    if asked.write:
        text = PAGE.read_text(encoding="utf-8")
        between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.S)
        PAGE.write_text(
            between.sub(lambda _: f"{BEGIN}\n\n{made}\n\n{END}", text), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
