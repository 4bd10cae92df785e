"""The judge's ends of the processes that fork (root and template) and of those that work."""

import os
import select
import socket
import time
from collections import deque
from typing import Any

from audit_lib.host.child import control
from audit_lib.host.child.wire import Frame, Incoming, WireError
from audit_lib.host.limits import Limits
from audit_lib.host.printed import Printed

#: How long, in seconds, the host's own processes may take over an order.
PROMPT = 10.0
#: How long the parent of a worker may take to tell how it ended.
GRACE = 1.5
#: How often a silent worker is asked whether it still lives.
GLANCE = 0.25


class Lost(Exception):  # noqa: N818 - a state of affairs that the host explains
    """The child, or one of its processes, no longer does what it is told."""


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
        except OSError:
            raise EOFError from None

    def status(self, wait: float) -> dict[str, Any]:
        """How it ended: ``{"signal": n}``, ``{"exit": n}``, ``{"running": True}`` or nothing."""
        try:
            return self._forker.ask({"do": "status", "pid": self._pid, "wait": wait}, (), GRACE)
        except Lost:
            return {}

    def close(self) -> None:
        """Hang up; the process is ended by a sweep."""
        self._wire.close()
        self.printed.close()
