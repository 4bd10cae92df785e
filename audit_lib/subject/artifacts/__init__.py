"""What is in an artifact store, read without executing any of it.

>>> from pathlib import Path
>>> from audit_lib.subject.artifacts import Safety, inventory
>>> refused = [a for a in inventory(Path("trained_models")) if a.safety.refused]  # doctest: +SKIP
"""

from audit_lib.subject.artifacts.artifact import (
    ArrayInfo,
    Artifact,
    Budget,
    Format,
    PointerError,
    Safety,
    SafetyReason,
    json_ready,
    resolve,
    summary,
    walk,
)
from audit_lib.subject.artifacts.own import ArtifactReader, Contents, readers_of
from audit_lib.subject.artifacts.store import inventory, read_artifact

__all__ = [
    "ArrayInfo", "Artifact", "ArtifactReader", "Budget", "Contents", "Format", "PointerError",
    "Safety", "SafetyReason", "inventory", "json_ready", "read_artifact", "readers_of", "resolve",
    "summary", "walk",
]  # fmt: skip
