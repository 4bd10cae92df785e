"""Runs a hook in a process that dies at one of the places where it changes its store.

An audit hook counts what Python changes below the store; what compiled code writes is not seen.
Source: PEP 578, and the table of audit events of the standard library.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from .reach import REACH

if TYPE_CHECKING:
    from collections.abc import Callable

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EVENTS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink")
_AT = ("os.remove", "os.rmdir")
_MOST = 400
_SAID = 2000


def crashing(hook: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The hook, taking ``step`` before its arguments, and dying there.

    A store is changed at 0, 1, 2, ...: the process ends before such a change, and where a file is
    opened for writing a second time right after, when it is empty.  Answers ``died``, the
    ``changes`` up to there (event, name) and, where it came to its end, whether it is ``done`` or
    the hook ``refused``, and ``why``.
    """

    def call(at: Any, step: int, *arguments: Any) -> dict[str, Any]:
        told, tell = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                os.close(told)
                _run(hook, at, step, arguments, tell)
            finally:
                os._exit(0)
        os.close(tell)
        with os.fdopen(told, "rb") as pipe:
            lines = pipe.read().decode().splitlines()
        os.waitpid(pid, 0)
        said = [json.loads(line) for line in lines]
        ended = said.pop() if said and isinstance(said[-1], dict) else {}
        REACH.add(ended.pop("rests", {}))
        return {"died": not ended, "changes": said, **ended}

    return call


def _run(hook: Any, at: Any, step: int, arguments: Any, tell: int) -> None:
    """Call the hook, and tell each change as it comes, so that none is lost with the process."""
    base = os.path.realpath(at.store) + os.sep
    passed, busy = 0, False

    def saw(event: str, given: tuple[Any, ...]) -> None:
        nonlocal passed, busy
        if busy or event not in _EVENTS:
            return
        if event == "open" and not (given[2] or 0) & _WRITING:
            return
        busy = True
        try:
            name = _below(base, event, given)
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
    try:
        hook(at, *arguments)
        ended = {"done": True, "refused": False, "why": ""}
    except BaseException as error:  # noqa: BLE001 - also sys.exit: it is an answer here
        refused = isinstance(error, sys.modules["audit_lib.hooks"].Refusal)
        why = f"{type(error).__name__}: {error}"[:_SAID]
        ended = {"done": False, "refused": refused, "why": why}
    os.write(tell, (json.dumps({**ended, "rests": REACH.told()}) + "\n").encode())


def _below(base: str, event: str, given: tuple[Any, ...]) -> str | None:
    """Name, within the store, of the last path that an event is about; None where none is."""
    found = None
    for path in given[:2]:
        if not isinstance(path, (str, bytes, os.PathLike)):
            continue
        text = os.fsdecode(path)
        if event in _AT and isinstance(given[1], int) and given[1] >= 0:  # relative to a folder
            text = os.path.join(os.readlink(f"/proc/self/fd/{given[1]}"), text)
        folder, last = os.path.split(os.path.abspath(text))
        whole = os.path.join(os.path.realpath(folder), last)
        if whole.startswith(base):
            found = whole[len(base) :].replace(os.sep, "/")
    return found
