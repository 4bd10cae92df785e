"""Reading a file, or every file of a store, as artifacts."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from audit_lib.errors import AuditError
from audit_lib.subject.artifacts import readers
from audit_lib.subject.artifacts.artifact import Artifact, Budget, Format, printable
from audit_lib.subject.artifacts.draft import Draft
from audit_lib.subject.artifacts.own import ArtifactReader
from audit_lib.subject.artifacts.source import opened

_DEFAULT = Budget()


def inventory(store: Path, *, readers: Sequence[ArtifactReader] = ()) -> tuple[Artifact, ...]:
    """Every file below a folder, sorted by relative path; nothing is executed or followed out.

    A link to a file within the store is read as that file; any other link, and everything that
    is no regular file, is listed and refused.  A file that cannot be read is listed, too.

    Args:
        store: a folder, or a single file (then one artifact with its bare name).
        readers: of one's own, for files that the workbook's cannot tell.

    Raises:
        AuditError: there is no such file or folder, or the folder cannot be listed.
    """
    if not store.exists():
        raise AuditError("no such file or folder", where=str(store), mend="check the path")
    if not store.is_dir():
        return (read_artifact(store, readers=readers),)
    own = tuple(readers)
    files = sorted(_files(store), key=lambda path: path.relative_to(store).as_posix())
    return tuple(_read(path, store, Draft(_DEFAULT, own=own)) for path in files)


def read_artifact(
    path: Path,
    *,
    relative_to: Path | None = None,
    budget: Budget = _DEFAULT,
    trusted: Iterable[str] = (),
    readers: Sequence[ArtifactReader] = (),
) -> Artifact:
    """Read one file without executing it.

    Args:
        path: the file; links are followed, since it was named.
        relative_to: folder that the artifact's path is relative to; without it, its bare name.
        budget: what it may cost.
        trusted: classes (``module.name``) of the subject's own that it vouches for: building one
            without arguments and giving it attributes does nothing else.
        readers: see :func:`inventory`.

    Raises:
        AuditError: there is no such file, or it is a folder.
    """
    if path.is_dir():
        raise AuditError(
            "this is a folder", where=str(path), mend="call inventory() to read a folder"
        )
    if not path.exists():
        raise AuditError("no such file", where=str(path), mend="check the path")
    draft = Draft(budget, frozenset(trusted), own=tuple(readers))
    return _read(path, relative_to or path.parent, draft, named=True)


def _files(store: Path) -> Iterator[Path]:
    def unlisted(error: OSError) -> None:
        raise AuditError(
            f"cannot list this folder ({error.strerror})",
            where=str(error.filename),
            mend="give the audit read access to the whole store",
        )

    for folder, folders, names in os.walk(store, onerror=unlisted):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        yield from (Path(folder, name) for name in [*names, *links])


def _read(path: Path, store: Path, draft: Draft, *, named: bool = False) -> Artifact:
    name = _shown(path, store)
    try:
        if not named and _leads_out(path, store, draft):
            return draft.finish(name, 0, "")
        if not stat.S_ISREG(path.stat().st_mode):
            draft.format = Format.SPECIAL
            draft.refuse("not a regular file (a device, pipe or socket); it was not opened")
            return draft.finish(name, 0, "")
        with opened(path, name) as source:
            try:
                readers.read(source, draft)
            except Exception as error:  # noqa: BLE001 - one file must not end the inventory
                why = f"the reader failed ({type(error).__name__}); please report it"
                draft.problem(why)
                draft.refuse(why)
            if source.changed():
                draft.refuse(
                    "the file changed while it was read, so digest and content may disagree"
                )
            return draft.finish(name, source.size, source.sha256)
    except OSError as error:
        draft.format = Format.UNREADABLE
        draft.refuse(f"cannot be read: {error.strerror or error}")
        return draft.finish(name, 0, "")


def _leads_out(path: Path, store: Path, draft: Draft) -> bool:
    """True for a link that must not be followed; what it is, is noted."""
    if not path.is_symlink():
        return False
    real, top = path.resolve(), store.resolve()
    inside = real.is_relative_to(top)
    if real.is_file() and inside:
        draft.note(f"a link to {_shown(real, top)}")
        return False
    draft.format = Format.LINK
    draft.document = {"target": printable(os.readlink(path))}
    if real.is_dir() and inside:
        draft.note("a link to a folder of the store; its files are listed there")
    elif not real.exists():
        draft.problem("a link to nothing")
    else:
        draft.refuse("a link that leaves the store; it was not followed")
    return True


def _shown(path: Path, store: Path) -> str:
    inside = path.is_relative_to(store)
    return printable(path.relative_to(store).as_posix() if inside else path.name)
