"""Numbers that pickles spell in text, as the unpicklers take them.

The one in C hands the line to ``strtol`` and ends it at a NUL, the one in Python to ``int``: what
either takes is taken here, since the other opcodes of the stream then run.
"""

import re

from audit_lib.subject.artifacts.judge.values import Opaque

_STRTOL = re.compile(
    rb"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0([0-7]*)|([1-9][0-9]*))"
)
_MOST_DIGITS = 4300  # more are a matter of the interpreter's settings


def whole(line: bytes, base: int) -> int | Opaque:
    """The whole number on a line without its newline.

    Raises:
        ValueError: no unpickler takes it.
    """
    if len(line) > _MOST_DIGITS:
        return Opaque("a number of more digits than are read")
    for part in (line, line.partition(b"\0")[0]):
        try:
            return int(part, base)
        except ValueError:
            continue
    if base:
        raise ValueError("no whole number")
    return _strtol(line)


def _strtol(line: bytes) -> int:
    digits, ended, _ = line.partition(b"\0")
    match = _STRTOL.fullmatch(digits)
    if match is None:
        if ended and not digits:
            return 0
        raise ValueError("no whole number")
    sign, *spellings = match.groups()
    text, base = next(
        (text or b"0", base)
        for text, base in zip(spellings, (16, 2, 8, 10), strict=True)
        if text is not None
    )
    return int(text, base) * (-1 if sign == b"-" else 1)


def real(line: bytes) -> float:
    """The number on a line without its newline.

    Raises:
        ValueError: no unpickler takes it.
    """
    try:
        return float(line)
    except ValueError:
        return float(line.partition(b"\0")[0])
