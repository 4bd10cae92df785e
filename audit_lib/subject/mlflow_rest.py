"""Copies the versions of a registered model from an MLflow tracking server, over its REST API.

An audit must not change under the reader's hands, so a server is copied once and the copy is read:
a folder a version with its files, and a registry file.  Nothing is loaded or executed.
Source: MLflow's REST API reference (``/api/2.0/mlflow`` and the artifact proxy).
"""

import base64
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from audit_lib.errors import AuditError
from audit_lib.files import write_whole
from audit_lib.subject.mlflow import newest, row
from audit_lib.subject.parameters import MlflowModel
from audit_lib.subject.registry import check_id

_SECONDS = 60
_LARGEST_ANSWER = 64 << 20
_DEEPEST = 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the credentials to whom it names."""

    def redirect_request(self, *_args: Any) -> None:
        return None


class TrackingServer:
    """What is asked of a tracking server.

    Credentials come from ``MLFLOW_TRACKING_TOKEN``, or ``MLFLOW_TRACKING_USERNAME`` and
    ``MLFLOW_TRACKING_PASSWORD``, as MLflow takes them.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._open = urllib.request.build_opener(_NoRedirect).open

    def get(self, path: str, /, **query: str) -> dict[str, Any]:
        """A JSON answer of the API.

        Raises:
            AuditError: the server does not answer, or refuses.
        """
        answer = self.content(f"/api/2.0/{path}", query, _LARGEST_ANSWER)
        try:
            data = json.loads(answer)
        except ValueError:
            raise self._error("does not answer in JSON; is it an MLflow server?") from None
        return data if isinstance(data, dict) else {}

    def content(self, path: str, query: dict[str, str], most: int) -> bytes:
        """What is served at a path: at most so many bytes.

        Raises:
            AuditError: it cannot be had, or is larger.
        """
        url = f"{self.uri}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(url, headers=_credentials())
        try:
            with self._open(request, timeout=_SECONDS) as answer:
                content: bytes = answer.read(most + 1)
        except urllib.error.HTTPError as error:
            raise self._error(f"answers {error.code} to {path}: {_reason(error)}") from None
        except (OSError, ValueError) as error:
            raise self._error(f"cannot be reached: {getattr(error, 'reason', error)}") from None
        if len(content) > most:
            raise self._error(f"sends more than {most >> 20} MB for {path}")
        return content

    def _error(self, what: str) -> AuditError:
        return AuditError(
            f"the tracking server {what}",
            where=f"{self.uri} (artifacts.mlflow.tracking_uri)",
            mend="check address, name of the model and MLFLOW_TRACKING_TOKEN",
        )


def pull(model: MlflowModel, store: Path, *, most_mb: int) -> list[str]:
    """Copy all versions of a model into a store that does not hold anything else.

    Args:
        model: name and server.
        store: the folder; replaced as a whole, once everything is there.
        most_mb: megabytes that a version may have.

    Raises:
        AuditError: the server refuses, has no such model, or keeps files where it does not serve
            them; or the folder is none of ours.
    """
    if store.exists() and any(store.iterdir()) and not (store / "registry.json").is_file():
        raise AuditError(
            "holds other files, and is not overwritten",
            where=f"{store} (artifacts.store)",
            mend="name an empty folder",
        )
    server = TrackingServer(model.tracking_uri)
    versions = {check_id(str(v["version"])): v for v in _versions(server, model.model)}
    registered = server.get("mlflow/registered-models/get", name=model.model)
    listed = registered.get("registered_model", {}).get("aliases", [])
    aliases = {str(alias["alias"]): str(alias["version"]) for alias in listed}
    store.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.parent, prefix=".pull-") as scratch:
        copied = Path(scratch) / "store"
        copied.mkdir()
        rows = []
        for version, record in sorted(versions.items(), key=lambda v: (len(v[0]), v[0])):
            rows.append(row(version, record, _run(server, str(record.get("run_id") or ""))))
            _files(server, model.model, version, record, copied / version, most_mb << 20)
        registry = {
            "model": model.model,
            "tracking_uri": model.tracking_uri,
            "versions": rows,
            "latest": aliases.get(model.latest) if model.latest else newest(versions),
            "champion": aliases.get(model.champion),
            "aliases": aliases,
        }
        write_whole(copied / "registry.json", json.dumps(registry, indent=2).encode())
        if store.exists():
            shutil.rmtree(store)
        copied.rename(store)
    return [str(r["version_id"]) for r in rows]


