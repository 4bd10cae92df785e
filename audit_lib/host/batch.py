"""The calls of one batch, and the worker that currently answers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from audit_lib.host.channels import Worker
from audit_lib.host.child.decoding import decode
from audit_lib.host.child.encoding import encode
from audit_lib.host.child.wire import Frame, WireError, pack
from audit_lib.host.crew import Crew
from audit_lib.host.errors import HookTimedOut
from audit_lib.host.files import remove
from audit_lib.host.limits import Limits
from audit_lib.host.outcome import described

_ARGUMENTS_LIMIT = 8 << 30
#: calls of a batch that may run out of time in a row before the rest is not asked any more;
#: a batch of fifty questions to a hook that hangs would otherwise cost fifty limits
PATIENCE = 2


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
    ) -> None:
        """Prepare; ``request`` is what all calls share, ``folders`` makes one for each worker."""
        self._crew = crew
        self._limits = limits
        self._hook = hook
        self._request = request
        self._folders = folders
        self._worker: Worker | None = None
        self._folder = Path()
        self._number = 0
        self._late = 0

    def one(self, arguments: Sequence[Any]) -> Any:
        """The answer of one call, or the error that it cost."""
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
                cost = self._crew.cost(self._hook, worker, error, self._limits.seconds)
                self.dismiss()
                if served == 0:
                    self._late += isinstance(cost, HookTimedOut)
                    return cost

    def _ask(self, worker: Worker, encoded: Any, buffers: list[Any]) -> Any:
        self._number += 1
        learn = self._crew.warmth.wants(self._hook)
        request = {
            **self._request,
            "id": self._number,
            "args": encoded,
            "learn": learn,
        }
        frame = worker.exchange(pack(request, buffers, _ARGUMENTS_LIMIT), self._limits.seconds)
        return self._read(frame, worker, learn)

    def _read(self, frame: Frame, worker: Worker, learn: bool) -> Any:
        header = frame.header
        if not isinstance(header, dict) or header.get("id") != self._number:
            raise WireError("the answer belongs to no call")
        if learn:
            self._crew.warmth.learn(header.get("imported"))
        if "fail" in header:
            return described(self._hook, header["fail"], self._limits, worker.printed.text())
        if "ok" not in header:
            raise WireError("the answer is neither a value nor a failure")
        return decode(header["ok"], frame.buffers)

    def dismiss(self) -> None:
        """End the worker and whatever it left running."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
            self._crew.sweep()
            remove(self._folder)
