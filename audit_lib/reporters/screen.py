"""The one door to a terminal: nothing that is shown moves its cursor, or is not what it seems."""

from collections.abc import Iterable

from rich.console import Console, Group
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

    def print_entry(self, head: Text, told: Text | str, tail: Text | None = None) -> None:
        """A head with what is told of it: one line through a pipe, wrapped on a terminal.

        What does not fit beside its head stands below it, indented.
        """
        end = Text("  ") + tail if tail else Text()
        text = Text(told) if isinstance(told, str) else told
        whole = head + text + end
        if not self.is_terminal or whole.cell_len <= self.width:
            self.print(whole, soft_wrap=True)
            return
        head.rstrip()
        if head + end:
            self.print(head + end)
        self.print(Padding(text, (0, 0, 0, _INDENT)))


def one_row(text: str) -> Group:
    """A text that is cut where the terminal ends; what is redrawn in place must not wrap."""
    return Group(Text(text, no_wrap=True, overflow="ellipsis"))  # a spinner would join a bare text
