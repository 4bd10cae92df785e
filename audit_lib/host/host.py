"""Calls a subject's hooks in a child that can harm neither the audit nor the subject.

Three kinds of process (see ``child/main.py``): the *root* is isolated and has NumPy and pandas;
the *template* has also run ``hooks.py``; a *worker* is forked from it for one call or one batch.
A fork costs milliseconds where an interpreter costs half a second, and what a call changes in its
process ends with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from audit_lib.host import launch
from audit_lib.host.child.names import plain
from audit_lib.host.crew import Crew
from audit_lib.host.entered import Entries
from audit_lib.host.errors import HookError, HookMissing, HostUnavailable, IsolationUnavailable
from audit_lib.host.exercise import ExercisedLines, Measure, library
from audit_lib.host.isolation import Isolation, Probe, absent, probe
from audit_lib.host.limits import Allowance, Limits
from audit_lib.host.process import Launch
from audit_lib.host.readable import checkout, readable
from audit_lib.scratch import new_folder, remove_folder


class Host:
    """A subject's hooks, called in a child process.

    The child is started on first use (or on entry, as a context manager), and again without a
    word whenever a hook has destroyed it.  One call runs at a time; a second thread waits.
    """

    def __init__(
        self,
        hooks_file: Path,
        *,
        root: Path,
        interpreter: Path | None = None,
        limits: Limits | None = None,
        isolation: Isolation | None = None,
        allow_unisolated: bool = False,
        environment: Mapping[str, str] | None = None,
        reads: Iterable[Path] = (),
        measure: Measure = Measure.NEVER,
        allowance: Allowance | None = None,
    ) -> None:
        """Prepare a host; nothing is started yet.

        Args:
            hooks_file: the subject's ``hooks.py``.
            root: the subject's source checkout.  It is not put on the child's ``sys.path``;
                hooks find it as ``at.root``, and as ``WORKBOOK_ROOT`` in the environment.
            interpreter: the Python that runs the hooks (3.9 or newer, with NumPy and pandas);
                this one by default.
            limits: what one call may cost.
            isolation: demand this level; the strongest that works by default.
            allow_unisolated: run hooks on a machine that offers no isolation at all, and load
                untrusted artifacts on one that does not contain hostile code.
            environment: further variables for the child.
            reads: what hooks may read besides the repository of ``root``, their own folder, the
                interpreter with its libraries, the system's programs and scratch.
            measure: when to note which lines of the source calls execute; see ``exercised``.
            allowance: what all calls together may take, where somebody counts.
        """
        self._hooks = Path(hooks_file).absolute()
        self._root = Path(root).absolute()
        # Not resolved: a virtual environment is recognised by the path of its interpreter.
        self._interpreter = None if interpreter is None else Path(interpreter).absolute()
        self._limits = limits or Limits()
        self._demanded = isolation
        self._allow_unisolated = allow_unisolated
        self._reads = tuple(Path(os.path.abspath(path)) for path in reads)
        self._environment = {"WORKBOOK_ROOT": str(self._root), **(environment or {})}
        self.measure = measure
        self._allowance = allowance or Allowance()
        self.exercised = ExercisedLines()
        self.entries = Entries()
        self._lock = threading.RLock()
        self._open: _Open | None = None

    # --- life ---------------------------------------------------------------------------------
    def open(self) -> None:
        """Probe the isolation and start the child, if that has not happened yet.

        Raises:
            IsolationUnavailable: this machine offers none, and that was not allowed.
            HostUnavailable: the child does not start; the message names the mend.
        """
        with self._lock:
            self._opened()

    def __enter__(self) -> Host:
        """Open; see :meth:`open`."""
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """End the child and all it started; remove the scratch folder."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _opened(self) -> _Open:
        if self._open is None:
            self._check_places()
            probed = probe(self._demanded, interpreter=self._interpreter)
            if probed.isolation is Isolation.NONE and not self._runs_python():
                raise HostUnavailable(
                    "this interpreter does not run Python",
                    where=str(self._interpreter),
                    mend="name a Python with NumPy and pandas under environment in subject.yaml",
                )
            if probed.isolation is Isolation.NONE and not self._allow_unisolated:
                raise IsolationUnavailable(
                    "this machine offers no isolation for the subject's code",
                    mend="install bubblewrap, or allow it: policy.allow_unisolated: true",
                )
            self._open = _Open(self._plan(probed), probed)
        return self._open

    def _runs_python(self) -> bool:
        python = str(self._interpreter or sys.executable)
        try:
            command = [python, "-c", "print(6 * 7)"]
            answer = subprocess.run(command, capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return answer.stdout.strip() == b"42"

    def _check_places(self) -> None:
        if not hasattr(os, "fork") or sys.platform == "win32":
            raise HostUnavailable("hooks need fork()", mend="on Windows, run the workbook in WSL")
        if not self._hooks.is_file():
            raise HostUnavailable("there is no such hooks file", where=str(self._hooks))
        if not self._root.is_dir():
            raise HostUnavailable("there is no such folder", where=str(self._root))
        if self._interpreter is not None and not self._interpreter.is_file():
            raise HostUnavailable(
                "there is no such interpreter",
                where=str(self._interpreter),
                mend="create that environment, or correct environment.python",
            )

    def _plan(self, found: Probe) -> Launch:
        scratch = new_folder("host")
        coverage = None if self.measure is Measure.NEVER else library()
        own = [*checkout(self._root), self._hooks.parent, launch.LIBRARY, *self._reads]
        python = str(self._interpreter or sys.executable)
        return Launch(
            hooks=self._hooks,
            root=self._root,
            scratch=scratch,
            interpreter=self._interpreter,
            limits=self._limits,
            isolation=found.isolation.label,
            seccomp="seccomp" not in absent(),
            landlock="landlock" not in absent(),
            environment=launch.environment(scratch, self._interpreter, self._environment),
            readable=readable(python, [*own, coverage] if coverage else own),
            coverage=coverage,
        )

    # --- what it is ---------------------------------------------------------------------------
    @property
    def isolation(self) -> Isolation:
        """The level the hooks run at."""
        return self.probed.isolation

    @property
    def probed(self) -> Probe:
        """What was tried and found about that level."""
        with self._lock:
            return self._opened().probed

    def describe(self) -> str:
        """The isolation in words for a reader of a packet, with what more is open to hooks."""
        opened = ", ".join(map(str, self._reads)) if self.probed.isolation.closes else ""
        more = f"; opened to hooks besides: {opened}" if opened else ""
        return f"{self.probed.describe()}{more}"

    @property
    def refused(self) -> dict[str, set[str]]:
        """Paths that are closed to hooks and were asked for, with the hooks that did."""
        with self._lock:
            return dict(self._opened().crew.closed.asked)

    @property
    def isolation_so_far(self) -> str:
        """The level that calls ran at, in words; '' where none was made."""
        with self._lock:
            return self._open.probed.describe() if self._open else ""

    @property
    def scratch(self) -> Path:
        """The folder in which alone hooks can write."""
        with self._lock:
            return self._opened().scratch

    @property
    def versions(self) -> dict[str, str]:
        """Versions of ``python``, ``numpy``, ``pandas``, ``scikit-learn`` in the child."""
        with self._lock:
            return dict(self._opened().crew.versions)

    def refuse_untrusted(self, what: str) -> None:
        """Call before a hook that loads untrusted artifacts; ``what`` begins the message.

        Raises:
            IsolationUnavailable: hostile code would not be contained, and that was not allowed.
        """
        if not self.isolation.contains and not self._allow_unisolated:
            raise IsolationUnavailable(
                f"{what} would load untrusted files without containment "
                f"({self.isolation.describe()})",
                mend="install bubblewrap, or allow it: policy.allow_unisolated: true",
            )

    # --- scratch ------------------------------------------------------------------------------
    def folder(self, name: str = "kept") -> Path:
        """A new empty folder in which hooks can write, kept until the host closes."""
        with self._lock:
            return self._opened().folder(name)

    def scratch_copy(self, path: Path) -> Path:
        """A copy of a folder (an artifact store, say) that hooks can write to.

        Symbolic links are copied as links; pipes, sockets and devices are left out.
        """
        source = Path(path)
        copied = self.folder("copy") / (source.name or "copy")
        shutil.copytree(source, copied, symlinks=True, ignore=_special)
        return copied

    # --- calls --------------------------------------------------------------------------------
    def hooks(self) -> frozenset[str]:
        """Names of the hooks that the subject's ``hooks.py`` registers.

        Raises:
            HookError: ``hooks.py`` itself fails.
        """
        with self._lock:
            return self._opened().crew.names()

    def call(self, hook: str, *arguments: Any, **where: Any) -> Any:
        """Call a hook in a process of its own and return its answer.

        Args:
            hook: full name (``drift.psi``).
            arguments: what follows the context; data only (see ``child.values``).
            where: as for :meth:`call_many`.

        Raises:
            HookError: there is no usable answer; see its subclasses.
            TypeError: an argument is not data.
        """
        (answer,) = self.call_many(hook, [arguments], **where)
        if isinstance(answer, HookError):
            raise answer
        return answer

    def call_many(
        self,
        hook: str,
        batch: Iterable[Sequence[Any]],
        *,
        store: Path | None = None,
        version: str = "",
        scratch: Path | None = None,
        seconds: float | None = None,
        key: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """Call a hook once for each list of arguments, in one process as long as it lasts.

        The calls of a batch share a process, and so what the subject keeps in memory; each has a
        scratch folder of its own unless one is given.

        Args:
            hook, batch: full name (``drift.psi``), and what follows the context in each call.
            store: the artifact store for ``at.store``; the root by default.
            version: id of the version under audit.
            scratch: folder for ``at.scratch``, from :meth:`folder`; a fresh one by default,
                which is removed after the call.
            seconds: limit of time for each call.
            key: for ``at.key``; JSON scalars only.

        Returns:
            For each call its answer, or the :class:`HookError` that it cost.
        """
        with self._lock:
            opened = self._opened()
            if plain(hook) not in opened.crew.names():
                raise HookMissing(hook, f"{self._hooks} registers no such hook")
            request = self._request(hook, store, version, scratch) | {"key": dict(key or {})}
            limits = self._limits if seconds is None else replace(self._limits, seconds=seconds)
            calls = list(batch)
            noted = self._noted(opened.crew.measured, len(calls))
            folders = partial(opened.folder, "work")
            from audit_lib.host.batch import Batch  # pandas, which takes as long as a child

            run = Batch(
                opened.crew, limits, hook, request, folders, noted, self.entries, self._allowance
            )
            try:
                return [run.one(arguments) for arguments in calls]
            finally:
                run.dismiss()

    def _noted(self, measured: Mapping[str, Any], calls: int) -> ExercisedLines | None:
        """Where to note executed lines; None where they are not measured."""
        if self.measure is Measure.NEVER:
            return None
        why = str(measured.get("why", ""))
        if not why and measured.get("slow") and self.measure is Measure.CHEAPLY:
            why = "only a tracer written in Python is to be had, which is slow"
        if why:
            self.exercised.unmeasured[why] += calls
        return None if why else self.exercised

    def _request(
        self, hook: str, store: Path | None, version: str, scratch: Path | None
    ) -> dict[str, Any]:
        """What all calls of a batch share."""
        shared: dict[str, Any] = {
            "hook": hook,
            "store": str(self._root if store is None else Path(store).absolute()),
            "version": version,
            "scratch": None if scratch is None else str(Path(scratch).resolve()),
        }
        if scratch is not None and not Path(shared["scratch"]).is_relative_to(self.scratch):
            raise ValueError(f"hooks cannot write to {scratch}; use the host's folder()")
        return shared


class _Open:
    """What an open host holds; closed with it, or when it is forgotten."""

    def __init__(self, plan: Launch, probed: Probe) -> None:
        self.probed = probed
        self.scratch = plan.scratch
        try:
            self.crew = Crew(plan)
        except BaseException:
            remove_folder(plan.scratch)
            raise
        self.close = weakref.finalize(self, _end, self.crew, plan.scratch)

    def folder(self, name: str) -> Path:
        # Not to be foretold: a hook could have put a link there.
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.scratch))


def _end(crew: Crew, scratch: Path) -> None:
    crew.stop()
    remove_folder(scratch)


def _special(folder: str, names: list[str]) -> set[str]:
    """Names that are neither a file nor a folder nor a link."""
    places = {name: os.path.join(folder, name) for name in names}
    return {
        name
        for name, path in places.items()
        if not (os.path.islink(path) or os.path.isfile(path) or os.path.isdir(path))
    }
