"""State on disk: scratch copies of a store, damaged on purpose, and what a hook wrote.

Only copies are ever touched.  A hook that is asked about a damaged copy must refuse; answering
from elsewhere is substitution.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit_lib.errors import NotAssessed
from audit_lib.files import ANY, digest_of, read_whole
from audit_lib.subject.subject import Subject

MEGABYTE = 1 << 20


def tree_digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its POSIX path; links by what they point to."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            digests[name] = f"link {path.readlink()}"
        elif path.is_file():
            digests[name] = digest_of(path)
    return digests


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Paths that were added, removed or rewritten."""
    return sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))


@dataclass
class ScratchStore:
    """A copy of the artifact store that is mended, or copied anew, after each damage.

    Attributes:
        subject: whose store it is.
        store: the copy; hand it to ``Hook.on``.
    """

    subject: Subject
    store: Path
    _whole: dict[str, str]

    @classmethod
    def of(cls, subject: Subject, *, limit_mb: int) -> ScratchStore:
        """Copy the subject's store.

        Raises:
            NotAssessed: the store is larger than ``limit_mb``.
        """
        size = sum(p.stat().st_size for p in subject.store.rglob("*") if p.is_file())
        if size > limit_mb * MEGABYTE:
            raise NotAssessed(
                f"the store holds {size / MEGABYTE:.0f} MB; a scratch copy may hold {limit_mb} "
                "(option store_mb)"
            )
        store = subject.scratch_store()
        return cls(subject, store, tree_digest(store))

    @contextmanager
    def damaged(self, path: Path, how: str, *, other: Path | None = None) -> Iterator[Path]:
        """The store with one file or folder damaged; whole again afterwards.

        Args:
            path: relative to the store.
            how: ``flip``, ``truncate``, ``delete``, ``empty`` or ``swap`` (for ``other``).
        """
        target = self.store / path
        backup = self.store.with_name(self.store.name + ".kept")
        if target.is_dir():
            shutil.copytree(target, backup, symlinks=True)
        else:
            shutil.copy2(target, backup)
        try:
            _damage(target, how, other)
            yield self.store
        finally:
            _remove(target)
            backup.rename(target)
            if tree_digest(self.store) != self._whole:
                self.store = self.subject.scratch_store()

    def version_folder(self, version: str) -> Path:
        """Folder of a version, relative to the store."""
        folder = self.subject.at(version).version_folder
        return folder.relative_to(self.subject.store)

    def version_files(self, version: str) -> list[Path]:
        """Files of a version, relative to the store.

        Raises:
            NotAssessed: the version has no folder of its own, or it is empty.
        """
        folder = self.version_folder(version)
        if folder == Path():
            raise NotAssessed("versions have no folders of their own (artifacts.version_dir)")
        files = sorted(p for p in (self.store / folder).rglob("*") if p.is_file())
        if not files:
            raise NotAssessed(f"version {version} has no files in {folder}")
        return [p.relative_to(self.store) for p in files]


def _damage(target: Path, how: str, other: Path | None) -> None:
    if how == "delete":
        _remove(target)
    elif how == "swap":
        assert other is not None
        shutil.copyfile(other, target)
    else:
        content = bytearray(read_whole(target, most=ANY))
        target.write_bytes(_spoilt(content, how))


def _spoilt(content: bytearray, how: str) -> bytes:
    if how == "empty":
        return b""
    if how == "truncate":
        return bytes(content[: len(content) // 2])
    share = {"flip": 0.5, "flip early": 0.2, "flip late": 0.8}[how]
    if content:
        # the lowest bit keeps letters letters and digits digits, so that text still parses
        content[int(len(content) * share)] ^= 1
    return bytes(content)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
