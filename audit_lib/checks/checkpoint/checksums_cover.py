"""CHK002."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field as Option

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Gap, Location, Severity, Task
from audit_lib.probes.checkpoint_fields import field
from audit_lib.subject.artifacts import Artifact
from audit_lib.subject.source import matches
from audit_lib.subject.subject import Subject

_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}


class ChecksumsCoverTheFiles(Check):
    """The recorded checksums cover exactly the files of the version, and match.

    What it checks
        Every file of the version has a recorded checksum that fits its bytes; every checksum has a
        file. The metadata file itself must be covered by the registry's row where that keeps
        checksums.
    Why it matters
        A file without a checksum can be swapped for another and nobody notices. A checksum of a
        file that is not there means that something was removed or never written.
    How
        Reads the mapping at `artifacts.fields.checksums` and any mapping of file names to digests
        in the registry's row, computes the digests, compares.
    Limitations
        Whether the loader verifies them is a matter of behaviour (CHK102). Whoever can change files
        and checksums together is not stopped by checksums.
    Remediation
        Write a SHA-256 of every file into the metadata when the version is saved, and verify it on
        load.
    Sources
        NIST FIPS 180-4; SLSA v1.0, verifying artifacts.
    """

    code = "CHK002"
    contract = Contract.CHECKPOINT
    task = Task.T1
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    pure = True

    ignore: tuple[str, ...] = Option((), description="globs of files that nothing loads")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Compare checksums with files, both ways."""
        found = field(subject, "checksums")
        files = {a.path: a for a in subject.version_artifacts if self._counts(a.path)}
        if not files:
            raise NotAssessed(f"version {subject.version} has no files")
        folder = subject.version_folder.relative_to(subject.store)
        metadata = subject.metadata.path
        recorded = {
            (folder / name).as_posix(): (digest, found.location)
            for name, digest in _digests(found.value).items()
        }
        for name, entry in _row_digests(subject, {PurePosixPath(p).name for p in files}).items():
            recorded.setdefault((folder / name).as_posix(), entry)
        yield Examined(len(files), "files")
        if not recorded:
            yield self.finding(
                found.location,
                f"no checksum is recorded for any of the {len(files)} files of the version",
                measured="0 checksums",
                expected=f"{len(files)} checksums",
                key="none",
            )
            return
        rows: list[tuple[str, int | None, str]] = []
        for path, artifact in files.items():
            state = "itself" if path == metadata and path not in recorded else ""
            if path in recorded:
                yield from self._compare(subject, artifact, *recorded[path])
                state = "covered"
            elif not state:
                state = "not covered"
                yield self.finding(
                    Location(path, base="artifacts"),
                    f"no checksum covers {path}",
                    measured="no checksum",
                    expected="a checksum",
                    key="uncovered",
                    evidence=("files",),
                )
            rows.append((path, artifact.size, state))
        for path, (_, location) in recorded.items():
            if path not in files:
                rows.append((path, None, "missing"))
                yield self.finding(
                    location,
                    f"a checksum is recorded for {path}, which is not there",
                    measured="no such file",
                    expected=path,
                    key=f"missing {path}",
                    evidence=("files",),
                )
        yield Evidence("files", "Files and checksums", ("file", "bytes", "checksum"), tuple(rows))

    def _compare(
        self, subject: Subject, artifact: Artifact, digest: str, location: Location
    ) -> Iterator[Answer]:
        plain = digest.lower().rpartition(":")[2]
        algorithm = _ALGORITHMS.get(len(plain))
        if algorithm is None:
            yield Gap(artifact.path, f"the checksum {digest[:20]!r} is of no known kind")
            return
        actual = artifact.sha256
        if algorithm != "sha256":
            content = (subject.store / artifact.path).read_bytes()
            actual = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        if actual != plain:
            yield self.finding(
                Location(artifact.path, base="artifacts"),
                f"{artifact.path} is not what its checksum in {location} says",
                measured=actual[:16],
                expected=plain[:16],
                key="mismatch",
                severity=Severity.CRITICAL,
            )

    def _counts(self, path: str) -> bool:
        return not any(matches(path, glob) for glob in self.ignore)


def _digests(value: Any) -> dict[str, str]:
    """File name to digest, from a mapping, or from a list of mappings with path and digest."""
    if isinstance(value, Mapping):
        return {
            str(name): digest
            for name, entry in value.items()
            if (digest := entry if isinstance(entry, str) else _digest_in(entry))
        }
    found = {}
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, Mapping):
            name = next((entry[k] for k in ("path", "file", "name") if k in entry), None)
            if isinstance(name, str) and (digest := _digest_in(entry)):
                found[name] = digest
    return found


def _digest_in(entry: Any) -> str:
    if isinstance(entry, Mapping):
        for key in ("sha256", "digest", "checksum", "hash", "sha1", "md5", "sha512"):
            if isinstance(entry.get(key), str):
                return str(entry[key])
    return ""


def _row_digests(subject: Subject, names: set[str]) -> dict[str, tuple[str, Location]]:
    """Digests that the registry's row keeps for files of the version."""
    try:
        registry = subject.registry
    except NotAssessed:
        return {}
    row = registry.rows.get(subject.version)
    found: dict[str, tuple[str, Location]] = {}
    for key, value in row.items() if isinstance(row, Mapping) else ():
        digests = _digests(value)
        if names & set(digests):
            where = registry.document.location(registry.pointer(subject.version), str(key))
            found.update({name: (digest, where) for name, digest in digests.items()})
    return found
