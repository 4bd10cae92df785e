"""Other people's text made fit to be shown: one line, no control or direction characters."""

from __future__ import annotations

import re

from audit_lib.model import Location

#: C0 and C1 controls but tab and newline, bidirectional overrides, surrogates, non-characters
UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """Text that any writer (XML, JSON in UTF-8, a terminal) can hold; what it cannot is ``�``."""
    return UNSHOWN.sub("�", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, limit: int = 0) -> str:
    """Clean text on one line, cut at a limit where one is given."""
    flat = " ".join(clean(text).split())
    return flat if not limit or len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def place(location: Location) -> str:
    """Where a finding stands, as compilers write it; what is no source file names its base."""
    shown = one_line(str(location))
    return shown if location.base == "source" else f"{location.base}: {shown}"


def count(number: int, noun: str) -> str:
    """``1 check``, ``2 checks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
