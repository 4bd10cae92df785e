"""What Python keeps of the printed text until it is flushed."""

from __future__ import annotations

import sys


def flush() -> None:
    """Write it out now, whatever a hook has made of the streams."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001 - closed, or replaced
            continue
