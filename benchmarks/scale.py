"""How the workbook stands many versions, many runs, many files, and one large one.

Prints, in one run: listing a store of 1,000 versions; the index of 1,000 published runs and the
size of its first page; T1 and T6's checks that only read, on made-up repositories of two sizes; the
inventory of an artifact of 5 GB (sparse), with the memory that each took.

Usage: python benchmarks/scale.py [--versions 1000] [--runs 1000] [--files 2000] [--lines 500]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import made_up
import toy_workspace

from audit_lib.packets.index import update_index
from audit_lib.packets.manifest import write_manifest
from audit_lib.packets.packet import build
from audit_lib.packets.run import read_run

FUNCTION = '''
def rule_{n}(frame, limit={n}):
    """A rule of the made-up engine."""
    total = 0.0
    for value in frame:
        if value > limit:
            total += value * {n}
        else:
            total -= value
    return total
'''


def measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak memory in MB of a command."""
    code = (
        "import resource, subprocess, sys, time\n"
        "t = time.perf_counter(); subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
    )
    seconds, kilobytes = said.stdout.split()
    return float(seconds), float(kilobytes) / 1024


def row(name: str, seconds: float, memory: float | None = None, more: str = "") -> None:
    shown = f"{memory:7.0f} MB" if memory is not None else " " * 10
    print(f"{name:52} {seconds:7.2f} s {shown}  {more}".rstrip(), flush=True)


def versions(folder: Path, count: int) -> None:
    workspace = toy_workspace.make(folder / "versions")
    store = workspace / "engine/store"
    names = [f"v{n}" for n in range(1, count + 1)]
    for name in names:
        (store / name).mkdir(exist_ok=True)
        (store / name / "meta.json").write_text(json.dumps({"version": name, "heads": ["return"]}))
    rows = [{"version_id": name} for name in names]
    registry = {"versions": rows, "latest": names[-1], "champion": "v1"}
    (store / "registry.json").write_text(json.dumps(registry))
    command = [sys.executable, "-m", "audit_lib.cli", "list", "toy", "--workspace", str(workspace)]
    row(f"list {count:,} versions", *measured(command))


def runs(folder: Path, count: int) -> None:
    reports = folder / "runs"
    for n in range(count):
        tasks = made_up.clean_tasks(version=f"v{n % 200}", run_id=f"r{n:05}")
        at = reports / tasks[0].subject / tasks[0].version / tasks[0].run_id
        made = made_up.lay(at, tasks)
        started = f"2026-{1 + n * 12 // count:02}-01T00:00"
        write_manifest(made, build(read_run(made), made_up.provenance(tasks, started=started)))
    began = time.perf_counter()
    first = update_index(reports, "made_up_engine")
    row(
        f"index of {count:,} runs",
        time.perf_counter() - began,
        None,
        f"first page {first.stat().st_size / 1e3:.0f} kB",
    )


def repository(folder: Path, files: int, lines: int) -> None:
    workspace = folder / f"repository-{files}"
    package = workspace / "engine/engine"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    each = max(1, lines // FUNCTION.count("\n"))
    for n in range(files):
        before = f"from engine.m{n - 1} import rule_0\n" if n else ""
        body = "".join(FUNCTION.replace("{n}", str(k)) for k in range(each))
        (package / f"m{n}.py").write_text(before + body)
    place = workspace / "parameters/large"
    place.mkdir(parents=True)
    source = {"root": "../../engine", "package": "engine", "subsystem": {"files": ["**/*.py"]}}
    settings = {"subject": "large", "source": source}
    (place / "subject.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "audit_lib.cli", "check", "large", "LED", "BND", "SEC", "DOC"]
    row(
        f"reading checks, {files:,} files, {files * lines:,} lines",
        *measured([*command, "--workspace", str(workspace)]),
    )


def artifact(folder: Path, size: int) -> None:
    file = folder / "large.bin"
    with file.open("wb") as sparse:
        sparse.truncate(size)
    command = [sys.executable, "-m", "audit_lib.cli", "artifacts", str(file)]
    row(f"inventory of an artifact of {size / 1e9:.0f} GB", *measured(command))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, usual in (("versions", 1000), ("runs", 1000), ("files", 2000), ("lines", 500)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        versions(folder, asked.versions)
        runs(folder, asked.runs)
        repository(folder, asked.files // 4, asked.lines)
        repository(folder, asked.files, asked.lines)
        artifact(folder, 5_000_000_000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row("this script itself", 0.0, peak)


if __name__ == "__main__":
    main()
