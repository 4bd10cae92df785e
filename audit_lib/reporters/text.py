"""Other people's text made fit to be shown: one line, no control or direction characters."""

import re
import unicodedata

from audit_lib.model import Location

#: C0 and C1 controls but tab and newline, bidirectional controls, what has no width, tags,
#: surrogates and non-characters
UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ud800-\udfff\ufff0-\uffff"
    "\U000e0000-\U000e0fff]"
)
#: they choose among pictures of the sign before them, and are dropped
_VARIANTS = re.compile("[\ufe00-\ufe0f]")
_MOST_MARKS = 3  # on one letter; more climb over the lines around it


def clean(text: str) -> str:
    """Text that any writer (XML, JSON in UTF-8, a terminal) can hold; what it cannot is ``�``."""
    flat = text.replace("\r\n", "\n").replace("\r", "\n")
    if flat.isascii():
        return UNSHOWN.sub("�", flat)
    return _unstacked(UNSHOWN.sub("�", _VARIANTS.sub("", flat)))


def _unstacked(text: str) -> str:
    signs, marks = [], 0
    for sign in text:
        marks = marks + 1 if unicodedata.category(sign) in _MARKS else 0
        if marks <= _MOST_MARKS:
            signs.append(sign)
    return "".join(signs)


_MARKS = ("Mn", "Me")


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
