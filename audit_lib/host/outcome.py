"""Which error a failed call is: from what the child described, or from how it ended."""

import signal as signals
from typing import Any

from audit_lib.host.errors import (
    HookBadAnswer,
    HookDied,
    HookError,
    HookOutOfMemory,
    HookRaised,
    HookRefused,
)
from audit_lib.host.limits import Limits
from audit_lib.host.readable import Closed

HOOKS_FILE = "hooks.py"
#: What compiled code prints before it aborts for want of memory.
_OUT_OF_MEMORY = (b"bad_alloc", b"Cannot allocate memory", b"Unable to allocate", b"MemoryError")


def described(hook: str, failed: Any, limits: Limits, output: bytes, closed: Closed) -> HookError:
    """The error for a failure that the child put in words; it may be lying, or talking garbage.

    Where the call was refused a path, the message says how to open it.
    """
    if not isinstance(failed, dict):
        return HookBadAnswer(hook, "described its failure in garbage", output=output)
    what, kind, message = (printable(failed.get(key, "")) for key in ("what", "type", "message"))
    if failed.get("file") is True:
        hook = HOOKS_FILE
    if what == "refused":
        return HookRefused(hook, message, output=output)
    if what == "memory":
        return HookOutOfMemory(hook, limits.memory_mb, message, output=output)
    if what == "unfit":
        return HookBadAnswer(hook, message, output=output)
    message += closed.hint(message)
    if what == "exit":
        return HookDied(hook, exit_code=_exit_code(message), detail="sys.exit", output=output)
    return HookRaised(hook, kind, message, output=output)


def ended(
    hook: str, status: dict[str, Any], passed: str | None, limits: Limits, output: bytes
) -> HookError:
    """The error for a process that is gone, or has closed the wire.

    Args:
        hook: its name.
        status: how the process ended, as its parent tells.
        passed: the limit for which the warden killed it, if any.
        limits: what the call was allowed.
        output: what was printed.
    """
    if passed == "memory":
        why = "all its processes together; killed"
        return HookOutOfMemory(hook, limits.memory_mb, why, output=output)
    if passed in ("processes", "files"):
        many = f"{limits.processes} processes at once"
        why = f"more than {many if passed == 'processes' else f'{limits.scratch_mb} MiB of files'}"
        return HookDied(hook, signal=signals.SIGKILL, detail=why, output=output)
    if type(number := status.get("signal")) is int:
        if number == signals.SIGABRT and any(sign in output for sign in _OUT_OF_MEMORY):
            return HookOutOfMemory(hook, limits.memory_mb, "SIGABRT", output=output)
        return HookDied(hook, signal=number, output=output)
    if type(code := status.get("exit")) is int:
        return HookDied(hook, exit_code=code, output=output)
    if "running" in status:
        return HookBadAnswer(hook, "closed the wire without an answer", output=output)
    return HookDied(hook, detail="it ended the host's own processes", output=output)


def _exit_code(message: str) -> int:
    """``sys.exit()`` leaves with 0, ``sys.exit(3)`` with 3, ``sys.exit("words")`` with 1."""
    if message in ("", "None"):
        return 0
    return int(message) if message.isdigit() and len(message) < 10 else 1


def printable(text: Any) -> str:
    """Text of the child without control characters, which could rewrite a terminal."""
    return "".join(c for c in str(text) if c.isprintable() or c in "\n\t")
