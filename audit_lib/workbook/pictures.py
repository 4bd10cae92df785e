"""Evidence as pictures, drawn without any global state of matplotlib."""

import io
from collections.abc import Callable
from typing import Any

from audit_lib.model import CheckResult, Evidence
from audit_lib.packets.figures import draw
from audit_lib.workbook.display import Note, Part, Picture, Sheet

_DPI = 192
_SCREEN_DPI = 96


def still(evidence: Evidence) -> Picture | None:
    """The picture that the evidence's view asks for; None where it asks for none."""
    figure = draw(evidence)
    if figure is None:
        return None
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=_DPI, bbox_inches="tight")
    alt = f"{evidence.title}. {evidence.note}".strip()
    width = int.from_bytes(data.getvalue()[16:20], "big")  # of the PNG header, in pixels
    return Picture(data.getvalue(), alt, width=round(width * _SCREEN_DPI / _DPI))


#: how evidence becomes a picture; the interactive room puts its own in here
picture: Callable[[Evidence], Any] = still


def drawn(result: CheckResult, evidence: Evidence) -> list[Part]:
    """A piece of evidence: its picture where it has one, else its table."""
    return shown(evidence, f"{result.code}/{evidence.name}")


def shown(evidence: Evidence, name: str) -> list[Part]:
    """The same of any table, under that name."""
    drawing = picture(evidence)
    if drawing is None:
        return [Sheet(f"{evidence.title} ({name})", evidence.columns, evidence.rows, evidence.note)]
    heading = Note(f"{evidence.title} ({name})", heading=True)
    return [heading, drawing, *([Note(evidence.note)] if evidence.note else [])]
