"""The judge's end of the child: starts it, gives orders, exchanges frames, ends it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_lib.host import launch
from audit_lib.host.child import control
from audit_lib.host.child.wire import Frame, Incoming, WireError
from audit_lib.host.errors import HostUnavailable
from audit_lib.host.limits import Limits

#: How long the host's own processes may take over an order.
PROMPT = 10.0
#: How often a silent worker is asked whether it still lives.
GLANCE = 0.25


class Lost(Exception):  # noqa: N818 - a state of affairs that the host explains
    """The child, or one of its processes, no longer does what it is told."""


@dataclass(frozen=True)
class Plan:
    """All that is needed to start a child, as often as it takes."""

    hooks: Path
    root: Path
    scratch: Path
    interpreter: Path | None
    limits: Limits
    isolation: str
    seccomp: bool
    environment: dict[str, str]

    @property
    def python(self) -> str:
        """Path of the interpreter."""
        return str(self.interpreter or sys.executable)


class Printed:
    """Drains what a process prints and keeps the end of it."""

    def __init__(self, keep: int) -> None:
        """Keep up to ``keep`` bytes of each of the two streams."""
        self._keep = keep
        self._pipes: dict[int, bytes] = {}
        self.writers: list[int] = []
        for _ in range(2):
            reader, writer = os.pipe()
            os.set_blocking(reader, False)
            self._pipes[reader] = b""
            self.writers.append(writer)
        self._open = set(self._pipes)

    @property
    def readers(self) -> set[int]:
        """Descriptors that may have something to read."""
        return set(self._open)

    def handed_over(self) -> None:
        """Close our copies of the writing ends."""
        for writer in self.writers:
            os.close(writer)
        self.writers = []

    def drain(self, reader: int) -> bool:
        """Read what is there; False when that stream has ended."""
        try:
            got = os.read(reader, 1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            got = b""
        if not got:
            self._open.discard(reader)
            return False
        self._pipes[reader] = (self._pipes[reader] + got)[-self._keep :]
        return True

    def text(self) -> bytes:
        """The end of standard output, then that of standard error."""
        for reader in list(self._open):
            for _ in range(16):  # a flood may still be going on
                if not select.select([reader], [], [], 0)[0] or not self.drain(reader):
                    break
        return b"".join(self._pipes.values())

    def close(self) -> None:
        """Give the descriptors back."""
        self.handed_over()
        for reader in self._pipes:
            os.close(reader)
        self._open = set()


class Forker:
    """The judge's end of a process that forks others on demand: the root or the template."""

    def __init__(self, channel: socket.socket, printed: Printed) -> None:
        """Talk over ``channel``."""
        self._channel = channel
        self.printed = printed

    def ask(
        self,
        order: dict[str, Any],
        descriptors: tuple[int, ...] = (),
        seconds: float = PROMPT,
    ) -> dict[str, Any]:
        """Give an order and wait for the answer.

        Raises:
            Lost: the process is gone, or mute.
        """
        try:
            self._channel.settimeout(seconds)
            control.say(self._channel, order, descriptors)
        except OSError as error:
            raise Lost(str(error)) from None
        return self.answer(seconds)

    def answer(self, seconds: float) -> dict[str, Any]:
        """Wait for an answer, draining what is printed meanwhile.

        Raises:
            Lost: the process is gone (``Lost("gone")``), or mute (``Lost("mute")``).
        """
        until = time.monotonic() + seconds
        waiter = select.poll()
        waiter.register(self._channel, select.POLLIN)
        for reader in self.printed.readers:
            waiter.register(reader, select.POLLIN)
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise Lost("mute")
            for descriptor, _ in waiter.poll(left * 1000):
                if descriptor != self._channel.fileno():
                    if not self.printed.drain(descriptor):
                        waiter.unregister(descriptor)
                    continue
                try:
                    message, strays = control.hear(self._channel, until)
                except (EOFError, OSError) as error:
                    mute = isinstance(error, TimeoutError)
                    raise Lost("mute" if mute else "gone") from None
                for stray in strays:
                    os.close(stray)
                return message

    def close(self) -> None:
        """Hang up."""
        self._channel.close()
        self.printed.close()


