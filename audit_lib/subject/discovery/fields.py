"""Where a version's metadata keeps what the contracts ask for: a guess from names and shapes."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.subject.checkpoint_fields import CENTER_WORDS, SCALE_WORDS
from audit_lib.subject.documents import Document, read_document
from audit_lib.subject.parameters import CheckpointFields
from audit_lib.subject.pointers import pointer_to

#: how deep a document is looked through, and how many places of it
DEEPEST, MOST = 4, 2_000
_HEX = re.compile(r"(sha\d+:)?[0-9a-f]{8,}", re.IGNORECASE)
#: what engines keep models apart by, and how many values of it are still a guess
_KEYS, _VALUES = r"^(horizon|instrument|asset|symbol|ticker|regime|tenor|segment|market)$", 20
_OUT = re.compile(r"target|label|output|head|class|asset|symbol|ticker", re.IGNORECASE)


def fields_of(store: Path, layout: str, metadata: str) -> dict[str, str]:
    """Pointers of fields that stand elsewhere than where they are looked for.

    Args:
        store: the artifact store.
        layout: folder of a version, with ``{version}`` in it.
        metadata: glob of a version's metadata.
    """
    for document, version in _metadata(store, layout, metadata, newest_first=True):
        return guessed(document, version)
    return {}


def keys_of(store: Path, layout: str, metadata: str) -> dict[str, tuple[str, list[str | int]]]:
    """What versions seem to be kept apart by: name to its pointer, and the values that were seen.

    Args:
        store, layout, metadata: as of :func:`fields_of`.
    """
    seen: dict[str, set[str | int]] = {}
    for document, _ in _metadata(store, layout, metadata):
        for pointer, value in _places(document.data):
            if _named(pointer, _KEYS) and isinstance(value, str | int):
                seen.setdefault(pointer, set()).add(value)
    keys: dict[str, tuple[str, list[str | int]]] = {}
    for pointer in sorted(seen, key=lambda p: (p.count("/"), p)):
        values = sorted(seen[pointer], key=lambda v: (isinstance(v, str), v))
        if 1 < len(values) <= _VALUES:
            keys.setdefault(pointer.rpartition("/")[2], (pointer, values))
    return keys


def _metadata(
    store: Path, layout: str, metadata: str, *, newest_first: bool = False
) -> Iterator[tuple[Document, str]]:
    """Metadata of the versions that can be read, with the name of the folder it stands in."""
    inner = f"{layout.replace('{version}', '*')}/{metadata}" if layout else metadata
    for file in sorted(store.glob(inner), reverse=newest_first)[:MOST]:
        with suppress(NotAssessed):
            document = read_document(file, path=file.name, base="artifacts")
            yield document, file.parent.name


def guessed(document: Document, version: str) -> dict[str, str]:
    """Fields of a version's metadata that seem to stand elsewhere than usual, to their pointer."""
    usual = CheckpointFields().model_dump()
    places = list(_places(document.data))
    names = next((v for p, v in places if p == usual["feature_cols"] and _are_names(v)), None)
    fields: dict[str, str] = {}
    if names is None:
        inputs = r"feat|col|input|predictor|x_"
        likely = [p for p, v in places if _are_names(v) and _named(p, inputs)]
        likely = [p for p in likely if not _OUT.search(p.rpartition("/")[2])]
        if likely:
            fields["feature_cols"] = min(likely, key=lambda p: (p.count("/"), len(p)))
            names = document.get(fields["feature_cols"])
    wide = len(names) if names is not None else 0
    kinds: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "input_dim": (r"(in(put)?|n|num)_?(dim|features?|inputs?|size)$", lambda v: v == wide),
        "scaler_center": (CENTER_WORDS, lambda v: _numbers(v, wide)),
        "scaler_scale": (SCALE_WORDS, lambda v: _numbers(v, wide)),
        "schema_hash": (
            r"(schema|feature|column)s?_?(hash|sha\w*|digest|fingerprint)|^fingerprint$",
            _is_hex,
        ),
        "version": (r"^(version|model)(_id)?$", lambda v: v == version),
        "checksums": (
            r"checksum|hashes|digests|sha\d*",
            lambda v: isinstance(v, dict) and bool(v) and all(map(_is_hex, v.values())),
        ),
        "folds": (
            r"fold|splits?$|^cv",
            lambda v: isinstance(v, list) and bool(v) and all(isinstance(f, dict) for f in v),
        ),
        "heads": (
            r"^(heads|outputs?|output_(names|columns|heads))$",
            lambda v: isinstance(v, dict | list) and bool(v),
        ),
        "targets": (r"^(targets?|labels?)(_spec)?$", lambda v: isinstance(v, dict)),
        "run": (r"^(run|run_id|training|trained|provenance|lineage)$", bool),
    }
    for name, (words, fits) in kinds.items():
        if document.has(usual[name]):
            continue
        likely = [p for p, v in places if _named(p, words) and fits(v)]
        if likely:
            fields[name] = min(likely, key=lambda p: (p.count("/"), len(p)))
    return fields


def _places(value: Any, pointer: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every key of mappings within mappings, with its pointer."""
    if not isinstance(value, dict) or depth >= DEEPEST:
        return
    for number, (key, part) in enumerate(value.items()):
        if number >= MOST:
            return
        place = pointer + pointer_to(str(key))
        yield place, part
        yield from _places(part, place, depth + 1)


def _named(pointer: str, words: str) -> bool:
    """True where the last key of a pointer is so named."""
    return re.search(words, pointer.rpartition("/")[2], re.IGNORECASE) is not None


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(v, str) for v in value)
        and len(set(value)) == len(value)
    )


def _numbers(value: Any, wide: int) -> bool:
    """One number a feature, in a list or by name."""
    parts = list(value.values()) if isinstance(value, dict) else value
    return (
        isinstance(parts, list)
        and wide > 0
        and len(parts) == wide
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in parts)
    )


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None
