"""How long reading takes: against only parsing the same files, cold, again, and a large artifact.

Prints, in one run:

- the line ledger, import edges and certification fingerprints of a source tree, as multiples of the
  time that ``ast.parse`` alone takes for the same files (parsing is included in each);
- the checks of T1 and T6 that only read, in a new process without kept answers, and once more with
  them; with the time to start Python and import what they need;
- the inventory of a 50 MB joblib file.

Times are CPU seconds of user code, the least of a few rounds: noise only ever adds.

Usage: python benchmarks/static.py [ROOT] [--package NAME] [--subsystem GLOB ...]

Without ROOT it reads the scikit-learn that is installed.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import yaml

from audit_lib.checks.catalogue import checks_of
from audit_lib.engine import run_checks
from audit_lib.model import Task
from audit_lib.selection import configured
from audit_lib.subject.artifacts import read_artifact
from audit_lib.subject.code import code_of
from audit_lib.subject.fingerprints import fingerprints
from audit_lib.subject.parameters import SourceParameters, Subsystem
from audit_lib.subject.source import SourceTree
from audit_lib.subject.subject import open_subject

ROUNDS = 3


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a piece of work, the least of a few rounds."""
    found = []
    for _ in range(ROUNDS):
        gc.collect()
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def row(name: str, value: float, ratio: float | None = None, goal: str = "") -> None:
    shown = f"{ratio:6.2f} x" if ratio is not None else " " * 8
    print(f"{name:44} {value:7.2f} s {shown}   {goal}".rstrip())


def against_parsing(root: Path, package: str, subsystem: tuple[str, ...]) -> None:
    whole = SourceParameters(package=package, subsystem=Subsystem(files=("**/*.py",)))
    part = SourceParameters(package=package, subsystem=Subsystem(files=subsystem))
    contents = [f.content for f in SourceTree(root, whole).files]
    lines = sum(content.count(b"\n") for content in contents)

    def parse() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for content in contents:
                try:
                    ast.parse(content)
                except (SyntaxError, ValueError):
                    continue

    parsing = seconds(parse)
    print(f"{root.name}: {len(contents)} files, {lines:,} lines")
    row("parse with ast, nothing else", parsing, 1)
    for name, work, goal in (
        ("line ledger of every file", lambda: code_of(SourceTree(root, whole)).files, "under 3 x"),
        ("import edges", lambda: code_of(SourceTree(root, part)).imports.edges, ""),
        ("ledger of the subsystem, ranked", lambda: code_of(SourceTree(root, part)).ranked, ""),
        ("fingerprints", lambda: fingerprints(code_of(SourceTree(root, part))), ""),
    ):
        took = seconds(work)
        row(name, took, took / parsing, goal)


def reading_checks(workspace: Path, root: Path) -> None:
    """In a process of its own: T1 and T6 without hooks; prints what it took as JSON."""
    subject = open_subject("timed", workspace=workspace, root=root)
    subject = subject.at(subject.select("latest")[0])
    chosen = [c for task in (Task.T1, Task.T6) for c in checks_of(task) if not c.needs]
    started, children = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    results = run_checks([configured(c, subject) for c in chosen], subject)
    own = time.process_time() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    asked = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    answers = {r.code: [f.fingerprint for f in r.findings] for r in results}
    print(json.dumps({"own": own, "asked": asked, "start": started, "answers": answers}))


def cold_and_again(root: Path, package: str, subsystem: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "parameters" / "timed"
        place.mkdir(parents=True)
        source = {"package": package, "subsystem": {"files": list(subsystem)}}
        settings = {"subject": "timed", "source": source}
        (place / "subject.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        command = [sys.executable, __file__, str(root), "--checks", folder]
        clean = {k: v for k, v in os.environ.items() if k != "AUDIT_CACHE"}
        told = []
        for _ in range(2):
            done = subprocess.run(command, env=clean, check=True, capture_output=True, text=True)
            told.append(json.loads(done.stdout))
    cold, again = told
    row("T1 and T6, the checks that only read, cold", cold["own"] + cold["asked"], None,
        "under 10 s; of these the type checker's process: "
        f"{cold['asked']:.2f} s")  # fmt: skip
    row("the same again, nothing changed", again["own"] + again["asked"], None, "under 1 s")
    row("start of Python and imports, in each", again["start"])
    if cold["answers"] != again["answers"]:
        raise SystemExit("the answers that were kept differ from those of before")


def large_artifact() -> None:
    with tempfile.TemporaryDirectory() as folder:
        random = np.random.default_rng(0)
        held = {f"layer {i}": random.normal(size=(1000, 1050)) for i in range(6)}
        for name, level in (("plain", 0), ("compressed", 3)):
            file = Path(folder) / f"{name}.joblib"
            joblib.dump(held, file, compress=level)
            size = file.stat().st_size / 1e6
            took = seconds(partial(read_artifact, file))
            row(f"inventory of a {size:.0f} MB joblib, {name}", took, None, "under 1 s")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("root", type=Path, nargs="?")
    options.add_argument("--package", default="")
    options.add_argument("--subsystem", nargs="*", default=[])
    options.add_argument("--checks", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    root = given.root
    if root is None:
        import sklearn

        root = Path(sklearn.__file__).parent
        given.package = given.package or "sklearn"
        given.subsystem = given.subsystem or ["linear_model/**/*.py", "isotonic.py"]
    if given.checks:
        reading_checks(given.checks, root)
        return
    subsystem = tuple(given.subsystem or ["**/*.py"])
    against_parsing(root, given.package, subsystem)
    cold_and_again(root, given.package, subsystem)
    large_artifact()


if __name__ == "__main__":
    main()
