"""Which reader reads which format."""

from __future__ import annotations

from collections.abc import Callable

from audit_lib.subject.artifacts import lightgbm, metadata, pickles, xgboost
from audit_lib.subject.artifacts.artifact import Format
from audit_lib.subject.artifacts.detect import compression, detect
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.source import Source
from audit_lib.subject.artifacts.streams import Stream, unpacked

Reader = Callable[[Source, Draft], None]

READERS: dict[Format, Reader] = {
    Format.JSON: metadata.read_json,
    Format.LIGHTGBM: lightgbm.read_lightgbm,
    Format.PICKLE: pickles.read_pickle,
    Format.XGBOOST_UBJ: xgboost.read_ubj,
}
#: Formats that cannot carry code, whether or not there is a reader for their content.
DATA_ONLY = frozenset({Format.EMPTY, Format.TEXT, Format.CSV, Format.PARQUET})


def read(source: Source, draft: Draft) -> None:
    """Find out what a file is and read it into the draft; nothing is raised for bad bytes."""
    draft.compression = compression(source.head)
    try:
        if draft.compression:
            _read_compressed(source, draft)
        else:
            _read_plain(source, draft)
    except Undecodable as error:
        draft.problem(str(error))
        draft.refuse(f"cannot be read: {error}")


def _read_plain(source: Source, draft: Draft) -> None:
    draft.format = detect(source.head, source.size)
    reader = READERS.get(draft.format)
    if reader is not None:
        reader(source, draft)
    elif draft.format in (Format.TEXT, Format.UNKNOWN) and pickles.looks_like_pickle(source, draft):
        pickles.read_pickle(source, draft)
    elif draft.format not in DATA_ONLY:
        draft.refuse(f"there is no reader for this format ({draft.format.value})")


def _read_compressed(source: Source, draft: Draft) -> None:
    def reopen() -> Stream:
        source.handle.seek(0)
        return Stream(unpacked(source.handle, draft.compression, draft))

    pickles.read_streams(reopen, draft)
