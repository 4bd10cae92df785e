"""Tables beside the models: CSV and Parquet, as far as their columns."""

import base64
import binascii
import csv
import json
from typing import Any

from audit_lib.subject.artifacts.artifact import Format, Json, Safety
from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.source import Source

_DELIMITERS = ",;\t|"
_SNIFFED_LINES = 20
_LONGEST_FOOTER = 64 << 20
_ENDS = 16 << 20


# --- CSV ------------------------------------------------------------------------------------------
def read_csv(source: Source, draft: Draft) -> bool:
    """Read columns and count rows; False if the text is no table."""
    text = source.head.decode("utf-8-sig", "replace")
    lines = text.splitlines()
    if source.size > len(source.head):
        lines = lines[:-1]  # the last one is cut
    table = _sniff(lines[:_SNIFFED_LINES])
    if table is None:
        return False
    delimiter, rows = table
    draft.format = Format.CSV
    names = rows[0]
    titled = len(set(names)) == len(names) and not any(_is_number(name) for name in names)
    source.handle.seek(0)
    newlines, last = 0, b"\n"
    while chunk := source.handle.read(1 << 20):
        newlines += chunk.count(b"\n")
        last = chunk[-1:]
    count = newlines + (last != b"\n") - titled
    draft.document = {"columns": names if titled else None, "rows": count, "delimiter": delimiter}
    return True


def _sniff(lines: list[str]) -> tuple[str, list[list[str]]] | None:
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
        except csv.Error:
            continue
        widths = {len(row) for row in rows if row}
        if len(rows) > 1 and len(widths) == 1 and widths.pop() > 1:
            return delimiter, rows
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text
    return True


# --- Parquet --------------------------------------------------------------------------------------
class _Thrift:
    """Reads structs of Thrift's compact protocol as dicts of field number to value."""

    def __init__(self, data: bytes, depth: int) -> None:
        self._data = data
        self._at = 0
        self._depth = depth

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise Undecodable("a footer that is cut short")
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Undecodable("a footer with a number of too many bytes")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def struct(self) -> dict[int, Any]:
        self._depth -= 1
        if self._depth < 0:
            raise OverBudget("a footer nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(head & 15)
        self._depth += 1
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            self._at += 8
            return None
        if kind == 8:
            size = self._varint()
            if size > len(self._data) - self._at:
                raise Undecodable("a footer that is cut short")
            self._at += size
            return self._data[self._at - size : self._at]
        if kind in (9, 10):
            return self._list()
        if kind == 12:
            return self.struct()
        raise Undecodable(f"a footer with a value of unknown type {kind}")

    def _list(self) -> list[Any]:
        head = self._byte()
        size, kind = head >> 4, head & 15
        size = self._varint() if size == 15 else size
        if size > len(self._data) - self._at:
            raise Undecodable("a footer that is cut short")
        if kind in (1, 2):
            return [self._byte() == 1 for _ in range(size)]
        return [self._value(kind) for _ in range(size)]


def read_parquet(source: Source, draft: Draft) -> None:
    """Read columns, row count and writer from the footer.

    Raises:
        Undecodable: there is no readable footer.
    """
    draft.format = Format.PARQUET
    tail = source.tail(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or not 0 < length <= min(source.size - 12, _LONGEST_FOOTER):
        raise Undecodable("truncated: a Parquet file without footer")
    footer = _Thrift(source.tail(8 + length)[:length], draft.budget.depth).struct()
    schema, extra = footer.get(2, []), footer.get(5, [])
    if not isinstance(schema, list) or not isinstance(extra, list):
        raise Undecodable("a Parquet footer of another form")
    columns = [_name(entry, 4) for entry in schema[1:] if isinstance(entry, dict)]
    keys = {_name(e, 1): e.get(2, b"") for e in extra if isinstance(e, dict)}
    draft.document = {
        "columns": columns,
        "rows": footer.get(3),
        "metadata": sorted(keys),
        "pandas": _pandas(keys.get("pandas", b"")),
    }
    writer = footer.get(6)
    if isinstance(writer, bytes):
        draft.wrote("parquet", writer.decode("utf-8", "replace"))
    _judge_extensions(keys, draft)


def _name(entry: dict[int, Any], field: int) -> str:
    value = entry.get(field, b"")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _pandas(raw: Any) -> Json:
    try:
        description = json.loads(raw) if isinstance(raw, bytes) and raw else None
    except (ValueError, RecursionError):
        return None
    return description.get("pandas_version") if isinstance(description, dict) else None


def _judge_extensions(keys: dict[str, Any], draft: Draft) -> None:
    """Arrow's Python extension types are pickles in the schema; old readers load them."""
    for key, raw in keys.items():
        content = raw if isinstance(raw, bytes) else b""
        if key == "ARROW:schema":
            try:
                content = base64.b64decode(content, validate=True)
            except binascii.Error:
                continue
        _judge_schema(content, draft)


def _judge_schema(content: bytes, draft: Draft) -> None:
    if b"arrow.py_extension_type" in content:
        draft.refuse(
            "its schema holds a pickled extension type, which pyarrow before 14.0.1 loads",
            global_name="pyarrow.PyExtensionType",
            safety=Safety.UNSAFE,
        )


def judge_extensions(source: Source, draft: Draft) -> None:
    """The same in an Arrow file, whose schema stands at both ends."""
    _judge_schema(source.head + source.tail(_ENDS), draft)
    source.handle.seek(0)
    _judge_schema(source.handle.read(_ENDS), draft)
