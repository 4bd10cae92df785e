"""Source of the subject that is compiled once, and not again in every fork.

A checkout is never written to, so Python finds nothing compiled in it.  The template compiles the
files that workers say they imported, and runs none of them; a fork takes the code of a file that
still holds the same bytes.
"""

from __future__ import annotations

import os
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

from .reach import REACH

if TYPE_CHECKING:
    from types import CodeType

_HELD: dict[str, tuple[bytes, CodeType]] = {}
_usual = SourceFileLoader.source_to_code


def hold(path: str, root: str) -> None:
    """Compile a file of the source; one that lies elsewhere or does not compile is left alone."""
    if path in _HELD or not os.path.realpath(path).startswith(os.path.realpath(root) + os.sep):
        return
    try:
        with REACH.unnoted(), open(path, "rb") as file:
            content = file.read()
        # As importlib would: the loader's own method, with nothing of this module inherited.
        _HELD[path] = content, _usual(SourceFileLoader("", path), content, path)
    except Exception:  # noqa: BLE001 - the worker will see the error itself
        return


def _source_to_code(self: SourceFileLoader, data: Any, path: Any, **options: Any) -> CodeType:
    content, code = _HELD.get(path, (None, None))
    if code is not None and content == data:
        return code
    return _usual(self, data, path, **options)


SourceFileLoader.source_to_code = _source_to_code  # type: ignore[assignment, method-assign]
