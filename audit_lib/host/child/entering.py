"""Which functions of the subject a call of a hook enters, so that a finding can stand there.

A profile function notes every function below the root of the source once, in the order in which
they are entered.  It costs a few times the time of a call, so that the judge asks for it until a
hook has told, and no longer.  A long call is followed for its first seconds; after that its stack
is looked at now and then, which shows what takes its time.

"Handed something that the hook was given" means the same object, or an array in the same memory
(a column of a frame, say).  What was converted is not recognised.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

from .opening import libraries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

_FUNCTION = 0x1
"""flag of the code of a function; modules and bodies of classes lack it"""
_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__"})
_MOST, _EVERY = 2000, 4096
_LOADING, _RUNNING = 20.0, 3.0
"""seconds of processor time for which a call is followed: until it has entered a function in
earnest, and then"""
_LOOK = 0.05
"""seconds of processor time between two looks at the stack after that"""
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


@contextmanager
def entering(root: str, arguments: Sequence[Any]) -> Iterator[list[list[Any]]]:
    """Note what is entered within; a list of ``[path, first line, preparing, given, direct]``.

    ``path`` is relative to the root.  ``preparing`` says that a module was being imported or an
    object constructed; ``given``, that the function was handed something that the hook was given;
    ``direct``, that no function of the subject called it.
    """
    _without_libraries()
    # two frames up, beyond contextlib's, stands who calls the hook
    noted = _Noted(os.path.realpath(root) + os.sep, arguments, sys._getframe(2))
    before = sys.getprofile()
    sys.setprofile(noted.saw)
    try:
        yield noted.found
    finally:
        sys.setprofile(before)
        noted.end()


@functools.lru_cache(maxsize=1)
def _without_libraries() -> None:
    """Have the import of an installed library followed no more: it takes four times as long."""
    usual = SourceFileLoader.exec_module
    installed = tuple(os.path.realpath(place) + os.sep for place in libraries())

    def exec_module(self: SourceFileLoader, module: ModuleType) -> None:
        following = sys.getprofile()
        if following is None or not os.path.realpath(self.path).startswith(installed):
            return usual(self, module)
        sys.setprofile(None)
        try:
            return usual(self, module)
        finally:
            sys.setprofile(following)

    SourceFileLoader.exec_module = exec_module  # type: ignore[assignment, method-assign]


class _Noted:
    def __init__(self, root: str, arguments: Sequence[Any], caller: Any) -> None:
        self.found: list[list[Any]] = []
        self._root, self._caller = root, caller
        handed = [value for value in _handed(arguments) if _telling(value)]
        self._given = {id(value) for value in handed}
        self._memory = [span for value in handed for span in _memory(value)]
        self._known: dict[int, Any] = {}  # code by its id: hashing code is slow
        self._prepared: set[Any] = set()
        self._files: dict[str, str] = {}
        self._until = time.process_time() + _LOADING
        self._events = 0
        self._handler: Any = None

    def saw(self, frame: Any, event: str, _: Any) -> None:
        """The profile function."""
        self._events += 1
        if not self._events % _EVERY and time.process_time() > self._until:
            self._look_now_and_then()
        if event == "call" and id(frame.f_code) not in self._known:
            self._note(frame)

    def _look_now_and_then(self) -> None:
        sys.setprofile(None)
        with suppress(ValueError, OSError):  # not the main thread, or forbidden
            self._handler = signal.signal(signal.SIGVTALRM, self._look)
            signal.setitimer(signal.ITIMER_VIRTUAL, _LOOK, _LOOK)

    def _look(self, _: int, frame: Any) -> None:
        """Note what stands on the stack, outermost first."""
        for one in reversed(list(self._above(frame))):
            if id(one.f_code) not in self._known:
                self._note(one)

    def end(self) -> None:
        """Look no more."""
        self._caller = None
        if self._handler is not None:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, self._handler)

    def _note(self, frame: Any) -> None:
        code = frame.f_code
        path = self._path(code.co_filename) if code.co_flags & _FUNCTION else ""
        preparing = bool(path) and self._preparing(frame)
        if not preparing:
            self._known[id(code)] = code
        elif code in self._prepared:
            return
        else:  # it may be entered again in earnest
            self._prepared.add(code)
        if not path or len(self.found) >= _MOST:
            return
        if not preparing and not any(not entry[2] for entry in self.found):
            self._until = time.process_time() + _RUNNING
        given = any(map(self._is_given, frame.f_locals.values()))
        direct = not any(self._path(f.f_code.co_filename) for f in self._above(frame.f_back))
        self.found.append([path, code.co_firstlineno, preparing, given, direct])

    def _above(self, frame: Any) -> Iterator[Any]:
        """That frame and those which called it, up to the hook's caller."""
        while frame is not None and frame is not self._caller:
            yield frame
            frame = frame.f_back

    def _preparing(self, frame: Any) -> bool:
        """True within the import of a module or the construction of an object of the hook's."""
        codes = (f.f_code for f in self._above(frame))
        return any(c.co_name in _CONSTRUCTORS or not c.co_flags & _FUNCTION for c in codes)

    def _is_given(self, value: Any) -> bool:
        if id(value) in self._given:
            return True
        spans = _memory(value)
        return bool(spans) and all(
            any(a <= x and y <= b for a, b in self._memory) for x, y in spans
        )

    def _path(self, file: str) -> str:
        """Relative to the root; '' for what is not the subject's source."""
        if file not in self._files:
            real = os.path.realpath(file)
            own = real.startswith(self._root) and not any(part in real for part in _INSTALLED)
            self._files[file] = real[len(self._root) :].replace(os.sep, "/") if own else ""
        return self._files[file]


def _handed(arguments: Sequence[Any]) -> Iterator[Any]:
    """The arguments, and what stands directly in those that hold others."""
    for value in arguments:
        yield value
        if isinstance(value, dict):
            yield from list(value.values())[:50]
        elif isinstance(value, (list, tuple)):
            yield from value[:50]


def _memory(value: Any) -> list[tuple[int, int]]:
    """Where the numbers of an array or a frame lie; none for anything else."""
    module = type(value).__module__.partition(".")[0]
    try:
        if module == "numpy":
            return [_span(value)] if value.size else []
        if module != "pandas":
            return []
        columns = [value[name] for name in value] if value.ndim == 2 else [value]
        return [_span(column.to_numpy()) for column in columns if len(column)]
    except Exception:  # noqa: BLE001 - a subclass of the subject's, or an odd dtype
        return []


def _span(array: Any) -> tuple[int, int]:
    first = array.__array_interface__["data"][0]
    reach = [step * (n - 1) for n, step in zip(array.shape, array.strides)]  # noqa: B905 - 3.9
    low = first + sum(r for r in reach if r < 0)
    return low, first + sum(r for r in reach if r > 0) + array.itemsize


def _telling(value: Any) -> bool:
    """True where being the same object says that it was passed on."""
    if value is None or isinstance(value, (bool, int)):
        return False
    return not (isinstance(value, (str, bytes)) and len(value) < 2)
