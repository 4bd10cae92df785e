"""Data files of the subject (JSON, YAML, TOML, and what artifacts say) with pointers into them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from audit_lib.errors import NotAssessed
from audit_lib.files import read_words
from audit_lib.model import Location
from audit_lib.subject.artifacts import ArtifactReader, read_artifact
from audit_lib.subject.artifacts.artifact import Json
from audit_lib.subject.artifacts.formats.plain import plain_document
from audit_lib.subject.artifacts.formats.xgboost import is_model
from audit_lib.subject.pointers import MISSING, keys_of, pointer_to, split_reference, step
from audit_lib.subject.yaml_size import FAST_LOADER, too_much


@dataclass(frozen=True)
class Document:
    """A parsed data file.

    A reference is a pointer into this file (``/scaler/mad``), or a file beside it, whole or with
    a pointer (``splits.json``, ``scaler.json#/mad``).

    Attributes:
        path: POSIX path relative to ``base``.
        base: ``artifacts``, ``documents`` or ``parameters``.
        data: what the file holds.
        beside: opens another file that a reference names.
        within: pointer of ``data`` in the file, where it is a part of it.
        texts: it comes from a model file, where numbers may be kept as text.
    """

    path: str
    base: str
    data: Any
    beside: Callable[[str], Document] | None = field(default=None, compare=False, repr=False)
    within: str = ""
    texts: bool = False

    def get(self, reference: str | None, default: Any = None) -> Any:
        """Value at a reference, or ``default``; None is a reference that leads nowhere."""
        value = self._value(reference)
        return default if value is MISSING else value

    def has(self, reference: str | None) -> bool:
        """True where the reference leads to a value."""
        return self._value(reference) is not MISSING

    def location(self, reference: str | None = "", *keys: str) -> Location:
        """Where a finding about that value stands, or about one below it."""
        document, pointer = self.opened(reference or "")
        whole = document.within + pointer + pointer_to(*keys)
        return Location(document.path, base=document.base, pointer=whole)

    def opened(self, reference: str) -> tuple[Document, str]:
        """The document that a reference leads into, and the pointer within it."""
        file, pointer = split_reference(reference)
        if not file:
            return self, pointer
        if self.beside is None:
            return Document(file, self.base, MISSING), pointer
        return self.beside(file), pointer

    def _value(self, reference: str | None) -> Any:
        if reference is None:
            return MISSING
        document, pointer = self.opened(reference)
        return resolve_pointer(document.data, pointer)


def resolve_pointer(data: Any, pointer: str) -> Any:
    """Value at an RFC 6901 pointer; ``MISSING`` where it leads nowhere.

    A ``*`` that is no key stands for every key of a mapping: ``/*/mad`` is the mapping of each key
    to its ``mad``.
    """
    keys = keys_of(pointer)
    for number, token in enumerate(keys):
        if token == "*" and isinstance(data, dict) and token not in data:
            rest = pointer_to(*keys[number + 1 :])
            every = {key: resolve_pointer(inner, rest) for key, inner in data.items()}
            return {key: inner for key, inner in every.items() if inner is not MISSING} or MISSING
        data = step(data, token)
    return data


def read_document(file: Path, *, path: str, base: str) -> Document:
    """Parse a JSON, YAML or TOML file, by its ending.

    Raises:
        NotAssessed: the file is missing, or does not parse; the message says which and where.
    """
    try:
        text = read_words(file, encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotAssessed(f"{base} file {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise NotAssessed(f"{base} file {path} cannot be read: {error}") from None
    try:
        if file.suffix in (".yaml", ".yml"):
            if too_much(text, FAST_LOADER):
                raise ValueError("its aliases copy more than is read, or it nests too deep")
            return Document(path, base, _data_only(yaml.load(text, Loader=FAST_LOADER)))
        if file.suffix == ".toml":
            return Document(path, base, _data_only(tomllib.loads(text)))
        return Document(path, base, json.loads(text))
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NotAssessed(f"{base} file {path} does not parse: {first}") from None


def read_any(
    file: Path,
    *,
    path: str,
    base: str,
    pointer: str = "",
    readers: Sequence[ArtifactReader] = (),
) -> Document:
    """A data file by its ending, or what the safe readers see in any other file.

    Nothing of the file is executed.

    Args:
        file: where it is.
        path, base: as its document says.
        pointer: the part of it that the document is.
        readers: of one's own, for formats that the workbook does not know.

    Raises:
        NotAssessed: missing, unreadable, or nothing there.
    """
    # What files with other endings hold, their readers tell.
    plain = file.suffix in (".json", ".yaml", ".yml", ".toml")
    whole = read_document(file, path=path, base=base).data if plain else None
    texts = whole is None or is_model(whole)
    if texts:
        artifact = read_artifact(file, relative_to=file.parent, readers=readers)
        whole = plain_document(artifact)
        if whole is None:
            why = "; ".join(artifact.problems) or f"its format is {artifact.kind}"
            raise NotAssessed(f"{base} file {path} holds no data that can be read: {why}")
    data = resolve_pointer(whole, pointer)
    if data is MISSING:
        raise NotAssessed(f"{base} file {path} has nothing at {pointer}")
    return Document(path, base, data, within=pointer, texts=texts)


def _data_only(value: Any) -> Json:
    """Text keys and ISO dates, as JSON would have them."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else json.dumps(key, default=str): _data_only(inner)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple, set)):
        return [_data_only(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
