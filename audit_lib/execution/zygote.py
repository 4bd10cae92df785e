"""A process that has imported the libraries and forks a ready kernel on request (Linux only).

Run as ``python -m audit_lib.execution.zygote FD``, where FD is one end of a socket pair.  It
imports and never computes: a region of OpenMP run here would hang in every child.  It has one
Python thread, so that a fork copies no lock that somebody holds.  When the other end of the
socket closes, however its owner ended, it leaves, and every kernel goes with it.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback
from typing import Any, NoReturn

_PRELOADED = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "matplotlib.pyplot",
    "matplotlib.backends.backend_agg", "matplotlib_inline.backend_inline", "pandas",
    "audit_lib.workbook.book",
)  # fmt: skip
_PR_SET_PDEATHSIG = 1


def main(descriptor: int) -> None:
    """Import, say so, then serve until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wire = socket.socket(fileno=descriptor)
    _preload()
    if threading.active_count() != 1:
        running = ", ".join(t.name for t in threading.enumerate())
        wire.send(json.dumps({"problem": f"an import started threads: {running}"}).encode())
        return
    gc.collect()
    gc.freeze()
    wire.send(b'{"ready": true}')
    exits: dict[int, int] = {}
    while request := wire.recv(1 << 20):
        wire.send(json.dumps(_answer(json.loads(request), wire, exits)).encode())


def _answer(request: dict[str, Any], wire: socket.socket, exits: dict[int, int]) -> dict[str, Any]:
    _reap(exits)
    if "poll" in request:
        return {"exit": exits.get(request["poll"])}
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        return {"problem": f"cannot fork: {error.strerror}"}
    if pid == 0:
        _become_kernel(request, wire, parent)
    os.setpgid(pid, pid)  # the child does the same; whoever is first, both may rely on it
    return {"pid": pid}


def _reap(exits: dict[int, int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        exits[pid] = os.waitstatus_to_exitcode(status)


def _preload() -> None:
    for name in _PRELOADED:
        importlib.import_module(name)
    from audit_lib.checks.catalogue import all_checks

    all_checks()


def _become_kernel(request: dict[str, Any], wire: socket.socket, parent: int) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        wire.close()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            _settle(request)
            code = _run_kernel(request["connection_file"], parent)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 - nothing above this frame may run in the child
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _settle(request: dict[str, Any]) -> None:
    """Take on the environment, folder and streams that a new interpreter would have been given."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, descriptor in ((0, nothing), (1, log), (2, log)):
        os.dup2(descriptor, target)
    os.close(log)
    os.close(nothing)
    import random

    import numpy as np

    random.seed()
    np.random.seed()  # the global generator is what the fork copied


def _run_kernel(connection_file: str, parent: int) -> int:
    import matplotlib.pyplot as plt
    from ipykernel.kernelapp import IPKernelApp
    from matplotlib_inline import backend_inline

    app = IPKernelApp.instance()
    app.parent_handle = parent
    app.initialize(["-f", connection_file])  # type: ignore[no-untyped-call]
    # Imported before there was a shell, the inline backend is not connected to one; without
    # this, plots vanish and nothing complains.
    plt.switch_backend("module://matplotlib_inline.backend_inline")
    backend_inline._enable_matplotlib_integration()  # type: ignore[no-untyped-call]
    app.start()  # type: ignore[no-untyped-call]
    return 0


if __name__ == "__main__":
    main(int(sys.argv[1]))
