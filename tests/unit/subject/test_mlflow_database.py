"""MLflow's registry in a SQLite file: read as a file store is, and nothing written beside it."""

import sqlite3
from contextlib import closing

import pytest

from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.model import Outcome
from audit_lib.subject.artifacts import Format, Safety, read_artifact
from audit_lib.subject.checkpoint_fields import field
from audit_lib.testing import run_check
from tests.made_repo import lightgbm_text, subject
from tests.unit.subject.test_mlflow import MLMODEL

# As MLflow 3.17 makes them (`sqlite3 mlflow.db .schema`), without constraints.
SCHEMA = """
CREATE TABLE model_versions (name VARCHAR(256), version INTEGER, creation_time BIGINT,
  last_updated_time BIGINT, description VARCHAR(5000), user_id VARCHAR(256),
  current_stage VARCHAR(20), source VARCHAR(500), run_id VARCHAR(32), status VARCHAR(20),
  status_message VARCHAR(500), run_link VARCHAR(500), storage_location VARCHAR(500),
  workspace VARCHAR(63) DEFAULT 'default' NOT NULL);
CREATE TABLE registered_model_aliases (alias VARCHAR(256), version INTEGER, name VARCHAR(256),
  workspace VARCHAR(63) DEFAULT 'default' NOT NULL);
CREATE TABLE latest_metrics ("key" VARCHAR(250), value FLOAT, timestamp BIGINT, step BIGINT,
  is_nan BOOLEAN, run_uuid VARCHAR(32));
CREATE TABLE params ("key" VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32));
CREATE TABLE tags ("key" VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32));
"""
VERSION = (
    "INSERT INTO model_versions (name, version, creation_time, current_stage, source, run_id, "
    "status, storage_location) VALUES (?, ?, ?, ?, ?, ?, 'READY', ?)"
)


def filled(database):
    database.executescript(SCHEMA)
    database.executemany(
        VERSION,
        [
            ("up", 1, 17, "None", "/gone/mlruns/1/r1/artifacts/model", "r1", None),
            ("up", 2, 18, "None", "models:/m-2", "r2", "/gone/mlruns/1/models/m-2/artifacts"),
            ("up", 10, 19, "None", "models:/m-3", "r3", None),
            ("up", 11, 20, "Deleted_Internal", "models:/m-4", "r3", None),
            ("other", 1, 21, "None", "models:/m-9", "r9", None),
        ],
    )
    alias = "INSERT INTO registered_model_aliases (alias, version, name) VALUES (?, ?, ?)"
    database.executemany(alias, [("champion", 2, "up"), ("fresh", 1, "up"), ("fresh", 9, "other")])
    metric = "INSERT INTO latest_metrics VALUES (?, ?, 1, 1, ?, ?)"
    database.executemany(metric, [("ic", 0.5, 0, "r2"), ("hit", 0.0, 1, "r2"), ("ic", 9, 0, "r1")])
    database.execute("INSERT INTO params VALUES ('horizon', '5', 'r2')")
    database.execute("INSERT INTO tags VALUES ('desk', 'fx', 'r2')")


def made(tmp_path, version="2", *, change="", **mlflow):
    files = {"m.py": "x = 1\n"}
    folders = {"1/r1/artifacts/model": "r1", "1/models/m-2/artifacts": "r2"}
    for folder, run in {**folders, "1/models/m-3/artifacts": "r3"}.items():
        files[f"mlruns/{folder}/MLmodel"] = MLMODEL.replace("r1", run)
        files[f"mlruns/{folder}/model.txt"] = lightgbm_text(["a", "b"])
    told = {"model": "up", "database": "../mlflow.db", **mlflow}
    artifacts = {"store": "mlruns", "mlflow": told}
    found = subject(tmp_path, files, version=version, artifacts=artifacts)
    with closing(sqlite3.connect(tmp_path / "repo/mlflow.db")) as database, database:
        filled(database)
        database.executescript(change)
    return found


