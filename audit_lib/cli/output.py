"""Standard output that any terminal, pipe and locale can take.

What people read is written in the encoding of the stream, and a sign that it lacks is spelled out;
what programs read is UTF-8 wherever it goes, as JSON, SARIF and the head of a JUnit file promise.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata

import click

#: name of the way to write what an encoding cannot hold
SPELLED = "workbook.spelled"
#: formats of ``--format`` that people read
_FOR_PEOPLE = frozenset({"console"})
# Never `?`, which already says "could not tell".
_SIGNS = {
    "✓": "+",
    "✗": "x",
    "×": "x",
    "·": ".",
    "•": "*",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "±": "+-",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}


def prepare_streams() -> None:
    """Let standard output and error hold every text, whatever their encoding."""
    codecs.register_error(SPELLED, spelled)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a test, or an embedding, may have put another there
            stream.reconfigure(errors=SPELLED)


def spelled(error: UnicodeError) -> tuple[str, int]:
    """What to write for characters that an encoding lacks, as a handler of `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_spelled, lacking)), error.end


def _spelled(sign: str) -> str:
    if sign in _SIGNS:
        return _SIGNS[sign]
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return plain or sign.encode("ascii", "backslashreplace").decode()


def emit(text: str, form: str) -> None:
    """Write a document to standard output.

    Args:
        text: the document, with its last line break.
        form: the format it is in, as ``--format`` names it.
    """
    if form in _FOR_PEOPLE or sys.stdout.isatty():
        # Named, since click would write UTF-8 to a stream that is ASCII.
        click.echo(text, nl=False, file=sys.stdout)
    else:
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
