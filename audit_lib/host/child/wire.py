"""Frames on a socket: a JSON header and raw buffers, and nothing that is ever executed.

A frame is ``magic, header length, payload length``, the header (JSON), the payload (the buffers
named in the header, each padded to :data:`ALIGN` bytes).  Lengths are checked against limits
before anything is allocated; see :mod:`.values` for what the header may say.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import socket

MAGIC = b"AWH1"
HEAD = struct.Struct("<4sIQ")
ALIGN = 64
#: JSON grows by up to twenty times when parsed, so the header has a cap of its own.
MAX_HEADER = 16 << 20


class WireError(Exception):
    """What arrived, or was about to leave, is not a frame of data."""


class Frame(NamedTuple):
    """A header and the buffers it names."""

    header: Any
    buffers: list[memoryview]


def padded(length: int) -> int:
    """``length`` rounded up to the alignment of buffers."""
    return -(-length // ALIGN) * ALIGN


def pack(header: Any, buffers: list[Any], limit: int) -> list[memoryview]:
    """Chunks to send, in order, without copying the buffers.

    Raises:
        WireError: header or payload exceed their limits.
    """
    views = [memoryview(b).cast("B") if memoryview(b).nbytes else memoryview(b"") for b in buffers]
    sizes = [v.nbytes for v in views]
    payload = sum(padded(n) for n in sizes)
    if payload > limit:
        raise WireError(f"{payload / 2**20:.0f} MiB of arrays; the limit is {limit >> 20} MiB")
    text = json.dumps([sizes, header], separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(text) > min(MAX_HEADER, max(limit, 1 << 16)):
        raise WireError(
            f"{len(text) / 2**20:.0f} MiB of plain values; send numbers as arrays "
            f"(the limit is {min(MAX_HEADER, limit) >> 20} MiB)"
        )
    chunks = [memoryview(HEAD.pack(MAGIC, len(text), payload) + text)]
    for view in views:
        if view.nbytes:
            chunks.append(view)
            if padded(view.nbytes) != view.nbytes:
                chunks.append(memoryview(bytes(padded(view.nbytes) - view.nbytes)))
    return chunks


class Incoming:
    """Assembles one frame after another from a socket, whatever pieces they come in."""

    def __init__(self, limit: int) -> None:
        """Accept payloads of up to ``limit`` bytes."""
        self._limit = limit
        self._reset()

    def _reset(self) -> None:
        self._stage = 0
        self._aim(HEAD.size)

    def _aim(self, size: int) -> None:
        # np.empty maps pages only as they fill, so a lying length costs address space at most.
        self._target = np.empty(size, np.uint8).data.cast("B")
        self._filled = 0

    def read(self, source: socket.socket) -> Frame | None:
        """Take what is there; the frame once it is whole, else None.

        Raises:
            EOFError: the other side closed.
            WireError: the bytes are not a frame, or exceed the limits.
        """
        while True:
            if self._filled < len(self._target):
                try:
                    got = source.recv_into(self._target[self._filled :])
                except BlockingIOError:
                    return None
                if got == 0:
                    raise EOFError
                self._filled += got
                if self._filled < len(self._target):
                    return None
            if (frame := self._advance()) is not None:
                return frame

    def _advance(self) -> Frame | None:
        if self._stage == 0:
            magic, self._header_size, self._payload_size = HEAD.unpack(self._target)
            if magic != MAGIC:
                raise WireError(f"{bytes(self._target[:16])!r} is not the start of a frame")
            if self._header_size > MAX_HEADER or self._payload_size > self._limit:
                size = self._header_size + self._payload_size
                raise WireError(f"announces {size} bytes; the limit is {self._limit >> 20} MiB")
            self._stage = 1
            self._aim(self._header_size)
            return None
        if self._stage == 1:
            self._sizes, self._header = _parse(bytes(self._target), self._payload_size)
            self._stage = 2
            self._aim(self._payload_size)
            return None
        buffers, at = [], 0
        for size in self._sizes:
            buffers.append(self._target[at : at + size])
            at += padded(size)
        frame = Frame(self._header, buffers)
        self._reset()
        return frame


def _parse(text: bytes, payload: int) -> tuple[list[int], Any]:
    try:
        parsed = json.loads(text.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise WireError(f"the header is not JSON: {error}") from None
    if not (isinstance(parsed, list) and len(parsed) == 2 and isinstance(parsed[0], list)):
        raise WireError("the header is not a list of sizes and a value")
    sizes, header = parsed
    if not all(type(n) is int and 0 <= n <= payload for n in sizes):
        raise WireError("a buffer size is not a number of bytes within the payload")
    if sum(padded(n) for n in sizes) != payload:
        raise WireError("the buffer sizes do not add up to the payload")
    return sizes, header


def receive(source: socket.socket, incoming: Incoming) -> Frame:
    """Wait for one frame on a blocking socket.

    Raises:
        EOFError: the other side closed.
        WireError: not a frame.
    """
    while True:
        frame = incoming.read(source)
        if frame is not None:
            return frame


def send(target: socket.socket, chunks: list[memoryview]) -> None:
    """Send the chunks of :func:`pack` on a blocking socket."""
    if len(chunks) > 1 and sum(c.nbytes for c in chunks) < 1 << 16:
        target.sendall(b"".join(chunks))
        return
    for chunk in chunks:
        target.sendall(chunk)
