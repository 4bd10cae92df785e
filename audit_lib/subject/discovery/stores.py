"""Artifact stores, registry files and documents of a repository, told by their content."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from audit_lib.errors import NotAssessed
from audit_lib.subject.artifacts import Format
from audit_lib.subject.artifacts.detect import detect
from audit_lib.subject.documents import read_document
from audit_lib.subject.source import SKIPPED_FOLDERS

#: formats that hold models or fitted numbers; data and text formats do not make a store
MODELS = frozenset(
    {
        Format.PICKLE,
        Format.JOBLIB,
        Format.NPZ,
        Format.TORCH,
        Format.TORCH_LEGACY,
        Format.TORCHSCRIPT,
        Format.SKOPS,
        Format.KERAS,
        Format.SAFETENSORS,
        Format.ONNX,
        Format.LIGHTGBM,
        Format.XGBOOST_JSON,
        Format.XGBOOST_UBJ,
        Format.MLFLOW_MODEL,
        Format.MLFLOW_RUN,
    }
)
HEAD = 8192
LARGEST_DOCUMENT = 20 << 20
NOT_STORES = frozenset({"test", "tests", "testdata", "fixtures", "docs", "site", "build", "dist"})


@dataclass(frozen=True)
class Store:
    """A folder that seems to be an artifact store.

    Attributes:
        path: relative to the root.
        models: files in model formats, by format.
        registry: registry file relative to the store, or ''.
        versions: JSON pointer of its rows; ``id``: key of the id in a row ('' for a mapping).
        latest, champion: pointers to the ids of those roles, '' where there is none.
        metadata: glob of a version's metadata, '' where none was seen.
        metrics: key of the metrics in a row; '' where the row itself holds them.
    """

    path: str
    models: dict[str, int]
    registry: str = ""
    versions: str = ""
    id: str = ""
    latest: str = ""
    champion: str = ""
    metadata: str = ""
    metrics: str = ""


def stores(root: Path) -> tuple[Store, ...]:
    """Folders with model artifacts, the ones with a registry first, then by number of models."""
    found: dict[str, Counter[str]] = {}
    for path in _files(root):
        form = _format(path)
        if form in MODELS:
            folder = PurePosixPath(path.relative_to(root).as_posix()).parent.as_posix()
            found.setdefault(folder, Counter())[form.value] += 1
    made = [_store(root, top, found) for top in _tops(root, found)]
    return tuple(sorted(made, key=lambda s: (not s.registry, -sum(s.models.values()), s.path)))


def documents(root: Path) -> dict[str, str]:
    """Documents that checks know: ``edges``, ``boundaries``, ``subsystem_map``, ``contract``."""
    found: dict[str, str] = {}
    for path in _files(root):
        if path.suffix.lower() not in (".json", ".yaml", ".yml"):
            continue
        if path.stat().st_size > LARGEST_DOCUMENT:
            continue
        name = path.relative_to(root).as_posix()
        try:
            data = read_document(path, path=name, base="documents").data
        except (NotAssessed, yaml.YAMLError):
            continue
        kind = _kind(path.stem.lower(), data)
        if kind:
            found.setdefault(kind, name)
    return found


def _kind(stem: str, data: Any) -> str:
    if not isinstance(data, dict):
        return ""
    edges, boundaries = data.get("edges"), data.get("boundaries")
    if (
        isinstance(edges, list)
        and edges
        and isinstance(edges[0], dict)
        and "source_file" in edges[0]
    ):
        return "edges"
    if isinstance(boundaries, list) and boundaries and isinstance(boundaries[0], dict):
        return "boundaries"
    subsystems = data.get("subsystems")
    if isinstance(subsystems, dict) and any(
        isinstance(s, dict) and isinstance(s.get("files"), list) for s in subsystems.values()
    ):
        return "subsystem_map"
    return "contract" if "contract" in stem and "pipeline" in stem else ""


def _tops(root: Path, found: dict[str, Counter[str]]) -> list[str]:
    """Folders that hold the others: a parent with models or a registry speaks for its children."""
    tops: list[str] = []
    for folder in sorted(found):
        parent = PurePosixPath(folder).parent.as_posix()
        registered = parent != "." and _registry(root / parent) is not None
        top = parent if registered else folder
        inside = any(top == t or top.startswith(f"{t}/") for t in tops)
        if not inside and top != ".":
            tops.append(top)
    return tops


def _store(root: Path, top: str, found: dict[str, Counter[str]]) -> Store:
    models: Counter[str] = Counter()
    for inner, counted in found.items():
        if inner == top or inner.startswith(f"{top}/"):
            models += counted
    folder = root / top
    registry = _registry(folder) or {}
    return Store(top, dict(models), metadata=_metadata(folder), **registry)


def _registry(folder: Path) -> dict[str, str] | None:
    """Layout of a registry file in a folder: JSON whose rows name the folder's own subfolders."""
    inner = {p.name for p in folder.iterdir() if p.is_dir()} if folder.is_dir() else set()
    for file in sorted(folder.glob("*.json")):
        if file.stat().st_size > LARGEST_DOCUMENT:
            continue
        try:
            data = json.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            continue
        layout = _layout(data, inner)
        if layout is not None:
            return {"registry": file.name, **layout}
    return None


def _layout(data: Any, folders: set[str]) -> dict[str, str] | None:
    if not isinstance(data, dict):
        return None
    for key, rows in data.items():
        identity = _id_key(rows, folders)
        if identity is not None:
            pointers = {
                role: f"/{name}"
                for role in ("latest", "champion")
                for name, value in data.items()
                if role in name.lower() and isinstance(value, str | None)
            }
            sample = rows[0] if isinstance(rows, list) else next(iter(rows.values()))
            held = isinstance(sample, dict) and isinstance(sample.get("metrics"), dict)
            metrics = "metrics" if held else ""
            return {"versions": f"/{key}", "id": identity, "metrics": metrics, **pointers}
    return None


def _id_key(rows: Any, folders: set[str]) -> str | None:
    """Key under which rows name subfolders; '' for a mapping by id; None where they do not."""
    if isinstance(rows, dict) and rows and set(rows) & folders:
        return ""
    if isinstance(rows, list) and rows and isinstance(rows[0], dict):
        for key in rows[0]:
            named = {row.get(key) for row in rows if isinstance(row, dict)}
            if any(isinstance(n, str) and n in folders for n in named):
                return str(key)
    return None


def _metadata(folder: Path) -> str:
    """Glob of the largest JSON file that version folders share by the end of its name."""
    ends: Counter[str] = Counter()
    for file in folder.glob("*/*.json"):
        stem = file.name.split("_")[-1] if "_" in file.name else file.name
        ends[f"*_{stem}" if "_" in file.name else stem] += file.stat().st_size
    wanted = [e for e in ends if "meta" in e]
    return max(wanted or list(ends), key=lambda e: ends[e], default="")


def _format(path: Path) -> Format:
    try:
        with path.open("rb") as file:
            return detect(file.read(HEAD), path.stat().st_size)
    except OSError:
        return Format.UNREADABLE


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            f
            for f in folders
            if f not in SKIPPED_FOLDERS and f.lower() not in NOT_STORES - {"docs"} and f[0] != "."
        )
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path
