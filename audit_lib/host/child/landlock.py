"""Landlock by system call: nothing is written or removed, or read, outside given folders.

Source: ``landlock(7)``, ``linux/landlock.h``.  The numbers are the same on all architectures.
"""

from __future__ import annotations

import ctypes
import os
import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_NO_NEW_PRIVILEGES = 38
_WRITE_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 13, 1 << 14
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """Version of Landlock in this kernel; 0 where there is none."""
    if platform.system() != "Linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))))


def restrict(
    folders: Iterable[str],
    files: Iterable[str],
    readable: Iterable[str],
    listed: Iterable[str] = (),
) -> int:
    """Allow this process and all it will start to write in ``folders`` and to ``files`` alone.

    It reads and executes there and in ``readable`` (files and folders) alone, and sees the names of
    what stands in ``listed``.  TCP is closed from
    version 4 on, signals and abstract sockets to the outside from version 6.

    Returns:
        The version of Landlock that was used.

    Raises:
        OSError: the kernel has no Landlock, or declines.
    """
    version = abi()
    if version < 1:
        raise OSError("the kernel has no Landlock")
    libc = ctypes.CDLL(None, use_errno=True)
    writes = _WRITE_FILE | (_TRUNCATE if version >= 3 else 0)
    reads = _EXECUTE | _READ_FILE
    everything = writes | reads | _READ_DIR | _MAKE_AND_REMOVE | (_REFER if version >= 2 else 0)
    allowed = [(path, everything) for path in folders] + [(path, writes | reads) for path in files]
    allowed += [(p, reads | (_READ_DIR if os.path.isdir(p) else 0)) for p in readable]
    allowed += [(path, _READ_DIR) for path in listed]
    rules = _Ruleset(everything, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _check(
        libc.syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    )
    try:
        for path, rights in allowed:
            parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
            beneath = _Beneath(rights, parent)
            _check(libc.syscall(_ADD, ruleset, 1, ctypes.byref(beneath), ctypes.c_uint32(0)))
            os.close(parent)
        _check(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _check(libc.syscall(_RESTRICT, ruleset, ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)
    return version


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
