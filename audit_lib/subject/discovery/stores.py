"""Artifact stores, registry files and documents of a repository, told by their content."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile

import yaml

from audit_lib.errors import NotAssessed
from audit_lib.files import opened
from audit_lib.subject.artifacts import Format
from audit_lib.subject.artifacts.detect import detect
from audit_lib.subject.artifacts.formats.archives import zip_format
from audit_lib.subject.discovery.fields import fields_of, keys_of
from audit_lib.subject.discovery.registries import Table, tables
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
#: where a file store of MLflow says of a version what it is
MLFLOW_VERSION = re.compile(r"(^|/)models/(?P<model>[^/]+)/version-\d+/meta\.yaml$")
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
        version_dir: folder of a version within the store.
        fields: where its metadata keeps what stands elsewhere than usual, by name.
        keys: what its versions differ by besides, to its pointer in their metadata and the values.
        databases: SQLite files beside the versions.
        mlflow: registered model of MLflow whose file store this is, or ''.
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
    version_dir: str = "{version}"
    mlflow: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    keys: dict[str, tuple[str, list[str | int]]] = field(default_factory=dict)
    databases: tuple[str, ...] = ()


def stores(root: Path) -> tuple[Store, ...]:
    """Folders with model artifacts, the ones with a registry first, then by number of models."""
    models: dict[str, Counter[str]] = {}
    registered: dict[str, str] = {}
    for path in _files(root):
        inner = path.relative_to(root)
        if match := MLFLOW_VERSION.search(inner.as_posix()):
            registered.setdefault(match.string[: match.start()] or ".", match["model"])
        form = _format(path)
        if form in MODELS:
            models.setdefault(inner.parent.as_posix(), Counter())[form.value] += 1
    if not models:
        models = _as_text(root)
    # Of the registries that list a folder's models, the fullest speaks for it.
    listed = [Store(p, _models(models, p), mlflow=name) for p, name in registered.items()]
    for table in tables(root, list(models)):
        store = _registered(root, table, models)
        place = PurePosixPath(store.path)
        if not any(_overlap(place, PurePosixPath(other.path)) for other in listed):
            listed.append(store)
    for top in _tops(models, [store.path for store in listed]):
        listed.append(Store(top, _models(models, top), metadata=_metadata(root / top, "*")))
    described = (_described(root / store.path, store) for store in listed)

    def rank(store: Store) -> tuple[bool, int, str]:
        return not (store.registry or store.mlflow), -sum(store.models.values()), store.path

    return tuple(sorted(described, key=rank))


def _as_text(root: Path) -> dict[str, Counter[str]]:
    """Folders of numbers kept as text: metadata beside them, or siblings with the same files."""
    by_folder: dict[Path, set[str]] = {}
    for file in _files(root):
        if file.suffix == ".json":
            by_folder.setdefault(file.parent, set()).add(file.name)
    alike = Counter((folder.parent, frozenset(names)) for folder, names in by_folder.items())
    return {
        folder.relative_to(root).as_posix(): Counter({"json": len(names) - 1})
        for folder, names in by_folder.items()
        if len(names) > 1
        and (
            any(re.search("meta.*[.]json$", n) for n in names)
            or alike[folder.parent, frozenset(names)] > 1
        )
    }


def _described(folder: Path, store: Store) -> Store:
    """The store, with what its metadata and the databases in it say."""
    files = [f for f in sorted(folder.glob("*")) if f.is_file()]
    databases = tuple(f.name for f in files if _format(f) is Format.SQLITE)
    if not store.metadata:
        return replace(store, databases=databases)
    where = (folder, store.version_dir, store.metadata)
    return replace(store, fields=fields_of(*where), keys=keys_of(*where), databases=databases)


def _overlap(first: PurePosixPath, second: PurePosixPath) -> bool:
    return first.is_relative_to(second) or second.is_relative_to(first)


def documents(root: Path) -> dict[str, str]:
    """Documents that checks know: ``edges``, ``boundaries``, ``subsystem_map``, ``contract``."""
    kinds: dict[str, str] = {}
    for path in _files(root):
        is_document = path.suffix.lower() in (".json", ".yaml", ".yml")
        if not is_document or path.stat().st_size > LARGEST_DOCUMENT:
            continue
        name = path.relative_to(root).as_posix()
        try:
            data = read_document(path, path=name, base="documents").data
        except (NotAssessed, yaml.YAMLError):
            continue
        kind = _kind(path.stem.lower(), data)
        if kind:
            kinds.setdefault(kind, name)
    return kinds


def _kind(stem: str, data: Any) -> str:
    if not isinstance(data, dict):
        return ""
    edges, boundaries = data.get("edges"), data.get("boundaries")
    first, second = (v[0] if isinstance(v, list) and v else None for v in (edges, boundaries))
    if isinstance(first, dict) and "source_file" in first:
        return "edges"
    if isinstance(second, dict):
        return "boundaries"
    subsystems = data.get("subsystems")
    if isinstance(subsystems, dict) and any(
        isinstance(s, dict) and isinstance(s.get("files"), list) for s in subsystems.values()
    ):
        return "subsystem_map"
    return "contract" if "contract" in stem and "pipeline" in stem else ""


def _tops(models: dict[str, Counter[str]], taken: list[str]) -> list[str]:
    """Folders with models that hold the others, outside of the stores found already."""
    tops: list[str] = []
    for folder in sorted(models):
        inside = any(t in (".", folder) or folder.startswith(f"{t}/") for t in [*taken, *tops])
        if not inside and folder != ".":
            tops.append(folder)
    # Sibling folders are versions of one store: their parent stands for them.
    parents = {top: PurePosixPath(top).parent.as_posix() for top in tops}
    siblings = Counter(parent for parent in parents.values() if parent != ".")
    return list(dict.fromkeys(p if siblings[p] > 1 else top for top, p in parents.items()))


def _models(models: dict[str, Counter[str]], top: str) -> dict[str, int]:
    inside = (n for f, n in models.items() if top in (".", f) or f.startswith(f"{top}/"))
    return dict(sum(inside, Counter()))


def _registered(root: Path, table: Table, models: dict[str, Counter[str]]) -> Store:
    """The store that a registry file describes; below it where it stands at the root."""
    store, file, layout = table.folder, table.file, table.version_dir
    if store == "." and "/" in layout:
        store, _, layout = layout.partition("/")
        file = f"../{file}"
    return Store(
        store, _models(models, store), file, table.versions, table.id, table.latest,
        table.champion, _metadata(root / store, layout), table.metrics, layout,
    )  # fmt: skip


def _metadata(folder: Path, layout: str) -> str:
    """Glob of the largest data file that version folders share by the end of its name."""
    ends: Counter[str] = Counter()
    inner = layout.replace("{version}", "*")
    for file in (f for e in ("json", "yaml", "yml", "toml") for f in folder.glob(f"{inner}/*.{e}")):
        stem = file.name.split("_")[-1] if "_" in file.name else file.name
        ends[f"*_{stem}" if "_" in file.name else stem] += file.stat().st_size
    wanted = [e for e in ends if "meta" in e] or list(ends)
    fields = {e: len(fields_of(folder, layout, e)) if len(wanted) > 1 else 0 for e in wanted}
    return max(wanted, key=lambda e: (fields[e], ends[e]), default="")


def _format(path: Path) -> Format:
    try:
        with opened(path) as file:
            form = detect(file.read(HEAD), path.stat().st_size)
            if form is not Format.ZIP:
                return form
            with ZipFile(file) as archive:
                return zip_format(archive.namelist())
    except (OSError, BadZipFile, ValueError, NotImplementedError):
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
