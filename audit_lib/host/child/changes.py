"""Which paths an audit event is about to change: files that are opened to be written, and others.

Source: PEP 578, and the table of audit events of the standard library.
"""

from __future__ import annotations

import os
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: Event: positions of the paths it would change, and of the open folders they start from.
_POSITIONS = {
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
CHANGES = frozenset(_POSITIONS)


def changed(event: str, arguments: tuple[Any, ...]) -> list[str]:
    """Paths that an event is about to write, make, move or remove; empty where it changes none.

    ``shutil.rmtree``, and so every temporary folder, removes files by their name in an open folder:
    such a name, and a file by its descriptor, is told by its place below ``/proc/self/fd``.
    """
    if event == "open" and len(arguments) == 3:
        path, _, flags = arguments
        named = isinstance(path, (str, bytes, os.PathLike)) and isinstance(flags, int)
        return [os.fsdecode(path)] if named and flags & WRITING else []
    paths, folders = _POSITIONS.get(event, ((), ()))
    starts = [arguments[place] for place in folders] or [-1]
    return [_text(arguments[path], start) for path, start in zip(paths, starts)]  # noqa: B905 - 3.9


def _text(path: Any, folder: Any) -> str:
    text = f"/proc/self/fd/{path}" if isinstance(path, int) else os.fsdecode(path)
    if isinstance(folder, int) and folder >= 0 and not os.path.isabs(text):
        return os.path.join(f"/proc/self/fd/{folder}", text)
    return text
