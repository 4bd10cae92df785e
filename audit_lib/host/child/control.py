"""Short commands between the host's processes: one line of JSON, with descriptors beside it."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

MAX_LINE = 4 << 20
MAX_DESCRIPTORS = 4


def say(channel: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    """Send a command or an answer, with descriptors if any."""
    text = json.dumps(message).encode("ascii") + b"\n"
    if descriptors:
        sent = socket.send_fds(channel, [text], list(descriptors))
        text = text[sent:]
    channel.sendall(text)


def hear(
    channel: socket.socket, deadline: float | None = None
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """The next command or answer.

    Raises:
        EOFError: the other side closed, or said something that is not a command.
        TimeoutError: nothing came before ``deadline`` (of the monotonic clock).
    """
    text, descriptors = b"", []
    while not text.endswith(b"\n"):
        if deadline is not None:
            channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            got, received, _, _ = socket.recv_fds(channel, 1 << 16, MAX_DESCRIPTORS)
        except ConnectionError:
            raise EOFError from None
        except socket.timeout:  # noqa: UP041 - another class than TimeoutError before 3.10
            raise TimeoutError from None
        for descriptor in received:
            os.set_inheritable(descriptor, False)
        descriptors += received
        text += got
        if not got or len(text) > MAX_LINE:
            raise EOFError
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise EOFError from None
    if not isinstance(message, dict):
        raise EOFError
    return message, tuple(descriptors)
