"""Data files of the subject (JSON, YAML) with JSON pointers into them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from audit_lib.errors import NotAssessed
from audit_lib.model import Location
from audit_lib.subject.pointers import keys_of, pointer_to

_MISSING = object()


@dataclass(frozen=True)
class Document:
    """A parsed data file.

    Attributes:
        path: POSIX path relative to ``base``.
        base: ``artifacts``, ``documents`` or ``parameters``.
        data: what the file holds.
    """

    path: str
    base: str
    data: Any

    def get(self, pointer: str, default: Any = None) -> Any:
        """Value at an RFC 6901 pointer, or ``default``."""
        value = resolve_pointer(self.data, pointer)
        return default if value is _MISSING else value

    def has(self, pointer: str) -> bool:
        """True where the pointer leads to a value."""
        return resolve_pointer(self.data, pointer) is not _MISSING

    def location(self, pointer: str = "", *keys: str) -> Location:
        """Where a finding about that value stands, or about one below it."""
        return Location(self.path, base=self.base, pointer=pointer + pointer_to(*keys))


def resolve_pointer(data: Any, pointer: str) -> Any:
    """Value at an RFC 6901 pointer; a private sentinel where it leads nowhere."""
    for token in keys_of(pointer):
        if isinstance(data, dict) and token in data:
            data = data[token]
        elif isinstance(data, list) and token.isdigit() and int(token) < len(data):
            data = data[int(token)]
        else:
            return _MISSING
    return data


def read_document(file: Path, *, path: str, base: str) -> Document:
    """Parse a JSON or YAML file, by its ending.

    Raises:
        NotAssessed: the file is missing, or does not parse; the message says which and where.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotAssessed(f"{base} file {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise NotAssessed(f"{base} file {path} cannot be read: {error}") from None
    try:
        if file.suffix in (".yaml", ".yml"):
            return Document(path, base, yaml.load(text, Loader=_FAST_LOADER))
        return Document(path, base, json.loads(text))
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NotAssessed(f"{base} file {path} does not parse: {first}") from None


_FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
