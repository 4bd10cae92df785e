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
    inner = f"{layout.replace('{version}', '*')}/{metadata}" if layout else metadata
    for file in sorted(store.glob(inner), reverse=True):
        try:
            document = read_document(file, path=file.name, base="artifacts")
        except NotAssessed:
            continue
        return guessed(document, file.parent.name)
    return {}


def keys_of(store: Path, layout: str, metadata: str) -> dict[str, tuple[str, list[str | int]]]:
    """What versions seem to be kept apart by: name to its pointer, and the values that were seen.

    Args:
        store, layout, metadata: as of :func:`fields_of`.
    """
    inner = f"{layout.replace('{version}', '*')}/{metadata}" if layout else metadata
    seen: dict[str, set[str | int]] = {}
    for file in sorted(store.glob(inner))[:MOST]:
        with suppress(NotAssessed):
            data = read_document(file, path=file.name, base="artifacts").data
            for pointer, value in _places(data):
                if _said(pointer, _KEYS) and isinstance(value, str | int):
                    seen.setdefault(pointer, set()).add(value)
    found: dict[str, tuple[str, list[str | int]]] = {}
    for pointer in sorted(seen, key=lambda p: (p.count("/"), p)):
        values = sorted(seen[pointer], key=lambda v: (isinstance(v, str), v))
        if 1 < len(values) <= _VALUES:
            found.setdefault(pointer.rpartition("/")[2], (pointer, values))
    return found


def guessed(document: Document, version: str) -> dict[str, str]:
    """Fields of a version's metadata that seem to stand elsewhere than usual, to their pointer."""
    usual = CheckpointFields().model_dump()
    places = list(_places(document.data))
    names = next((v for p, v in places if p == usual["feature_cols"] and _are_names(v)), None)
    found: dict[str, str] = {}
    if names is None:
        told = [p for p, v in places if _are_names(v) and _said(p, r"feat|col|input|predictor|x_")]
        told = [p for p in told if not _OUT.search(p.rpartition("/")[2])]
        if told:
            found["feature_cols"] = min(told, key=lambda p: (p.count("/"), len(p)))
            names = document.get(found["feature_cols"])
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
        "checksums": (r"checksum|hashes|digests|sha\d*", _are_digests),
        "folds": (r"fold|splits?$|^cv", _are_records),
        "heads": (r"^(heads|outputs?|output_(names|columns|heads))$", _are_entries),
        "targets": (r"^(targets?|labels?)(_spec)?$", lambda v: isinstance(v, dict)),
        "run": (r"^(run|run_id|training|trained|provenance|lineage)$", bool),
    }
    for name, (words, fits) in kinds.items():
        if document.has(usual[name]):
            continue
        told = [p for p, v in places if _said(p, words) and fits(v)]
        if told:
            found[name] = min(told, key=lambda p: (p.count("/"), len(p)))
    return found


def _places(value: Any, pointer: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every key of mappings within mappings, with its pointer."""
    if not isinstance(value, dict) or depth >= DEEPEST:
        return
    for number, (key, part) in enumerate(value.items()):
        if number >= MOST:
            return
        name = str(key).replace("~", "~0").replace("/", "~1")
        yield f"{pointer}/{name}", part
        yield from _places(part, f"{pointer}/{name}", depth + 1)


def _said(pointer: str, words: str) -> bool:
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


def _are_digests(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_hex, value.values()))


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _are_entries(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)
