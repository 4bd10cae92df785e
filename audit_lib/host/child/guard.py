"""The last resort: an audit hook that refuses writes and connections made from Python.

It sees what the interpreter does, not what compiled code does, so it prevents accidents and does
not contain hostile code.  Once added it cannot be removed.

Source: PEP 578, and the table of audit events of the standard library.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from .changes import CHANGES, WRITING, changed

_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
_NETWORK = (
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
    "socket.gethostbyname", "socket.gethostbyaddr",
)  # fmt: skip
#: Events that change the folder which holds a link, not what the link points to.
_NOT_FOLLOWED = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink")


class OutsideScratchError(PermissionError):
    """A hook tried to change something outside its scratch folder, or to leave the machine."""

    __module__ = "audit_lib.host"  # what the subject's traceback should name


class Guard:
    """Judges audit events: pure, so that it can be tested without being installed."""

    def __init__(self, scratch: str, protected: tuple[int, ...] = ()) -> None:
        """Allow changes beneath ``scratch``; processes in ``protected`` may not be signalled."""
        self._scratch = os.path.realpath(scratch)
        self._allowed = {os.path.realpath(p) for p in ("/dev/null", "/dev/full", "/dev/zero")}
        self._protected = {*protected, *(-p for p in protected), -1}

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise :class:`OutsideScratchError` where the event must not happen."""
        if event == "open":
            self._open(*arguments[:3])
        elif event in CHANGES:
            for path in changed(event, arguments):
                self._inside(path, followed=event not in _NOT_FOLLOWED)
        elif event in _NETWORK:
            raise OutsideScratchError(f"a hook reaches no network ({event})")
        elif event in _PROGRAMS:
            raise OutsideScratchError(f"no programs are started at this isolation ({event})")
        elif event == "sqlite3.connect":
            self._database(arguments[0])
        elif event in ("os.kill", "os.killpg") and arguments[0] in self._protected:
            raise OutsideScratchError("a hook does not signal the audit")

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or not (flags or 0) & WRITING:
            return
        if mode is None and not os.path.isabs(os.fsdecode(path)):
            # os.open does not tell which folder descriptor a relative path starts from.
            raise OutsideScratchError(f"os.open for writing needs an absolute path, not {path!r}")
        self._inside(os.fsdecode(path))

    def _database(self, name: Any) -> None:
        text = os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else ""
        if text in ("", ":memory:") or "mode=ro" in text or "immutable=1" in text:
            return
        self._inside(text[len("file:") :].split("?")[0] if text.startswith("file:") else text)

    def _inside(self, path: str, *, followed: bool = True) -> None:
        folder, name = os.path.split(path.rstrip(os.sep))
        if followed or name in (".", ".."):
            real = os.path.realpath(path)
        else:
            real = os.path.join(os.path.realpath(folder or "."), name)
        if not real.startswith(self._scratch + os.sep) and real not in self._allowed:
            raise OutsideScratchError(f"a hook writes to at.scratch only, not to {path}")


def install(scratch: str, protected: tuple[int, ...] = ()) -> None:
    """Guard this interpreter, and those it forks, for good."""
    sys.addaudithook(Guard(scratch, protected))
