from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.subject.artifacts import Artifact, walk


class DifferentModelsDiffer(Check):
    """Files that are named as different models hold different bytes.

    What it checks
        That no two model files of the store under different names, or of different versions, are
        identical. Files without fitted numbers (an identity scaler) may be.
    Why it matters
        A copy under another name says that a training step was skipped and its place filled: the
        model of one regime serves in another, or a new version is the old one.
    How
        Groups files by SHA-256, and leaves out those that hold no arrays, no parameters and no
        feature names.
    Limitations
        Models that differ in a byte and answer the same are not seen.
    Remediation
        Leave out a model that was not trained, and let the loader say so, instead of storing a
        stand-in under its name.
    Sources
        None beyond the definition; SHA-256 is NIST FIPS 180-4.
    """

    code = "CHK008"
    severity = Severity.MEDIUM
    reads = Reads.ARTIFACTS
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Report groups of identical fitted files."""
        fitted = [a for a in subject.artifacts if a.sha256 and _is_fitted(a)]
        yield Examined(len(fitted), "fitted files")
        groups: dict[str, list[Artifact]] = {}
        for artifact in fitted:
            groups.setdefault(artifact.sha256, []).append(artifact)
        same = {digest: files for digest, files in groups.items() if len(files) > 1}
        for files in same.values():
            first, *others = sorted(files, key=lambda a: a.path)
            for other in others:
                yield self.finding(
                    Location(other.path, base="artifacts"),
                    f"{other.path} is byte for byte {first.path}",
                    measured=other.sha256[:16],
                    expected="different content",
                    key=first.path,
                    evidence=("same",),
                )
        if same:
            yield Evidence(
                "same",
                "Identical files",
                ("SHA-256", "bytes", "files"),
                tuple(
                    (digest[:16], files[0].size, ", ".join(sorted(a.path for a in files)))
                    for digest, files in same.items()
                ),
            )


def _is_fitted(artifact: Artifact) -> bool:
    if artifact.format.value in ("json", "yaml", "csv", "text", "empty", "json-lines"):
        return False
    numbers = (
        any(isinstance(value, float) for _, value in walk(artifact.document))
        if artifact.document is not None
        else False
    )
    return bool(artifact.arrays or artifact.feature_sets or artifact.parameters or numbers)
