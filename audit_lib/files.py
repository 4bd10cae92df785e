"""Reading a file that somebody else wrote, and writing one whole or not at all.

Every room reads and writes this one way: a name may lead to a device that never ends, to a pipe
that waits for a writer, or to more bytes than there is memory.
"""

import contextlib
import errno
import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: For files whose size is the subject's own matter, such as its models.
ANY = 1 << 62
#: Bytes of one file that are read into memory, unless its reader says otherwise.
MOST = 256 << 20
#: Bytes of a source file, and of the small texts that describe a project.
MOST_TEXT = 16 << 20
_CHUNK = 1 << 20


def read_whole(file: Path | str, *, most: int = MOST) -> bytes:
    """The bytes of a regular file; links are followed, devices and pipes are never opened.

    Raises:
        OSError: it is missing, cannot be read, is no regular file, or is larger than ``most``.
    """
    with opened(file) as handle:
        size = os.fstat(handle.fileno()).st_size
        if size <= most:
            content = handle.read(size + 1)
            # Files of the kernel have no size, and others grow while they are read.
            while len(content) <= most and (more := handle.read(min(_CHUNK, most))):
                content += more
            if len(content) <= most:
                return content
    raise _refused(file, errno.EFBIG, f"larger than the {most} bytes that are read of it")


@contextlib.contextmanager
def opened(file: Path | str) -> Iterator[io.BufferedReader]:
    """A regular file, open for reading.

    Raises:
        OSError: it is missing, cannot be read, or is no regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not stat.S_ISREG(os.stat(file).st_mode):  # opening some devices does something already
        raise _refused(file, errno.EISDIR if os.path.isdir(file) else errno.EINVAL)
    with open(os.open(file, flags | getattr(os, "O_NOCTTY", 0)), "rb") as handle:
        if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            raise _refused(file, errno.EINVAL)
        yield handle


def read_words(
    file: Path | str, *, encoding: str = "utf-8", errors: str = "strict", most: int = MOST
) -> str:
    r"""The text of a regular file, its line ends as ``\n``.

    Raises:
        OSError: see :func:`read_whole`.
        UnicodeDecodeError: it is not in this encoding.
    """
    text = read_whole(file, most=most).decode(encoding, errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def digest_of(file: Path | str) -> str:
    """SHA-256 of a regular file of any size, in hexadecimal.

    Raises:
        OSError: it is missing, cannot be read, or is no regular file.
    """
    with opened(file) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@cache
def package_digest() -> str:
    """SHA-256 over this library's own files, by relative path and content."""
    digest, root = hashlib.sha256(), Path(__file__).parent
    for file in sorted(f for f in root.rglob("*") if f.is_file()):
        inside = file.relative_to(root)
        if not {"__pycache__", "reference_engine"} & set(inside.parts):
            digest.update(f"{inside.as_posix()}\0{digest_of(file)}\n".encode())
    return digest.hexdigest()


def _refused(file: Path | str, number: int, why: str = "not a regular file") -> OSError:
    named = os.strerror(number) if number == errno.EISDIR else why
    kind = IsADirectoryError if number == errno.EISDIR else OSError
    return kind(number, named, os.fspath(file))


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that a reader sees its old content or all of the new, even after a crash.

    The new content is on disk before it gets the name.  Folders above it are made.

    Raises:
        OSError: it cannot be written; the old content stays, and nothing else is left behind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    sync_folder(file.parent)


def write_sealed(file: Path, content: bytes) -> None:
    """As :func:`write_whole`, with a digest before the content: what is cut or altered is told."""
    write_whole(file, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def read_sealed(file: Path, *, most: int = MOST) -> bytes:
    """What :func:`write_sealed` wrote; the file counts as used now.

    Raises:
        OSError: see :func:`read_whole`.
        ValueError: it was cut or altered.
    """
    seal, _, content = read_whole(file, most=most).partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != seal:
        raise ValueError(f"{file} was cut or altered")
    with contextlib.suppress(OSError):
        os.utime(file)
    return content


def sync_folder(folder: Path) -> None:
    """Make renames within a folder durable, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
