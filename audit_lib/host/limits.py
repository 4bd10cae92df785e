"""What one call of a hook may cost."""

import os
import time
from dataclasses import dataclass

from audit_lib.budget import OUT_OF_BUDGET
from audit_lib.errors import NotAssessed

#: calls of a batch that may run out of time in a row before the rest is not asked any more;
#: a batch of fifty questions to a hook that hangs would otherwise cost fifty limits
PATIENCE = 2
LATE = "not asked: it did not answer in time before (limits: seconds in subject.yaml gives it more)"


def crowding() -> float:
    """How many times as long as alone things take on this machine now; 1 at least."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass(frozen=True)
class Limits:
    """Bounds of one call; each is enforced from outside the process that runs the hook.

    Attributes:
        seconds: wall-clock time of one call, the transfer of its arguments and answer included.
        load_seconds: wall-clock time to run ``hooks.py``, with what it imports.
        memory_mb: writable memory of each process of the hook, and of all of them together.
        output_mb: arrays in one answer (plain values have 16 MiB at most).
        file_mb: size of any one file written.
        scratch_mb: size of all files written; watched, so that it can be passed for a moment.
        processes: processes that one call may have at once, its own included.
        printed_kb: how much of what a hook prints is kept, counted from the end.
    """

    seconds: float = 60.0
    load_seconds: float = 120.0
    memory_mb: int = 4096
    output_mb: int = 256
    file_mb: int = 2048
    scratch_mb: int = 8192
    processes: int = 64
    printed_kb: int = 64

    def __post_init__(self) -> None:
        """Raise ValueError for a limit that nothing could meet."""
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"limit {name} must be positive, not {value}")


@dataclass
class Allowance:
    """What all calls of one check together may take; shared by the hosts of a subject.

    Attributes:
        seconds: wall-clock time; None for no end.
        budget: when nothing more may be asked, in seconds since 1970; None for never.
        refused: how often there was no time left.
    """

    seconds: float | None = None
    budget: float | None = None
    refused: int = 0
    _until: float = float("inf")

    def begin(self, seconds: float | None) -> None:
        """Begin anew, with that many seconds; the budget stays."""
        self.seconds = seconds
        self._until = float("inf") if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left; infinite where there is no end.

        Raises:
            NotAssessed: none are.
        """
        own = self._until - time.monotonic()
        left = own if self.budget is None else min(own, self.budget - time.time())
        if left <= 0:
            self.refused += 1
            if own > 0:
                raise NotAssessed(OUT_OF_BUDGET)
            raise NotAssessed(
                f"the check has used up its {self.seconds:g} s (limits.check_seconds)"
            )
        return left
