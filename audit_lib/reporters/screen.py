"""The one door to a terminal: nothing that is shown moves its cursor, or is not what it seems."""

import io
import shutil
import sys
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.text import Text

from audit_lib.reporters.text import clean

_INDENT = 8


class Screen(Console):
    """A console that cleans every text and keeps its own colours and movements."""

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """As its parent, of segments whose text is clean; those that control hold no text."""
        return super()._render_buffer(
            s if s.control else Segment(clean(s.text), s.style) for s in buffer
        )

    def print_entry(self, head: Text, detail: Text | str, tail: Text | None = None) -> None:
        """A head with its text: one line through a pipe, wrapped on a terminal.

        What does not fit beside its head stands below it, indented.
        """
        end = Text("  ") + tail if tail else Text()
        text = Text(detail) if isinstance(detail, str) else detail
        whole = head + text + end
        if not self.is_terminal or whole.cell_len <= self.width:
            self.print(whole, soft_wrap=True)
            return
        head.rstrip()
        if head + end:
            self.print(head + end)
        self.print(Padding(text, (0, 0, 0, _INDENT)))


def terminal_width() -> int:
    """Columns of the terminal that shows standard output; 0 where it is none."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 0


def rendered(parts: Iterable[RenderableType], width: int) -> str:
    """Parts as text: coloured and fitted to a width, or plain and one line each where it is 0."""
    file = io.StringIO()
    writer = Screen(
        file=file,
        force_terminal=bool(width),
        width=width or 100_000,
        highlight=False,
        emoji=False,
        markup=False,
    )
    for part in parts:
        writer.print(part, soft_wrap=not width and isinstance(part, Text))
    return "\n".join(line.rstrip() for line in file.getvalue().split("\n"))


def one_row(text: str) -> Group:
    """A text that is cut where the terminal ends; what is redrawn in place must not wrap."""
    return Group(Text(text, no_wrap=True, overflow="ellipsis"))  # a spinner would join a bare text
