"""Which paths were asked for that are closed to hooks: told to the judge, who decides.

The system refuses them; this only notes what Python asked for, so that a hook that swallows the
refusal and goes on without its file is seen.  What compiled code opens is not noted.

Source: PEP 578, and the table of audit events of the standard library.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_EVENTS = ("open", "os.listdir", "os.scandir", "sqlite3.connect")
_MOST = 20

_noted: list[str] = []


def watch(readable: Iterable[str]) -> None:
    """Note from now on what lies outside of these files and folders."""
    places = tuple(os.path.join(path, "") for path in readable)

    def saw(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _EVENTS or len(_noted) >= _MOST:
            return
        path = arguments[0]
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.fsdecode(path)
        if event == "sqlite3.connect":
            name = name[len("file:") :].partition("?")[0] if name.startswith("file:") else name
            if name in ("", ":memory:"):
                return
        text = os.path.abspath(name)
        if not (text + os.sep).startswith(places) and text not in _noted:
            _noted.append(text)

    sys.addaudithook(saw)


def taken() -> list[str]:
    """What was noted since this was last asked."""
    paths = list(_noted)
    _noted.clear()
    return paths
