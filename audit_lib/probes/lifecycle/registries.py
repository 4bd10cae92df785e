"""Asking a registry for versions: what it answers, and how ids can be odd."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.probes.questions.asking import describe
from audit_lib.subject.pointers import keys_of
from audit_lib.subject.subject import Subject


@dataclass(frozen=True)
class Resolution:
    """What a registry answered: a version and the files it would load, relative to the store."""

    version: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"version {self.version!r}"

    def escapes(self, store: Path) -> list[str]:
        """Files that lie outside the store."""
        whole = store.resolve()
        return [f for f in self.files if not (store / f).resolve().is_relative_to(whole)]

    def missing(self, store: Path) -> list[str]:
        """Files that are not there."""
        return [f for f in self.files if not (store / f).exists()]


def resolution(raw: Any) -> Resolution:
    """The answer of ``registry.resolve``."""
    if not isinstance(raw, dict) or not isinstance(raw.get("version"), str):
        raise ValueError(f"wanted {{'version': str, 'files': [...]}}, got {describe(raw)}")
    return Resolution(raw["version"], tuple(str(f) for f in raw.get("files") or ()))


def one_file(store: Path, versions: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """Version and file that is, under another name, a file of an earlier one of ``versions``.

    Links of either kind.  A name that several versions load is shared on purpose, and a file that
    nobody may write cannot be changed behind one of them.
    """
    seen: dict[tuple[int, int], str] = {}
    for version, files in versions.items():
        for name in files:
            if not (store / name).is_file():
                continue
            held = (store / name).stat()
            first = seen.setdefault((held.st_dev, held.st_ino), name)
            if first != name and held.st_mode & 0o222:
                yield version, f"{name} is the same file as {first}"


def odd_ids(version: str, versions: list[str]) -> Iterator[str]:
    """Ids that no registry lists: misspelt, cut short, traversing, empty, overlong."""
    listed = (
        "no-such-version",
        version[:-1],
        f"{version}x",
        f"{version} ",
        version.swapcase(),
        f"./{version}",
        f"../{PurePosixPath(version).name}",
        f"{version}/../{version}",
        "../../etc",
        "/etc",
        "",
        ".",
        "..",
        "*",
        "-1",
        "0",
        "None",
        "v" * 300,
    )
    yield from (odd for odd in dict.fromkeys(listed) if odd not in versions)


def rewritten(data: Any, pointer: str, value: Any) -> Any | None:
    """A copy of JSON data with the text at a pointer replaced, by ``...`` taken away.

    None where no text stands there.
    """
    whole = part_of = copy.deepcopy(data)
    *parents, last = keys_of(pointer)
    for part in parents:
        part_of = part_of.get(part) if isinstance(part_of, dict) else None
    if not isinstance(part_of, dict) or not isinstance(part_of.get(last), str):
        return None
    if value is ...:
        del part_of[last]
    else:
        part_of[last] = value
    return whole


def sample_metrics(subject: Subject) -> dict[str, float]:
    """Numbers that the registry records for the version, to register made-up versions with."""
    artifacts = subject.parameters.artifacts
    try:
        row = subject.registry.rows.get(subject.version)
    except NotAssessed:
        row = None
    key = artifacts.registry.metrics if artifacts and artifacts.registry else ""
    metrics = row.get(key) if key and isinstance(row, dict) else row
    if not isinstance(metrics, dict):
        return {}
    return {
        str(name): float(value)
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
