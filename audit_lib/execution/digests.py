"""What the subject is before and after a run, and what the run itself writes beside it.

A workspace may stand inside the repository that it audits.  What the workbook writes there is no
change of the subject; whatever else is written voids the run.
"""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from audit_lib.errors import NotAssessed, RunError, refused
from audit_lib.host.digest import TreeDigest, tree_digest
from audit_lib.memory import cache_folder
from audit_lib.subject.subject import Subject, known_subjects

_SAID = 3


def own_places(
    reports: Path, workspace: Path, subject: Subject, others: Iterable[str] = ()
) -> tuple[Path, ...]:
    """Folders that a run writes to, made where they are missing, and the index of all reports.

    Args:
        reports: where runs are kept.
        workspace: its subjects have folders there too.
        subject: what is audited.
        others: names of subjects that are audited along with it.

    Raises:
        RunError: they cannot be made, or hold what is audited.
    """
    names = dict.fromkeys([subject.name, *others, *known_subjects(workspace)])
    cache = cache_folder(subject)
    places = [reports / name for name in names] + ([cache] if cache else [])
    for place in places:
        _refuse_audited(place, subject)
        if place == cache or place.name == subject.name:
            mend = "name a folder that can be written to as --reports"
            with refused(RunError, "cannot be made", where=place, mend=mend):
                place.mkdir(parents=True, exist_ok=True)
    return (*places, reports / "index.html")


def digests(subject: Subject, places: Iterable[Path]) -> dict[str, TreeDigest]:
    """Of the source tree and of the artifact store, metadata included, without own places."""
    listed = tuple(places)
    trees = {"source": _digest(subject.root, listed)}
    try:
        store = subject.store
    except NotAssessed:
        return trees
    if not store.is_relative_to(subject.root):
        trees["artifacts"] = _digest(store, listed)
    return trees


def changes(before: dict[str, TreeDigest], after: dict[str, TreeDigest]) -> str:
    """What differs, in words; '' where nothing does."""
    parts = []
    for name, tree in before.items():
        if tree == after.get(name):
            continue
        lines = tree.changes(after[name]) if name in after else ["gone"]
        more = f", and {len(lines) - _SAID} more" if len(lines) > _SAID else ""
        parts.append(f"{name} ({', '.join(lines[:_SAID])}{more})")
    return " and the ".join(parts)


def joined(trees: dict[str, TreeDigest]) -> str:
    """Digests as one text."""
    return " ".join(f"{name}:{tree.sha256}" for name, tree in trees.items())


def _digest(top: Path, places: tuple[Path, ...]) -> TreeDigest:
    real = Path(os.path.realpath(top))
    inside = [
        p.relative_to(real).as_posix()
        for p in (Path(os.path.realpath(place)) for place in places)
        if p.is_relative_to(real)
    ]
    above = {os.path.dirname(path) or "." for path in inside}
    ignored = [glob.escape(path) for path in inside]
    # Files are written under a name of their own first.
    ignored += [
        glob.escape(os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.")) + "*"
        for path in inside
    ]
    return tree_digest(top, ignore=ignored, untimed=above)


def _refuse_audited(place: Path, subject: Subject) -> None:
    real = Path(os.path.realpath(place))
    root = Path(os.path.realpath(subject.root))
    mend = "name a folder of its own as --reports"
    if root.is_relative_to(real) or any(
        Path(os.path.realpath(f.file)).is_relative_to(real)
        for f in (subject.source.files if real.is_relative_to(root) else ())
    ):
        raise RunError("holds source that is audited", where=str(place), mend=mend)
    try:
        store = Path(os.path.realpath(subject.store))
    except NotAssessed:
        return
    if store.is_relative_to(real) or real.is_relative_to(store):
        raise RunError("and the artifact store lie in one another", where=str(place), mend=mend)
