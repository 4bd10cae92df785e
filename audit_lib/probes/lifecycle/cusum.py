"""What a CUSUM hook answers, as a value that can be compared."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from audit_lib.probes.questions.asking import describe


@dataclass(frozen=True)
class Alarm:
    """Whether a detector fired, and at which position (0-based)."""

    fired: bool
    at: int | None

    def __str__(self) -> str:
        return f"an alarm at bar {self.at}" if self.fired else "no alarm"


def alarm(raw: Any) -> Alarm:
    """The answer of ``drift.cusum``."""
    if not isinstance(raw, dict) or not isinstance(raw.get("alarm"), (bool, np.bool_)):
        raise ValueError(f"wanted {{'alarm': bool, 'at': int or None}}, got {describe(raw)}")
    at = raw.get("at")
    fired = bool(raw["alarm"])
    return Alarm(fired, int(at) if fired and at is not None else None)
