"""How fast artifacts are read, against hashing the same bytes and against loading them.

Run with ``python benchmarks/artifacts.py [megabytes]``.  Ratios are what counts: they hold on
other machines, seconds do not.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import RandomForestRegressor

from audit_lib.subject.artifacts import read_artifact

REPEATS = 3


def best(action: Callable[[], object]) -> float:
    """Shortest of a few runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_samples(folder: Path, megabytes: int) -> dict[str, Path]:
    """A few large arrays, raw and compressed, and a forest of many small ones."""
    generator = np.random.default_rng(0)
    rows = megabytes * 2**20 // (8 * 64 * 8)
    arrays = {f"block_{i}": generator.normal(size=(rows, 64)) for i in range(8)}
    forest = RandomForestRegressor(n_estimators=200, min_samples_leaf=2, random_state=0)
    forest.fit(generator.normal(size=(2000, 20)), generator.normal(size=2000))
    samples = {
        "arrays.joblib": (arrays, 0),
        "arrays.zlib.joblib": (arrays, ("zlib", 1)),
        "forest.joblib": (forest, 0),
        "forest.zlib.joblib": (forest, ("zlib", 3)),
    }
    for name, (content, compress) in samples.items():
        joblib.dump(content, folder / name, compress=compress)
    return {name: folder / name for name in samples}


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print(f"{'sample':<20}{'MiB':>7}{'read s':>9}{'/ sha256':>10}{'/ joblib.load':>15}")
    with tempfile.TemporaryDirectory() as folder:
        for name, path in write_samples(Path(folder), megabytes).items():
            read = best(partial(read_artifact, path))
            digest = best(partial(digest_of, path))
            load = best(partial(joblib.load, path))
            size = path.stat().st_size / 2**20
            print(f"{name:<20}{size:>7.1f}{read:>9.3f}{read / digest:>10.2f}{read / load:>15.2f}")


if __name__ == "__main__":
    main()
