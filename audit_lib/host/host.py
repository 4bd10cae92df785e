"""Calls a subject's hooks in a child that can harm neither the audit nor the subject.

Three kinds of process (see :mod:`audit_lib.host.child.main`): the *root* is isolated and has
NumPy and pandas; the *template* has also run ``hooks.py``; a *worker* is forked from it for one
call or one batch.  A fork costs milliseconds where an interpreter costs half a second, and what a
call changes in its process ends with it.

A failure is charged to a call only if it was the first of its worker.  A later one is made again
in a fresh worker, because an earlier call may have left the worker damaged.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from audit_lib.host import launch
from audit_lib.host.child import values
from audit_lib.host.child.wire import Frame, WireError, pack
from audit_lib.host.errors import (
    HookBadAnswer,
    HookDied,
    HookError,
    HookMissing,
    HookOutOfMemory,
    HookRaised,
    HookRefused,
    HookTimedOut,
    HostUnavailable,
    IsolationUnavailable,
)
from audit_lib.host.isolation import Isolation, absent, probe
from audit_lib.host.limits import Limits
from audit_lib.host.process import Forker, Lost, Plan, Printed, Process, Worker

HOOKS_FILE = "hooks.py"
_ARGUMENTS_LIMIT = 8 << 30
_ABORTED = 6
_OUT_OF_MEMORY = (b"bad_alloc", b"Cannot allocate memory", b"Unable to allocate", b"MemoryError")


class Host:
    """A subject's hooks, called in a child process.

    Use as a context manager.  The child is started on entry, and again without a word whenever a
    hook has destroyed it.  One call runs at a time; a second thread waits.
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
        scratch: Path | None = None,
        environment: Mapping[str, str] | None = None,
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
            scratch: an existing folder for the host's files, which is kept; by default a
                temporary one, which is removed.
            environment: further variables for the child.

        Raises:
            HostUnavailable: the hooks file, the root or the interpreter is not there, or the
                scratch folder is not apart from the root.
        """
        self._hooks = Path(hooks_file).absolute()
        self._root = Path(root).absolute()
        self._interpreter = None if interpreter is None else Path(interpreter).absolute()
        self._limits = limits or Limits()
        self._demanded = isolation
        self._allow_unisolated = allow_unisolated
        self._given_scratch = None if scratch is None else Path(scratch).resolve()
        self._environment = dict(environment or {})
        self._check_places()
        self._lock = threading.RLock()
        self._scratch: Path | None = None
        self._isolation: Isolation | None = None
        self._process: Process | None = None
        self._template: Forker | None = None
        self._names: frozenset[str] | None = None
        self._broken: HookError | None = None
        self._threaded = False
        self._warm = _Warmth()
        self._counter = 0
        self.restarts = -1

    def _check_places(self) -> None:
        if not launch.is_posix():
            raise HostUnavailable("hooks need fork(); on Windows, run the workbook in WSL")
        if not self._hooks.is_file():
            raise HostUnavailable(f"{self._hooks}: there is no such hooks file")
        if not self._root.is_dir():
            raise HostUnavailable(f"{self._root}: there is no such folder; give the subject's root")
        if self._interpreter is not None and not self._interpreter.is_file():
            raise HostUnavailable(
                f"{self._interpreter}: there is no such interpreter; create it or correct "
                "environment.python in the subject's parameters"
            )
        scratch = self._given_scratch
        if scratch is not None and not scratch.is_dir():
            raise HostUnavailable(f"{scratch}: the scratch folder does not exist")
        if scratch is not None and _nested(scratch, self._root.resolve()):
            raise HostUnavailable(f"{scratch}: the scratch folder must be apart from {self._root}")

    # --- life ---------------------------------------------------------------------------------
    def __enter__(self) -> Host:
        """Probe the isolation and start the child.

        Raises:
            IsolationUnavailable: this machine offers none, and that was not allowed.
            HostUnavailable: the child does not start.
        """
        found = probe(self._demanded, interpreter=self._interpreter)
        if found.isolation is Isolation.NONE and not self._allow_unisolated:
            raise IsolationUnavailable(
                "this machine offers no isolation for the subject's code; allow_unisolated "
                "runs it all the same"
            )
        self._isolation = found.isolation
        self.stops = found.stopped
        base = self._given_scratch
        made = tempfile.mkdtemp(prefix="audit-host-") if base is None else str(base)
        self._scratch = Path(made).resolve()
        try:
            self._ensure_process()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the child and all it started."""
        self.close()

    def close(self) -> None:
        """End the child and all it started; remove the scratch folder unless it was given."""
        with self._lock:
            self._stop()
            if self._scratch is not None and self._given_scratch is None:
                _remove(self._scratch)
            self._scratch = None

    @property
    def isolation(self) -> Isolation:
        """The level the hooks run at."""
        if self._isolation is None:
            raise HostUnavailable("the host is not open; use it in a with statement")
        return self._isolation

    @property
    def scratch(self) -> Path:
        """The folder in which alone hooks can write."""
        if self._scratch is None:
            raise HostUnavailable("the host is not open; use it in a with statement")
        return self._scratch

    @property
    def limits(self) -> Limits:
        """What one call may cost."""
        return self._limits

    @property
    def versions(self) -> dict[str, str]:
        """Versions of ``python``, ``numpy`` and ``pandas`` in the child."""
        with self._lock:
            return dict(self._ensure_process().versions)

    def refuse_untrusted(self, what: str) -> None:
        """Call before a hook that loads untrusted artifacts.

        Raises:
            IsolationUnavailable: hostile code would not be contained, and that was not allowed.
        """
        if not self.isolation.contains and not self._allow_unisolated:
            raise IsolationUnavailable(
                f"{what} would load untrusted files without containment "
                f"({self.isolation.describe()}); install bubblewrap, or set allow_unisolated"
            )

    # --- scratch ------------------------------------------------------------------------------
    def folder(self, name: str = "kept") -> Path:
        """A new empty folder in which hooks can write, kept until the host closes."""
        with self._lock:
            self._counter += 1
            path = self.scratch / f"{name}-{self._counter}"
            path.mkdir()
            return path

    def scratch_copy(self, path: Path) -> Path:
        """A copy of a folder (an artifact store, say) that hooks can write to.

        Symbolic links are copied as links.
        """
        source = Path(path)
        copied = self.folder("copy") / source.name
        shutil.copytree(source, copied, symlinks=True)
        return copied

    # --- calls --------------------------------------------------------------------------------
    def hooks(self) -> frozenset[str]:
        """Names of the hooks that the subject's ``hooks.py`` registers.

        Raises:
            HookError: ``hooks.py`` itself fails.
        """
        with self._lock:
            self._ensure_hooks()
            assert self._names is not None
            return self._names

    def call(
        self,
        hook: str,
        *arguments: Any,
        store: Path | None = None,
        version: str = "",
        scratch: Path | None = None,
        seconds: float | None = None,
    ) -> Any:
        """Call a hook in a process of its own and return its answer.

        Args:
            hook: full name (``drift.psi``).
            arguments: what follows the context; data only (see ``child.values``).
            store: the artifact store for ``at.store``; the root by default.
            version: id of the version under audit.
            scratch: folder for ``at.scratch``, from :meth:`folder`; a fresh one by default,
                which is removed after the call.
            seconds: limit of time for this call.

        Raises:
            HookError: there is no usable answer; see its subclasses.
            TypeError: an argument is not data.
        """
        batch = [arguments]
        (answer,) = self.call_many(
            hook, batch, store=store, version=version, scratch=scratch, seconds=seconds
        )
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
    ) -> list[Any]:
        """Call a hook once for each list of arguments, in one process as long as it lasts.

        The calls of a batch share a process, and so what the subject keeps in memory; each has a
        scratch folder of its own unless one is given.  Parameters as for :meth:`call`; the limit
        of time is for each call.

        Returns:
            For each call its answer, or the :class:`HookError` that it cost.
        """
        with self._lock:
            self._ensure_hooks()
            assert self._names is not None
            if hook not in self._names:
                raise HookMissing(hook, f"{self._hooks} registers no such hook")
            request = self._request(hook, store, version, scratch)
            run = _Batch(self, hook, request, self._limits.seconds if seconds is None else seconds)
            try:
                return [run.one(arguments) for arguments in batch]
            finally:
                run.dismiss()

    def _request(
        self, hook: str, store: Path | None, version: str, scratch: Path | None
    ) -> dict[str, Any]:
        if scratch is not None and not _within(Path(scratch).resolve(), self.scratch):
            raise ValueError(f"{scratch} is not writable for hooks; use the host's folder()")
        return {
            "hook": hook,
            "store": str(self._root if store is None else Path(store).absolute()),
            "version": version,
            "scratch": None if scratch is None else str(Path(scratch).resolve()),
            "keep": scratch is not None,
        }

    # --- processes ----------------------------------------------------------------------------
    def _ensure_process(self) -> Process:
        if self._process is None:
            extra = {"WORKBOOK_ROOT": str(self._root), **self._environment}
            plan = Plan(
                hooks=self._hooks,
                root=self._root,
                scratch=self.scratch,
                interpreter=self._interpreter,
                limits=self._limits,
                isolation=self.isolation.label,
                seccomp="seccomp" not in absent(),
                environment=launch.environment(self.scratch, self._interpreter, extra),
            )
            self._process = Process(plan)
            self.restarts += 1
        return self._process

    def _ensure_hooks(self) -> None:
        """Have a template that has run ``hooks.py``, or know that it cannot be had."""
        if self._broken is not None:
            raise self._broken
        process = self._ensure_process()
        if self._template is not None or (self._threaded and self._names is not None):
            return
        try:
            answer = self._load_hooks(process)
        except HookError as error:
            self._broken = error
            self._stop()
            raise
        self._names = frozenset(str(name) for name in answer["hooks"])
        if answer["threads"] > 1:
            self._threaded = True
            assert self._template is not None
            self._template.close()
            self._template = None
            process.sweep()
        else:
            process.mark()

    def _load_hooks(self, process: Process) -> dict[str, Any]:
        """Fork the template and wait until it has run ``hooks.py``."""
        import socket

        printed = Printed(self._limits.printed_kb << 10)
        ours, far = socket.socketpair()
        template = Forker(ours, printed)
        process.watch()
        order = {"do": "template", "hooks": str(self._hooks)}
        try:
            born = process.root.ask(order, (far.fileno(), *printed.writers))
        except Lost as lost:
            raise HostUnavailable(f"the host does not obey: {lost}") from None
        far.close()
        printed.handed_over()
        try:
            answer = template.answer(self._limits.load_seconds)
            if "failed" in answer:
                raise self._failure(HOOKS_FILE, answer["failed"], printed.text())
            if not isinstance(answer.get("hooks"), list) or type(answer.get("threads")) is not int:
                raise HookBadAnswer(HOOKS_FILE, "wrote garbage to the host's own descriptors")
        except Lost as lost:
            if str(lost) == "mute":
                raise HookTimedOut(
                    HOOKS_FILE, self._limits.load_seconds, output=printed.text()
                ) from None
            status = process.root.ask({"do": "status", "pid": born.get("pid", 0), "wait": 1.0})
            raise self._ended(HOOKS_FILE, status, process.sweep(), printed.text()) from None
        self._template = template
        return answer

    def _stop(self) -> None:
        if self._template is not None:
            self._template.close()
            self._template = None
        if self._process is not None:
            self._process.close()
            self._process = None

    def hire(self, folder: Path) -> Worker:
        """A fresh worker; for batches.

        Raises:
            HostUnavailable: none can be had, even from a new child.
        """
        for _ in range(3):
            self._ensure_hooks()
            process = self._ensure_process()
            order = {"do": "work", "folder": str(folder)}
            forker = self._template
            if forker is None:
                forker, order["hooks"] = process.root, str(self._hooks)
            try:
                if not self._warm.spread(forker, self._limits.load_seconds):
                    self._stop()
                    continue
                process.watch()
                return Worker(forker, order, self._limits)
            except Lost:
                self._stop()
        raise HostUnavailable("the host's processes keep ending before they can work")

    def explain(self, hook: str, worker: Worker, error: Exception, seconds: float) -> HookError:
        """What a worker that failed cost; nothing of it is left running."""
        gone = isinstance(error, EOFError)
        status = worker.status(1.0) if gone else {}
        passed = self.sweep()
        output = worker.printed.text()
        if passed is None and isinstance(error, TimeoutError):
            return HookTimedOut(hook, seconds, output=output)
        if passed is None and isinstance(error, WireError):
            return HookBadAnswer(hook, str(error), output=output)
        return self._ended(hook, status, passed, output)

    def _ended(
        self, hook: str, status: dict[str, Any], passed: str | None, output: bytes
    ) -> HookError:
        limits = self._limits
        if passed == "memory":
            return HookOutOfMemory(
                hook, limits.memory_mb, "all its processes together; killed", output=output
            )
        if passed == "processes":
            detail = f"more than {limits.processes} processes at once; killed"
            return HookDied(hook, signal=9, detail=detail, output=output)
        if "signal" in status:
            number = int(status["signal"])
            if number == _ABORTED and any(sign in output for sign in _OUT_OF_MEMORY):
                return HookOutOfMemory(hook, limits.memory_mb, "aborted", output=output)
            return HookDied(hook, signal=number, output=output)
        if "exit" in status:
            return HookDied(hook, exit_code=int(status["exit"]), output=output)
        if "running" in status:
            return HookBadAnswer(hook, "closed the wire without an answer", output=output)
        return HookDied(hook, detail="it ended the host's own processes", output=output)

    def _failure(self, hook: str, failed: Any, output: bytes) -> HookError:
        """The error for a failure that the child described."""
        if not isinstance(failed, dict):
            return HookBadAnswer(hook, "described its failure in garbage", output=output)
        text = {k: _printable(failed.get(k, "")) for k in ("what", "type", "message", "traceback")}
        if failed.get("file") is True:
            hook = HOOKS_FILE
        if text["what"] == "refused":
            return HookRefused(hook, text["message"], output=output)
        if text["what"] == "memory":
            return HookOutOfMemory(hook, self._limits.memory_mb, text["message"], output=output)
        if text["what"] == "unfit":
            return HookBadAnswer(hook, text["message"], output=output)
        if text["what"] == "exit":
            code = int(text["message"]) if text["message"].isdigit() else 0
            return HookDied(hook, exit_code=code, detail="it called sys.exit", output=output)
        return HookRaised(hook, text["type"], text["message"], text["traceback"], output=output)

    def sweep(self) -> str | None:
        """End what calls left running; the limit that was passed meanwhile, if any."""
        if self._process is None:
            return None
        try:
            return self._process.sweep()
        except Lost:
            self._stop()
            return None

    def failure(self, hook: str, failed: Any, worker: Worker) -> HookError:
        """The error for a failure that a worker described; for batches."""
        return self._failure(hook, failed, worker.printed.text())

    def learn(self, modules: Any) -> None:
        """Remember what a worker imported, so that the next ones find it imported."""
        if not self._threaded:
            self._warm.learn(modules)

    def wants_to_learn(self, hook: str) -> bool:
        """Whether this hook's imports are not known yet."""
        return not self._threaded and self._warm.wants(hook)


