"""Numbers that documents declare about source files: lines, definitions, branch points.

Read from data (mappings that name a file, or a list of files, beside counts) and from Markdown
tables (a column of paths beside columns of counts).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from audit_lib.model import Location
from audit_lib.subject.documents import Document
from audit_lib.subject.pointers import pointer_to

#: What is counted, by the words that documents use for it.
_MEANINGS = (
    ("files", re.compile(r"^(file_?count|total_?files|num_?files|n_?files)$")),
    ("lines", re.compile(r"^(lines|loc|total_?lines|line_?count|lines of code|num_?lines)$")),
    ("definitions", re.compile(r"^(def|func|class)\w*( ?/ ?(def|func|class)\w*)?( count)?$")),
    ("branches", re.compile(r"^branch(es|[ _]points?|[ _]count)?( count)?$")),
)
_FILE_KEYS = ("file", "path", "source_file", "filename", "module_path")


@dataclass(frozen=True)
class DeclaredSize:
    """One statement of a document about one file or a set of files.

    Attributes:
        files: paths it is about.
        numbers: ``files``, ``lines``, ``definitions`` or ``branches`` to the declared number.
        location: where it stands.
    """

    files: tuple[str, ...]
    numbers: dict[str, int]
    location: Location


def in_data(document: Document) -> Iterator[DeclaredSize]:
    """Declared sizes in JSON or YAML."""
    stack: list[tuple[str, Any]] = [("", document.data)]
    while stack:
        pointer, value = stack.pop()
        inner: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            files, numbers = _files_of(value), _numbers_of(value)
            if files and numbers:
                yield DeclaredSize(files, numbers, document.location(pointer))
            inner = [(pointer + pointer_to(str(k)), v) for k, v in value.items()]
        elif isinstance(value, list):
            inner = [(f"{pointer}/{i}", v) for i, v in enumerate(value)]
        stack.extend(reversed([(p, v) for p, v in inner if isinstance(v, (dict, list))]))


def in_markdown(path: str, text: str) -> Iterator[DeclaredSize]:
    """Declared sizes in the tables of a Markdown document."""
    header: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.lstrip().startswith("|"):
            header = []
            continue
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not header:
            header = [_meaning(c.lower()) for c in cells]
            continue
        file = cells[0].strip("` ")
        numbers = {
            meaning: int(text)
            for meaning, cell in zip(header[1:], cells[1:], strict=False)
            if meaning and (text := cell.replace(",", "").strip("`* ")).isdigit()
        }
        if numbers and file.endswith(".py"):
            yield DeclaredSize((file,), numbers, Location(path, base="documents", line=number))


def _files_of(value: dict[Any, Any]) -> tuple[str, ...]:
    listed = value.get("files")
    if isinstance(listed, list) and listed and all(isinstance(f, str) for f in listed):
        return tuple(listed)
    for key in _FILE_KEYS:
        named = value.get(key)
        if isinstance(named, str) and named.endswith((".py", ".pyi")):
            return (named,)
    return ()


def _numbers_of(value: dict[Any, Any]) -> dict[str, int]:
    return {
        meaning: number
        for key, number in value.items()
        if isinstance(number, int)
        and not isinstance(number, bool)
        and (meaning := _meaning(str(key).lower()))
    }


def _meaning(word: str) -> str:
    return next((meaning for meaning, pattern in _MEANINGS if pattern.match(word)), "")
