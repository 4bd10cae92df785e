"""What a gate leaves behind: a manifest for the trading log, and the metadata of the checkpoint.

The manifest says which version was let through, by which checks, on which bytes.  It is a record of
one gate and no packet: nobody signs it, and it proves no folder whole.
"""

from pathlib import Path
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.files import write_whole
from audit_lib.gates import GateResult
from audit_lib.model import CheckResult, Outcome
from audit_lib.packets.provenance import environment, packages
from audit_lib.reporters.json_report import dumps, plain
from audit_lib.subject.checkpoint_fields import field
from audit_lib.subject.parameters import CheckpointFields
from audit_lib.subject.subject import Subject

MANIFEST = "run_manifest.json"
CHECKPOINT = "checkpoint_metadata.json"
#: gates that leave records without being asked to
KEPT = ("live", "train")


def gate_manifest(
    result: GateResult, subject: Subject, *, started: str, ended: str, digests: dict[str, str]
) -> dict[str, Any]:
    """The manifest of a gate, as JSON data.

    Args:
        digests: SHA-256 of the subject's trees, by name.
    """
    return {
        "format": "gate-manifest/1",
        "gate": result.gate.name,
        "before": result.gate.before,
        "subject": subject.name,
        "version": result.version,
        "roles": _roles(subject),
        "revision": subject.revision,
        "started": started,
        "ended": ended,
        "verdict": result.verdict.value,
        "checks": [_check(r) for r in result.results],
        "digests": digests,
        "isolation": _isolation(subject, result),
        "environment": environment(),
        "packages": packages(),
    }


def checkpoint_metadata(subject: Subject) -> dict[str, Any]:
    """What the version's metadata says of its checkpoint, field by field, as JSON data.

    ``missing`` names the declared fields where nothing is.

    Raises:
        NotAssessed: the version has no metadata.
    """
    fields: dict[str, Any] = {}
    missing: dict[str, str] = {}
    sources: dict[str, str] = {}
    for name in CheckpointFields.model_fields:
        value = field(subject, name)
        if value.empty:
            missing[name] = value.pointer or "declared absent"
        else:
            fields[name] = value.value
            sources[name] = f"{value.location.path}#{value.pointer}"
    return {
        "format": "checkpoint-metadata/1",
        "subject": subject.name,
        "version": subject.version,
        "fields": plain(fields),
        "sources": sources,
        "missing": missing,
    }


def write_records(folder: Path, manifest: dict[str, Any], subject: Subject) -> list[Path]:
    """Write the manifest, and after training the checkpoint's metadata; the files written."""
    records: dict[str, dict[str, Any]] = {MANIFEST: manifest}
    if manifest["gate"] == "train":
        try:
            records[CHECKPOINT] = checkpoint_metadata(subject)
        except NotAssessed as error:
            manifest["checkpoint_metadata"] = f"not exported: {error}"
    for name, record in records.items():
        write_whole(folder / name, dumps(record).encode("utf-8"))
    return [folder / name for name in records]


def _check(result: CheckResult) -> dict[str, Any]:
    return {
        "code": result.code,
        "title": result.title,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "findings": [
            {
                "fingerprint": f.fingerprint,
                "severity": f.severity.label,
                "location": str(f.location),
                "message": f.message,
            }
            for f in result.findings
        ],
        "exempted": plain(result.exempted),
    }


def _roles(subject: Subject) -> list[str]:
    try:
        registry = subject.registry
    except NotAssessed:
        return []
    pointers = {"champion": registry.champion, "latest": registry.latest}
    return [role for role, pointed in pointers.items() if pointed == subject.version]


def _isolation(subject: Subject, result: GateResult) -> str:
    """The level under which hooks ran; '' where none was asked."""
    ran = any(
        r.outcome not in (Outcome.NOT_APPLICABLE, Outcome.NOT_ASSESSED) for r in result.results
    )
    return subject.isolation if ran and len(subject.hooks.lines) else ""
