"""Puts the process under its limits and its isolation, before it runs anything of the subject."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from typing import Any

from . import closed, guard, landlock, seccomp

_WRITABLE_DEVICES = ("/dev/null", "/dev/zero", "/dev/full")


def limit(memory_mb: int, file_mb: int) -> None:
    """Bound memory, file size and core dumps of this process and of those it starts.

    ``RLIMIT_DATA`` counts what is really mapped for writing; libraries that reserve address space
    and never touch it (allocators, JIT compilers) still work.
    """
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, file_mb << 20)
    if sys.platform == "linux":
        _set(resource.RLIMIT_DATA, memory_mb << 20)
        _set(resource.RLIMIT_AS, max(16 * memory_mb, 65536) << 20)
    else:
        _set(resource.RLIMIT_AS, memory_mb << 20)


def _set(kind: int, amount: int) -> None:
    _, hard = resource.getrlimit(kind)
    ceiling = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    try:
        resource.setrlimit(kind, (ceiling, ceiling))
    except (OSError, ValueError):
        if sys.platform == "linux":
            raise
        # macOS declines limits of address space; the watch on resident memory remains.


def drop_capabilities() -> None:
    """Give up the powers of root: they pass by modes, owners and other processes' borders."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    libc.capset(header, (ctypes.c_uint32 * 6)())
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL


def _imported_from(root: str) -> list[str]:
    """The folder from which the package of a source root is imported, which looks for its name."""
    above = os.path.realpath(root) if root else ""
    if not os.path.isfile(os.path.join(above, "__init__.py")):
        return []
    while os.path.isfile(os.path.join(above, "__init__.py")):
        above = os.path.dirname(above)
    return [above]


def enter(config: dict[str, Any]) -> None:
    """Apply the isolation that ``config`` names; what cannot be had raises.

    Raises:
        OSError, NotImplementedError: the kernel declines; the host must not start like this.
    """
    level, scratch = config["isolation"], config["scratch"]
    limit(config["memory_mb"], config["file_mb"])
    drop_capabilities()
    protected, readable = config["protected"], config["readable"]
    listed = _imported_from(config.get("root", ""))
    devices = [d for d in _WRITABLE_DEVICES if os.path.exists(d)]
    if level == "bubblewrap":
        # A read-only mount still lets pipes and the files of /proc be written, and knows nothing
        # of sockets and of calls that reach into other processes: Landlock and the filter do.
        # The probe has told the judge what holds where the kernel has neither.
        if config["landlock"] and landlock.abi():
            landlock.restrict([scratch], devices, readable, listed)
        if config["seccomp"] and seccomp.supported():
            seccomp.install(metadata=False)
    elif level in ("landlock_seccomp", "landlock"):
        landlock.restrict([scratch], devices, readable, listed)
        if level == "landlock_seccomp":
            seccomp.install(metadata=True, protected=protected)
    elif level == "audit_hook":
        guard.install(scratch, tuple(protected))
    if level not in ("none", "audit_hook"):
        closed.watch([*readable, scratch])
