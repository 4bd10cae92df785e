"""How long a run may ask: a point in time, told to every process of the run by the environment."""

import os
import re
import time

from audit_lib.errors import ParameterError

VARIABLE = "AUDIT_BUDGET_UNTIL"
OUT_OF_BUDGET = "out of budget"
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """Seconds of ``60``, ``60s``, ``5m`` or ``1.5h``.

    Raises:
        ParameterError: it is none of these, or not above zero.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|)\s*", text)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise ParameterError(
            f"{text!r} is no time", where="--budget", mend="write 60s, 5m or 1h, above zero"
        )
    return seconds


def begin(seconds: float | None) -> None:
    """Have this process and those that it starts stop asking after so many seconds; None: never."""
    os.environ.pop(VARIABLE, None)
    if seconds is not None:
        os.environ[VARIABLE] = repr(time.time() + seconds)


def budget_until() -> float | None:
    """When to stop asking, in seconds since 1970; None where there is no budget."""
    text = os.environ.get(VARIABLE, "")
    return float(text) if text else None


def used_up() -> bool:
    """True where there is a budget, and nothing of it is left."""
    until = budget_until()
    return until is not None and time.time() >= until
