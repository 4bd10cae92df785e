"""Standard output that any terminal, pipe and locale can take.

What people read is written in the encoding of the stream, and a sign that it lacks is spelled out;
what programs read is UTF-8 wherever it goes, as JSON, SARIF and the head of a JUnit file promise.
"""

import codecs
import sys
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from audit_lib.errors import AuditError, refused
from audit_lib.files import write_whole
from audit_lib.reporters import Reporter
from audit_lib.reporters.foreign import reporter_of
from audit_lib.reporters.text import clean

#: name of the way to write what an encoding cannot hold
SPELLED = "workbook.spelled"
#: formats of ``--format`` that people read
_FOR_PEOPLE = frozenset({"console"})
# Never `?`, which already says "could not tell".
_SIGNS = {
    "✓": "+", "✗": "x", "×": "x", "·": ".", "•": "*", "–": "-", "—": "-", "…": "...", "→": "->",
    "≤": "<=", "≥": ">=", "≠": "!=", "±": "+-", "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


@dataclass(frozen=True)
class Output:
    """One form in which results are wanted.

    Attributes:
        form: name of the reporter.
        file: where it is written; None for standard output.
    """

    form: str
    file: Path | None


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


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Write a message for people, made fit to be shown."""
    click.echo(clean(text), err=err, nl=nl)


def emit(text: str, form: str) -> None:
    """Write a document to standard output.

    Args:
        text: the document, with its last line break.
        form: the format it is in, as ``--format`` names it.
    """
    if form in _FOR_PEOPLE or sys.stdout.isatty():
        # Named, since click would write UTF-8 to a stream that is ASCII.
        # A reporter of our own has cleaned what it shows, and coloured it.
        shown = text if form in _FOR_PEOPLE else clean(text)
        click.echo(shown, nl=False, file=sys.stdout)
    else:
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)


def reporters_of(outputs: Iterable[Output], folder: Path | None) -> dict[str, Reporter]:
    """The reporter of every form, one of the subject's own among them; before anything is asked.

    Raises:
        AuditError: a form is none, or its reporter cannot be loaded.
    """
    return {output.form: reporter_of(output.form, folder) for output in outputs}


def put(outputs: Iterable[Output], text_of: Callable[[str], str]) -> None:
    """Write results in every form that was asked for, files first.

    Raises:
        AuditError: a file cannot be written, or a reporter failed; the others are written.
    """
    failed: AuditError | None = None
    for output in sorted(outputs, key=lambda o: o.file is None):
        try:
            _put(output, text_of(output.form))
        except AuditError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _put(output: Output, text: str) -> None:
    if output.file is None:
        emit(text, output.form)
        return
    content = text.encode("utf-8", "backslashreplace")
    mend = f"name a file in a folder that can be written to: --format {output.form}=FILE"
    with refused(AuditError, "cannot be written", where=output.file, mend=mend):
        if output.file.exists() and not output.file.is_file():  # a pipe or a device
            output.file.write_bytes(content)
        else:
            write_whole(output.file, content)
