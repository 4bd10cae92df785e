"""What every physical line of a Python file is: code, comment, docstring or blank.

Counting rules:

- A line is what ends with a newline byte, as ``wc -l`` counts.  Text after the last newline is the
  file's *tail*; it is classified and owned like a line, and counted apart.
- ``blank``: white space only, outside any string.  ``comment``: begins with ``#``, outside any
  string.  ``docstring``: holds nothing but the docstring of a module, class or function (and
  perhaps a comment after it).  ``code``: everything else, so also every line of another string.
- A carriage return alone ends a line for Python and not for ``wc``; such a line takes the most
  telling kind among the Python lines within it (code, docstring, comment, blank).
- In a file that does not parse no docstring is told apart; the other rules hold by text.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from audit_lib.subject.source import SourceFile

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_BOM = b"\xef\xbb\xbf"


class LineKind(IntEnum):
    """What a line is; the greater one wins where two share a line."""

    BLANK = 0
    COMMENT = 1
    DOCSTRING = 2
    CODE = 3


@dataclass(frozen=True)
class Lines:
    """The lines of one file.

    Attributes:
        kinds: kind of every line, and of the tail where there is one.
        count: newline bytes in the file, as ``wc -l`` prints.
        first_python: for every line, the 1-based number Python gives its beginning.
    """

    kinds: tuple[LineKind, ...]
    count: int
    first_python: Sequence[int]

    @property
    def has_tail(self) -> bool:
        """True where text follows the last newline."""
        return len(self.kinds) > self.count


Span = tuple[int, int, int, int]
"""line, column, end line, end column, as nodes give them (columns in UTF-8 bytes)"""


def lines_of(file: SourceFile, strings: Iterable[Span], docstrings: Iterable[Span]) -> Lines:
    """Classify the lines of a file.

    Args:
        strings: spans of strings over several lines, docstrings not among them.
        docstrings: spans of docstrings.
    """
    content = file.content
    count = content.count(b"\n")
    python = _python_lines(file)
    kinds = [_by_text(line) for line in python]
    for span in strings:
        for line in _inside(python, kinds, span):
            kinds[line - 1] = LineKind.CODE
    for line, column, end, end_column in docstrings:
        alone = not python[line - 1][:column].strip(b" \t\f" + _BOM)
        after = python[end - 1][end_column:].strip()
        closed = not after or after.startswith(b"#")
        for number in range(line, end + 1):
            whole = (alone or number > line) and (closed or number < end)
            kinds[number - 1] = LineKind.DOCSTRING if whole else LineKind.CODE
    return _as_wc(content, count, kinds)


def _python_lines(file: SourceFile) -> list[bytes]:
    content = file.content
    if file.encoding.lower().replace("-", "_") not in ("utf_8", "utf_8_sig", "ascii"):
        recoded = file.text.encode("utf-8", "surrogatepass")
        content = recoded if recoded.count(b"\n") == content.count(b"\n") else content
    content = content.removeprefix(_BOM)
    return _NEWLINE.split(content) if b"\r" in content else content.split(b"\n")


def _by_text(line: bytes) -> LineKind:
    stripped = line.strip()
    if not stripped:
        return LineKind.BLANK
    return LineKind.COMMENT if stripped.startswith(b"#") else LineKind.CODE


def _inside(python: list[bytes], kinds: list[LineKind], span: Span) -> Iterator[int]:
    """Lines that begin within a string of the span.

    A span may be several strings side by side, with comments or blank lines between them.
    """
    line, column, end, end_column = span
    if all(kind is LineKind.CODE for kind in kinds[line:end]):
        return
    segment = [*python[line - 1 : end]]
    segment[-1] = segment[-1][:end_column]
    segment[0] = segment[0][column:]
    text = "(" + "\n".join(part.decode("utf-8", "replace") for part in segment) + "\n)"
    opened = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            name = tokenize.tok_name[token.type]
            if name == "FSTRING_START":
                opened = token.start[0]
            first = token.start[0] if name == "STRING" else opened
            if name in ("STRING", "FSTRING_END"):
                yield from range(line + first, line + token.end[0])
    except (tokenize.TokenError, SyntaxError):
        yield from range(line + 1, end + 1)


def _as_wc(content: bytes, count: int, kinds: list[LineKind]) -> Lines:
    tail = 1 if content and not content.endswith(b"\n") else 0
    wanted = count + tail
    if not _LONE_RETURN.search(content):
        return Lines(tuple(kinds[:wanted]), count, range(1, wanted + 1))
    merged, first, number = [], [], 1
    for raw in content.split(b"\n")[:wanted]:
        inner = len(_LONE_RETURN.findall(raw.removesuffix(b"\r"))) + 1
        merged.append(max(kinds[number - 1 : number - 1 + inner], default=LineKind.BLANK))
        first.append(number)
        number += inner
    return Lines(tuple(merged), count, first)


def span_of(node: ast.AST) -> Span | None:
    """Span of a string literal over several lines; None for anything else."""
    if isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    ):
        end, end_column = node.end_lineno, node.end_col_offset
        if end is not None and end_column is not None and end > node.lineno:
            return node.lineno, node.col_offset, end, end_column
    return None
