"""Pictures that zoom and pan: the same drawings, on a canvas that the kernel redraws."""

import itertools
from dataclasses import dataclass
from typing import Any

from audit_lib.model import Evidence
from audit_lib.packets.figures import draw
from audit_lib.workbook.display import Picture
from audit_lib.workbook.pictures import still

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Zoomable:
    """A drawing with a toolbar; the still picture where no canvas can be shown."""

    evidence: Evidence
    fallback: Picture

    def __repr__(self) -> str:
        return repr(self.fallback)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.canvas())  # type: ignore[no-untyped-call]

    def canvas(self) -> Any:
        """The live canvas, a widget."""
        from ipympl.backend_nbagg import Canvas, FigureManager  # type: ignore[import-untyped]

        figure = draw(self.evidence)
        canvas = Canvas(figure)
        canvas.header_visible = False
        canvas.footer_visible = True  # where the pointer is, in the units of the axes
        canvas.toolbar_position = "right"
        # The manager lives as long as its canvas: without it the toolbar does nothing.
        canvas.manager = FigureManager(canvas, next(_numbers))
        return canvas


def zoomable(evidence: Evidence) -> Zoomable | None:
    """The picture that the evidence's view asks for; None where it asks for none."""
    fallback = still(evidence)
    return Zoomable(evidence, fallback) if fallback else None
