"""The subject's registry and a version's metadata, read as plain data."""

import re
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from audit_lib.errors import NoRegistry, NotAssessed, VersionError
from audit_lib.subject.documents import Document, read_document
from audit_lib.subject.keys import Key, filled
from audit_lib.subject.parameters import Artifacts, MlflowModel
from audit_lib.subject.pointers import MISSING, pointer_to

SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}")


@dataclass(frozen=True)
class Registry:
    """What the registry file says.

    Attributes:
        document: the parsed file.
        rows: version id to its row, in file order.
        pointers: version id to the JSON pointer of its row.
        latest: id that ``latest`` points to, or None.
        champion: id that ``champion`` points to, or None.
        roles: ``latest`` and ``champion`` to the references that were followed.
        folders: version id to its folder in the store, where no layout says it.
    """

    document: Document
    rows: dict[str, Any]
    pointers: dict[str, str]
    latest: str | None
    champion: str | None
    roles: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def pointer(self, version: str) -> str:
        """JSON pointer of a version's row; '' where it has none."""
        return self.pointers.get(version, "")


def check_id(version: str) -> str:
    """The id itself, if it can safely name a folder.

    Raises:
        VersionError: it holds separators or other characters that a path must not.
    """
    if not SAFE_ID.fullmatch(version) or ".." in version:
        raise VersionError(
            f"version id {version!r} is not safe as a folder name",
            where="--version",
            mend="use letters, digits, '.', '_', '+', '-' only; `workbook list SUBJECT` shows ids",
        )
    return version


def read_registry(store: Path, artifacts: Artifacts, key: Key) -> Registry:
    """Read the registry file of a store.

    Args:
        key: what stands for ``{horizon}`` and the like in the pointers of roles.

    Raises:
        NoRegistry: the parameters say that there is none.
        NotAssessed: it is not there, or does not hold rows where the parameters say.
    """
    if artifacts.mlflow is not None and artifacts.is_mlflow_file_store:
        return _of_mlflow(store, artifacts.mlflow)
    layout = artifacts.registry
    if layout is None:
        raise NoRegistry
    if not (store / layout.file).exists():
        raise NotAssessed(
            f"artifacts file {layout.file} does not exist; where the store keeps no registry, "
            "write `registry: null` under `artifacts` in subject.yaml"
        )
    document = replace(
        read_document(store / layout.file, path=layout.file, base="artifacts"),
        beside=partial(_beside, store),
    )
    raw = document.get(layout.versions)
    if isinstance(raw, dict):
        entries = [(str(key), str(key), row) for key, row in raw.items()]
    elif isinstance(raw, list):
        entries = [(str(i), _identity(row, layout.id, i), row) for i, row in enumerate(raw)]
    else:
        raise NotAssessed(f"registry {layout.file} has no versions at {layout.versions!r}")
    rows = {version: row for _, version, row in entries}
    pointers = {version: layout.versions + pointer_to(token) for token, version, _ in entries}
    roles = {"latest": layout.latest or "", "champion": layout.champion or ""}
    roles = {role: filled(pointer, key) for role, pointer in roles.items()}
    latest, champion = (_text(document.get(pointer or None)) for pointer in roles.values())
    return Registry(document, rows, pointers, latest, champion, roles)


def _of_mlflow(store: Path, model: MlflowModel) -> Registry:
    from audit_lib.subject.mlflow import read_file_store
    from audit_lib.subject.mlflow_database import read_database

    listed = read_database(store, model) if model.database else read_file_store(store, model)
    latest, champion = listed.pointed(model.latest), listed.aliases.get(model.champion)
    data = {"versions": listed.rows, "latest": latest, "champion": champion}
    pointers = {version: pointer_to("versions", version) for version in listed.rows}
    document = Document(listed.place, "artifacts", data)
    roles = {"latest": "/latest", "champion": "/champion"}
    return Registry(document, dict(listed.rows), pointers, latest, champion, roles, listed.folders)


def _beside(store: Path, file: str) -> Document:
    """Another file of the store that a role leads into; one that is not there holds nothing."""
    if not (store / file).exists():
        return Document(file, "artifacts", MISSING)
    return read_document(store / file, path=file, base="artifacts")


def _identity(row: Any, key: str, position: int) -> str:
    identity = row.get(key) if isinstance(row, dict) else row
    return str(identity) if identity is not None else f"#{position}"


def _text(value: Any) -> str | None:
    """An id; YAML and TOML read one of digits alone as a number."""
    plain = isinstance(value, (str, int)) and not isinstance(value, bool)
    return str(value) if plain else None