def _versions(server: TrackingServer, name: str) -> list[dict[str, Any]]:
    versions: list[dict[str, Any]] = []
    mark = "'" if '"' in name else '"'  # MLflow's filters know no escapes
    query = {"filter": f"name={mark}{name}{mark}", "max_results": "200"}
    while True:
        page = server.get("mlflow/model-versions/search", **query)
        versions += [v for v in page.get("model_versions", []) if v.get("name") == name]
        query["page_token"] = str(page.get("next_page_token") or "")
        if not query["page_token"]:
            return versions


def _run(server: TrackingServer, run_id: str) -> dict[str, dict[str, Any]]:
    if not run_id:
        return {}
    data = server.get("mlflow/runs/get", run_id=run_id).get("run", {}).get("data", {})
    return {
        kind: {str(e["key"]): e.get("value") for e in data.get(kind, [])}
        for kind in ("metrics", "params", "tags")
    }


def _files(
    server: TrackingServer, name: str, version: str, record: dict[str, Any], folder: Path, most: int
) -> None:
    """Every file of a version, by the artifact proxy or by those of its run."""
    answer = server.get("mlflow/model-versions/get-download-uri", name=name, version=version)
    uri = str(answer.get("artifact_uri") or record.get("source") or "")
    folder.mkdir()
    left = most
    for inner, path, query in _listing(server, uri, str(record.get("run_id") or "")):
        target = folder / _inside(inner)
        content = server.content(path, query, left)
        left -= len(content)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _listing(
    server: TrackingServer, uri: str, run_id: str
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Path within the version, path to ask for, and query of every file."""
    parts = urlsplit(uri)
    if parts.scheme == "mlflow-artifacts":
        base = parts.path.strip("/")
        for inner in _walk(server, "mlflow-artifacts/artifacts", base, {}):
            yield inner, f"/api/2.0/mlflow-artifacts/artifacts/{base}/{inner}", {}
        return
    tail = _below_run(uri, run_id)
    if tail is None:
        raise AuditError(
            f"the server does not serve the files of {uri}",
            where=f"{server.uri} (artifacts.mlflow.tracking_uri)",
            mend="serve artifacts (--serve-artifacts), or copy them beside a registry file",
        )
    for inner in _walk(server, "mlflow/artifacts/list", tail, {"run_id": run_id}):
        path = f"{tail}/{inner}" if tail else inner
        yield inner, "/get-artifact", {"path": path, "run_id": run_id}


def _below_run(uri: str, run_id: str) -> str | None:
    """Path within the artifacts of a run; None where the address is not below it."""
    path = urlsplit(uri).path
    if uri.startswith("runs:/"):
        return path.strip("/").partition("/")[2]
    _, artifacts, tail = path.partition(f"/{run_id}/artifacts")
    return tail.strip("/") if run_id and artifacts else None


def _walk(
    server: TrackingServer, path: str, base: str, query: dict[str, str], depth: int = 0
) -> Iterator[str]:
    """Files below a folder of artifacts, relative to it."""
    answer = server.get(path, **query, **({"path": base} if base else {}))
    for entry in answer.get("files", []):
        name = PurePosixPath(str(entry["path"])).name
        if not entry.get("is_dir"):
            yield name
        elif depth < _DEEPEST:
            below = f"{base}/{name}" if base else name
            yield from (f"{name}/{i}" for i in _walk(server, path, below, query, depth + 1))


def _inside(path: str) -> str:
    """A path that stays where it is put.

    Raises:
        AuditError: it leads out.
    """
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or path.startswith("/") or "\\" in path or "\0" in path:
        raise AuditError(f"the server names a file {path!r} that leads out of its folder")
    return path


def _credentials() -> dict[str, str]:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if token:
        return {"Authorization": f"Bearer {token}"}
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if user:
        both = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": "Basic " + base64.b64encode(both.encode()).decode()}
    return {}


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(4096)).get("message", error.reason))[:200]
    except (ValueError, AttributeError):
        return str(error.reason)
