"""Where a store keeps who reigns: what seating somebody changed, whatever the form of the store.

A database, a log of lines, a document or a file of one word is read as rows: name of a cell to what
it holds.  A row that came is an entry of a log; a row that changed is a pointer, or a flag.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

Rows = dict[Any, dict[str, Any]]
Edits = dict[Any, dict[str, Any] | None]
"""row to the cells that change in it, to ``...`` those that go; None takes the row away"""
LARGEST = 4_000_000
"""bytes of a file that may say who reigns"""
_MOMENT = re.compile(r"\d{4}-?\d\d")


def snapshot(store: Path, versions: Collection[str]) -> dict[str, bytes]:
    """Small files of a store that are none of a version's, by their place."""
    found = {}
    for log in store.rglob("*-wal"):
        with closing(sqlite3.connect(str(log)[: -len("-wal")])) as base:
            base.execute("pragma wal_checkpoint(truncate)")
    for path in sorted(store.rglob("*")):
        name = path.relative_to(store)
        if path.is_file() and not path.is_symlink() and not set(name.parts[:-1]) & set(versions):
            if path.stat().st_size <= LARGEST:
                found[name.as_posix()] = path.read_bytes()
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
            form = _form(content)
            rows = form[0](before.get(name) or b""), form[0](content)
            if edits := _edits(*rows, champion, known, how):
                changed = form[1](content, edits)
                if changed not in (None, content):
                    yield store / name, changed or b""


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


def _form(
    content: bytes,
) -> tuple[Callable[[bytes], Rows], Callable[[bytes, Edits], bytes | None]]:
    """How a file is read as rows, and written with some of them changed."""
    if content.startswith(b"SQLite format 3\0"):
        return _database, _database_with
    try:
        json.loads(content)
    except ValueError:
        lines = content.split(b"\n")
        return (_lines, _lines_with) if lines[0].startswith(b"{") else (_word, _word_with)
    return _document, _document_with


# --- a database -------------------------------------------------------------------------------
def _opened(content: bytes) -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    if content:
        made.deserialize(content[:18] + b"\1\1" + content[20:])  # kept with a log beside it or not
    return made


def _database(content: bytes) -> Rows:
    found: Rows = {}
    with closing(_opened(content)) as base:
        base.row_factory = sqlite3.Row
        for (table,) in base.execute("select name from sqlite_master where type = 'table'"):
            try:
                rows = base.execute(f'select rowid as "rowid ", * from "{table}"').fetchall()
            except sqlite3.Error:
                continue  # it has no rowid
            for row in rows:
                cells = dict(row)
                found[table, cells.pop("rowid ")] = cells
    return found


def _database_with(content: bytes, edits: Edits) -> bytes | None:
    with closing(_opened(content)) as base:
        try:
            for (table, row), cells in edits.items():
                if cells is None or ... in cells.values():
                    base.execute(f'delete from "{table}" where rowid = ?', (row,))
                    continue
                for name, value in cells.items():
                    base.execute(f'update "{table}" set "{name}" = ? where rowid = ?', (value, row))
        except sqlite3.Error:
            return None  # the table does not take it
        return base.serialize()


# --- lines, a document, a word ----------------------------------------------------------------
def _lines(content: bytes) -> Rows:
    found = {}
    for number, line in enumerate(content.split(b"\n")):
        try:
            held = json.loads(line)
        except ValueError:
            continue
        found[number] = held if isinstance(held, dict) else {"": held}
    return found


def _lines_with(content: bytes, edits: Edits) -> bytes:
    made = []
    for number, line in enumerate(content.split(b"\n")):
        cells = edits.get(number, {})
        if cells is not None:
            made.append(json.dumps(_changed(json.loads(line), cells)).encode() if cells else line)
    return b"\n".join(made)


def _changed(held: dict[str, Any], cells: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in {**held, **cells}.items() if v is not ...}


def _document(content: bytes) -> Rows:
    whole = json.loads(content) if content else {}
    return {
        at: {k: v for k, v in held.items() if not isinstance(v, dict | list)}
        for at, held in _mappings(whole)
    }


def _mappings(held: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(held, dict):
        yield at, held
    parts = held.items() if isinstance(held, dict) else enumerate(held)
    for key, part in parts:
        if isinstance(part, dict | list):
            yield from _mappings(part, (*at, key))


def _document_with(content: bytes, edits: Edits) -> bytes:
    whole = json.loads(content)
    for at, held in reversed(list(_mappings(whole))):
        cells = edits.get(at, {})
        if cells is None and at:
            above = whole
            for key in at[:-1]:
                above = above[key]
            del above[at[-1]]
        elif cells:
            kept = _changed(held, cells)
            held.clear()
            held.update(kept)
    return json.dumps(whole).encode()


def _word(content: bytes) -> Rows:
    return {0: {"word": content.decode(errors="replace").strip()}} if content else {}


def _word_with(content: bytes, edits: Edits) -> bytes:
    word = (edits.get(0) or {}).get("word")
    return word.encode() if isinstance(word, str) else b""
