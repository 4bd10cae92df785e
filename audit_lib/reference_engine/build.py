"""Train every version into a store, in registration order, and let governance pick the champion.

The result is a function of the sources, the data and the library versions: building twice gives
the same bytes.  A build that is up to date is left alone; a new one is made beside the old one
and put in its place when it is whole.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from .files import from_json, to_json, write_atomically
from .governance import RELEASED_STAGE
from .provenance import LIBRARIES
from .recipes import RECIPES, Recipe, recipe
from .registry import Registry

HERE = Path(__file__).resolve().parent
RECORD, STORE = "BUILD.json", "store"


def default_folder() -> Path:
    """``build/reference_engine`` of the project around this package, else of the current folder."""
    project = HERE.parent.parent
    base = project if (project / "pyproject.toml").is_file() else Path.cwd()
    return base / "build" / "reference_engine"


def digest(versions: Sequence[str]) -> str:
    """SHA-256 over everything the store is made from."""
    inputs = hashlib.sha256()
    files = [*HERE.glob("*.py"), HERE / "data" / "closes.csv.gz"]
    for path in sorted(files):
        inputs.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for name in LIBRARIES:
        inputs.update(f"{name}\0{importlib.metadata.version(name)}\n".encode())
    inputs.update("\0".join([platform.python_version(), *versions]).encode())
    return inputs.hexdigest()


def up_to_date(folder: Path, wanted: str) -> bool:
    """Whether a folder holds the whole build of this digest."""
    record = folder / RECORD
    if not record.is_file() or not (folder / STORE / "registry.json").is_file():
        return False
    return bool(from_json(RECORD, record.read_bytes()).get("digest") == wanted)


def build(
    folder: Path | None = None,
    versions: Sequence[str] | None = None,
    *,
    force: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Build the store unless it is up to date.

    Args:
        folder: where; None for :func:`default_folder`.
        versions: ids to train; None for all.
        force: build even if up to date.
        say: called with one line a version.

    Returns:
        The artifact store, ``<folder>/store``.

    Raises:
        Refused: a version has no recipe.
    """
    target = folder or default_folder()
    recipes = [recipe(version) for version in versions] if versions is not None else list(RECIPES)
    wanted = digest([r.version for r in recipes])
    if not force and up_to_date(target, wanted):
        say(f"up to date: {target / STORE}")
        return target / STORE
    target.mkdir(parents=True, exist_ok=True)
    staged = target / f".store.{os.getpid()}"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        _train_all(staged, recipes, say)
        _put_in_place(staged, target, wanted)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target / STORE


def _train_all(store: Path, recipes: Sequence[Recipe], say: Callable[[str], None]) -> None:
    from .train_version import train

    registry = Registry(store)
    for made in recipes:
        registry.publish(train(made), stage=made.stage)
        promoted = made.stage == RELEASED_STAGE and registry.promote(made.version)
        say(f"{made.version:<10} {made.stage}{', champion' if promoted else ''}")


def _put_in_place(staged: Path, target: Path, wanted: str) -> None:
    """Swap the stores; without the record, which is written last, a build counts as not made."""
    (target / RECORD).unlink(missing_ok=True)
    old = target / f".old.{os.getpid()}"
    if (target / STORE).exists():
        (target / STORE).rename(old)
    staged.rename(target / STORE)
    write_atomically(target / RECORD, to_json({"schema_version": 1, "digest": wanted}))
    shutil.rmtree(old, ignore_errors=True)
