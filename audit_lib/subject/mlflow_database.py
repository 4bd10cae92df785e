"""MLflow's registry in a SQLite file, which newer releases make by default (``mlflow.db``).

It is opened for reading alone, as a file that nobody writes to, so that nothing appears beside it.
What is asked are plain tables; views, which could compute anything, are not read.

Source: the tables of ``mlflow.store.model_registry.dbmodels`` and
``mlflow.store.tracking.dbmodels``.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from audit_lib.errors import NotAssessed
from audit_lib.subject.mlflow import Listed, folder_of_version, row
from audit_lib.subject.parameters import MlflowModel

#: how MLflow marks a version that was deleted
_DELETED = "Deleted_Internal"
#: values of a run, by the table that keeps them
_OF_RUNS = {"metrics": "latest_metrics", "params": "params", "tags": "tags"}
_TABLES = ("model_versions", "registered_model_aliases", *_OF_RUNS.values())
#: steps of SQLite's machine after which a query is given up
_STEPS = 50_000_000
_EVERY = 100_000


def read_database(store: Path, model: MlflowModel) -> Listed:
    """Versions, aliases and run metrics of a model in a SQLite file.

    Args:
        store: folder that holds the versions' files.
        model: names the file, relative to the store.

    Raises:
        NotAssessed: the file cannot be read, is being written, or registers no such model; the
            message lists those it registers.
    """
    file = Path(os.path.normpath(store / model.database))
    try:
        with _opened(file) as database:
            return _listed(database, store, model)
    except sqlite3.Error as error:
        raise NotAssessed(f"the MLflow database {model.database} cannot be read: {error}") from None


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    if not file.is_file():
        raise NotAssessed(f"the MLflow database {file} does not exist (artifacts.mlflow.database)")
    for ending in ("-wal", "-journal"):
        beside = file.with_name(file.name + ending)
        if beside.is_file() and beside.stat().st_size:
            raise NotAssessed(
                f"the MLflow database {file.name} is being written ({beside.name} holds more); "
                "stop what writes to it, or audit a copy made by `sqlite3 FILE .backup COPY`"
            )
    # `immutable` keeps SQLite from making files of its own beside it.
    address = f"file:{quote(str(file))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as database:
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        left = iter(range(_STEPS // _EVERY))
        database.set_progress_handler(lambda: next(left, None) is None, _EVERY)
        plain = {name for (name,) in database.execute(_PLAIN)}
        lacking = [name for name in _TABLES if name not in plain]
        if lacking:
            raise NotAssessed(f"{file.name} is no MLflow database: no table {', '.join(lacking)}")
        yield database


_PLAIN = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"


def _listed(database: sqlite3.Connection, store: Path, model: MlflowModel) -> Listed:
    every = [r for r in _rows(database, "model_versions") if r.get("current_stage") != _DELETED]
    own = [r for r in every if r.get("name") == model.model]
    if not own:
        models = sorted({str(r.get("name")) for r in every})
        raise NotAssessed(
            f"the MLflow database registers no model {model.model!r} (artifacts.mlflow.model); "
            f"it has {', '.join(models) or 'none'}"
        )
    spaces = sorted({str(r.get("workspace", "")) for r in own})
    space = spaces[0] if len(spaces) == 1 else "default"
    own = [r for r in own if str(r.get("workspace", "")) == space]
    rows: dict[str, dict[str, Any]] = {}
    folders: dict[str, str] = {}
    for record in sorted(own, key=lambda r: int(r["version"])):
        version = str(record["version"])
        record["creation_timestamp"] = record.get("creation_time")
        rows[version] = row(version, record, _run(database, str(record.get("run_id") or "")))
        if place := folder_of_version(store, record):
            folders[version] = place
    aliases = {
        str(r["alias"]): str(r["version"])
        for r in _rows(database, "registered_model_aliases", "name", model.model)
        if str(r.get("workspace", "")) == space
    }
    return Listed(Path(model.database).as_posix(), rows, folders, aliases)


def _run(database: sqlite3.Connection, run: str) -> dict[str, dict[str, Any]]:
    """The last metrics, the parameters and the tags of a run."""
    values: dict[str, dict[str, Any]] = {}
    for kind, table in _OF_RUNS.items() if run else ():
        rows = _rows(database, table, "run_uuid", run)
        values[kind] = {str(r["key"]): r["value"] for r in rows if not r.get("is_nan")}
    return values


def _rows(
    database: sqlite3.Connection, table: str, column: str = "", value: str = ""
) -> list[dict[str, Any]]:
    """Rows of one of MLflow's tables, all of them or those with a value in a column."""
    where = f" WHERE {column} = ?" if column else ""  # names are ours, never the file's
    return [
        dict(r) for r in database.execute(f"SELECT * FROM {table}{where}", (value,) * bool(column))
    ]
