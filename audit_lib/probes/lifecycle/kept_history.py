"""What a store keeps of versions that ran for something, found in its files by their ids."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_lib.files import read_whole, write_whole
from audit_lib.subject.pointers import keys_of, pointer_to

_MOST = 5 << 20


@dataclass(frozen=True)
class History:
    """A list in a JSON file, or the lines of a file, that names versions one after another.

    Attributes:
        file: POSIX path below the store.
        pointer: JSON pointer of the list; '' for lines of JSON.
        column: the key of a record under which the id stands; '' where records are ids.
        records: as they stand there.
    """

    file: str
    pointer: str
    column: str
    records: tuple[Any, ...]

    @property
    def place(self) -> str:
        """The list as people read it."""
        return f"{self.file}#{self.pointer}" if self.pointer else self.file

    def ids(self, versions: Collection[str]) -> list[str]:
        """The known ids in their order, one that is named several times in a row once."""
        listed = [_id(record, self.column) for record in self.records]
        in_turn = [v for v in listed if v in versions]
        return [v for i, v in enumerate(in_turn) if not i or v != in_turn[i - 1]]

    def numbers(self, version: str, names: Collection[str]) -> dict[str, float] | None:
        """The numbers of those names in the last record of a version; None where one is missing."""
        for record in reversed(self.records):
            if _id(record, self.column) == version and isinstance(record, Mapping):
                inner = [v for v in record.values() if isinstance(v, Mapping)]
                held = {k: v for part in (*inner, record) for k, v in part.items()}
                try:
                    return {name: float(held[name]) for name in names}
                except (KeyError, TypeError, ValueError):
                    return None
        return None

    def lengthened(self, store: Path, length: int) -> bool:
        """Write copies of the first record before it, under ids of their own; whether it could."""
        if not self.pointer:
            return False
        path = store / self.file
        whole = json.loads(read_whole(path))
        held = _at(whole, self.pointer)
        old = [_renamed(held[0], self.column, f"past-{i:05d}") for i in range(length - len(held))]
        held[:0] = old
        write_whole(path, json.dumps(whole).encode())
        return True

    def again(self, store: Path) -> History | None:
        """The same list as it is now; None where it is gone."""
        try:
            held = _at(json.loads(read_whole(store / self.file)), self.pointer)
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            return None
        return History(self.file, self.pointer, self.column, tuple(held))


def kept_in(store: Path, versions: Collection[str], *, least: int) -> list[History]:
    """Every list below ``store`` that names at least so many different ids of ``known``."""
    histories = []
    for path in sorted(store.rglob("*.json*")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST:
            continue
        name = path.relative_to(store).as_posix()
        for pointer, records in _lists(path):
            column = max(
                _columns(records), key=lambda c: len(_named(records, c) & set(versions)), default=""
            )
            if len(_named(records, column) & set(versions)) >= least:
                histories.append(History(name, pointer, column, tuple(records)))
    return histories


def _lists(path: Path) -> Iterator[tuple[str, Sequence[Any]]]:
    content = read_whole(path)
    try:
        if path.suffix == ".json":
            yield from _walk(json.loads(content), ())
        else:
            yield "", [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError:
        return


def _walk(held: Any, above: tuple[str, ...]) -> Iterator[tuple[str, Sequence[Any]]]:
    if isinstance(held, list):
        yield pointer_to(*above), held
    elif isinstance(held, Mapping) and len(above) < 6:
        for key, value in held.items():
            yield from _walk(value, (*above, str(key)))


def _columns(records: Sequence[Any]) -> list[str]:
    keys = {
        k for r in records if isinstance(r, Mapping) for k, v in r.items() if isinstance(v, str)
    }
    return sorted(keys) or [""]


def _named(records: Sequence[Any], column: str) -> set[str]:
    return {_id(record, column) for record in records}


def _id(record: Any, column: str) -> str:
    value = record.get(column) if isinstance(record, Mapping) else record
    return value if isinstance(value, str) else ""


def _renamed(record: Any, column: str, name: str) -> Any:
    if not isinstance(record, Mapping):
        return name
    return copy.deepcopy(dict(record)) | {column: name}


def _at(whole: Any, pointer: str) -> Any:
    for key in keys_of(pointer):
        whole = whole[key]
    return whole
