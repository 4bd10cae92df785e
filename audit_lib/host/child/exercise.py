"""Which lines of the subject's source run while hooks are called, measured with ``coverage``.

The root imports the library and prepares one measurement before anything of the subject runs; a
worker switches it on in its own fork, when ``hooks.py`` has been loaded and before the first call.
So what loading the hooks runs is not measured, and what a call imports is.  Data stay in memory;
nothing is written.

The interpreter's own ``coverage`` is used where it has one, else the judge's, loaded from its
folder without touching ``sys.path``: a module the subject lacks must not be found with us.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from typing import Any

from .loading import load

_OMITTED = ("*/site-packages/*", "*/dist-packages/*")
_GLOB = str.maketrans(dict.fromkeys("[]{}*?", "?"))

_prepared: Measurement | None = None


class Measurement:
    """Lines executed so far, and those that were not handed over yet.

    Attributes:
        slow: whether every call and line is traced in Python, which takes tens of times as long.
    """

    def __init__(self, coverage: Any, root: str) -> None:
        """Measure files below ``root``."""
        self._root = os.path.realpath(root)
        self._measured = coverage.Coverage(
            data_file=None,
            config_file=False,
            include=[os.path.join(self._root.translate(_GLOB), "*")],
            omit=list(_OMITTED),
        )
        self._measured.set_option("run:disable_warnings", _WARNINGS)
        if sys.version_info >= (3, 12) and importlib.util.find_spec("coverage.tracer") is None:
            with contextlib.suppress(Exception):  # an older library knows no such option
                self._measured.set_option("run:core", "sysmon")
        self._sent: dict[str, set[int]] = {}
        self._tracer: Any = None
        self._forks = 0
        self._measured.start()  # what it imports when it starts belongs to the root
        tracer = sys.gettrace()
        self.slow = tracer is not None and type(getattr(tracer, "__self__", tracer)).__name__ == (
            "PyTracer"
        )
        self._measured.stop()

    def start(self) -> None:
        """Measure this process from now on; a process that it forks is counted, not measured."""
        os.register_at_fork(after_in_parent=self._forked, after_in_child=self._measured.stop)
        self._measured.start()
        self._tracer = sys.gettrace()

    def _forked(self) -> None:
        self._forks += 1

    def new(self) -> dict[str, Any]:
        """What was executed and not handed over yet, as plain data."""
        replaced = sys.gettrace() != self._tracer
        data = self._measured.get_data()
        lines = {}
        for file in data.measured_files():
            executed = set(data.lines(file) or ())
            fresh = executed - self._sent.get(file, set())
            if fresh:
                lines[os.path.relpath(file, self._root).replace(os.sep, "/")] = sorted(fresh)
                self._sent[file] = executed
        forks, self._forks = self._forks, 0
        return {"lines": lines, "forks": forks, "replaced": replaced}


_WARNINGS = [
    "no-data-collected", "module-not-measured", "module-not-imported", "already-imported",
    "include-ignored", "trace-changed", "no-ctracer", "no-sysmon",
]  # fmt: skip


def prepare(config: dict[str, Any]) -> dict[str, Any]:
    """Have everything ready for workers; whether it is, and what it costs."""
    global _prepared  # noqa: PLW0603 - one for each process, inherited by its forks
    try:
        _prepared = Measurement(_coverage(config["coverage"]), config["root"])
    except BaseException as error:  # noqa: BLE001 - an old or broken library raises anything
        why = f"coverage cannot be used: {type(error).__name__}: {error}"
        return {"why": why[:300], "slow": False}
    return {"why": "", "slow": _prepared.slow}


def started() -> Measurement | None:
    """The measurement, switched on; None where nothing can be measured."""
    if _prepared is not None:
        _prepared.start()
    return _prepared


def _coverage(folder: str) -> Any:
    """The interpreter's own library, or the one in ``folder``."""
    try:
        return importlib.import_module("coverage")
    except ImportError as missing:
        for name in [n for n in sys.modules if n.partition(".")[0] == "coverage"]:
            del sys.modules[name]
        if not folder:
            raise missing from None
    return load("coverage", os.path.join(folder, "__init__.py"), folder)
