"""Tries to do what each isolation level promises to stop; the judge looks at the outcome.

The attempts that count for compiled code go through the C library directly.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import sandbox


def run(text: str) -> None:
    """Enter the sandbox of ``text`` and try everything."""
    config = json.loads(text)
    sandbox.enter(config)
    scratch = config["scratch"]
    for attempt in (_native_writes, _metadata, _sockets, _python, _others):
        with suppress(OSError):
            attempt(config)
    if any(_can_signal(pid) for pid in config["protected"]):
        _touch(os.path.join(scratch, "signalled"))
    _touch(os.path.join(scratch, "done"))


def _touch(path: str) -> None:
    with open(path, "w"):
        pass


def _native_writes(config: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    folder = os.fsencode(config["files"]["native"])
    file, scratch = folder + b"/file", os.fsencode(config["scratch"])
    for flags in (os.O_WRONLY | os.O_TRUNC, os.O_RDONLY | os.O_TRUNC, os.O_RDWR | os.O_APPEND):
        descriptor = libc.open(file, flags)
        if descriptor >= 0:
            libc.write(descriptor, b"changed", 7)
            libc.close(descriptor)
    libc.truncate(file, ctypes.c_long(1))
    linked = scratch + b"/linked"
    if libc.link(file, linked) == 0:
        descriptor = libc.open(linked, os.O_WRONLY | os.O_APPEND)
        libc.write(descriptor, b"linked", 6)
    libc.mkdir(folder + b"/folder", 0o755)
    libc.symlink(b"file", folder + b"/symlink")
    libc.creat(folder + b"/created", 0o644)
    libc.rename(file, folder + b"/renamed")
    libc.unlink(folder + b"/file")


def _metadata(config: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.fsencode(config["files"]["metadata"]) + b"/file"
    libc.chmod(file, 0o777)
    libc.utimes(file, None)
    descriptor = libc.open(file, os.O_RDONLY)
    libc.fchmod(descriptor, 0o700)
    libc.futimes(descriptor, None)


def _sockets(config: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    ports, local = config["ports"], os.fsencode(config["local"])
    attempts = (
        (socket.AF_INET, socket.SOCK_STREAM, _internet(ports["tcp"])),
        (socket.AF_INET, socket.SOCK_DGRAM, _internet(ports["datagrams"])),
        (socket.AF_UNIX, socket.SOCK_STREAM, struct.pack("=H", socket.AF_UNIX) + local + b"\0"),
    )
    for family, kind, address in attempts:
        descriptor = libc.socket(int(family), int(kind), 0)
        if descriptor >= 0 and libc.connect(descriptor, address, len(address)) == 0:
            libc.write(descriptor, b"canary", 6)


def _internet(port: int) -> bytes:
    """``struct sockaddr_in`` of a port on the loopback interface, as Linux lays it out."""
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, b"\x7f\0\0\x01")


def _python(config: dict[str, Any]) -> None:
    file = os.path.join(config["files"]["python"], "file")
    with suppress(OSError), open(file, "a") as opened:
        opened.write("changed")
    with suppress(OSError):
        os.rename(file, file + "2")
    with suppress(OSError):
        os.mkdir(os.path.join(config["files"]["python"], "folder"))
    with (
        suppress(OSError),
        socket.create_connection(("127.0.0.1", config["ports"]["python"]), timeout=1),
    ):
        pass


def _others(config: dict[str, Any]) -> None:
    """What mounts alone leave open; each success leaves a mark in scratch."""
    scratch = config["scratch"]
    pipe = os.path.join(config["files"]["pipe"], "pipe")
    attempts: dict[str, Callable[[], object]] = {
        "pipes": lambda: os.write(os.open(pipe, os.O_RDWR | os.O_NONBLOCK), b"canary"),
        "memory": lambda: os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR)),
        "settings": lambda: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)),
        "limits": lambda: _limits_of(config["judge"]),
        "read": lambda: _read_any(
            os.path.join(config["files"]["secret"], "file"), f"/proc/{config['judge']}/environ"
        ),
    }
    for name, attempt in attempts.items():
        with suppress(OSError):
            attempt()
            _touch(os.path.join(scratch, name))


def _limits_of(pid: int) -> None:
    """Read the limits of another process by the call that could set them."""
    libc = ctypes.CDLL(None, use_errno=True)
    limits = (ctypes.c_uint64 * 2)()
    if libc.prlimit(pid, 4, None, limits) != 0:  # RLIMIT_CORE
        raise OSError(ctypes.get_errno(), "prlimit")


def _read_any(*files: str) -> None:
    """Read one of these files by the C library."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptors = [libc.open(os.fsencode(file), os.O_RDONLY) for file in files]
    if not any(d >= 0 and libc.read(d, ctypes.create_string_buffer(4), 4) > 0 for d in descriptors):
        raise OSError(ctypes.get_errno(), "read")


def _can_signal(pid: int) -> bool:
    return bool(ctypes.CDLL(None, use_errno=True).kill(pid, 0) == 0)
