"""How long a run may ask, from its first check on; told to its processes by the environment."""

import atexit
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from audit_lib.errors import ParameterError
from audit_lib.files import read_words
from audit_lib.scratch import new_folder, remove_folder

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
    """Have this process and those that it starts stop asking after so many seconds; None: never.

    The first that wants to know begins the time: neither imports nor kernels are paid from it.
    """
    os.environ.pop(VARIABLE, None)
    if seconds is not None:
        folder = new_folder("budget")
        atexit.register(remove_folder, folder)
        os.environ[VARIABLE] = f"{seconds!r} {folder / 'until'}"


def budget_until() -> float | None:
    """When to stop asking, in seconds since 1970; None where there is no budget."""
    said, _, shared = os.environ.get(VARIABLE, "").partition(" ")
    if not shared:
        return float(said) if said else None
    with (
        suppress(FileExistsError),
        tempfile.NamedTemporaryFile("w", dir=Path(shared).parent) as own,
    ):
        own.write(repr(time.time() + float(said)))
        own.flush()
        os.link(own.name, shared)  # whole or not at all, and once
    return float(read_words(Path(shared)))


def used_up() -> bool:
    """True where there is a budget, and nothing of it is left."""
    until = budget_until()
    return until is not None and time.time() >= until
