"""Which reader reads which format."""

from __future__ import annotations

from collections.abc import Callable

from audit_lib.subject.artifacts import metadata
from audit_lib.subject.artifacts.artifact import Format
from audit_lib.subject.artifacts.detect import detect
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.source import Source

Reader = Callable[[Source, Draft], None]

READERS: dict[Format, Reader] = {
    Format.JSON: metadata.read_json,
}
#: Formats that cannot carry code, whether or not there is a reader for their content.
DATA_ONLY = frozenset({Format.EMPTY, Format.TEXT, Format.CSV, Format.PARQUET})


def read(source: Source, draft: Draft) -> None:
    """Find out what a file is and read it into the draft; nothing is raised for bad bytes."""
    draft.format = detect(source.head, source.size)
    reader = READERS.get(draft.format)
    if reader is None:
        if draft.format not in DATA_ONLY:
            draft.refuse(f"there is no reader for this format ({draft.format.value})")
        return
    try:
        reader(source, draft)
    except Undecodable as error:
        draft.problem(str(error))
