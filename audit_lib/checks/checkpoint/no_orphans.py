from pydantic import Field as Option

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.subject.artifacts import Artifact, Format
from audit_lib.subject.source import matches

#: Formats that hold a model or fitted state, as opposed to notes and tables.
MODEL_FORMATS = frozenset(
    {Format.PICKLE, Format.JOBLIB, Format.NPY, Format.NPZ, Format.TORCH, Format.TORCH_LEGACY,
     Format.TORCHSCRIPT, Format.SKOPS, Format.KERAS, Format.SAFETENSORS, Format.ONNX,
     Format.LIGHTGBM, Format.XGBOOST_JSON, Format.XGBOOST_UBJ, Format.OWN}
)  # fmt: skip


class NoOrphanArtifacts(Check):
    """Every model in the store belongs to a version that the registry knows.

    What it checks
        That each file of the store that holds a model or fitted state stands in the folder of a
        registered version.
    Why it matters
        Loaders that cannot find a version look for "the" model beside it. A file that nobody
        registered has no metrics, no approval and no checksum, and may still be the one that
        trades.
    How
        Classifies every file by content and compares its place with the folders of the registered
        versions. Files are reported together by folder.
    Limitations
        That a loader falls back to such a file is a matter of behaviour (VER checks). Shared parts
        that are meant to stand outside of versions can be named in `shared`.
    Remediation
        Move the files into a registered version, or remove them from the store.
    Sources
        Board of Governors of the Federal Reserve System, SR 11-7 (2011), section VI, on model
        inventories.
    """

    code = "CHK007"
    severity = Severity.MEDIUM
    reads = Reads.ARTIFACTS
    pure = True

    shared: tuple[str, ...] = Option((), description="globs of files that belong to no version")

    def run(self, subject: Subject) -> Answers:
        """Group unregistered model files by folder."""
        if subject.layout.is_mlflow_file_store:
            raise NotApplicable("runs of MLflow that no version came from are experiments")
        above = tuple(f"{subject.folder_of(v).rstrip('/')}/" for v in subject.registry.rows)
        models = [a for a in subject.artifacts if a.format in MODEL_FORMATS]
        yield Examined(len(models), "model files")
        if "./" in above or "/" in above:
            return
        stray: dict[str, list[Artifact]] = {}
        for artifact in models:
            inside = artifact.path.startswith(above)
            if not inside and not any(matches(artifact.path, glob) for glob in self.shared):
                stray.setdefault(artifact.path.rpartition("/")[0], []).append(artifact)
        for folder, files in sorted(stray.items()):
            shown = ", ".join(a.path.rpartition("/")[2] for a in files[:4])
            more = f" and {len(files) - 4} more" if len(files) > 4 else ""
            yield self.finding(
                Location(folder or ".", base="artifacts"),
                f"{len(files)} model file{'s' * (len(files) > 1)} in "
                f"{folder or 'the root of the store'} belong{'s' * (len(files) == 1)} to no "
                f"registered version: {shown}{more}",
                measured=f"{len(files)} files",
                expected="0 files",
                key="orphans",
                evidence=("orphans",),
            )
        if stray:
            yield Evidence(
                "orphans",
                "Model files outside of registered versions",
                ("file", "format", "bytes", "SHA-256"),
                tuple(
                    (a.path, a.kind, a.size, a.sha256) for files in stray.values() for a in files
                ),
            )
