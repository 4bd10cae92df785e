"""Where a store keeps who reigns: what seating somebody changed, whatever the form of the store.

A database, a log of lines, a document or a file of one word is read as rows: name of a cell to what
it holds.  A row that came is an entry of a log; a row that changed is a pointer, or a flag.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from audit_lib.files import read_whole

Rows = dict[Any, dict[str, Any]]
Edits = dict[Any, dict[str, Any] | None]
"""row to the cells that change in it, to ``...`` those that go; None takes the row away"""
LARGEST = 4_000_000
"""bytes of a file that may say who reigns"""
_DATABASE = b"SQLite format 3\0"
_MOMENT = re.compile(r"\d{4}-?\d\d")


def snapshot(store: Path, versions: Collection[str]) -> dict[str, bytes]:
    """Small files of a store that are none of a version's, by their place."""
    found = {}
    for log in store.rglob("*-wal"):
        with closing(sqlite3.connect(str(log)[: -len("-wal")])) as base:
            base.execute("pragma wal_checkpoint(truncate)")
    for path in sorted(store.rglob("*")):
        name = path.relative_to(store)
        plain = path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST
        if plain and not set(name.parts[:-1]) & set(versions):
            found[name.as_posix()] = read_whole(path)
    return found


def unseated(
    before: Mapping[str, bytes], store: Path, champion: str, known: Collection[str], how: str
) -> Iterator[tuple[Path, bytes]]:
    """Files, and what they hold once the champion's pointer in them is cut.

    Args:
        before: the store before the champion was seated.
        known: ids that are listed; a log names those that reigned before.
        how: ``removed``, ``emptied``, ``set to null``, or the id of nobody to point to.
    """
    for name, content in snapshot(store, known).items():
        if content != before.get(name) and champion.encode() in content:
            rows = _rows(before.get(name, b"")), _rows(content)
            changed = _with(content, _edits(*rows, champion, known, how))
            if changed is not None and _rows(changed) != rows[1]:
                yield store / name, changed


def _edits(before: Rows, after: Rows, champion: str, known: Collection[str], how: str) -> Edits:
    value = {"removed": ..., "set to null": None, "emptied": ""}.get(how, how)
    found: Edits = {}
    for key, row in after.items():
        old = before.get(key)
        if row == old or champion not in row.values():
            continue
        points = {c: value for c, v in row.items() if v == champion and (old or {}).get(c) != v}
        if old is not None and not points:  # a flag: as if it had never been set
            found[key] = {c: old.get(c) for c, v in row.items() if v != old.get(c)}
        elif old is not None or value == how:
            found[key] = points
        else:
            kind = _kind(row, known)
            found |= {k: None for k, r in after.items() if _kind(r, known) == kind}
    return found


def _kind(row: Mapping[str, Any], known: Collection[str]) -> list[tuple[str, str]]:
    """What entries of one kind share: their names, and texts that are no version and no time."""
    same = {c: v for c, v in row.items() if isinstance(v, str) and not _MOMENT.match(v)}
    return [(c, "" if same.get(c) in known else same.get(c, "")) for c in sorted(row)]


# --- forms ------------------------------------------------------------------------------------
def _rows(content: bytes) -> Rows:
    """What a file holds: rows of tables, and mappings by where they stand in it."""
    if content.startswith(_DATABASE):
        return _tables(content)
    whole = _parsed(content)[0]
    return {
        at: {k: v for k, v in held.items() if not isinstance(v, dict | list)}
        for at, held in _mappings(whole)
    }


def _with(content: bytes, edits: Edits) -> bytes | None:
    """The file with some rows changed; None where it does not take that."""
    if content.startswith(_DATABASE):
        return _tables_with(content, edits)
    whole, written = _parsed(content)
    for at, held in reversed(list(_mappings(whole))):
        cells = edits.get(at, {})
        if cells is None and at:
            above = whole
            for key in at[:-1]:
                above = above[key]
            del above[at[-1]]
        elif cells:
            kept = {k: v for k, v in {**held, **cells}.items() if v is not ...}
            held.clear()
            held.update(kept)
    return written(whole).encode()


def _parsed(content: bytes) -> tuple[Any, Callable[[Any], str]]:
    """A document, lines of documents, or a word; and how it is written."""
    try:
        return json.loads(content or b"{}"), json.dumps
    except ValueError:
        text = content.decode(errors="replace")
    try:
        lines = [json.loads(line) for line in text.splitlines()]
        return lines, lambda held: "".join(f"{json.dumps(row)}\n" for row in held)
    except ValueError:
        return {"word": text.strip()}, lambda held: held.get("word") or ""


def _mappings(held: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(held, dict):
        yield at, held
    for key, part in held.items() if isinstance(held, dict) else enumerate(held):
        if isinstance(part, dict | list):
            yield from _mappings(part, (*at, key))


def _opened(content: bytes) -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.row_factory = sqlite3.Row
    made.deserialize(content[:18] + b"\1\1" + content[20:])  # with a log beside it or not
    return made


def _tables(content: bytes) -> Rows:
    found: Rows = {}
    with closing(_opened(content)) as base:
        for (table,) in base.execute("select name from sqlite_master where type = 'table'"):
            with suppress(sqlite3.Error):  # it has no rowid
                for row in base.execute(f'select rowid as "rowid ", * from "{table}"').fetchall():
                    cells = dict(row)
                    found[table, cells.pop("rowid ")] = cells
    return found


def _tables_with(content: bytes, edits: Edits) -> bytes | None:
    with closing(_opened(content)) as base, suppress(sqlite3.Error):
        for (table, row), cells in edits.items():
            if cells is None or ... in cells.values():
                base.execute(f'delete from "{table}" where rowid = ?', (row,))
                continue
            for name, value in cells.items():
                base.execute(f'update "{table}" set "{name}" = ? where rowid = ?', (value, row))
        return base.serialize()
    return None
