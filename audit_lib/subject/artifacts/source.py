"""Opening a file of a store: once, read-only, never through a surprise."""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from audit_lib import files

_HEAD = 8192


@dataclass
class Source:
    """An open file with its first bytes and its digest.

    Attributes:
        path: where it is; used for its name and its neighbours, never opened again.
        name: relative POSIX path.
        handle: open for reading, seekable.
        size: bytes.
        head: the first bytes, at most 8 KiB.
        sha256: hex digest of all bytes.
    """

    path: Path
    name: str
    handle: io.BufferedIOBase
    size: int
    sha256: str
    head: bytes
    _before: tuple[int, int] = field(default=(0, 0), repr=False)

    @property
    def on_disk(self) -> bool:
        """False for a member of an archive."""
        return bool(self._before[1])

    def everything(self) -> bytes:
        """All bytes of the file."""
        self.handle.seek(0)
        return self.handle.read()

    def tail(self, count: int) -> bytes:
        """The last bytes."""
        self.handle.seek(max(0, self.size - count))
        return self.handle.read(count)

    def changed(self) -> bool:
        """True if somebody wrote to the file since it was opened."""
        if not self.on_disk:
            return False
        return _stamp(os.fstat(self.handle.fileno())) != self._before


@contextmanager
def opened(path: Path, name: str) -> Iterator[Source]:
    """Open a regular file and hash it.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    with files.opened(path) as handle:
        status = os.fstat(handle.fileno())
        head = handle.read(_HEAD)
        handle.seek(0)
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        size = handle.tell()
        handle.seek(0)
        yield Source(path, name, handle, size, sha256, head, _stamp(status))


def in_memory(content: bytes, name: str) -> Source:
    """A source over bytes that are at hand (a member of an archive)."""
    digest = hashlib.sha256(content).hexdigest()
    return Source(Path(name), name, io.BytesIO(content), len(content), digest, content[:_HEAD])


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