class _Warmth:
    """Modules that workers import, to be imported once in the template instead."""

    def __init__(self) -> None:
        self._modules: dict[str, None] = {}
        self._asked: set[str] = set()
        self._spread: tuple[Forker | None, int] = (None, 0)
        self._off = False

    def wants(self, hook: str) -> bool:
        new = hook not in self._asked and not self._off
        self._asked.add(hook)
        return new

    def learn(self, modules: Any) -> None:
        if isinstance(modules, list):
            names = [m for m in modules if isinstance(m, str) and len(m) < 200]
            self._modules |= dict.fromkeys(names)

    def spread(self, forker: Forker, seconds: float) -> bool:
        """Warm the template up; False if it must be replaced because threads appeared in it."""
        if self._off or self._spread == (forker, len(self._modules)) or not self._modules:
            return True
        self._spread = (forker, len(self._modules))
        try:
            answer = forker.ask({"do": "warm", "modules": list(self._modules)}, (), seconds)
            self._off = answer.get("threads") != 1
        except Lost:
            self._off = True
        return not self._off


class _Batch:
    """The calls of one batch and the worker that currently answers them."""

    def __init__(self, host: Host, hook: str, request: dict[str, Any], seconds: float) -> None:
        self._host = host
        self._hook = hook
        self._request = request
        self._seconds = seconds
        self._worker: Worker | None = None
        self._folder: Path | None = None
        self._number = 0

    def one(self, arguments: Sequence[Any]) -> Any:
        """The answer of one call, or the error that it cost."""
        try:
            encoded, buffers = values.encode(tuple(arguments), paths=True, at="argument")
        except WireError as error:
            raise TypeError(f"{self._hook}: {error}") from None
        while True:
            if self._worker is None:
                self._folder = self._host.folder("work")
                self._worker = self._host.hire(self._folder)
            worker = self._worker
            try:
                return self._ask(worker, encoded, buffers)
            except (EOFError, TimeoutError, WireError) as error:
                first = worker.served == 0
                cost = self._host.explain(self._hook, worker, error, self._seconds)
                self.dismiss()
                if first:
                    return cost

    def _ask(self, worker: Worker, encoded: Any, buffers: list[Any]) -> Any:
        self._number += 1
        own = self._request["scratch"] or str(self._folder_of(self._number))
        learn = self._host.wants_to_learn(self._hook)
        request = self._request | {
            "id": self._number,
            "args": encoded,
            "scratch": own,
            "learn": learn,
        }
        frame = worker.exchange(pack(request, buffers, _ARGUMENTS_LIMIT), self._seconds)
        try:
            return self._read(frame, worker, learn)
        except WireError:
            worker.served -= 1  # nothing that counts was served
            raise

    def _folder_of(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"call-{number}"

    def _read(self, frame: Frame, worker: Worker, learn: bool) -> Any:
        header = frame.header
        if not isinstance(header, dict) or header.get("id") != self._number:
            raise WireError("the answer belongs to no call")
        if learn:
            self._host.learn(header.get("imported"))
        if "fail" in header:
            return self._host.failure(self._hook, header["fail"], worker)
        if "ok" not in header:
            raise WireError("the answer is neither a value nor a failure")
        return values.decode(header["ok"], frame.buffers)

    def dismiss(self) -> None:
        """End the worker and whatever it left running."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
            self._host.sweep()
        if self._folder is not None:
            _remove(self._folder)
            self._folder = None


def _printable(text: Any) -> str:
    """Text of the child without control characters, which could rewrite a terminal."""
    return "".join(c for c in str(text) if c.isprintable() or c in "\n\t")


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _nested(one: Path, other: Path) -> bool:
    return _within(one, other) or _within(other, one)


def _remove(folder: Path) -> None:
    """Remove what a hook may have made unremovable: locked folders, or a thousand levels."""

    def unlock(function: Any, path: str, _: object) -> None:
        try:
            Path(path).parent.chmod(0o700)
            Path(path).chmod(0o700)
            function(path)
        except OSError:
            return

    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, onerror=unlock)
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+rwx", str(folder)], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, capture_output=True)
