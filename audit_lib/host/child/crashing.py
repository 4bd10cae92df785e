"""Runs a hook in a process that dies at one of the places where it changes its store.

An audit hook counts what Python changes below the store; what compiled code writes is not seen.
Source: PEP 578, and the table of audit events of the standard library.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from .changes import changed
from .reach import REACH
from .together import ending

if TYPE_CHECKING:
    from collections.abc import Callable

_EVENTS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink")
_MOST = 400


def crashing(hook: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The hook, taking ``step`` before its arguments, and dying there.

    A store is changed at 0, 1, 2, ...: the process ends before such a change, and where a file is
    opened for writing a second time right after, when it is empty.  Answers ``died``, the
    ``changes`` up to there (event, name) and, where it came to its end, whether it is ``done`` or
    the hook ``refused``, and ``why``.
    """

    def call(at: Any, step: int, *arguments: Any) -> dict[str, Any]:
        reader, tell = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                os.close(reader)
                _run(hook, at, step, arguments, tell)
            finally:
                os._exit(0)
        os.close(tell)
        with os.fdopen(reader, "rb") as pipe:
            lines = pipe.read().decode().splitlines()
        os.waitpid(pid, 0)
        changes = [json.loads(line) for line in lines]
        ended = changes.pop() if changes and isinstance(changes[-1], dict) else {}
        REACH.add(ended.pop("rests", {}))
        return {"died": not ended, "changes": changes, **ended}

    return call


def _run(hook: Any, at: Any, step: int, arguments: Any, tell: int) -> None:
    """Call the hook, and tell each change as it comes, so that none is lost with the process."""
    base = os.path.realpath(at.store) + os.sep
    passed, busy = 0, False

    def saw(event: str, given: tuple[Any, ...]) -> None:
        nonlocal passed, busy
        if busy or event not in _EVENTS:
            return
        busy = True
        try:
            name = _below(base, changed(event, given))
            if name is None or passed > _MOST:
                return
            for when in ("before", "after") if event == "open" else ("before",):
                os.write(tell, (json.dumps([when, event, name]) + "\n").encode())
                if passed == step:
                    if when == "after":
                        os.close(os.open(given[0], given[2], 0o644))
                    os._exit(0)
                passed += 1
        finally:
            busy = False

    sys.addaudithook(saw)
    ended = ending(hook, at, arguments)
    os.write(tell, (json.dumps({**ended, "rests": REACH.told()}) + "\n").encode())


def _below(base: str, paths: list[str]) -> str | None:
    """Name, within the store, of the last path that stands there; None where none does."""
    for path in reversed(paths):
        folder, last = os.path.split(os.path.abspath(path))
        whole = os.path.join(os.path.realpath(folder), last)
        if whole.startswith(base):
            return whole[len(base) :].replace(os.sep, "/")
    return None