class Process:
    """The warden and the root; the template and the workers come from the root."""

    def __init__(self, plan: Plan) -> None:
        """Start them.

        Raises:
            HostUnavailable: the interpreter, its libraries or the isolation do not work.
        """
        self._plan = plan
        self.versions: dict[str, str] = {}
        ours, orders = socket.socketpair()
        channel, far = socket.socketpair()
        printed = Printed(plan.limits.printed_kb << 10)
        self._orders = ours
        self.root = Forker(channel, printed)
        out, err = printed.writers
        config = self._warden_config(orders.fileno(), far.fileno())
        self._warden = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("warden.py")), config],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=(orders.fileno(), far.fileno()),
            start_new_session=True,
            cwd="/",
        )
        orders.close()
        far.close()
        printed.handed_over()
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def _warden_config(self, orders: int, far: int) -> str:
        plan, limits = self._plan, self._plan.limits
        child = {
            "isolation": plan.isolation,
            "seccomp": plan.seccomp,
            "scratch": str(plan.scratch),
            "root": str(plan.root),
            "library": str(launch.LIBRARY),
            "control": far,
            "memory_mb": limits.memory_mb,
            "file_mb": limits.file_mb,
            "output_mb": limits.output_mb,
            "protected": launch.protected(),
        }
        readable = (plan.root, plan.hooks.parent)
        return json.dumps(
            {
                "argv": launch.command(
                    plan.isolation, plan.python, "main", child, readable=readable
                ),
                "environment": plan.environment,
                "kept": [far],
                "orders": orders,
                "judge": os.getpid(),
                "processes": limits.processes,
                "memory_mb": limits.memory_mb,
            }
        )

    def _greet(self) -> None:
        """Wait until the root is ready."""
        python = self._plan.python
        try:
            hello = self.root.answer(self._plan.limits.load_seconds)
        except Lost as lost:
            said = self.root.printed.text().decode("utf-8", "replace").strip()
            why = said.splitlines()[-1] if said else f"it is {lost}"
            raise HostUnavailable(f"cannot start {python} for hooks: {why}") from None
        if "missing" in hello:
            raise HostUnavailable(
                f"{python} {hello['failed']}; hooks need NumPy and pandas there: "
                f"{python} -m pip install numpy pandas"
            )
        if "failed" in hello:
            raise HostUnavailable(f"{python} cannot enter {hello['failed']}")
        self.versions = {str(k): str(v) for k, v in hello["versions"].items()}
        self._say("mark")

    def _say(self, order: str, *, wait: bool = True) -> str | None:
        try:
            self._orders.settimeout(2 * PROMPT)
            self._orders.sendall(json.dumps(order).encode() + b"\n")
            if not wait:
                return None
            line = b""
            while not line.endswith(b"\n"):
                got = self._orders.recv(1 << 12)
                if not got:
                    raise Lost("the warden is gone")
                line += got
        except OSError as error:
            raise Lost(f"the warden: {error}") from None
        passed = json.loads(line)["passed"]
        return None if passed is None else str(passed)

    def mark(self) -> None:
        """What runs now belongs to the host."""
        self._say("mark")

    def watch(self) -> None:
        """A hook runs from now on."""
        self._say("watch", wait=False)

    def sweep(self) -> str | None:
        """Kill what was not marked; the limit that was passed meanwhile, if any."""
        return self._say("sweep")

    def close(self) -> None:
        """Kill everything."""
        with contextlib.suppress(Lost):
            self._say("end")
        self._orders.close()
        self.root.close()
        try:
            self._warden.wait(PROMPT)
        except subprocess.TimeoutExpired:
            self._warden.kill()
            self._warden.wait()


class Worker:
    """The judge's end of a process that answers calls."""

    def __init__(self, forker: Forker, order: dict[str, Any], limits: Limits) -> None:
        """Have ``forker`` fork it.

        Raises:
            Lost: the forker is gone.
        """
        self._forker = forker
        self.printed = Printed(limits.printed_kb << 10)
        self._wire, far = socket.socketpair()
        self._wire.setblocking(False)
        self._incoming = Incoming(limits.output_mb << 20)
        self.served = 0
        try:
            born = forker.ask(order, (far.fileno(), *self.printed.writers))
            if type(born.get("pid")) is not int:
                raise Lost(str(born.get("failed", "no worker")))
        except Lost:
            self.close()
            raise
        finally:
            far.close()
            self.printed.handed_over()
        self._pid = born["pid"]
        self._poll = select.poll()
        self._poll.register(self._wire, select.POLLIN)
        for reader in self.printed.readers:
            self._poll.register(reader, select.POLLIN)

    def exchange(self, chunks: list[memoryview], seconds: float) -> Frame:
        """Send a request and wait for its answer.

        Raises:
            TimeoutError: the limit passed.
            EOFError: the worker is gone, or closed the wire.
            WireError: what came is not a frame.
        """
        until = time.monotonic() + seconds
        outgoing = deque(chunks)
        sending = self._push(outgoing)
        if sending:
            self._poll.modify(self._wire, select.POLLIN | select.POLLOUT)
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            events = self._poll.poll(min(left, GLANCE) * 1000)
            for descriptor, event in events:
                if descriptor != self._wire.fileno():
                    if not self.printed.drain(descriptor):
                        self._poll.unregister(descriptor)
                    continue
                if event & select.POLLOUT and sending:
                    sending = self._push(outgoing)
                    if not sending:
                        self._poll.modify(self._wire, select.POLLIN)
                if event & ~select.POLLOUT and (frame := self._pull()) is not None:
                    if sending:
                        raise WireError("an answer before the call was sent")
                    self.served += 1
                    return frame
            if not events and "running" not in self.status(0.0):
                raise EOFError  # it died, and a process it left behind holds the wire open

    def _push(self, outgoing: deque[memoryview]) -> bool:
        """Send what fits; whether there is more."""
        try:
            while outgoing:
                sent = self._wire.sendmsg(list(outgoing)[:64])
                while outgoing and sent >= outgoing[0].nbytes:
                    sent -= outgoing.popleft().nbytes
                if sent:
                    outgoing[0] = outgoing[0][sent:]
        except BlockingIOError:
            return True
        except OSError:
            raise EOFError from None
        return False

    def _pull(self) -> Frame | None:
        try:
            return self._incoming.read(self._wire)
        except BlockingIOError:
            return None
        except OSError:
            raise EOFError from None

    def status(self, wait: float) -> dict[str, Any]:
        """How it ended: ``{"signal": n}``, ``{"exit": n}``, ``{"running": True}`` or nothing."""
        try:
            return self._forker.ask({"do": "status", "pid": self._pid, "wait": wait})
        except Lost:
            return {}

    def close(self) -> None:
        """Hang up; the process is ended by a sweep."""
        self._wire.close()
        self.printed.close()
