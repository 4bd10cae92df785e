"""Which version a request gets."""

import json
from pathlib import Path


class RefusedError(ValueError):
    """The engine declines, on purpose."""


def _table(store: Path) -> dict:
    try:
        return json.loads((store / "registry.json").read_text())
    except (OSError, ValueError) as error:
        raise RefusedError(f"the registry cannot be read: {error}") from error


def row(store: Path, version: str) -> dict:
    """What the registry says of a version."""
    for found in _table(store)["versions"]:
        if found["version_id"] == version:
            return found
    raise RefusedError(f"no version {version}")


def resolve(store: Path, request: str | None) -> str:
    """The id of the version that is asked for; the latest, where none is named."""
    table = _table(store)
    wanted = "latest" if request is None else request
    if wanted in ("latest", "champion"):
        wanted = table[wanted]
    for name in row(store, wanted)["sha256"]:
        if not (store / wanted / name).is_file():
            raise RefusedError(f"{wanted}/{name} is gone")
    return wanted
