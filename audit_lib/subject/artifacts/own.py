"""Readers of formats that the workbook does not know, written by those who do.

They are asked about files that no reader of the workbook could tell, and run with the rights of
the process that judges: a reader must never load the file by a library that may run code.
"""

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, ClassVar, TypeGuard, cast

from audit_lib.errors import ParameterError
from audit_lib.plugins import Plugin, announced, from_folder, said
from audit_lib.subject.artifacts.artifact import Format, Json, json_ready
from audit_lib.subject.artifacts.draft import Draft
from audit_lib.subject.artifacts.source import Source

KIND = "readers"
#: formats about which own readers are asked: the workbook reads nothing more of such files
ASKED = frozenset({Format.UNKNOWN, Format.TEXT, Format.HDF5})
_NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,39}")


@dataclass(frozen=True)
class Contents:
    """What a reader of one's own saw in a file.

    Attributes:
        document: what pointers can name, as JSON would hold it.
        feature_names: columns that the model reads, in order; None where the file does not say.
        parameters: hyper-parameters by name.
        written_by: library to version.
        problems: what is wrong with the file, a sentence each.
        refused: why the file must not be loaded; '' where nothing speaks against it.
    """

    document: Json = None
    feature_names: Sequence[str] | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    written_by: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[str] = ()
    refused: str = ""


class ArtifactReader(ABC):
    """A reader of one format.

    Attributes:
        format: name of the format, as tables and findings show it.
        runs_code: whether loaders of the format can be made to run code.
        origin: where the class came from; set when it is loaded.
    """

    format: ClassVar[str]
    runs_code: ClassVar[bool] = False
    origin: ClassVar[str] = ""

    @abstractmethod
    def recognises(self, head: bytes, name: str) -> bool:
        """Whether a file is of the format.

        Args:
            head: its first bytes, at most 8 KiB.
            name: its path in the store.
        """

    @abstractmethod
    def read(self, file: BinaryIO) -> Contents:
        """What is in it, without executing anything.

        Args:
            file: open for reading, at its beginning.
        """


def readers_of(folder: Path | None) -> tuple[ArtifactReader, ...]:
    """The readers of a subject's own, then those that installed packages announce.

    Raises:
        ParameterError: one cannot be imported, or is not in form; the message names it.
    """
    own = _held(from_folder(folder, KIND)) if folder else ()
    by_format: dict[str, ArtifactReader] = {}
    for reader in (*own, *_packaged()):
        if reader.format in by_format:
            raise ParameterError(
                f"the format {reader.format} has a reader in {by_format[reader.format].origin}",
                where=reader.origin,
                mend="keep one of them",
            )
        by_format[reader.format] = reader
    return tuple(by_format.values())


def reader_for(
    readers: Sequence[ArtifactReader], source: Source, draft: Draft
) -> ArtifactReader | None:
    """The first reader that knows the file; one that fails to tell does not."""
    for reader in readers:
        try:
            if reader.recognises(source.head, source.name):
                return reader
        except Exception as error:  # noqa: BLE001 - the reader may raise anything
            draft.problem(f"the reader {_of(reader)} failed to tell the format: {said(error)}")
    return None


def read_own(reader: ArtifactReader, source: Source, draft: Draft) -> None:
    """Have a reader of one's own read a file into the draft; its failure refuses the file."""
    draft.format, draft.reader = Format.OWN, reader.format
    draft.executable = reader.runs_code
    draft.note(f"read by the reader {_of(reader)}")
    source.handle.seek(0)
    try:
        contents = reader.read(cast(BinaryIO, source.handle))
        if not isinstance(contents, Contents):
            raise TypeError(f"read() answered {type(contents).__name__}, not Contents")
        draft.document = json_ready(contents.document)
        if contents.feature_names is not None:
            draft.feature_names = tuple(str(name) for name in contents.feature_names)
        draft.parameters.update({str(k): json_ready(v) for k, v in contents.parameters.items()})
        for library, version in contents.written_by.items():
            draft.wrote(library, version)
        for problem in contents.problems:
            draft.problem(problem)
        if contents.refused:
            draft.refuse(contents.refused)
    except Exception as error:  # noqa: BLE001 - the reader may raise anything
        draft.problem(f"the reader {_of(reader)} failed: {said(error)}")
        draft.refuse(f"cannot be read: {said(error)}")


def _of(reader: ArtifactReader) -> str:
    return f"{reader.format} ({reader.origin})" if reader.origin else reader.format


@cache
def _packaged() -> tuple[ArtifactReader, ...]:
    return _held(announced(KIND))


def _held(found: Sequence[Plugin]) -> tuple[ArtifactReader, ...]:
    return tuple(_made(cls, plugin) for plugin in found for cls in _classes(plugin))


def _classes(plugin: Plugin) -> Iterator[type[ArtifactReader]]:
    value = plugin.value
    held = [
        one
        for one in (vars(value).values() if isinstance(value, ModuleType) else [value])
        if _is_reader(one) and (one is value or one.__module__ == getattr(value, "__name__", ""))
    ]
    if not held:
        raise ParameterError(
            "holds no reader of artifacts",
            where=plugin.where,
            mend="define a subclass of ArtifactReader with `recognises` and `read`; "
            "docs/guide/own_formats.md shows one",
        )
    yield from held


def _is_reader(value: Any) -> TypeGuard[type[ArtifactReader]]:
    known = isinstance(value, type) and issubclass(value, ArtifactReader)
    return known and not inspect.isabstract(value)


def _made(cls: type[ArtifactReader], plugin: Plugin) -> ArtifactReader:
    name = getattr(cls, "format", None)
    builtin = {form.value for form in Format}
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in builtin:
        raise ParameterError(
            f"{cls.__name__}: format is {name!r}, not a name of its own in small letters",
            where=plugin.where,
            mend="write such as `format = 'catboost'`",
        )
    cls.origin = plugin.origin
    try:
        return cls()
    except Exception as error:  # noqa: BLE001 - the class may raise anything
        raise ParameterError(
            f"{cls.__name__} cannot be made: {said(error)}",
            where=plugin.where,
            mend="let the class be made without arguments",
        ) from None
