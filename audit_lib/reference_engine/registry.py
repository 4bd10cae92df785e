"""The registry of versions: one JSON file that says what is in the store, and who is who.

* A request for a version gets that version or a refusal, never another one.
* A request for nothing in particular gets the champion, or a refusal if the chair is empty.
* A version is immutable: its id is taken for good while it is registered.
* ``latest`` is the last *released* version; candidates are kept apart and lead to nothing.
* Retention keeps the newest :data:`KEPT` released versions, as many candidates, and the champion;
  older ones go, and a request for one of them is refused.

Every operation reads the file anew and every change is made under a lock and written atomically,
so two handles agree and concurrent writers lose nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checkpoint import META, Checkpoint
from .errors import ArtifactRefused, RegistryRefused
from .files import from_json, read_verified, to_json, write_atomically
from .governance import CANDIDATE_STAGE, RELEASED_STAGE, should_promote

SCHEMA_VERSION = 1
FILE, LOCK = "registry.json", "registry.lock"
KEPT = 8  # versions of each stage; the champion stays even if it is older
LOCK_SECONDS = 20.0
VERSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = ("latest", "champion")


@dataclass(frozen=True)
class Resolution:
    """What a request got.

    Attributes:
        version: the version's id.
        folder: its folder.
        files: file name to SHA-256 of what a load reads; None where no checksum is known.
        stage: ``released`` or ``candidate``.
    """

    version: str
    folder: Path
    files: dict[str, str | None]
    stage: str


class Registry:
    """A handle on the registry of one store.

    Args:
        store: folder that holds ``registry.json`` and one folder a version.
    """

    def __init__(self, store: Path) -> None:
        self.store = store

    def versions(self) -> list[str]:
        """Ids of all registered versions, oldest registration first."""
        return [row["version_id"] for row in self._read()["versions"]]

    def pointer(self, name: str) -> str | None:
        """The id that ``latest`` or ``champion`` points to; None if it points nowhere."""
        found = self._read()[name]
        return None if found is None else str(found)

    def metrics(self, version: str) -> dict[str, float]:
        """The metrics a version was registered with.

        Raises:
            RegistryRefused: it is not registered.
        """
        return dict(_row(self._read(), version)["metrics"])

    def resolve(self, request: str | None = None) -> Resolution:
        """Find what a request gets, and verify its files.

        Args:
            request: a version id, ``"latest"``, ``"champion"``, or None for the champion.

        Raises:
            RegistryRefused: no such version, or the pointer asked for points nowhere.
            ArtifactRefused: a file is missing, altered or unknown.
        """
        data = self._read()
        version = request
        if request is None or request in RESERVED:
            version = data[request or "champion"]
            if version is None:
                raise RegistryRefused(f"no version is {request or 'champion'}")
        row = _row(data, str(version))
        folder = self.store / row["version_id"]
        files: dict[str, str | None] = dict(row["files"])
        present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        unknown = sorted(present - set(files))
        if unknown and row["stage"] != CANDIDATE_STAGE:
            raise ArtifactRefused(f"{folder.name}: no checksum covers {unknown}")
        files.update(dict.fromkeys(unknown))
        for name, expected in files.items():
            read_verified(folder / name, expected)
        return Resolution(row["version_id"], folder, files, row["stage"])

    def load(self, request: str | None = None) -> Checkpoint:
        """Resolve a request and load its checkpoint.

        Raises:
            RegistryRefused, ArtifactRefused: as :meth:`resolve`, or the checkpoint breaks its
                contract (a candidate may, so that it can be evaluated).
        """
        found = self.resolve(request)
        checkpoint = Checkpoint.load(found.folder, candidate=found.stage == CANDIDATE_STAGE)
        if checkpoint.version != found.version:
            raise ArtifactRefused(f"{found.version}/{META} is of version {checkpoint.version}")
        return checkpoint

    def publish(
        self,
        checkpoint: Checkpoint,
        metrics: Mapping[str, float] | None = None,
        stage: str = RELEASED_STAGE,
    ) -> None:
        """Save a checkpoint into the store and register it; a released one becomes ``latest``.

        Raises:
            RegistryRefused: the id is taken or unusable, or the lock is held too long.
            ArtifactRefused: a release that does not keep its contract.
        """
        version = checkpoint.version
        if not VERSION_ID.fullmatch(version) or ".." in version or version in RESERVED:
            raise RegistryRefused(f"{version!r} cannot be a version id")
        problems = checkpoint.contract_problems() if stage == RELEASED_STAGE else []
        if problems:
            raise ArtifactRefused(f"{version} cannot be released: {'; '.join(problems)}")
        with self._changing() as data:
            if any(row["version_id"] == version for row in data["versions"]):
                raise RegistryRefused(f"version {version!r} is registered and cannot be replaced")
            folder = self.store / version
            staged = self.store / f".{version}.{os.getpid()}"
            files = checkpoint.save(staged)
            if folder.exists():  # left by a writer that died before it registered
                shutil.rmtree(folder)
            staged.replace(folder)
            data["versions"].append(
                {
                    "version_id": version,
                    "stage": stage,
                    "created": checkpoint.created,
                    "metrics": dict(checkpoint.metrics if metrics is None else metrics),
                    "files": files,
                }
            )
            if stage == RELEASED_STAGE:
                data["latest"] = version
        self._retire()

    def promote(self, version: str) -> bool:
        """Put a version into the champion's chair if governance says so.

        Returns:
            Whether the version is champion now because of this call.

        Raises:
            RegistryRefused: the version is not registered, or is a candidate.
        """
        with self._changing() as data:
            row = _row(data, version)
            if row["stage"] == CANDIDATE_STAGE:
                raise RegistryRefused(f"{version!r} is a candidate: release it first")
            champion = data["champion"]
            held = None if champion is None else _row(data, champion)["metrics"]
            if champion == version or not should_promote(held, row["metrics"]):
                return False
            data["champion"] = version
            return True

    def _retire(self) -> None:
        with self._changing() as data:
            leaving: set[str] = set()
            for stage in (RELEASED_STAGE, CANDIDATE_STAGE):
                ids = [row["version_id"] for row in data["versions"] if row["stage"] == stage]
                leaving |= set(ids[:-KEPT]) - {data["champion"], data["latest"]}
            data["versions"] = [r for r in data["versions"] if r["version_id"] not in leaving]
        for version in leaving:
            shutil.rmtree(self.store / version, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        path = self.store / FILE
        if not path.exists():
            return {
                "schema_version": SCHEMA_VERSION,
                "latest": None,
                "champion": None,
                "versions": [],
            }
        data: dict[str, Any] = from_json(FILE, read_verified(path, None))
        if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
            raise RegistryRefused(f"{FILE} is not a registry of schema {SCHEMA_VERSION}")
        return data

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The registry's data under the lock; written back if the block ends well."""
        self.store.mkdir(parents=True, exist_ok=True)
        lock = self.store / LOCK
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                break
            except FileExistsError:
                if time.monotonic() > deadline:
                    raise RegistryRefused(
                        f"{lock.name} is held; delete it if no writer is running"
                    ) from None
                time.sleep(0.01)
        try:
            data = self._read()
            yield data
            write_atomically(self.store / FILE, to_json(data))
        finally:
            lock.unlink(missing_ok=True)


def _row(data: Mapping[str, Any], version: str) -> dict[str, Any]:
    for row in data["versions"]:
        if row["version_id"] == version:
            return dict(row)
    known = [row["version_id"] for row in data["versions"]]
    raise RegistryRefused(f"version {version!r} is not registered; registered: {known}")
