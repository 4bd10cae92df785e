"""Mutants of the reference engine: a private copy of its source and store, changed in one place.

A test that needs a subject with one defect writes::

    engine = copy_engine(tmp_path)
    edit_source(engine, "features.py", "-20, 0, gap_to_mean", "-10, 10, gap_to_mean")
    with mutant(engine, "2020-12") as subject:
        assert_fails(run_check("FEA001", subject), key="gap_mean_21")

The store is built once for all tests, keyed by the digest of the engine's sources and data.
Changes to the store are sealed: checksums that were recorded are recorded anew, so that the
engine loads what was changed; ``seal=False`` leaves them as they were.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audit_lib.subject.subject import Subject
from audit_lib.testing import audited
from tests.mutants.tiny import drive_here

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "audit_lib" / "reference_engine"
PARAMETERS = PROJECT / "parameters" / "reference_engine"
CLEAN = ("2018-12", "2020-03", "2020-12", "2021-12")
CANDIDATE = "2022-03rc"


@dataclass(frozen=True)
class Engine:
    """A private copy of the engine, laid out as in the project.

    Attributes:
        root: its source folder.
        store: its artifact store.
    """

    root: Path
    store: Path


@cache
def built_store() -> Path:
    """The store of the unchanged engine; built at most once for the sources as they are."""
    made = PROJECT / "build" / "reference_engine"
    _run_build(SOURCE, made)
    return made / "store"


def copy_engine(folder: Path) -> Engine:
    """Copy source and built store into an empty folder."""
    store = built_store()
    engine = Engine(
        folder / "audit_lib" / "reference_engine", folder / "build" / "reference_engine" / "store"
    )
    shutil.copytree(SOURCE, engine.root)  # what is compiled already stays so, but for what changes
    shutil.copytree(store, engine.store)
    return engine


@contextmanager
def mutant(
    engine: Engine, version: str = "2020-12", *, contained: bool = False
) -> Iterator[Subject]:
    """The copy as a subject, bound to a version, with the reference engine's parameters.

    Its hooks run in this process, which is much faster than a host; ``contained`` is for what only
    a process of its own shows.
    """
    with audited(PARAMETERS, version=version, root=engine.root) as subject:
        if not contained:
            drive_here(subject)
        yield subject


def edit_source(engine: Engine, file: str, old: str, new: str) -> None:
    """Replace one passage of a source file; it must occur exactly once."""
    path = engine.root / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def edit_json(
    engine: Engine, file: str, change: Callable[[Any], object], *, seal: bool = True
) -> None:
    """Change a JSON file of the store in place, e.g. ``2020-12/meta.json``."""
    path = engine.store / file
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if seal:
        seal_store(engine)


def edit_arrays(
    engine: Engine, file: str, change: Callable[[dict[str, Any]], object], *, seal: bool = True
) -> None:
    """Change an npz file of the store in place, e.g. ``2020-12/conformal.npz``."""
    import numpy as np

    path = engine.store / file
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    change(arrays)
    np.savez(path, **arrays)
    if seal:
        seal_store(engine)


def seal_store(engine: Engine) -> None:
    """Record the checksums of the files as they are now, where a checksum was recorded."""
    registry = json.loads((engine.store / "registry.json").read_bytes())
    for row in registry["versions"]:
        folder = engine.store / row["version_id"]
        meta_file = folder / "meta.json"
        meta = json.loads(meta_file.read_bytes())
        if isinstance(meta.get("checksums"), dict):
            sealed = {n: _sha256(folder / n) for n in meta["checksums"] if (folder / n).is_file()}
            if sealed != meta["checksums"]:
                meta["checksums"] = sealed
                meta_file.write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
        row["files"] = {n: _sha256(folder / n) for n in row["files"] if (folder / n).is_file()}
    (engine.store / "registry.json").write_text(json.dumps(registry, indent=1), encoding="utf-8")


def rebuild(engine: Engine, *versions: str) -> None:
    """Train these versions anew from the copy's own, changed, sources (about 2 s each)."""
    _run_build(engine.root, engine.store.parent, *versions)


def _run_build(source: Path, folder: Path, *versions: str) -> None:
    chosen = [argument for version in versions for argument in ("--version", version)]
    command = [sys.executable, "-m", source.name, "build", "--out", str(folder), *chosen]
    done = subprocess.run(
        command, cwd=source.parent, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr or done.stdout


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
