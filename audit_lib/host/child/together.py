"""Runs a hook several times at once, each in a process of its own."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from typing import TYPE_CHECKING, Any

from .reach import REACH

if TYPE_CHECKING:
    from collections.abc import Callable

_SAID = 2000
#: the longest wait before a file of the store is touched, in seconds, and how often in a folder
_DAWDLE, _OFTEN = 0.005, 10
_DIED = {"done": False, "refused": False, "why": "it died"}


def together(hook: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """The hook, taking a list of calls' arguments, and answering how each call ended.

    All processes wait for one signal to begin, and a little at every file of the store, so that
    what lies between a read and a write is not too short to meet in.  An answer holds ``done`` and,
    where it is false, whether the hook ``refused``, and ``why``; what it answered itself is not
    passed on.
    """

    def call(at: Any, calls: list[Any]) -> list[dict[str, Any]]:
        ready, go = os.pipe()
        begun = [_begin(hook, at, arguments, (ready, go)) for arguments in calls]
        os.close(ready)
        os.close(go)  # the end of the pipe is the signal
        return [_ended(*child) for child in begun]

    return call


def _begin(hook: Any, at: Any, arguments: Any, signal: tuple[int, int]) -> tuple[int, int]:
    """Fork a process that waits for the signal, calls, and writes how it ended."""
    reader, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        return pid, reader
    try:
        os.close(signal[1])
        os.read(signal[0], 1)
        _dawdle(str(at.store), random.Random(repr(arguments)))
        ended = ending(hook, at, arguments)
        with os.fdopen(tell, "wb") as pipe:
            pipe.write(json.dumps({**ended, "rests": REACH.told()}).encode())
    finally:
        os._exit(0)


def _dawdle(store: str, rng: random.Random) -> None:
    times: dict[str, int] = {}

    def wait(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.rename") or not str(arguments[0]).startswith(store):
            return
        folder = os.path.dirname(str(arguments[0]))
        times[folder] = times.get(folder, 0) + 1
        if times[folder] <= _OFTEN:  # a folder of many files is not copied all day
            time.sleep(rng.uniform(0, _DAWDLE))

    sys.addaudithook(wait)


def ending(hook: Any, at: Any, arguments: Any) -> dict[str, Any]:
    """How a call ends: whether it is ``done`` or ``refused``, and ``why``."""
    try:
        hook(at, *arguments)
    except BaseException as error:  # noqa: BLE001 - also sys.exit: it is an answer here
        refused = isinstance(error, sys.modules["audit_lib.hooks"].Refusal)
        return {
            "done": False,
            "refused": refused,
            "why": f"{type(error).__name__}: {error}"[:_SAID],
        }
    return {"done": True, "refused": False, "why": ""}


def _ended(pid: int, told: int) -> dict[str, Any]:
    with os.fdopen(told, "rb") as pipe:
        line = pipe.read()
    os.waitpid(pid, 0)
    ended: dict[str, Any] = json.loads(line) if line else dict(_DIED)
    REACH.add(ended.pop("rests", {}))
    return ended
