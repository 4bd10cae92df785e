"""What one call of a hook may cost."""

from __future__ import annotations

from dataclasses import dataclass


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
