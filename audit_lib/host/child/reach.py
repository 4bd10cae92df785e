"""What the answers of this process rest on, beside what the hooks are given.

An audit hook notes which files of the source Python reads, whether anything is read from where no
digest of the subject holds it, or done by another program; the context tells whether a hook asked
for the version.  What compiled code opens is not seen.

Source: PEP 578, and the table of audit events of the standard library.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .changes import WRITING
from .opening import SYSTEM, libraries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn",
             "socket.connect")  # fmt: skip
_CODE = (".py", ".pyc")
_MOST = 20_000


class Reach:
    """Notes it, from :meth:`watch` on; forks of the process begin with what it knows."""

    def __init__(self) -> None:
        self.version = False
        self.beyond = ""
        self._seen: dict[str, None] = {}
        self._judged = 0
        self._inside: tuple[str, ...] = ()
        self._root = ""
        self._files: dict[str, None] = {}
        self._told = (-1, False, "")

    def watch(self, root: str, inside: Sequence[str]) -> None:
        """Begin, for good: an audit hook cannot be taken away.

        Args:
            root: the source.
            inside: further folders that are held in digests, or belong to the host.
        """
        if self._root:
            return
        self._root = os.path.realpath(root) + os.sep
        known = [os.path.realpath(p) + os.sep for p in (*inside, *libraries())]
        self._inside = (self._root, *known, *SYSTEM)
        sys.addaudithook(self._saw)

    def allow(self, folder: str) -> None:
        """Take a folder for one that digests hold: an artifact store may stand anywhere."""
        real = os.path.realpath(folder) + os.sep
        if real not in self._inside:
            self._inside = (*self._inside, real)

    @contextmanager
    def unnoted(self) -> Iterator[None]:
        """Leave out what is read within: a call that needs it reads it again."""
        before = len(self._seen)
        try:
            yield
        finally:
            for path in list(self._seen)[before:]:
                del self._seen[path]

    def _saw(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path = given[0]
            if isinstance(path, (str, bytes)) and not (given[2] or 0) & WRITING:
                text = os.fsdecode(path)
                if text not in self._seen:
                    self._seen[text if os.path.isabs(text) else os.path.abspath(text)] = None
        elif event in _PROGRAMS:
            self.beyond = self.beyond or event

    def told(self) -> dict[str, Any]:
        """All that is known, where it is more than the last time; empty where not."""
        fresh = list(self._seen)[self._judged :]
        self._judged = len(self._seen)
        for path in fresh:
            self._judge(os.path.realpath(path))
        if self._judged > _MOST:
            self.beyond = self.beyond or "many files"
        now = (len(self._files), self.version, self.beyond)
        if now == self._told:
            return {}
        self._told = now
        return {"files": list(self._files), "version": self.version, "beyond": self.beyond}

    def add(self, told: dict[str, Any]) -> None:
        """Take over what a fork tells."""
        self._files.update(dict.fromkeys(told.get("files", ())))
        self.version = self.version or bool(told.get("version"))
        self.beyond = self.beyond or str(told.get("beyond", ""))

    def _judge(self, path: str) -> None:
        if path.startswith(self._root):
            folder, name = os.path.split(path[len(self._root) :])
            if os.path.basename(folder) == "__pycache__":
                folder, name = os.path.dirname(folder), name.partition(".")[0] + ".py"
            if os.path.isfile(path) or name.endswith(_CODE):
                self._files[os.path.join(folder, name).replace(os.sep, "/")] = None
        elif not path.startswith(self._inside) and os.path.isfile(path):
            self.beyond = self.beyond or path


REACH = Reach()


def telling(kind: Any) -> Any:
    """The class of contexts, whose instances tell when they are asked for the version."""

    def ask(self: Any, name: str) -> Any:
        if name in ("version", "__dict__"):
            REACH.version = True
        return object.__getattribute__(self, name)

    def reduce(self: Any) -> Any:
        return kind, (self.root, self.store, self.version, self.scratch, self.key)

    own = {"__getattribute__": ask, "__reduce__": reduce, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), own)
