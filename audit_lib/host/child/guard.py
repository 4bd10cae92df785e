"""The last resort: an audit hook that refuses writes and connections made from Python.

It sees what the interpreter does, not what compiled code does, so it prevents accidents and does
not contain hostile code.  Once added it cannot be removed.

Source: PEP 578, and the table of audit events of the standard library.
"""

from __future__ import annotations

import os
import sys
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
_NETWORK = (
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
    "socket.gethostbyname", "socket.gethostbyaddr",
)  # fmt: skip
#: Event: positions of the paths it would change, and of the folder descriptors they start from.
_CHANGES = {
    "os.chmod": ((0,), (2,)),
    "os.chown": ((0,), (3,)),
    "os.lchown": ((0,), ()),
    "os.chflags": ((0,), ()),
    "os.lchflags": ((0,), ()),
    "os.link": ((0, 1), (2, 3)),
    "os.mkdir": ((0,), (2,)),
    "os.remove": ((0,), (1,)),
    "os.removexattr": ((0,), ()),
    "os.rename": ((0, 1), (2, 3)),
    "os.rmdir": ((0,), (1,)),
    "os.setxattr": ((0,), ()),
    "os.symlink": ((1,), (2,)),
    "os.truncate": ((0,), ()),
    "os.utime": ((0,), (3,)),
}


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
        elif event in _CHANGES:
            paths, folders = _CHANGES[event]
            for i, at in enumerate(paths):
                folder = arguments[folders[i]] if i < len(folders) else -1
                self._inside(arguments[at], folder, followed=event not in _NOT_FOLLOWED)
        elif event in _NETWORK:
            raise OutsideScratchError(f"a hook reaches no network ({event})")
        elif event in _PROGRAMS:
            raise OutsideScratchError(f"no programs are started at this isolation ({event})")
        elif event == "sqlite3.connect":
            self._database(arguments[0])
        elif event in ("os.kill", "os.killpg") and arguments[0] in self._protected:
            raise OutsideScratchError("a hook does not signal the audit")

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or not (flags or 0) & _WRITING:
            return
        if mode is None and not os.path.isabs(os.fsdecode(path)):
            # os.open does not tell which folder descriptor a relative path starts from.
            raise OutsideScratchError(f"os.open for writing needs an absolute path, not {path!r}")
        self._inside(path, -1)

    def _database(self, name: Any) -> None:
        text = os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else ""
        if text in ("", ":memory:") or "mode=ro" in text or "immutable=1" in text:
            return
        path = text[len("file:") :].split("?")[0] if text.startswith("file:") else text
        self._inside(path, -1)

    def _inside(self, path: Any, folder: Any, *, followed: bool = True) -> None:
        if isinstance(path, int):
            path = f"/proc/self/fd/{path}"
        text = os.fsdecode(path)
        if not os.path.isabs(text) and isinstance(folder, int) and folder >= 0:
            text = os.path.join(f"/proc/self/fd/{folder}", text)
        folder, name = os.path.split(text.rstrip(os.sep))
        if followed or name in (".", ".."):
            real = os.path.realpath(text)
        else:
            real = os.path.join(os.path.realpath(folder or "."), name)
        if not real.startswith(self._scratch + os.sep) and real not in self._allowed:
            raise OutsideScratchError(f"a hook writes to at.scratch only, not to {text}")


def install(scratch: str, protected: tuple[int, ...] = ()) -> None:
    """Guard this interpreter, and those it forks, for good."""
    sys.addaudithook(Guard(scratch, protected))
