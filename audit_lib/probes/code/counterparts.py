"""What stands behind a contract document: metadata, data files, constants of the code."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.probes.code.constants import UNKNOWN, class_defaults, constant
from audit_lib.probes.code.documented import settings
from audit_lib.subject.code import code_of
from audit_lib.subject.documents import Document
from audit_lib.subject.parameters import CheckpointFields
from audit_lib.subject.pointers import pointer_to
from audit_lib.subject.subject import Subject

Path = tuple[str, ...]


class Truth:
    """Where a statement of the contract has its counterpart."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.index = code_of(subject.source).index
        self.fields = dict.fromkeys(CheckpointFields.model_fields)

    @cached_property
    def metadata(self) -> Document | None:
        """Metadata of the version, where there is any."""
        with suppress(NotAssessed):
            return self.subject.metadata
        return None

    @cached_property
    def data_files(self) -> dict[str, Any]:
        """Stem of the version's data files to what they hold."""
        if self.metadata is None:
            return {}
        return {
            PurePosixPath(a.path).stem: a.document
            for a in self.subject.version_artifacts
            if a.format.value in ("json", "yaml") and a.path != self.metadata.path
        }

    @cached_property
    def modules(self) -> dict[str, str]:
        """Stem to path of the modules whose stem only one file under audit has."""
        paths: dict[str, list[str]] = {}
        for file in self.subject.source.subsystem:
            paths.setdefault(PurePosixPath(file.path).stem, []).append(file.path)
        return {stem: matches[0] for stem, matches in paths.items() if len(matches) == 1}

    def named(self, path: Path) -> tuple[str, Any]:
        """Counterpart by name; :data:`UNKNOWN` where there is none."""
        pointer = pointer_to(*path)
        if self.metadata is not None and self.metadata.has(pointer):
            return f"{self.metadata.path} {pointer}", self.metadata.get(pointer)
        if path[0] in self.data_files:
            inner = Document(path[0], "artifacts", self.data_files[path[0]])
            if inner.has(pointer_to(*path[1:])):
                return f"{path[0]} file {pointer_to(*path[1:])}", inner.get(pointer_to(*path[1:]))
        artifacts = self.subject.parameters.artifacts
        path = ("feature_cols",) if path == ("features", "order") else path
        if self.metadata is not None and artifacts is not None and path[-1] in self.fields:
            where = getattr(artifacts.fields, path[-1])
            if self.metadata.has(where):
                return str(self.metadata.location(where)), self.metadata.get(where)
        where, value = self._in_code(path)
        return (where, value) if value is not UNKNOWN else self._set(path[-1])

    def _set(self, name: str) -> tuple[str, Any]:
        """The one number that settings of that name have, wherever they stand."""
        values = self._settings.get(name.lower(), [])
        return values[0][::-1] if len({value for value, _ in values}) == 1 else ("", UNKNOWN)

    @cached_property
    def _settings(self) -> dict[str, list[tuple[float, str]]]:
        but = [self.subject.hooks.file.parent]
        with suppress(NotAssessed, NotApplicable):
            but.append(self.subject.store)
        documents = self.subject.parameters.documents.values()
        values = settings(code_of(self.subject.source), tuple(but))
        return {
            name: [(value, place) for value, place in places if place not in documents]
            for name, places in values.items()
        }

    def _in_code(self, path: Path) -> tuple[str, Any]:
        module = self.modules.get(path[0])
        if module is None or len(path) < 2:
            return "", UNKNOWN
        for name in ("_".join(path[1:]).upper(), path[-1].upper()):
            value = constant(self.index, module, name)
            if value is not UNKNOWN:
                return f"{module} {name}", value
        defaults = class_defaults(self.index, module)
        if len(path) == 2 and path[1] in defaults:
            return f"{module} default of {path[1]}", defaults[path[1]]
        return "", UNKNOWN

    def bound(self, target: str) -> tuple[str, Any]:
        """Counterpart that a binding names."""
        kind, _, rest = target.partition(":")
        if kind == "code":
            path, _, name = rest.partition("::")
            if path in self.subject.source.by_path:
                return f"{path} {name}", constant(self.index, path, name)
            return "", UNKNOWN
        reference = rest if kind in ("metadata", "keys") else target
        # Other files of the version answer where it has no metadata file.
        metadata = self.metadata or Document("", "artifacts", {}, self.subject.beside)
        value = metadata.get(reference, UNKNOWN)
        where = str(metadata.location(reference)) if value is not UNKNOWN else ""
        if kind == "keys":
            return f"keys of {where}", list(value) if isinstance(value, Mapping) else UNKNOWN
        return where, value
