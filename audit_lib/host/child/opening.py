"""Which data files a call of a hook reads, besides what it is given.

An audit hook notes what Python opens; readers of pandas that open files in compiled code are
noted by their argument.  What other compiled code opens is not seen.

Source: PEP 578, and the table of audit events of the standard library.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .changes import WRITING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NATIVE = ("read_parquet", "read_feather", "read_orc", "read_hdf")
SYSTEM = ("/dev/", "/proc/", "/sys/", "/etc/", "/usr/share/zoneinfo/")
_MOST = 200
#: code, and what holds settings rather than data
_NO_DATA = (".py", ".pyc", ".so", ".pyd", ".toml", ".ini", ".cfg", ".yaml", ".yml", ".pem")

_noted: list[str] | None = None


@contextmanager
def opening(root: str, scratch: str) -> Iterator[list[str]]:
    """Note the files that are read within: relative to the root, or whole paths elsewhere.

    Files of the interpreter and its libraries, of the system and below ``scratch`` are left out.
    """
    global _noted
    _install()
    _noted, files = [], list[str]()
    try:
        yield files
    finally:
        paths, _noted = _noted, None
        base, own = os.path.realpath(root) + os.sep, os.path.realpath(scratch) + os.sep
        installed = [os.path.realpath(p) + os.sep for p in libraries()]
        for path in dict.fromkeys(os.path.realpath(p) for p in paths):
            if path.startswith((own, *installed, *SYSTEM)) or not os.path.isfile(path):
                continue
            name = path[len(base) :] if path.startswith(base) else path
            files.append(name.replace(os.sep, "/"))


@contextmanager
def unnoted() -> Iterator[None]:
    """Leave out what is read within: another hook reads it, on the way to this one."""
    before = len(_noted or ())
    try:
        yield
    finally:
        if _noted is not None:
            del _noted[before:]


def libraries() -> set[str]:
    """Where the interpreter and what is installed for it lie."""
    places = sysconfig.get_paths()
    named = {places[name] for name in ("stdlib", "platstdlib", "purelib", "platlib", "data")}
    return named | {os.path.dirname(os.path.dirname(os.path.abspath(__file__)))} - {os.sep}


@functools.lru_cache(maxsize=1)
def _install() -> None:
    """Watch this process for good: an audit hook cannot be taken away again."""
    sys.addaudithook(_saw)
    pandas = sys.modules["pandas"]
    for name in _NATIVE:
        setattr(pandas, name, _telling(getattr(pandas, name)))


def _saw(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _noted is not None and not (arguments[2] or 0) & WRITING:
        _note(arguments[0])


def _telling(read: Any) -> Any:
    @functools.wraps(read)
    def reading(path: Any, *args: Any, **kwargs: Any) -> Any:
        _note(path)
        return read(path, *args, **kwargs)

    return reading


def _note(path: Any) -> None:
    if _noted is None or len(_noted) >= _MOST or not isinstance(path, (str, bytes, os.PathLike)):
        return
    text = os.fsdecode(path)
    if not text.endswith(_NO_DATA):
        _noted.append(os.path.abspath(text))
