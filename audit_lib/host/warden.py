"""Starts the child and ends all that comes of it: a small process outside the sandbox.

It adopts orphans (``PR_SET_CHILD_SUBREAPER``), so that nothing the subject starts can leave its
tree; it watches how many processes there are and what memory they hold together while a hook
runs; it kills everything when the judge is gone.  Standard library only; run as a script by the
judge's own interpreter.

Orders, one JSON line each: ``mark`` (what runs now belongs to the host), ``watch`` (a hook runs),
``sweep`` (kill all that was not marked; says which limit was passed, if any), ``strip`` (kill all
but what was marked first), ``end``.
"""

import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

WATCH_EVERY = 0.05
IDLE = 1.0
PATIENCE = 10.0
DYING = 0.0005
_SUBREAPER = 36

Processes = dict[int, str]


def children(pid: int) -> list[int]:
    """Direct children of a process, those of its threads included."""
    pids: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as lines:
                pids += [int(p) for p in lines.read().split()]
    except OSError:
        pass  # it ended while we looked
    return pids


def parents() -> dict[int, int]:
    """Parent of each process, where the kernel keeps no list of children."""
    if not os.path.isdir("/proc/self"):
        with os.popen("ps -axo pid=,ppid=") as table:
            return {int(row.split()[0]): int(row.split()[1]) for row in table}
    parents_of = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat(int(name))):
            parents_of[int(name)] = int(fields[1])
    return parents_of


def stat(pid: int) -> list[str]:
    """Fields of ``/proc/PID/stat`` from the state on; empty when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as line:
            return line.read().rpartition(")")[2].split()
    except OSError:
        return []


def descendants() -> Processes:
    """Living processes below this one: id to start time, which tells a reused id."""
    me = os.getpid()
    found: list[int] = []
    if os.path.exists(f"/proc/{me}/task/{me}/children"):
        queue = [me]
        while queue:
            below = children(queue.pop())
            found += below
            queue += below
    else:
        table = parents()
        family = {me}
        while more := {p for p, parent in table.items() if parent in family} - family:
            family |= more
        found = list(family - {me})
    if not os.path.isdir("/proc/self"):
        return dict.fromkeys(found, "")
    alive = {p: stat(p) for p in found}
    return {p: fields[19] for p, fields in alive.items() if fields and fields[0] not in "ZX"}


def held(pid: int) -> int:
    """Bytes of memory that are this process's own or shared without a file behind."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as lines:
            rows = [row.split() for row in lines if row.startswith(("RssAnon", "RssShmem"))]
        return sum(int(row[1]) for row in rows) << 10
    except OSError:
        return 0


def free(folder: str) -> int:
    """Bytes that are free on the file system of a folder."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return 0
    return status.f_bavail * status.f_frsize


def written(folder: str, enough: int) -> int:
    """Bytes on disk below a folder; stops counting at ``enough``."""
    total, pending = 0, [folder]
    while pending and total < enough:
        try:
            with os.scandir(pending.pop()) as inside:
                for entry in inside:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue  # it is being changed as we look
    return total


class Warden:
    """The loop that obeys the judge and watches the tree."""

    def __init__(self, orders: socket.socket, config: dict[str, Any]) -> None:
        """Watch for the limits of ``config``: processes, memory and files of a hook."""
        self._orders = orders
        self._judge = config["judge"]
        self._processes = config["processes"]
        self._memory = config["memory_mb"] << 20
        self._scratch, self._files = config["scratch"], config["scratch_mb"] << 20
        self._told_to_end = False
        self._free = 0
        self._marks: list[Processes] = [{}]
        self._base = 0
        self._watching = False
        self._passed: str | None = None

    def run(self) -> None:
        """Until the judge says so, or is gone."""
        try:
            self._loop()
        finally:
            kill({})
        if not self._told_to_end and self._judge_is_gone():
            import contextlib
            import shutil

            shutil.rmtree(self._scratch, ignore_errors=True)
            with contextlib.suppress(OSError):  # beside it, see audit_lib.scratch
                os.unlink(f"{self._scratch}.lock")

    def _judge_is_gone(self) -> bool:
        """Whether it died; its sockets close a moment before its children are told."""
        until = time.monotonic() + IDLE
        while os.getppid() == self._judge and time.monotonic() < until:
            time.sleep(0.01)
        return bool(os.getppid() != self._judge)

    def _loop(self) -> None:
        pending = b""
        while os.getppid() == self._judge:
            wait = WATCH_EVERY if self._watching else IDLE
            ready, _, _ = select.select([self._orders], [], [], wait)
            if ready:
                got = self._orders.recv(1 << 12)
                pending += got
                *orders, pending = pending.split(b"\n")
                if not got or not all(self._obey(json.loads(line)) for line in orders):
                    return
            elif self._watching:
                self._look()
            reap()

    def _obey(self, order: str) -> bool:
        if order == "mark":
            self._marks.append(descendants())
            self._base = max((held(p) for p in self._marks[-1]), default=0)
        elif order == "watch":
            self._watching, self._passed = True, None
            self._free = free(self._scratch)
            return True  # no answer: the judge does not wait for it
        elif order == "sweep":
            self._watching = False
            kill(self._marks[-1])
        elif order == "strip":
            self._watching = False
            del self._marks[2:]
            kill(self._marks[-1])
        elif order == "end":
            kill({})
        self._orders.sendall(json.dumps({"passed": self._passed}).encode() + b"\n")
        self._told_to_end = order == "end"  # then the judge removes what is left
        return not self._told_to_end

    def _look(self) -> None:
        running = [p for p, born in descendants().items() if self._marks[-1].get(p) != born]
        if len(running) > self._processes:
            self._passed = "processes"
        elif sum(max(0, held(p) - self._base) for p in running) > self._memory:
            self._passed = "memory"
        elif self._free - free(self._scratch) > self._files:
            # Somebody has filled the disk; only a count tells whether it was the hook.
            self._free = free(self._scratch)
            if written(self._scratch, self._files) >= self._files:
                self._passed = "files"
        if self._passed:
            kill(self._marks[-1])


def kill(spared: Processes) -> None:
    """Kill all descendants but those; again until none is left, since they may be forking."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        doomed = [p for p, born in descendants().items() if spared.get(p) != born]
        if not doomed:
            return
        for pid in doomed:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        reap()
        time.sleep(DYING)  # else the rest of its end would be spent on looking
    if spared:
        kill({})


def reap() -> None:
    """Collect what has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def start(arguments: list[str], environment: dict[str, str], kept: int) -> None:
    """Start the child with nothing open but its streams and the descriptor ``kept``."""
    if os.fork() == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.set_inheritable(kept, True)
            os.execve(arguments[0], arguments, environment)
        except OSError as error:
            os.write(2, f"cannot start {arguments[0]}: {error}\n".encode())
        finally:
            os._exit(71)
    os.close(kept)


def main(text: str) -> None:
    """Configured by JSON: see ``Process`` in ``process.py``."""
    config = json.loads(text)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in (config["orders"], config["kept"]):
        os.set_inheritable(descriptor, False)  # a hook that held "orders" could end the watch
    start(config["argv"], config["environment"], config["kept"])
    orders = socket.socket(fileno=config["orders"])
    Warden(orders, config).run()


if __name__ == "__main__":
    main(sys.argv[1])
