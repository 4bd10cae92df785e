"""Bend honest files at random and read them: no crash, and no end that does not come.

python benchmarks/fuzz_readers.py [SECONDS] [SEED]
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from pathlib import Path

from audit_lib.errors import NotAssessed, RunError
from audit_lib.execution.stored import read_notebook
from audit_lib.subject.artifacts.artifact import Budget
from audit_lib.subject.artifacts.draft import Draft
from audit_lib.subject.artifacts.readers import read
from audit_lib.subject.artifacts.source import in_memory
from audit_lib.subject.documents import read_document

WRITTEN = Path(__file__).parents[1] / "tests/unit/subject/artifacts/written"
TEXTS = [
    b"a: &a [1, 2]\nb: *a\nc: !!set {x}\n",
    b'{"versions": [{"version_id": "v1"}], "latest": "v1"}',
    b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": []}]}',
    b"cos\nsystem\n(S'x'\ntR.",
]
SMALL = Budget(unpacked_bytes=8 << 20, opcodes=50_000, document_nodes=20_000)


def bent(chance: random.Random, data: bytes) -> bytes:
    """A file with a few bytes changed, doubled, or cut out."""
    content = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(content) + 1)
        gone, part = chance.randint(0, 8), chance.randbytes(chance.randint(0, 8))
        content[at : at + gone] = part
    return bytes(content)


def read_each(data: bytes) -> None:
    """Read the same bytes as an artifact, as a document of each kind, and as a notebook."""
    read(in_memory(data, "artifact"), Draft(SMALL))
    with tempfile.TemporaryDirectory() as folder:
        for ending in (".json", ".yaml", ".toml"):
            file = Path(folder) / f"registry{ending}"
            file.write_bytes(data)
            with contextlib.suppress(NotAssessed):
                read_document(file, path=file.name, base="documents")
        file = Path(folder) / "T1.ipynb"
        file.write_bytes(data)
        with contextlib.suppress(RunError):
            read_notebook(file)


def main(seconds: float = 60, seed: int = 1) -> None:
    """Read bent files for so long; the slowest is told, a crash ends it with its bytes."""
    chance = random.Random(seed)
    honest = [file.read_bytes() for file in sorted(WRITTEN.iterdir())] + TEXTS
    until, count, slowest = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < until:
        data = bent(chance, chance.choice(honest))
        begun = time.monotonic()
        try:
            read_each(data)
        except Exception:
            print(f"seed {seed}, file {count}: {data!r}")
            raise
        slowest, count = max(slowest, time.monotonic() - begun), count + 1
    print(f"{count:,} files in {seconds:.0f} s without a crash; the slowest took {slowest:.2f} s")


if __name__ == "__main__":
    main(*(float(sys.argv[1]) if i == 1 else int(sys.argv[2]) for i in range(1, len(sys.argv))))
