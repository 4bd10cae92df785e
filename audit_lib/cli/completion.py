"""What a shell offers for subjects, versions and codes; nothing where none can be told."""

from pathlib import Path

import click

from audit_lib.errors import AuditError
from audit_lib.subject.subject import known_subjects, open_subject
from audit_lib.workspace import find_workspace


def subjects(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of the workspace's subjects."""
    try:
        return _beginning(known_subjects(_workspace(ctx)), incomplete)
    except AuditError:
        return []


def versions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Versions of the subject that stands before, and the words for some of them."""
    words = ["latest", "champion", "all"]
    try:
        root, place = ctx.params.get("root"), _workspace(ctx)
        # An option that lacks its value keeps click from giving the arguments their names.
        before = [ctx.params.get("subject"), *ctx.args]
        subject = open_subject(
            next((word for word in before if word in known_subjects(place)), ""),
            workspace=place,
            root=Path(root) if root else None,
        )
        words += subject.versions()
    except AuditError:
        pass
    return _beginning(words, incomplete)


def codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Codes of checks and names of hooks."""
    from audit_lib.checks.catalogue import all_checks
    from audit_lib.hooks import HOOKS

    return _beginning([*(check.code for check in all_checks()), *HOOKS], incomplete)


def _workspace(ctx: click.Context) -> Path:
    named = ctx.params.get("workspace")
    return find_workspace(Path(named) if named else None)


def _beginning(words: list[str], incomplete: str) -> list[str]:
    return [word for word in words if word.lower().startswith(incomplete.lower())]
