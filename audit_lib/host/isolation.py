"""How strongly this machine can contain a child, found out by trying.

Nothing is inferred from versions or configuration: a child is started exactly as the host starts
one, attempts each thing that its level promises to stop, and the judge looks at what happened.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

from audit_lib.files import read_whole
from audit_lib.host import launch
from audit_lib.host.errors import IsolationUnavailable
from audit_lib.host.readable import readable
from audit_lib.scratch import new_folder, remove_folder

#: Mechanisms named here, separated by commas, are treated as absent: a machine without them can
#: be simulated, and one that misbehaves in practice can be avoided.
WITHOUT = "WORKBOOK_WITHOUT"
MECHANISMS = ("bubblewrap", "landlock", "seccomp", "audit_hook")
PROBE_SECONDS = 20.0


class Isolation(IntEnum):
    """Levels of isolation; a greater one stops more."""

    NONE = 0
    AUDIT_HOOK = 1
    LANDLOCK = 2
    LANDLOCK_SECCOMP = 3
    BUBBLEWRAP = 4

    @property
    def label(self) -> str:
        """Name for manifests and parameters: ``landlock_seccomp``."""
        return self.name.lower()

    @property
    def promises(self) -> frozenset[str]:
        """What a child at this level cannot do."""
        return _PROMISES[self]

    @property
    def contains(self) -> bool:
        """Whether hostile code is contained, compiled code and child processes included."""
        return self >= Isolation.LANDLOCK_SECCOMP

    @property
    def closes(self) -> bool:
        """Whether hooks read only what they are given to read."""
        return "reads" in self.promises

    def describe(self) -> str:
        """One sentence for a reader of a packet."""
        return _DESCRIPTIONS[self]


#: What leaves a mark in scratch where it succeeds, by the name of the mark.
_MARKS = {
    "signals": "signalled",
    "pipes": "pipes",
    "memory of others": "memory",
    "kernel settings": "settings",
    "limits of others": "limits",
    "reads": "read",
}
_NATIVE = frozenset({"writes", "reads", "tcp", "python writes", "python network"})
_CONTAINED = _NATIVE | {"metadata", "datagrams", "local sockets", *_MARKS}
_PROMISES = {
    Isolation.NONE: frozenset[str](),
    Isolation.AUDIT_HOOK: frozenset({"python writes", "python network"}),
    Isolation.LANDLOCK: _NATIVE,
    Isolation.LANDLOCK_SECCOMP: _CONTAINED,
    # Pipes and sockets of readable folders are closed by what is put on top, where there is it.
    Isolation.BUBBLEWRAP: _CONTAINED - {"pipes", "local sockets"},
}
#: What no level stops, and readers of a packet should know.
SHARED = (
    "what hooks.py imports when it is loaded can shape the answers of every hook, and so can files "
    "that one hook leaves in scratch where another looks for them"
)
_DESCRIPTIONS = {
    Isolation.NONE: "no isolation: hooks can read and write whatever the user can, and reach the "
    "network; only the digests before and after tell whether the subject was changed",
    Isolation.AUDIT_HOOK: "audit hook alone: writes, connections and programs started from Python "
    "are refused; compiled code is not contained, and hooks can read whatever the user can",
    Isolation.LANDLOCK: "Landlock without a system-call filter: nothing is written outside "
    "scratch, nothing read but the subject and its environment, and TCP is closed; modes, times, "
    "datagrams and local sockets are not contained",
    Isolation.LANDLOCK_SECCOMP: "Landlock and a system-call filter: nothing is written or changed "
    "outside scratch, nothing read but the subject and its environment, and there are no sockets",
    Isolation.BUBBLEWRAP: "bubblewrap, with Landlock and a system-call filter where the kernel has "
    "them: everything but scratch is read-only, nothing read but the subject and its environment, "
    "with processes and network of its own",
}


@dataclass(frozen=True)
class Probe:
    """What was found out about one level.

    Attributes:
        isolation: the level tried.
        stopped: what the child could not do (see ``Isolation.promises``).
        works: whether the child ran and could write to its scratch.
        said: why it did not run, if so.
    """

    isolation: Isolation
    stopped: frozenset[str]
    works: bool
    said: str = ""

    def describe(self) -> str:
        """One sentence for a reader of a packet, with what was tried and got through."""
        through = sorted(_CONTAINED - self.stopped) if self.isolation.contains else []
        beyond = f"; not stopped here: {', '.join(through)}" if through else ""
        return f"{self.isolation.describe()}{beyond}; {SHARED}"

    @property
    def holds(self) -> bool:
        """Whether the level keeps its promises here."""
        return self.works and self.isolation.promises <= self.stopped


def absent() -> frozenset[str]:
    """Mechanisms that ``WORKBOOK_WITHOUT`` declares absent.

    Raises:
        IsolationUnavailable: it names something else.
    """
    names = {n.strip() for n in os.environ.get(WITHOUT, "").split(",")} - {""}
    if unknown := names - set(MECHANISMS):
        raise IsolationUnavailable(
            f"{WITHOUT} names {', '.join(sorted(unknown))}; known: {', '.join(MECHANISMS)}"
        )
    return frozenset(names)


def _available(level: Isolation, without: Iterable[str]) -> bool:
    needed = {
        Isolation.BUBBLEWRAP: {"bubblewrap"},
        Isolation.LANDLOCK_SECCOMP: {"landlock", "seccomp"},
        Isolation.LANDLOCK: {"landlock"},
        Isolation.AUDIT_HOOK: {"audit_hook"},
    }
    return not needed.get(level, set()) & set(without)


def probe(
    force: Isolation | None = None,
    *,
    interpreter: Path | None = None,
    without: Iterable[str] | None = None,
) -> Probe:
    """The isolation that stops most here; really tried, once per process and interpreter.

    Args:
        force: try this level only.
        interpreter: whose child is started; the current one by default.
        without: mechanisms to treat as absent, instead of those in ``WORKBOOK_WITHOUT``.

    Raises:
        IsolationUnavailable: ``force`` names a level that does not hold here.
    """
    missing = absent() if without is None else frozenset(without)
    python = str(interpreter or sys.executable)
    if force is not None:
        tried = _try(force, python, missing)
        if not tried.holds:
            through = sorted(tried.isolation.promises - tried.stopped)
            why = tried.said or f"these got through: {', '.join(through)}"
            raise IsolationUnavailable(f"isolation {force.label} does not hold here: {why}")
        return tried
    best = _try(Isolation.NONE, python, missing)
    for level in sorted(Isolation, reverse=True):
        tried = _try(level, python, missing)
        if tried.holds and len(tried.stopped) > len(best.stopped):
            best = tried
        if best.stopped >= _CONTAINED:
            break
    return best


@cache
def _try(level: Isolation, python: str, without: frozenset[str]) -> Probe:
    """Start a child at this level and see what it can do."""
    if not _available(level, without):
        return Probe(level, frozenset(), False, "declared absent")
    if level is Isolation.NONE:
        return Probe(level, frozenset(), True)
    if level is Isolation.BUBBLEWRAP and not launch.bubblewrap():
        return Probe(level, frozenset(), False, "bwrap is not installed")
    folder = new_folder("probe")
    try:
        with Canary(folder) as canary:
            scratch = folder / "scratch"
            config = canary.targets | {
                "isolation": level.label,
                "scratch": str(scratch),
                "seccomp": "seccomp" not in without,
                "landlock": "landlock" not in without,
                "readable": readable(python, (launch.LIBRARY,)),
                "memory_mb": 1024,
                "file_mb": 16,
                "protected": launch.protected(),
                "judge": os.getpid(),
            }
            done = subprocess.run(
                launch.command(level.label, python, "probe", config),
                env=launch.environment(scratch, None),
                capture_output=True,
                timeout=PROBE_SECONDS,
                check=False,
            )
            works = (scratch / "done").exists()
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            why = "" if works else (lines or [f"exit code {done.returncode}"])[-1]
            return Probe(level, canary.stopped() if works else frozenset(), works, why)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Probe(level, frozenset(), False, str(error))
    finally:
        remove_folder(folder)


class Canary:
    """Files to be changed and sockets to be reached, and what became of them."""

    def __init__(self, folder: Path) -> None:
        """Lay everything out below ``folder``."""
        self._folder = folder
        self._files = {n: folder / n for n in ("native", "python", "metadata", "pipe", "secret")}
        self._sockets: dict[str, socket.socket] = {}

    def __enter__(self) -> Canary:
        """Write the files and listen."""
        (self._folder / "scratch").mkdir()
        for path in self._files.values():
            path.mkdir()
            (path / "file").write_text("canary")
        os.mkfifo(self._files["pipe"] / "pipe")
        self._before = {name: self._look(name) for name in self._files}
        for name in ("tcp", "python"):
            listener = socket.create_server(("127.0.0.1", 0))
            self._sockets[name] = listener
        self._sockets["datagrams"] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets["datagrams"].bind(("127.0.0.1", 0))
        self._sockets["local"] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sockets["local"].bind(str(self._folder / "s"))
        self._sockets["local"].listen()
        for listener in self._sockets.values():
            listener.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        for listener in self._sockets.values():
            listener.close()

    @property
    def targets(self) -> dict[str, object]:
        """Where the child should aim."""
        ports = {n: s.getsockname()[1] for n, s in self._sockets.items() if n != "local"}
        files = {n: str(p) for n, p in self._files.items()}
        return {"files": files, "ports": ports, "local": str(self._folder / "s")}

    def stopped(self) -> frozenset[str]:
        """What did not happen."""
        scratch = self._folder / "scratch"
        happened = {name: (scratch / mark).exists() for name, mark in _MARKS.items()} | {
            "writes": self._look("native") != self._before["native"],
            "python writes": self._look("python") != self._before["python"],
            "metadata": self._look("metadata") != self._before["metadata"],
            "tcp": self._reached("tcp"),
            "python network": self._reached("python"),
            "datagrams": self._reached("datagrams"),
            "local sockets": self._reached("local"),
        }
        return frozenset(name for name, yes in happened.items() if not yes)

    def _look(self, name: str) -> tuple[object, ...]:
        folder = self._files[name]
        file = folder / "file"
        if not file.exists():
            return ()
        status = file.lstat()
        names = sorted(p.name for p in folder.iterdir())
        return read_whole(file), names, status.st_mode, status.st_mtime_ns, status.st_size

    def _reached(self, name: str) -> bool:
        listener = self._sockets[name]
        try:
            if name == "datagrams":
                return bool(listener.recv(16))
            listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True
