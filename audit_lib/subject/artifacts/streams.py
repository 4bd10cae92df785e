"""Byte streams to interpret: a file, bytes in memory, or what decompression yields."""

import bz2
import io
import lzma
import zlib
from typing import Any

from audit_lib.subject.artifacts.draft import Draft, Undecodable

_CHUNK = 1 << 20


class Truncated(Undecodable):
    """The bytes end before the format says they do."""


class Stream:
    """Sequential reading with exact ends: a short read is an error, never a short answer.

    Args:
        handle: open binary file.
        size: how many bytes there are, where that is known; makes skipping a seek.
    """

    def __init__(self, handle: Any, size: int | None = None) -> None:
        self.handle = handle
        self.size = size
        self.read = handle.read  # bound once: it is called for every opcode
        self.tell = handle.tell

    def take(self, count: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            Truncated: there are fewer.
        """
        if count > _CHUNK:
            self._require(count)
        data: bytes = self.read(count)
        if len(data) != count:
            raise Truncated(f"ends at byte {self.tell()}, within a value of {count} bytes")
        return data

    def skip(self, count: int) -> None:
        """Pass over so many bytes.

        Raises:
            Truncated: there are fewer.
        """
        self._require(count)
        if self.size is not None:
            self.handle.seek(count, io.SEEK_CUR)
            return
        while count > 0:
            data = self.read(min(count, _CHUNK))
            if not data:
                raise Truncated(f"ends at byte {self.tell()}, within a value")
            count -= len(data)

    def ended(self) -> bool:
        """True if no byte is left."""
        if self.size is not None:
            return bool(self.tell() >= self.size)
        return not self.handle.peek(1)

    def line(self, longest: int) -> bytes:
        """A line with its newline; without one if the stream ends or the line is too long."""
        data: bytes = self.handle.readline(longest)
        return data

    def _require(self, count: int) -> None:
        if self.size is not None and count > self.size - self.tell():
            raise Truncated(f"a value of {count} bytes at byte {self.tell()} has fewer left")


class Unpacked(io.RawIOBase):
    """What a compressed file holds, within the budget; streams that follow are read on.

    Args:
        handle: the compressed file, at its beginning.
        kind: name of the compression, see :mod:`detect`.
        draft: where the unpacked bytes are counted.

    Raises:
        Undecodable: this compression cannot be read.
    """

    def __init__(self, handle: Any, kind: str, draft: Draft) -> None:
        super().__init__()
        self._handle = handle
        self._kind = kind
        self._draft = draft
        self._pending = b""
        self._position = 0
        self._fresh = False  # a later stream that has yielded nothing yet
        self._at_end = False
        self._engine = _engine(kind)
        if kind == "zfile":
            # "ZF", the unpacked length in hex, padded to 19 characters (21 in joblib <= 0.8.4).
            handle.read(2 + 19)
            following = handle.read(1)
            self._pending = b"" if following == b" " else following

    def readable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Unpacked bytes so far."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Unpack into a buffer.

        Raises:
            OverBudget: more bytes come out than the budget allows.
            Undecodable: the compressed data is damaged.
        """
        wanted = min(len(buffer), _CHUNK)
        data = b""
        while not data:
            if self._engine.eof and not self._next_stream():
                return 0
            try:
                data = self._some(wanted)
            except Undecodable:
                if not self._fresh:
                    raise
                self._draft.refuse(f"bytes after the {self._kind} data that are none of it")
                return 0
            if not data and not self._pending and not self._engine.eof and self._at_end:
                raise Truncated(f"the {self._kind} data ends early")
        self._fresh = False
        self._position += len(data)
        self._draft.count_unpacked(len(data))
        buffer[: len(data)] = data
        return len(data)

    def _some(self, wanted: int) -> bytes:
        self._at_end = False
        if not self._pending and getattr(self._engine, "needs_input", True):
            self._pending = self._handle.read(_CHUNK)
            self._at_end = not self._pending
        try:
            data: bytes = self._engine.decompress(self._pending, wanted)
        except _DAMAGE as error:
            raise Undecodable(f"damaged {self._kind} data: {error}") from None
        # zlib hands back what it did not take; bz2 and lzma keep it.
        self._pending = getattr(self._engine, "unconsumed_tail", b"")
        return data

    def _next_stream(self) -> bool:
        rest = self._engine.unused_data or self._handle.read(_CHUNK)
        rest = rest.lstrip(b"\0")  # padding, which archivers add
        if not rest:
            return False
        self._engine = _engine(self._kind)
        self._pending, self._fresh = rest, True
        return True


#: What the engines raise for bytes that are not theirs; lz4 the last.
_DAMAGE = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError)


def _engine(kind: str) -> Any:
    """A decompressor: ``decompress(data, most)``, ``eof``, ``unused_data``."""
    if kind in ("zlib", "zfile"):
        return zlib.decompressobj()
    if kind == "gzip":
        return zlib.decompressobj(wbits=31)
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    if kind in ("xz", "lzma"):
        form = lzma.FORMAT_XZ if kind == "xz" else lzma.FORMAT_ALONE
        # Memory that a header may ask for: as much as the strongest preset, and no more.
        return lzma.LZMADecompressor(format=form, memlimit=1 << 27)
    if kind == "lz4":
        import lz4.frame  # type: ignore[import-untyped]  # it has no types

        return lz4.frame.LZ4FrameDecompressor()
    raise Undecodable(f"{kind} compression is not read here")
