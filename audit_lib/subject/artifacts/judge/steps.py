"""The table of opcodes: what each does to a :class:`machine.Machine` is registered here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from audit_lib.subject.artifacts.judge.values import Value

if TYPE_CHECKING:
    from audit_lib.subject.artifacts.judge.machine import Machine

Handler = Callable[["Machine"], None]
STEPS: dict[int, Handler] = {}


class Stop(Exception):  # noqa: N818 - how the STOP opcode leaves the loop
    """Carries the value of the pickle."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


def opcode(code: int) -> Callable[[Handler], Handler]:
    """Register what an opcode byte does."""

    def register(handler: Handler) -> Handler:
        assert code not in STEPS
        STEPS[code] = handler
        return handler

    return register
