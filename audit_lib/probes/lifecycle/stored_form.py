"""The form of a version's files: which fields, of what kind, without their values."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.subject.artifacts import Artifact
from audit_lib.subject.subject import Subject

Form = dict[str, str]
"""place (file and JSON pointer, or array) to kind; what is null or empty has the kind ''"""

_PLAIN = frozenset({"JSON", "YAML", "TOML"})
_DEEP, _MANY = 6, 24
_DATED = re.compile(r"\d{4}|^\d+$")
ANY = "*"


def form_of(subject: Subject) -> Form:
    """The form of the version's files and of its row in the registry.

    Keys that are data (names of features, heads and files, dates, ids) stand as ``*``.
    """
    words: set[str] = set()
    artifacts = subject.version_artifacts
    for artifact in artifacts:
        if artifact.format.name in _PLAIN:
            words |= set(_texts(artifact.document))
    words |= {a.path.rpartition("/")[2] for a in artifacts} | {subject.version}
    form: Form = {}
    prefix = subject.version_folder.relative_to(subject.store).as_posix() + "/"
    for artifact in artifacts:
        name = artifact.path.removeprefix(prefix).replace(subject.version, "{version}")
        form[name] = artifact.kind
        form |= {f"{name}#{place}": kind for place, kind in _parts(artifact, words)}
    try:
        row = subject.registry.rows.get(subject.version)
    except NotAssessed:
        row = None
    form |= {f"registry row#{place}": kind for place, kind in _fields(row, words)}
    return form


def form_id(form: Form) -> str:
    """Sixteen hexadecimal digits that are the same for the same form."""
    return hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()[:16]


def changes(before: Form, after: Form) -> dict[str, tuple[str, str]]:
    """Place to its kind before and after, '' where it was not there; below a new place nothing."""
    changed: dict[str, tuple[str, str]] = {}
    for place in sorted(before.keys() | after.keys()):
        one, other = before.get(place), after.get(place)
        empty = one is not None and other is not None and "" in (one, other)
        if empty or (one or "") == (other or ""):
            continue
        file, mark, pointer = place.partition("#")
        above = f"{file}#{pointer.rpartition('/')[0]}" if pointer.rpartition("/")[0] else file
        held = above == "registry row" or (before.get(above) and after.get(above))
        if mark and (above in changed or not held):
            continue  # the place that holds it is told, or was empty
        changed[place] = (one or "", other or "")
    return changed


def _parts(artifact: Artifact, words: set[str]) -> Iterator[tuple[str, str]]:
    if artifact.format.name in _PLAIN:
        yield from _fields(artifact.document, words)
    else:
        for array in artifact.arrays[:_MANY]:
            kind = re.sub(r"^[<>|=]|(?<=[USV])\d+$", "", array.dtype.replace("|", ""))
            yield f"/{array.name}", f"array of {kind}, {len(array.shape)} axes"


def _fields(
    held: Any, words: set[str], above: str = "", depth: int = 0
) -> Iterator[tuple[str, str]]:
    if not isinstance(held, Mapping) or depth > _DEEP:
        return
    data = len(held) > _MANY or any(_is_data(str(key), words) for key in held)
    for key, value in held.items():
        name = ANY if data else str(key).replace("~", "~0").replace("/", "~1")
        yield f"{above}/{name}", _kind(value)
        yield from _fields(value, words, f"{above}/{name}", depth + 1)
        if data:
            return  # one stands for all


def _is_data(key: str, words: set[str]) -> bool:
    return key in words or _DATED.search(key) is not None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text" if value else ""
    if isinstance(value, Mapping):
        return "mapping" if value else ""
    if isinstance(value, (list, tuple)):
        kinds = sorted({k for v in value[:_MANY] if (k := _kind(v))})
        return f"list of {' and '.join(kinds)}" if kinds else ""
    return ""


def _texts(held: Any) -> Iterator[str]:
    if isinstance(held, str):
        yield held
    elif isinstance(held, Mapping):
        for value in held.values():
            yield from _texts(value)
    elif isinstance(held, (list, tuple)):
        for value in held:
            yield from _texts(value)
