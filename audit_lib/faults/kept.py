"""What was proved before: kept beside a version's runs, good while nothing has changed since."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from audit_lib.faults.catalogue import all_faults
from audit_lib.faults.harmless import harmless
from audit_lib.faults.sensitivity import NAME, Sensitivity, read
from audit_lib.files import write_whole
from audit_lib.memory import cache_folder, library_digest, own_places
from audit_lib.subject.digest import subject_held
from audit_lib.subject.subject import Subject

__all__ = ["NAME", "read", "state_of", "write"]


def state_of(subject: Subject) -> str:
    """Digest of all that a proof rests on: source, artifacts, hooks, parameters and this library.

    Returns:
        hex digits; '' where the subject is too large to be hashed.
    """
    trees = subject_held(subject, but=own_places(subject, cache_folder(subject))).whole
    parts = json.dumps([trees, library_digest(), subject.version])
    return hashlib.sha256(parts.encode()).hexdigest() if trees else ""


def write(file: Path, result: Sensitivity) -> None:
    """Write a proof, whole or as far as it has come; what is left is counted over all faults."""
    every = {f.name for f in (*all_faults(), *harmless())}
    settled = {p.fault for p in (*result.plantings, *result.accused)}
    left = len(every - settled - {*result.quiet, *result.idle})
    data = replace(result, left=left).as_data()
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    write_whole(file, text.encode("utf-8"))
