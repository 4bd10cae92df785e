"""Answers calls on the wire, one after another, inside one forked process."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import closed, exercise
from .decoding import decode
from .derived import derived
from .encoding import encode
from .entering import entering
from .loading import flush, load
from .names import composed
from .opening import opening
from .reach import REACH, telling
from .wire import Incoming, WireError, pack, receive, send

if TYPE_CHECKING:
    from collections.abc import Callable

HOOKS_MODULE = "subject_hooks"
_LONG = 4_000


def load_hooks(path: str, config: dict[str, Any]) -> list[str]:
    """Run the subject's ``hooks.py`` and name the hooks there are to call."""
    inside = (os.path.dirname(path), config["scratch"], config["library"])
    REACH.watch(config["root"], inside)
    load(HOOKS_MODULE, path)
    registered = _hooks().registered()
    return sorted({*registered, *composed(registered)})


def _hooks() -> Any:
    return sys.modules["audit_lib.hooks"]


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as plain data, its texts cut to a length a person would read."""
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    what = "raised"
    if isinstance(error, MemoryError):
        what = "memory"
    elif isinstance(error, SystemExit):
        what = "exit"
    elif isinstance(error, _hooks().Refusal):
        what = "refused"
    return {
        "what": what,
        "type": f"{module}{kind.__qualname__}"[:200],
        "message": _said(error)[:_LONG],
    }


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as another:  # noqa: BLE001 - __str__ is the subject's
        return f"<str() raised {type(another).__name__}>"


def work(wire: socket.socket, config: dict[str, Any], order: dict[str, Any]) -> None:
    """Serve until the judge closes the wire."""
    me = os.getpid()
    limit = config["output_mb"] << 20
    incoming = Incoming(1 << 40)
    preloaded = set(sys.modules)
    place = _Place(order["folder"], config["root"])
    failure = None
    if order.get("hooks"):
        try:
            load_hooks(order["hooks"], config)
        except BaseException as error:  # noqa: BLE001 - answered to the first call
            failure = describe(error)
    hooks = derived(_hooks().registered())
    served = _Served()
    while True:
        try:
            frame = receive(wire, incoming)
        except (EOFError, ConnectionError):
            return
        number = frame.header["id"]
        served.begin(frame.header)
        if "hook" not in frame.header:
            reply: dict[str, Any] = {"ok": None}
            buffers: list[Any] = []
        elif failure is None:
            reply, buffers = _answer(frame.header, frame.buffers, hooks, place.context)
        else:
            reply, buffers = {"fail": {**failure, "file": True}}, []
        if os.getpid() != me:  # a hook forked, and its child came back here too
            os._exit(0)
        if frame.header.get("learn"):
            reply["imported"] = imported(preloaded, config["root"])
        notes = {"id": number, "closed": closed.taken(), **served.executed(frame.header)}
        rests = REACH.told()
        if rests:
            notes["rests"] = rests
        del frame
        flush()
        try:
            chunks = pack({**reply, **notes}, buffers, limit)
        except (WireError, RecursionError, MemoryError) as error:
            chunks = pack({**notes, "fail": _unfit(error)}, [], limit)
        send(wire, chunks)


class _Served:
    """Counts calls, and tells after some of them which lines of the source were executed.

    Collecting lines takes a millisecond or two, so that a batch does it after calls 1, 2, 4, 8
    and so on, and when the judge asks at the end: a crash costs half of what was executed.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._measurement: Any = None
        self._begun = False

    def begin(self, request: dict[str, Any]) -> None:
        """Measure from now on, if the judge wants it."""
        if request.get("measure") and not self._begun:
            self._begun = True
            self._measurement = exercise.started()

    def executed(self, request: dict[str, Any]) -> dict[str, Any]:
        """What belongs into the reply; nothing where it is not its turn."""
        called = "hook" in request
        self._calls += called
        if self._measurement is None or (called and self._calls & (self._calls - 1)):
            return {}
        try:
            return {"executed": self._measurement.new()}
        except BaseException as error:  # noqa: BLE001 - a hook may have broken the library
            return {"executed": {"failed": f"{type(error).__name__}: {_said(error)}"[:300]}}


class _Place:
    """Where a worker's files go: home and temporary files, and in it a folder for each call."""

    def __init__(self, folder: str, root: str) -> None:
        self._folder = folder
        self._root = Path(root)
        self._kind = telling(_hooks().Context)
        self._number = 0
        self._current = ""
        os.environ["HOME"] = os.environ["TMPDIR"] = folder
        if "tempfile" in sys.modules:
            vars(sys.modules["tempfile"])["tempdir"] = None  # it remembers an old one

    def context(self, request: dict[str, Any]) -> Any:
        """What the hook gets first; the current folder is its scratch."""
        scratch = request["scratch"] or self._fresh()
        REACH.allow(request["store"])
        os.chdir(scratch)
        return self._kind(
            root=self._root,
            store=Path(request["store"]),
            version=request["version"],
            scratch=Path(scratch),
            key=request.get("key") or {},
        )

    def _fresh(self) -> str:
        """An empty folder; the last one again if it was left as it was."""
        if not self._untouched():
            self._number += 1
            self._current = os.path.join(self._folder, f"call-{self._number}")
            os.mkdir(self._current)
        return self._current

    def _untouched(self) -> bool:
        try:
            with os.scandir(self._current) as inside:
                return self._current != "" and next(inside, None) is None
        except OSError:
            return False


def _answer(
    request: dict[str, Any],
    buffers: list[memoryview],
    hooks: dict[str, Any],
    at: Callable[[dict[str, Any]], Any],
) -> tuple[dict[str, Any], list[Any]]:
    """Call the hook; what it answered, or how it failed."""
    notes: dict[str, Any] = {}
    try:
        arguments = decode(request["args"], buffers, paths=True)
        answer = _called(request, hooks[request["hook"]], at(request), arguments, notes)
    except BaseException as error:  # noqa: BLE001 - also sys.exit and KeyboardInterrupt
        return {**notes, "fail": describe(error)}, []
    try:
        header, out = encode(answer)
    except MemoryError as error:
        return {**notes, "fail": describe(error)}, []
    except WireError as error:
        return {**notes, "fail": _unfit(error)}, []
    except BaseException as error:  # noqa: BLE001 - an answer may be of the subject's own class
        return {**notes, "fail": _unfit(f"{type(error).__name__}: {_said(error)}")}, []
    return {**notes, "ok": header}, out


def _called(
    request: dict[str, Any], hook: Any, context: Any, arguments: Any, told: dict[str, Any]
) -> Any:
    """The hook's answer; what it entered and which files it read is told where the judge asks."""
    if not request.get("enters"):
        return hook(context, *arguments)
    root, scratch = str(context.root), str(context.scratch)
    with opening(root, scratch) as told["opened"], entering(root, arguments) as told["entered"]:
        return hook(context, *arguments)


def _unfit(error: object) -> dict[str, Any]:
    return {"what": "unfit", "type": "", "message": str(error)[:_LONG]}


def imported(known: set[str], root: str) -> list[str]:
    """Modules of installed libraries that this process has imported since it was forked.

    Those of the source by their files.
    """
    library = os.path.dirname(os.__file__)
    names = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name not in known and isinstance(path, str):
            installed = "site-packages" in path or "dist-packages" in path
            if installed or path.startswith(library + os.sep):
                names.append(name)
            elif path.startswith(root + os.sep) and path.endswith(".py"):
                names.append(path)
    return names[:4000]
