"""The one door to a terminal: nothing that is shown moves its cursor, or is not what it seems."""

from collections.abc import Iterable

from rich.console import Console
from rich.segment import Segment

from audit_lib.reporters.text import clean


class Screen(Console):
    """A console that cleans every text and keeps its own colours and movements."""

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """As its parent, of segments whose text is clean; those that control hold no text."""
        return super()._render_buffer(
            s if s.control else Segment(clean(s.text), s.style) for s in buffer
        )
