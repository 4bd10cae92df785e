import hashlib

from pydantic import Field as Option

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.files import ANY, read_whole
from audit_lib.model import Evidence, Examined, Gap, Location, Severity
from audit_lib.probes.lifecycle.checksums import ALGORITHMS, Recorded, plain_digest, recorded
from audit_lib.subject.artifacts import Artifact
from audit_lib.subject.checkpoint_fields import field
from audit_lib.subject.source import matches


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
        Reads what stands at `artifacts.fields.checksums`, and any mapping of file names to digests
        in the registry's row or in a data file of the version or of the store's root, and lists
        as `sha256sum` writes them; computes the digests, compares. The file that holds the
        checksums need not be covered by itself.
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
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    pure = True

    ignore: tuple[str, ...] = Option((), description="globs of files that nothing loads")

    def run(self, subject: Subject) -> Answers:
        """Compare checksums with files, both ways."""
        declared = field(subject, "checksums")
        files = {a.path: a for a in subject.version_artifacts if self._counts(a.path)}
        if not files:
            raise NotAssessed(f"version {subject.version} has no files")
        checksums = recorded(subject)
        # Whoever holds the checksums cannot hold its own.
        holders = {r.location.path for r in checksums.values()} & set(files)
        itself = holders or {subject.metadata.path}
        yield Examined(len(files), "files")
        if not checksums:
            yield self.finding(
                declared.location,
                f"no checksum is recorded for any of the {len(files)} files of the version",
                measured="0 checksums",
                expected=f"{len(files)} checksums",
                key="none",
            )
            return
        rows: list[tuple[str, int | None, str]] = []
        for path, artifact in files.items():
            state = "itself" if path in itself and path not in checksums else ""
            if path in checksums:
                yield from self._compare(subject, artifact, checksums[path])
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
        for path, entry in checksums.items():
            if path not in files and self._counts(path):
                rows.append((path, None, "missing"))
                yield self.finding(
                    entry.location,
                    f"a checksum is recorded for {path}, which is not there",
                    measured="no such file",
                    expected=path,
                    key=f"missing {path}",
                    evidence=("files",),
                )
        yield Evidence("files", "Files and checksums", ("file", "bytes", "checksum"), tuple(rows))

    def _compare(self, subject: Subject, artifact: Artifact, entry: Recorded) -> Answers:
        plain = plain_digest(entry.digest)
        algorithm = ALGORITHMS.get(len(plain))
        if algorithm is None:
            yield Gap(artifact.path, f"the checksum {entry.digest[:20]!r} is of no known kind")
            return
        actual = artifact.sha256
        if algorithm != "sha256":
            content = read_whole(subject.store / artifact.path, most=ANY)
            actual = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        if actual != plain:
            yield self.finding(
                Location(artifact.path, base="artifacts"),
                f"{artifact.path} is not what its checksum in {entry.location} says",
                measured=actual[:16],
                expected=plain[:16],
                key="mismatch",
                severity=Severity.CRITICAL,
            )

    def _counts(self, path: str) -> bool:
        return not any(matches(path, glob) for glob in self.ignore)
