"""A real ``mlflow server`` on loopback, copied and audited.

It needs an interpreter that has mlflow: ``MLFLOW_PYTHON`` names one; ``MLFLOW_INSTALL=1`` has one
made for the test.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from audit_lib.subject.checkpoint_fields import field
from audit_lib.subject.mlflow_rest import pull
from tests.made_repo import lightgbm_text, subject
from tests.unit.subject.test_mlflow import MLMODEL

pytestmark = pytest.mark.slow
STARTS_WITHIN = 400  # a quarter of a minute on an idle machine


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory):
    named = os.environ.get("MLFLOW_PYTHON")
    if not named and os.environ.get("MLFLOW_INSTALL"):
        place = tmp_path_factory.mktemp("mlflow") / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        named = str(place / "bin" / "python")
        subprocess.run([named, "-m", "pip", "install", "--quiet", "mlflow"], check=True)
    if not named:
        pytest.skip("needs mlflow: name an interpreter in MLFLOW_PYTHON, or set MLFLOW_INSTALL=1")
    return named


@pytest.fixture(scope="module")
def server(interpreter, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [interpreter, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    uri = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while not _answers(uri):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((folder / "log").read_text()[-2000:])
            time.sleep(0.5)
        yield uri
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _answers(uri):
    try:
        return urllib.request.urlopen(f"{uri}/health", timeout=2).status == 200
    except OSError:
        return False


def ask(uri, path, body, method="POST"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if isinstance(body, bytes) else {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{uri}/api/2.0/{path}", content, headers, method=method)
    try:
        return json.loads(urllib.request.urlopen(request, timeout=30).read() or b"{}")
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{path}: {error.read().decode()}") from None


def registered(uri, name, sharpe):
    """A run with a metric and files, registered as a version."""
    now = int(time.time() * 1000)
    run = ask(uri, "mlflow/runs/create", {"experiment_id": "0", "start_time": now})["run"]["info"]
    metric = {"run_id": run["run_id"], "key": "sharpe", "value": sharpe, "timestamp": now}
    ask(uri, "mlflow/runs/log-metric", metric)
    ask(uri, "mlflow/runs/log-parameter", {"run_id": run["run_id"], "key": "h", "value": "5"})
    place = run["artifact_uri"].removeprefix("mlflow-artifacts:/") + "/model"
    files = {"MLmodel": MLMODEL.encode(), "parts/model.txt": lightgbm_text(["a", "b"])}
    for file, content in files.items():
        ask(uri, f"mlflow-artifacts/artifacts/{place}/{file}", content, "PUT")
    source = f"{run['artifact_uri']}/model"
    body = {"name": name, "source": source, "run_id": run["run_id"]}
    return ask(uri, "mlflow/model-versions/create", body)["model_version"]["version"]


def test_a_real_server_is_copied_and_audited(tmp_path, server):
    ask(server, "mlflow/registered-models/create", {"name": "up's"})
    first, second = (registered(server, "up's", sharpe) for sharpe in (0.5, 1.5))
    alias = {"name": "up's", "alias": "champion", "version": first}
    ask(server, "mlflow/registered-models/alias", alias)
    artifacts = {"store": "copy", "mlflow": {"model": "up's", "tracking_uri": server}}
    found = subject(tmp_path, {"m.py": ""}, version=second, artifacts=artifacts)
    assert pull(found.parameters.artifacts.mlflow, found.root / "copy", most_mb=10) == ["1", "2"]
    assert found.select("latest") == ["2"]
    assert found.select("champion") == ["1"]
    assert found.registry.rows["2"]["metrics"] == {"sharpe": 1.5}
    assert found.registry.rows["2"]["params"] == {"h": "5"}
    assert field(found, "feature_cols").value == ["a", "b"]
    names = [a.path for a in found.version_artifacts]
    assert names == ["2/MLmodel", "2/parts/model.txt"]
