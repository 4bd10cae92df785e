"""A registered model of MLflow as a registry: its versions, aliases and run metrics.

Read from the small files of a file store, from a SQLite file (:mod:`mlflow_database`), or from the
copy of a tracking server that :mod:`mlflow_rest` makes.  MLflow itself is never imported, and no
model is loaded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from audit_lib.errors import NotAssessed
from audit_lib.files import read_words
from audit_lib.subject.documents import read_document
from audit_lib.subject.parameters import MlflowModel

#: versions of a model are numbers that it counts up
_VERSION_DIR = "version-"


@dataclass(frozen=True)
class Listed:
    """What MLflow says of a registered model.

    Attributes:
        place: where that is written, relative to the store.
        rows: version to what its run and the registry record.
        folders: version to the folder of its files, relative to the store.
        aliases: alias to version.
    """

    place: str
    rows: dict[str, dict[str, Any]]
    folders: dict[str, str]
    aliases: dict[str, str]

    def pointed(self, alias: str) -> str | None:
        """The version of an alias; of '', the newest one."""
        return self.aliases.get(alias) if alias else newest(self.rows)


def newest(versions: Iterable[str]) -> str | None:
    """The highest number among versions; None where there is none."""
    return max(versions, key=lambda v: (int(v) if v.isdigit() else -1, v), default=None)


def read_file_store(store: Path, model: MlflowModel) -> Listed:
    """Versions, aliases and run metrics of a model in a file store (``mlruns``).

    Raises:
        NotAssessed: the store holds no such model; the message lists those it holds.
    """
    folder = store / "models" / model.model
    if not (folder / "meta.yaml").is_file():
        models = sorted(p.parent.name for p in store.glob("models/*/meta.yaml"))
        raise NotAssessed(
            f"the MLflow store registers no model {model.model!r} (artifacts.mlflow.model); "
            f"it has {', '.join(models) or 'none'}{_beside(store)}"
        )
    rows: dict[str, dict[str, Any]] = {}
    folders: dict[str, str] = {}
    for file in folder.glob(f"{_VERSION_DIR}*/meta.yaml"):
        record = _mapping(file, store)
        version = str(record.get("version", file.parent.name.removeprefix(_VERSION_DIR)))
        rows[version] = _row(store, version, record)
        if place := folder_of_version(store, record):
            folders[version] = place
    ordered = {v: rows[v] for v in sorted(rows, key=lambda v: (len(v), v))}
    aliases = {f.name: _text(f) for f in (folder / "aliases").glob("*") if f.is_file()}
    place = (folder / "meta.yaml").relative_to(store).as_posix()
    return Listed(place, ordered, folders, aliases)


def _beside(store: Path) -> str:
    """A hint at a database that registers models instead."""
    for name in ("mlflow.db", "../mlflow.db"):
        if (store / name).is_file():
            return f"; {name} may: name it as artifacts.mlflow.database"
    return ""


def row(
    version: str, record: Mapping[str, Any], run: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A row as a registry file would have it."""
    columns = ("run_id", "source", "current_stage", "status", "creation_timestamp")
    values = {key: record[key] for key in columns if record.get(key) not in (None, "", "None")}
    return {"version_id": version, **values, **{k: dict(v) for k, v in run.items() if v}}


def folder_of_version(store: Path, record: Mapping[str, Any]) -> str:
    """Folder of a version's files, relative to the store; '' where it is not there.

    Stores are moved: of an absolute path, the part that exists below this store counts.
    """
    parts = urlsplit(str(record.get("storage_location") or record.get("source") or ""))
    path = [p for p in unquote(parts.path).split("/") if p]
    if ".." in path:
        return ""
    if parts.scheme == "models" and path:
        folders = sorted(store.glob(f"*/models/{path[-1]}/artifacts"))
    elif parts.scheme == "runs" and path:
        folders = sorted(store.glob("/".join(["*", path[0], "artifacts", *path[1:]])))
    else:
        tails = [store.joinpath(*path[i:]) for i in range(len(path))]
        folders = [tail for tail in tails if tail.is_dir() and tail != store]
    return folders[0].relative_to(store).as_posix() if folders else ""


def _row(store: Path, version: str, record: Mapping[str, Any]) -> dict[str, Any]:
    run = str(record.get("run_id") or "")
    folders = sorted(store.glob(f"*/{run}")) if run and "/" not in run else []
    if not folders:
        return row(version, record, {})
    last = {name: _last(file) for name, file in _values(folders[0] / "metrics")}
    texts = {k: {n: _text(f) for n, f in _values(folders[0] / k)} for k in ("params", "tags")}
    metrics = {name: value for name, value in last.items() if value is not None}
    return row(version, record, {"metrics": metrics, **texts})


def _values(folder: Path) -> list[tuple[str, Path]]:
    files = sorted(f for f in folder.rglob("*") if f.is_file()) if folder.is_dir() else []
    return [(f.relative_to(folder).as_posix(), f) for f in files]


def _last(file: Path) -> float | None:
    """A metric's last value: lines are timestamp, value, step."""
    lines = _text(file).splitlines()
    try:
        return float(lines[-1].split()[1])
    except (IndexError, ValueError):
        return None


def _text(file: Path) -> str:
    try:
        return read_words(file).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotAssessed(f"{file.name} of the MLflow store cannot be read: {error}") from None


def _mapping(file: Path, store: Path) -> Mapping[str, Any]:
    data = read_document(file, path=file.relative_to(store).as_posix(), base="artifacts").data
    return data if isinstance(data, Mapping) else {}
