"""The processes of one host: kept while they serve, started again when a hook destroyed them."""

import socket
from pathlib import Path
from typing import Any

from audit_lib.host.channels import Forker, Lost, Worker
from audit_lib.host.child.wire import WireError
from audit_lib.host.errors import HookBadAnswer, HookError, HookTimedOut, HostUnavailable
from audit_lib.host.isolation import Isolation
from audit_lib.host.outcome import HOOKS_FILE, described, ended
from audit_lib.host.printed import Printed
from audit_lib.host.process import Launch, Process
from audit_lib.host.readable import Closed

ATTEMPTS = 3


class Crew:
    """Root, template and workers."""

    def __init__(self, plan: Launch) -> None:
        """Start the root.

        Raises:
            HostUnavailable: the interpreter, its libraries or the isolation do not work.
        """
        self._plan = plan
        self._limits = plan.limits
        self._process: Process | None = Process(plan)
        self.versions = dict(self._process.versions)
        self.measured = dict(self._process.measured)
        self._template: Forker | None = None
        self._names: frozenset[str] | None = None
        self._broken: HookError | None = None
        self._threaded = False
        self.warmth = Warmth()
        closes = Isolation[plan.isolation.upper()].closes
        self.closed = Closed([*plan.readable, str(plan.scratch)] if closes else [])

    def names(self) -> frozenset[str]:
        """Hooks that ``hooks.py`` registers.

        Raises:
            HookError: the file itself fails, now or when it was first tried.
        """
        if self._broken is not None:
            raise self._broken.with_traceback(None)
        process = self._ensure()
        if self._names is None or (self._template is None and not self._threaded):
            try:
                self._names = self._start_template(process)
            except Lost:  # a hook has ended the root too
                self.stop()
                self._names = self._start_template(self._ensure())
            except HookError as error:
                self._broken = error
                self.stop()
                raise
        return self._names

    def _ensure(self) -> Process:
        if self._process is None:
            self._process = Process(self._plan)
        return self._process

    def _start_template(self, process: Process) -> frozenset[str]:
        """Fork the template and wait until it has run ``hooks.py``."""
        printed = Printed(self._limits.printed_kb << 10)
        ours, far = socket.socketpair()
        template = Forker(ours, printed)
        process.watch()
        order = {"do": "template", "hooks": str(self._plan.hooks)}
        with far:
            try:
                born = process.root.ask(order, (far.fileno(), *printed.writers))
            finally:
                printed.handed_over()
        try:
            answer = template.answer(self._limits.load_seconds)
            names, threads = self._understood(answer, printed)
        except HookError:
            template.close()
            raise
        except Lost as lost:
            error = self._why(process, lost, born, printed)
            template.close()
            raise error from None
        if threads > 1:  # its threads would be missing in a fork, with their locks held
            self._threaded = True
            template.close()
            process.sweep()
        else:
            self._template = template
            process.mark()
        return names

    def _understood(self, answer: dict[str, Any], printed: Printed) -> tuple[frozenset[str], int]:
        self.closed.take(HOOKS_FILE, answer.get("closed"))
        if "failed" in answer:
            failed, output = answer["failed"], printed.text()
            raise described(HOOKS_FILE, failed, self._limits, output, self.closed)
        names, threads = answer.get("hooks"), answer.get("threads")
        if not isinstance(names, list) or type(threads) is not int:
            detail = "wrote garbage to the host's own descriptors"
            raise HookBadAnswer(HOOKS_FILE, detail, output=printed.text())
        return frozenset(str(name) for name in names), threads

    def _why(
        self, process: Process, lost: Lost, born: dict[str, Any], printed: Printed
    ) -> HookError:
        """Why ``hooks.py`` came to no end."""
        if str(lost) == "mute":
            limit = self._limits.load_seconds
            return HookTimedOut(HOOKS_FILE, limit, output=printed.text())
        try:
            order = {"do": "status", "pid": born.get("pid", 0), "wait": 1.0}
            status, passed = process.root.ask(order), process.sweep()
        except Lost:
            status, passed = {}, None
        return ended(HOOKS_FILE, status, passed, self._limits, printed.text())

    def hire(self, folder: Path) -> Worker:
        """A fresh worker, with ``folder`` for its files.

        Raises:
            HookError: ``hooks.py`` fails.
            HostUnavailable: none can be had, even from a new child.
        """
        for attempt in range(ATTEMPTS):
            self.names()
            process = self._ensure()
            order: dict[str, Any] = {"do": "work", "folder": str(folder)}
            forker = self._template
            if forker is None:
                forker, order["hooks"] = process.root, str(self._plan.hooks)
            try:
                if self.warmth.spread(forker, self._limits.load_seconds):
                    process.watch()
                    return Worker(forker, order, self._limits)
            except Lost:
                pass
            if attempt == 0:
                self.sweep(template=True)
            else:
                self.stop()
        raise HostUnavailable("the child's processes keep ending before they can work")

    def cost(self, hook: str, worker: Worker, error: Exception, seconds: float) -> HookError:
        """What a call cost whose worker failed; nothing of it is left running."""
        gone = isinstance(error, EOFError)
        status = worker.status(0.5) if gone else {}
        # Without a status its parent, the template, is dead or stopped.
        passed = self.sweep(template=gone and not status)
        output = worker.printed.text()
        if passed is None and isinstance(error, TimeoutError):
            return HookTimedOut(hook, seconds, output=output)
        if passed is None and isinstance(error, WireError):
            return HookBadAnswer(hook, str(error), output=output)
        return ended(hook, status, passed, self._limits, output)

    def sweep(self, *, template: bool = False) -> str | None:
        """End what calls left running; the limit that was passed meanwhile, if any.

        Args:
            template: end the template too; the root forks another when it is next needed.
        """
        if self._process is None:
            return None
        try:
            if not template:
                return self._process.sweep()
            self._drop_template()
            return self._process.strip()
        except Lost:
            self.stop()
            return None

    def stop(self) -> None:
        """End everything; it is started again when next needed."""
        self._drop_template()
        if self._process is not None:
            self._process.close()
            self._process = None

    def _drop_template(self) -> None:
        if self._template is not None:
            self._template.close()
            self._template = None


class Warmth:
    """Modules that workers import, to be imported once in the template instead.

    Hooks import their engine inside the function, so that each fork would import scikit-learn
    again.  The first worker of a hook tells which installed modules it imported; the template
    imports them before the next fork.  Importing runs nothing of the subject's own.  If threads
    appear thereby, the template is replaced and none of this is done again.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._modules: dict[str, None] = {}
        self._asked: set[str] = set()
        self._spread: tuple[Forker | None, int] = (None, 0)
        self._off = False

    def wants(self, hook: str) -> bool:
        """Whether this hook's imports are still to be learned."""
        new = hook not in self._asked and not self._off
        self._asked.add(hook)
        return new

    def learn(self, modules: Any) -> None:
        """Take note of what a worker says it imported."""
        if isinstance(modules, list):
            self._modules |= {m: None for m in modules if isinstance(m, str) and len(m) < 1000}

    def spread(self, forker: Forker, seconds: float) -> bool:
        """Warm the template up; False if it must be replaced.

        Raises:
            Lost: it ended, or hangs, over an import.
        """
        now = (forker, len(self._modules))
        if self._off or not self._modules or self._spread == now:
            return True
        self._spread = now
        self._off = True  # unless it goes well
        answer = forker.ask({"do": "warm", "modules": list(self._modules)}, (), seconds)
        self._off = answer.get("threads") != 1
        return not self._off
