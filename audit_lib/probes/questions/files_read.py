"""Data files that a builder reads beside its panel, where no probe can move what they hold."""

import os
from contextlib import suppress
from fnmatch import fnmatchcase

from audit_lib.errors import NotAssessed
from audit_lib.subject.subject import Subject

MEND = "say under `files` in subject.yaml when what stands in it is known"


def undeclared(subject: Subject, hook: str) -> list[str]:
    """Files that calls of a hook read so far, and of which nobody says when they are known.

    Artifacts are left out: they are the version's, and no market data.
    """
    declared = subject.parameters.files
    store = ""
    with suppress(NotAssessed):
        store = os.path.join(os.path.realpath(subject.store), "")
    return [
        path
        for path in subject.opened(hook)
        if not any(fnmatchcase(path, glob) for glob in declared)
        and not (store and os.path.realpath(subject.root / path).startswith(store))
    ]
