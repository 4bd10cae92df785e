"""How long the static tasks take, against only parsing the same files; parsing is included.

Usage: python benchmarks/static.py ROOT [--package NAME] [--subsystem GLOB ...]
"""

from __future__ import annotations

import argparse
import ast
import gc
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from audit_lib.subject.code import code_of
from audit_lib.subject.fingerprints import fingerprints
from audit_lib.subject.parameters import Source, Subsystem
from audit_lib.subject.source import SourceTree

ROUNDS = 3


def best(work: Callable[[], object]) -> float:
    """The fastest of a few rounds, in seconds; noise only ever adds."""
    seconds = []
    for _ in range(ROUNDS):
        gc.collect()
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("root", type=Path)
    options.add_argument("--package", default="")
    options.add_argument("--subsystem", nargs="*", default=["**/*.py"])
    given = options.parse_args()
    source = Source(package=given.package, subsystem=Subsystem(files=tuple(given.subsystem)))

    whole = Source(package=given.package, subsystem=Subsystem(files=("**/*.py",)))

    def tree() -> SourceTree:
        return SourceTree(given.root, source)

    contents = [f.content for f in tree().files]
    lines = sum(content.count(b"\n") for content in contents)

    def parse() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for content in contents:
                try:
                    ast.parse(content)
                except (SyntaxError, ValueError):
                    continue

    parsing = best(parse)
    print(f"{len(contents)} files, {lines} lines")
    print(f"{'parse with ast':32} {parsing:7.2f} s   1.00")
    for name, work in {
        "line ledger of every file": lambda: code_of(SourceTree(given.root, whole)).files,
        "import edges": lambda: code_of(tree()).imports.edges,
        "edges and broken imports": lambda: code_of(tree()).imports.broken,
        "ledger of the subsystem, ranked": lambda: code_of(tree()).ranked,
        "certification fingerprints": lambda: fingerprints(code_of(tree())),
    }.items():
        seconds = best(work)
        print(f"{name:32} {seconds:7.2f} s   {seconds / parsing:.2f}")


if __name__ == "__main__":
    main()
