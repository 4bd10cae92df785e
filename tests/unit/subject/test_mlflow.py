"""Registered models of MLflow: file stores are read where they are, servers are copied."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from audit_lib.errors import AuditError, NotAssessed, ParameterError
from audit_lib.model import Outcome
from audit_lib.subject.checkpoint_fields import field
from audit_lib.subject.mlflow import folder_of_version, newest
from audit_lib.subject.mlflow_rest import pull
from audit_lib.subject.parameters import MlflowModel
from audit_lib.testing import run_check
from tests.made_repo import lightgbm_text, subject

SIGNATURE = {"inputs": json.dumps([{"name": "a", "type": "double"}, {"name": "b"}])}
MLMODEL = yaml.safe_dump({"flavors": {"lightgbm": {}}, "run_id": "r1", "signature": SIGNATURE})


def file_store():
    """A store as ``mlflow`` writes it: two runs, a logged model, three versions, two aliases."""
    files = {"m.py": "x = 1\n"}
    sources = {
        "1": "file:///elsewhere/mlruns/0/r1/artifacts/model",
        "2": "runs:/r2/model",
        "10": "models:/m-3",
    }
    for number, source in sources.items():
        run = f"r{number}" if number != "10" else "r2"
        said = {"name": "up", "version": number, "run_id": run, "source": source}
        place = f"mlruns/models/up/version-{number}/meta.yaml"
        files[place] = yaml.safe_dump({**said, "current_stage": "None", "status": "READY"})
    for run, sharpe in (("r1", 0.5), ("r2", 1.5)):
        files[f"mlruns/0/{run}/meta.yaml"] = f"run_id: {run}\nexperiment_id: '0'\n"
        files[f"mlruns/0/{run}/metrics/sharpe"] = f"17 0.1 0\n18 {sharpe} 1\n"
        files[f"mlruns/0/{run}/params/horizon"] = "5"
    for folder in ("0/r1/artifacts/model", "0/r2/artifacts/model", "0/models/m-3/artifacts"):
        run = "r1" if "r1" in folder else "r2"
        files[f"mlruns/{folder}/MLmodel"] = MLMODEL.replace("r1", run)
        files[f"mlruns/{folder}/model.txt"] = lightgbm_text(["a", "b"])
    files["mlruns/models/up/meta.yaml"] = "name: up\n"
    files["mlruns/models/up/aliases/champion"] = "2"
    files["mlruns/models/up/aliases/fresh"] = "1"
    return files


def made(tmp_path, version="2", **mlflow):
    artifacts = {"store": "mlruns", "mlflow": {"model": "up", **mlflow}}
    return subject(tmp_path, file_store(), version=version, artifacts=artifacts)


def test_versions_aliases_and_metrics_of_a_file_store(tmp_path):
    found = made(tmp_path)
    assert found.versions() == ["1", "2", "10"]
    assert (found.registry.latest, found.registry.champion) == ("10", "2")
    assert found.select("champion") == ["2"]
    row = found.registry.rows["2"]
    assert row["metrics"] == {"sharpe": 1.5}
    assert row["params"] == {"horizon": "5"}
    assert made(tmp_path / "b", latest="fresh").registry.latest == "1"


@pytest.mark.parametrize(
    ("version", "folder"),
    [
        ("1", "0/r1/artifacts/model"),
        ("2", "0/r2/artifacts/model"),
        ("10", "0/models/m-3/artifacts"),
    ],
)
def test_files_of_a_version_wherever_its_source_says(tmp_path, version, folder):
    found = made(tmp_path, version)
    assert found.folder_of(version) == folder
    columns = field(found, "feature_cols")
    assert columns.value == ["a", "b"]
    assert str(columns.location) == f"{folder}/MLmodel /signature/inputs"
    assert field(found, "run").value == ("r1" if version == "1" else "r2")
    assert len(found.version_artifacts) == 2


def test_checks_of_the_registry_run_on_it(tmp_path):
    assert run_check("CHK003", made(tmp_path / "a")).outcome is Outcome.PASS
    assert run_check("CHK007", made(tmp_path / "b")).outcome is Outcome.NOT_APPLICABLE
    gone = made(tmp_path / "c")
    folder = gone.store / "0" / "r2" / "artifacts"
    folder.rename(folder.with_name("moved"))
    result = run_check("CHK003", gone)
    assert [f.key for f in result.findings] == ["folder 2"]


def test_a_model_that_is_not_registered(tmp_path):
    with pytest.raises(NotAssessed, match=r"registers no model 'down'.*it has up"):
        made(tmp_path, model="down").registry  # noqa: B018


def test_a_source_never_leads_out_of_the_store(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "secret").mkdir()
    assert folder_of_version(tmp_path / "store", {"source": "file:///x/../secret"}) == ""
    assert newest(["2", "10", "9"]) == "10"


@pytest.mark.parametrize("uri", ["ftp://host", "http://me:secret@host", "mlruns"])
def test_a_tracking_uri_is_http_and_holds_no_credentials(tmp_path, uri):
    with pytest.raises(ParameterError, match="tracking_uri"):
        made(tmp_path, tracking_uri=uri)


def test_what_to_do_before_anything_was_pulled(tmp_path):
    artifacts = {"store": "copy", "mlflow": {"model": "up", "tracking_uri": "http://127.0.0.1:9"}}
    found = subject(tmp_path, {"m.py": ""}, artifacts=artifacts)
    with pytest.raises(NotAssessed, match="`workbook pull made` copies it"):
        found.store  # noqa: B018


# --- a server, made up ----------------------------------------------------------------------------
VERSION = {"name": "up", "run_id": "r1", "source": "models:/m-1", "status": "READY"}


class Server(BaseHTTPRequestHandler):
    evil = False

    def do_GET(self):
        parts = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        found = self.answer(parts.path.removeprefix("/api/2.0/"), query)
        if found is None:
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(found if isinstance(found, bytes) else json.dumps(found).encode())

    def answer(self, path, query):
        if path == "mlflow/model-versions/search":
            if "page_token" in query:
                return {"model_versions": [{**VERSION, "version": "2"}]}
            return {"model_versions": [{**VERSION, "version": "1"}], "next_page_token": "x"}
        if path == "mlflow/registered-models/get":
            return {"registered_model": {"aliases": [{"alias": "champion", "version": "1"}]}}
        if path == "mlflow/runs/get":
            return {"run": {"data": {"metrics": [{"key": "ic", "value": 0.25}]}}}
        if path == "mlflow/model-versions/get-download-uri":
            return {"artifact_uri": "mlflow-artifacts:/0/m-1/artifacts"}
        if path == "mlflow-artifacts/artifacts":
            if query["path"].endswith("deep"):
                return {"files": [{"path": ".." if self.evil else "w.txt", "is_dir": False}]}
            return {"files": [{"path": "MLmodel"}, {"path": "deep", "is_dir": True}]}
        return MLMODEL.encode() if path.endswith("MLmodel") else b"w"

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    class Own(Server):
        pass

    listening = HTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield Own, f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


def test_a_server_is_copied_and_the_copy_is_audited(tmp_path, server):
    _, uri = server
    artifacts = {"store": "copy", "mlflow": {"model": "up", "tracking_uri": uri}}
    found = subject(tmp_path, {"m.py": ""}, version="1", artifacts=artifacts)
    model = found.parameters.artifacts.mlflow
    assert pull(model, found.root / "copy", most_mb=1) == ["1", "2"]
    assert pull(model, found.root / "copy", most_mb=1) == ["1", "2"]  # again, in its place
    assert found.versions() == ["1", "2"]
    assert (found.registry.latest, found.registry.champion) == ("2", "1")
    assert found.registry.rows["1"]["metrics"] == {"ic": 0.25}
    assert field(found, "feature_cols").value == ["a", "b"]
    assert (found.version_folder / "deep" / "w.txt").read_bytes() == b"w"
    assert [p.name for p in found.root.iterdir() if p.name.startswith(".")] == []


def test_a_path_that_leads_out_is_refused_and_nothing_is_left(tmp_path, server):
    kind, uri = server
    kind.evil = True
    with pytest.raises(AuditError, match="leads out of its folder"):
        pull(MlflowModel(model="up", tracking_uri=uri), tmp_path / "copy", most_mb=1)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_is_not_followed(tmp_path, server):
    kind, uri = server
    kind.answer = lambda *_: None
    with pytest.raises(AuditError, match="answers 302"):
        pull(MlflowModel(model="up", tracking_uri=uri), tmp_path / "copy", most_mb=1)


def test_a_folder_with_other_files_is_not_overwritten(tmp_path, server):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine.txt").write_text("x")
    with pytest.raises(AuditError, match="is not overwritten"):
        pull(MlflowModel(model="up", tracking_uri=server[1]), tmp_path / "copy", most_mb=1)


def test_a_server_that_is_not_there(tmp_path):
    with pytest.raises(AuditError, match="cannot be reached"):
        pull(MlflowModel(model="up", tracking_uri="http://127.0.0.1:9"), tmp_path / "c", most_mb=1)
