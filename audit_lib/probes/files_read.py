"""Data files that a builder reads beside its panel, where no probe can move what they hold."""

from __future__ import annotations

from fnmatch import fnmatchcase

from audit_lib.subject.subject import Subject

MEND = "say under `files` in subject.yaml when what stands in it is known"


def undeclared(subject: Subject, hook: str) -> list[str]:
    """Files that calls of a hook read so far, and of which nobody says when they are known."""
    declared = subject.parameters.files
    return [
        path
        for path in subject.opened(hook)
        if not any(fnmatchcase(path, glob) for glob in declared)
    ]
