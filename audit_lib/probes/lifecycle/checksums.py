"""Checksums of a version's files, wherever the subject keeps them."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.files import read_whole
from audit_lib.model import Location
from audit_lib.subject.artifacts import Artifact, Format, walk
from audit_lib.subject.artifacts.formats.plain import plain_document
from audit_lib.subject.checkpoint_fields import field
from audit_lib.subject.pointers import keys_of
from audit_lib.subject.subject import Subject

ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
_HEX = re.compile(r"[0-9a-fA-F]+")
#: ``sha256sum`` and BSD spellings of one line
_LINES = (
    re.compile(r"^\\?(?P<hex>[0-9a-fA-F]{32,128})[ \t]+\*?(?P<name>\S.*?)\s*$"),
    re.compile(r"^(?:SHA|MD|BLAKE)[\w-]* \((?P<name>.+)\) = (?P<hex>[0-9a-fA-F]{32,128})\s*$"),
)
_LARGEST_LIST = 1 << 20
_TEXT = frozenset({Format.TEXT, Format.CSV, Format.YAML, Format.UNKNOWN})
_DATA = frozenset({Format.JSON, Format.YAML})


@dataclass(frozen=True)
class Recorded:
    """A checksum of a file.

    Attributes:
        path: the file, relative to the store.
        digest: as recorded.
        location: where it is recorded.
    """

    path: str
    digest: str
    location: Location


def recorded(subject: Subject) -> dict[str, Recorded]:
    """Checksums of the version's files, by path: the declared place first, then any other.

    The declared place is `artifacts.fields.checksums`.  Any mapping of file names to digests
    counts besides, in the registry's row, and in data files, lines of JSON that name the version
    and lists (as `sha256sum` writes them) of the version's folder and of the store's root.

    Raises:
        NotAssessed: there is no metadata.
    """
    folder = subject.version_folder.relative_to(subject.store)
    declared = field(subject, "checksums")
    by_path: dict[str, Recorded] = {}
    for name, digest in digests(declared.value).items():
        path = (folder / name).as_posix()
        by_path.setdefault(path, Recorded(path, digest, declared.location))
    files = {a.path for a in subject.version_artifacts}
    for place, names, location in (*_in_row(subject), *_in_files(subject)):
        meant = {n: _meant(n, place, PurePosixPath(folder.as_posix()), files) for n in names}
        if not files & set(meant.values()):
            continue  # digests of other things
        for name, path in meant.items():
            if path in files or (path and "." in name):
                by_path.setdefault(path, Recorded(path, names[name], location))
    return by_path


def digests(value: Any) -> dict[str, str]:
    """File name to digest, from a mapping, or from a list of mappings with path and digest."""
    if isinstance(value, Mapping):
        return {
            str(name): digest
            for name, entry in value.items()
            if (digest := entry if isinstance(entry, str) else _digest_in(entry))
        }
    digest_of_name = {}
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, Mapping):
            name = next((entry[k] for k in ("path", "file", "name") if k in entry), None)
            if isinstance(name, str) and (digest := _digest_in(entry)):
                digest_of_name[name] = digest
    return digest_of_name


def plain_digest(digest: str) -> str:
    """The digits of a digest, without the name of its kind."""
    return digest.lower().rpartition(":")[2]


Checksums = tuple[PurePosixPath | None, dict[str, str], Location]


def _in_row(subject: Subject) -> Iterator[Checksums]:
    try:
        registry = subject.registry
    except NotAssessed:
        return
    for pointer, value in walk(registry.rows.get(subject.version)):
        names = _likely(value)
        if names:
            where = registry.document.location(registry.pointer(subject.version) + pointer)
            yield None, names, where


def _in_files(subject: Subject) -> Iterator[Checksums]:
    folder = PurePosixPath(subject.version_folder.relative_to(subject.store).as_posix())
    for artifact in subject.artifacts:
        if not artifact.path.startswith(f"{folder}/") and "/" in artifact.path:
            continue
        place = PurePosixPath(artifact.path).parent
        if artifact.format in _DATA and artifact.path != _registry_file(subject):
            for pointer, value in walk(plain_document(artifact)):
                names = _likely(value)
                if names:
                    here = folder if subject.version in keys_of(pointer) else place
                    yield here, names, Location(artifact.path, base="artifacts", pointer=pointer)
        if artifact.format in _TEXT and artifact.size <= _LARGEST_LIST:
            names = _listed(subject, artifact)
            if names:
                yield place, names, Location(artifact.path, base="artifacts")
        if artifact.format is Format.JSON_LINES and artifact.size <= _LARGEST_LIST:
            for line, names in _in_lines(subject, artifact):
                yield folder, names, Location(artifact.path, base="artifacts", line=line)


def _registry_file(subject: Subject) -> str:
    """The registry, whose other rows say nothing of this version; '' where there is none."""
    try:
        return subject.registry.document.path
    except NotAssessed:
        return ""


def _likely(value: Any) -> dict[str, str]:
    """Names and digests of a value that nobody declared to hold any: each must look like one."""
    return {
        name: digest
        for name, digest in digests(value).items()
        if len(plain_digest(digest)) in ALGORITHMS and _HEX.fullmatch(plain_digest(digest))
    }


def _in_lines(subject: Subject, artifact: Artifact) -> Iterator[tuple[int, dict[str, str]]]:
    """What lines of JSON that name the version say, with the number of the line."""
    for number, line in enumerate(read_whole(subject.store / artifact.path).splitlines(), 1):
        with suppress(ValueError):  # torn by a crash
            row = json.loads(line)
            if isinstance(row, dict) and subject.version in row.values():
                yield from ((number, names) for _, held in walk(row) if (names := _likely(held)))


def _listed(subject: Subject, artifact: Artifact) -> dict[str, str]:
    text = read_whole(subject.store / artifact.path).decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    matched = [m for line in lines for pattern in _LINES if (m := pattern.match(line))]
    if lines and len(matched) == len(lines):
        return {m["name"].removeprefix("./"): m["hex"] for m in matched}
    own = PurePosixPath(artifact.path).name
    digest = lines[0].strip() if len(lines) == 1 else ""
    if len(digest) in ALGORITHMS and _HEX.fullmatch(digest) and "." in own:
        return {own.rpartition(".")[0]: digest}  # model.pkl.sha256
    return {}


def _meant(name: str, place: PurePosixPath | None, folder: PurePosixPath, files: set[str]) -> str:
    """The version's file that a name means; '' where it means none of this version.

    Names are relative to the list, to the version's folder, or to the store; in a list of the whole
    store, to the store alone.
    """
    store = PurePosixPath(".")
    bases = [folder, store] if place is None else [place, folder, store]
    if place == store:  # a list of the whole store: a bare name may be any version's file
        bases = [store]
    paths = [(base / name).as_posix() for base in bases]
    for path in paths:
        if path in files:
            return path
    prefix = "" if folder == PurePosixPath(".") else f"{folder}/"
    return paths[0] if place is not None and prefix and paths[0].startswith(prefix) else ""


def _digest_in(entry: Any) -> str:
    if isinstance(entry, Mapping):
        for key in ("sha256", "digest", "checksum", "hash", "sha1", "md5", "sha512"):
            if isinstance(entry.get(key), str):
                return str(entry[key])
    return ""
