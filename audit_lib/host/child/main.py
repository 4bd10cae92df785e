"""The three processes of the host: the root, the template, the worker.

The *root* enters the sandbox and imports NumPy and pandas.  It forks a *template*, which runs the
subject's ``hooks.py`` once.  The template forks a *worker* for each call or batch, so that what
one call changes in its process reaches no other, while nothing is imported twice.  A template in
which the subject started threads is not forked; the root forks workers that load ``hooks.py``
themselves.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import importlib.metadata
import importlib.util
import json
import os
import random
import signal
import site
import socket
import sys
import sysconfig
import threading
import time
from typing import Any

from . import closed, compiled, exercise, sandbox
from .control import hear, say
from .loading import flush, load

NEEDED = ("numpy", "pandas")


def run(text: str) -> None:
    """Be the root, until the judge is gone.  ``text`` is the configuration, in JSON."""
    config = json.loads(text)
    channel = socket.socket(fileno=config["control"])
    sandbox.die_with_parent()
    try:
        sandbox.enter(config)
    except Exception as error:  # noqa: BLE001 - said to the judge, who cannot start
        say(channel, {"failed": f"isolation {config['isolation']}: {error}"})
        return
    os.chdir(config["scratch"])
    faulthandler.enable(file=2)
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a broken installation raises anything
            say(channel, {"failed": f"cannot import {name}: {error}", "missing": name})
            return
    library = config["library"]
    load("audit_lib", os.path.join(library, "__init__.py"), library)
    load("audit_lib.hooks", os.path.join(library, "hooks.py"))
    importlib.import_module(".worker", __package__)
    versions = {name: str(sys.modules[name].__version__) for name in NEEDED}
    versions["python"] = ".".join(str(n) for n in sys.version_info[:3])
    with contextlib.suppress(Exception):  # a reader of the results wants to know it; not imported
        versions["scikit-learn"] = str(importlib.metadata.version("scikit-learn"))
    measured: dict[str, Any] = {"why": "not asked for", "slow": False}
    if config.get("coverage") is not None:
        measured = exercise.prepare(config)
    say(channel, {"ready": os.getpid(), "versions": versions, "measured": measured})
    Forker(channel, config).serve()


class Forker:
    """Waits for orders and forks: what the root and the template have in common."""

    def __init__(self, channel: socket.socket, config: dict[str, Any]) -> None:
        """Take orders on ``channel``."""
        self._channel = channel
        self._config = config
        self._ended: dict[int, int] = {}

    def serve(self) -> None:
        """Obey until the judge closes the channel."""
        gc.collect()
        gc.freeze()
        while True:
            try:
                order, descriptors = hear(self._channel)
            except EOFError:
                return
            self._reap()
            what = order.get("do")
            if what == "template":
                self._fork(order, descriptors, _be_template)
            elif what == "work":
                self._fork(order, descriptors, _be_worker)
            elif what == "status":
                say(self._channel, self._status(order["pid"], order["wait"]))
            elif what == "warm":
                say(self._channel, {"threads": warm(order["modules"], self._config["root"])})
                gc.freeze()

    def _fork(self, order: dict[str, Any], descriptors: tuple[int, ...], become: Any) -> None:
        flush()  # or the fork would print it again
        try:
            pid = os.fork()
        except OSError as error:
            pid, failure = -1, str(error)
        if pid == 0:
            code = 70
            try:
                self._channel.close()
                sandbox.die_with_parent()
                os.setsid()
                become(self._config, order, descriptors)
                code = 0
            finally:
                os._exit(code)
        for descriptor in descriptors:
            os.close(descriptor)
        say(self._channel, {"pid": pid} if pid > 0 else {"failed": failure})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended = {pid: status}

    def _status(self, pid: int, wait: float) -> dict[str, Any]:
        """How a child ended; waits up to ``wait`` seconds for it."""
        until = time.monotonic() + wait
        while pid not in self._ended:
            self._reap()
            if pid not in self._ended:
                if time.monotonic() >= until:
                    return {"running": True}
                time.sleep(0.002)
        status = self._ended[pid]
        if os.WIFSIGNALED(status):
            return {"signal": os.WTERMSIG(status)}
        return {"exit": os.WEXITSTATUS(status)}


def _settle(out: int, err: int) -> None:
    """Standard streams, handlers and randomness of a fresh fork."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # Without this every fork would draw the same "random" numbers, and hide an unseeded model.
    random.seed()
    sys.modules["numpy"].random.seed(int.from_bytes(os.urandom(4), "little"))


def _be_template(config: dict[str, Any], order: dict[str, Any], fds: tuple[int, ...]) -> None:
    channel = socket.socket(fileno=fds[0])
    _settle(fds[1], fds[2])
    worker = sys.modules[f"{__package__}.worker"]
    try:
        names = worker.load_hooks(order["hooks"], config)
    except BaseException as error:  # noqa: BLE001 - sys.exit included: it is said, not obeyed
        say(channel, {"failed": worker.describe(error), "closed": closed.taken()})
        return
    say(channel, {"hooks": names, "threads": thread_count(), "closed": closed.taken()})
    Forker(channel, config).serve()


def _be_worker(config: dict[str, Any], order: dict[str, Any], fds: tuple[int, ...]) -> None:
    wire = socket.socket(fileno=fds[0])
    _settle(fds[1], fds[2])
    sys.modules[f"{__package__}.worker"].work(wire, config, order)


def warm(modules: list[str], root: str) -> int:
    """Import what workers were seen to import, so that the next ones find it there.

    Files of the source are compiled only.

    Returns:
        The number of threads afterwards; more than one makes forking unsafe.
    """
    for name in modules:
        if name.endswith(".py"):
            compiled.hold(name, root)
        elif name not in sys.modules and of_the_installation(name):
            try:
                importlib.import_module(name)
            except BaseException:  # noqa: BLE001 - the worker will see the error itself
                continue
    return thread_count()


def of_the_installation(name: str) -> bool:
    """True for a module that Python brings along or that an installer put there.

    Workers say what they imported, and what they say may be made up by the subject: its own code
    never runs in the template by their word, where it could answer for other hooks.
    """
    top = name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except Exception:  # noqa: BLE001 - a finder of the subject may raise anything
        return False
    if spec is None or not all(part.isidentifier() for part in name.split(".")):
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    places = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else ())]
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_path(name) for name in names]
    with contextlib.suppress(Exception):
        folders += [*site.getsitepackages(), site.getusersitepackages()]
    installation = tuple(os.path.realpath(folder) + os.sep for folder in folders if folder)
    return bool(places) and all(os.path.realpath(p).startswith(installation) for p in places)


def thread_count() -> int:
    """Threads of this process, those of compiled libraries included where Linux tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