def test_versions_aliases_and_metrics(tmp_path):
    found = made(tmp_path)
    assert found.versions() == ["1", "2", "10"]
    assert (found.registry.latest, found.registry.champion) == ("10", "2")
    row = found.registry.rows["2"]
    assert row["metrics"] == {"ic": 0.5}
    assert (row["params"], row["tags"]) == ({"horizon": "5"}, {"desk": "fx"})
    assert (row["creation_timestamp"], row["run_id"]) == (18, "r2")
    assert made(tmp_path / "b", latest="fresh").registry.latest == "1"
    assert found.registry.document.path == "../mlflow.db"


@pytest.mark.parametrize(
    ("version", "folder"),
    [
        ("1", "1/r1/artifacts/model"),
        ("2", "1/models/m-2/artifacts"),
        ("10", "1/models/m-3/artifacts"),
    ],
)
def test_files_of_a_version_wherever_they_moved(tmp_path, version, folder):
    found = made(tmp_path, version)
    assert found.folder_of(version) == folder
    assert field(found, "feature_cols").value == ["a", "b"]
    assert len(found.version_artifacts) == 2


def test_checks_of_the_registry_run_on_it(tmp_path):
    assert run_check("CHK003", made(tmp_path / "a")).outcome is Outcome.PASS
    gone = made(tmp_path / "b")
    folder = gone.store / "1/models/m-2/artifacts"
    folder.rename(folder.with_name("moved"))
    assert [f.key for f in run_check("CHK003", gone).findings] == ["folder 2"]


def test_nothing_is_written_beside_it(tmp_path):
    found = made(tmp_path)
    file = tmp_path / "repo/mlflow.db"
    before, names = file.read_bytes(), sorted(p.name for p in file.parent.iterdir())
    assert found.versions()
    assert file.read_bytes() == before
    assert sorted(p.name for p in file.parent.iterdir()) == names


def test_a_model_that_is_not_registered(tmp_path):
    with pytest.raises(NotAssessed, match=r"registers no model 'down'.*it has other, up"):
        made(tmp_path, model="down").registry  # noqa: B018


def test_one_that_is_being_written_is_not_half_read(tmp_path):
    found = made(tmp_path)
    (tmp_path / "repo/mlflow.db-wal").write_bytes(b"1")
    with pytest.raises(NotAssessed, match=r"is being written \(mlflow\.db-wal holds more\)"):
        found.registry  # noqa: B018


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TABLE tags", "no table tags"),
        ("ALTER TABLE tags RENAME TO t; CREATE VIEW tags AS SELECT * FROM t", "no table tags"),
    ],
)
def test_what_is_no_database_of_mlflow(tmp_path, change, said):
    with pytest.raises(NotAssessed, match=said):
        made(tmp_path, change=change).registry  # noqa: B018


@pytest.mark.parametrize("content", [b"not a database at all, by far", b"SQLite format 3\0" * 64])
def test_what_is_no_database(tmp_path, content):
    found = made(tmp_path)
    (tmp_path / "repo/mlflow.db").write_bytes(content)
    with pytest.raises(NotAssessed, match=r"mlflow\.db cannot be read"):
        found.registry  # noqa: B018
    (tmp_path / "repo/mlflow.db").unlink()
    with pytest.raises(NotAssessed, match="does not exist"):
        made_again(found).registry  # noqa: B018


def made_again(found):
    return found.at("1")


def test_two_registries_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="two registries"):
        made(tmp_path, tracking_uri="http://127.0.0.1:9")


def test_a_store_without_models_points_at_the_database(tmp_path):
    with pytest.raises(NotAssessed, match=r"\.\./mlflow\.db may: name it as artifacts\.mlflow"):
        made(tmp_path, database="").registry  # noqa: B018


def test_a_database_in_a_store_is_data(tmp_path):
    made(tmp_path)
    artifact = read_artifact(tmp_path / "repo/mlflow.db")
    assert (artifact.format, artifact.safety) == (Format.SQLITE, Safety.NOT_EXECUTABLE)
