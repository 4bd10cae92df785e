"""The calls of one batch, and the worker that currently answers them."""

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from audit_lib.host.channels import Worker
from audit_lib.host.child.decoding import decode
from audit_lib.host.child.encoding import encode
from audit_lib.host.child.wire import Frame, WireError, pack
from audit_lib.host.crew import Crew
from audit_lib.host.entered import Entries
from audit_lib.host.errors import HookOutOfMemory, HookRaised, HookTimedOut
from audit_lib.host.exercise import ExercisedLines
from audit_lib.host.limits import PATIENCE, Allowance, Limits
from audit_lib.host.outcome import described
from audit_lib.scratch import remove_folder

_ARGUMENTS_LIMIT = 8 << 30
#: how long a worker may take to tell which lines it executed, in seconds
COLLECTING = 10.0


class Batch:
    """One worker as long as it lasts, then the next.

    A failure is charged to a call only if it was the first of its worker.  A later one is made
    again in a fresh worker, because an earlier call may have left the worker damaged.
    """

    def __init__(
        self,
        crew: Crew,
        limits: Limits,
        hook: str,
        request: dict[str, Any],
        folders: Callable[[], Path],
        exercised: ExercisedLines | None,
        entries: Entries,
        allowance: Allowance,
    ) -> None:
        """Prepare.

        Args:
            crew: who works.
            limits: what a call may cost.
            hook: which is called.
            request: what all calls share.
            folders: makes a folder for each worker.
            exercised: where to note the lines that calls execute; None where nobody asks.
            entries: where to note the functions that the hook enters.
            allowance: what these calls and others may take together.
        """
        self._crew = crew
        self._limits = limits
        self._hook = hook
        self._request = request
        self._folders = folders
        self._worker: Worker | None = None
        self._folder = Path()
        self._call = ""
        self._late = 0
        self._exercised = exercised
        self._entries = entries
        self._untold = 0
        self._allowance = allowance

    def one(self, arguments: Sequence[Any]) -> Any:
        """The answer of one call, or the error that it cost.

        Raises:
            NotAssessed: the allowance of the check is used up.
        """
        self._allowance.left()
        try:
            encoded, buffers = encode(tuple(arguments), paths=True, at="argument")
        except WireError as error:
            raise TypeError(f"{self._hook}: {error}") from None
        if self._late >= PATIENCE:
            return HookTimedOut(
                self._hook,
                self._limits.seconds,
                detail=f"not asked: it hung {PATIENCE} times before",
            )
        while True:
            if self._worker is None:
                self._folder = self._folders()
                self._worker = self._crew.hire(self._folder)
            worker = self._worker
            served = worker.served
            try:
                answer = self._ask(worker, encoded, buffers)
                self._late = 0
                return answer
            except (EOFError, TimeoutError, WireError) as error:
                self._allowance.left()
                cost = self._crew.cost(self._hook, worker, error, self._limits.seconds)
                self._lose(served == 0)
                self.dismiss()
                if served == 0:
                    self._entries.resting(self._hook).shaky += 1
                    self._late += isinstance(cost, HookTimedOut)
                    return cost

    def _ask(self, worker: Worker, encoded: Any, buffers: list[Any]) -> Any:
        self._call = secrets.token_hex(8)  # an earlier call cannot answer for this one
        learn = self._crew.warmth.wants(self._hook)
        request = {
            **self._request,
            "id": self._call,
            "args": encoded,
            "learn": learn,
            "measure": self._exercised is not None,
            "enters": self._entries.wanted(self._hook),
        }
        seconds = min(self._limits.seconds, self._allowance.left())
        frame = worker.exchange(pack(request, buffers, _ARGUMENTS_LIMIT), seconds)
        return self._read(frame, worker, learn)

    def _read(self, frame: Frame, worker: Worker, learn: bool) -> Any:
        header = frame.header
        if not isinstance(header, dict) or header.get("id") != self._call:
            raise WireError("the answer belongs to no call")
        if learn:
            self._crew.warmth.learn(header.get("imported"))
        self._note(header, 1)
        if self._entries.wanted(self._hook):
            self._entries.take(self._hook, header)
        if "rests" in header:
            self._entries.resting(self._hook).take(header["rests"])
        closed = self._crew.closed
        closed.take(self._hook, header.get("closed"))
        if "fail" in header:
            printed = worker.printed.text()
            cost = described(self._hook, header["fail"], self._limits, printed, closed)
            rests = self._entries.resting(self._hook)
            rests.shaky += isinstance(cost, HookOutOfMemory)
            rests.raised += isinstance(cost, HookRaised)
            return cost
        if "ok" not in header:
            raise WireError("the answer is neither a value nor a failure")
        return decode(header["ok"], frame.buffers)

    def _note(self, header: dict[str, Any], calls: int) -> None:
        """Take what the worker tells about the lines that it executed."""
        if self._exercised is None:
            return
        self._untold += calls
        if "executed" in header:
            self._exercised.take(self._hook, header["executed"], self._untold)
            self._untold = 0

    def _lose(self, failed: bool) -> None:
        """The worker is gone, and with it what it had not told.

        Args:
            failed: the present call is charged with it, and not made again.
        """
        if self._exercised is not None and self._untold + failed:
            self._exercised.lost[self._hook] += self._untold + failed
        self._untold = 0

    def _collect(self, worker: Worker) -> None:
        """Ask for the lines that the worker has not told of yet."""
        self._call = secrets.token_hex(8)
        request = {"id": self._call, "measure": True}
        try:
            frame = worker.exchange(pack(request, [], _ARGUMENTS_LIMIT), COLLECTING)
        except (EOFError, TimeoutError, WireError):
            self._lose(False)
            return
        header = frame.header
        if isinstance(header, dict) and "executed" in header:
            self._note(header, 0)
        else:
            self._lose(False)

    def dismiss(self) -> None:
        """End the worker and whatever it left running."""
        if self._worker is not None and self._untold:
            self._collect(self._worker)
        if self._worker is not None:
            self._worker.close()
            self._worker = None
            self._crew.sweep()
            remove_folder(self._folder)
