"""The packet as one self-contained HTML file: no script, no address outside, nothing unescaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from audit_lib.model import Evidence
from audit_lib.packets.document import document
from audit_lib.packets.packet import Packet
from audit_lib.packets.sections import Style
from audit_lib.reporters.text import one_line

LARGEST = 2_000_000
#: most rows of a table, findings, findings of a check, and whether passing checks keep their
#: pictures, until the file fits
_BUDGETS = ((500, 1000, 50, True), (100, 500, 20, True), (40, 250, 10, False), (10, 100, 5, False))


def render_html(packet: Packet) -> str:
    """The packet as HTML, under two megabytes: what is longer is cut, and says so."""
    text = ""
    for rows, findings, listed, pictures in _BUDGETS:
        style = Style(
            _figure,
            rows=rows,
            passing_rows=rows,
            characters=40 * rows,
            findings=findings,
            listed=listed,
            passing_figures=pictures,
        )
        text = page("packet.html.j2", p=document(packet, style))
        if len(text.encode("utf-8")) <= LARGEST:
            break
    return text


def page(template: str, **values: Any) -> str:
    """A template of this room, filled in, with the style sheet in it."""
    sheet = files("audit_lib.packets").joinpath("templates/packet.css").read_text("utf-8")
    made = _environment().get_template(template).render(css=Markup(sheet), **values)
    return made if made.endswith("\n") else made + "\n"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("audit_lib.packets", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _figure(evidence: Evidence) -> Markup | None:
    """Our own drawing, whose texts matplotlib escaped, with words for who cannot see it."""
    from audit_lib.packets.figures import svg  # the index is rendered without drawing anything

    drawn = svg(evidence, inline=True)
    if drawn is None:
        return None
    words = escape(one_line(f"{evidence.title}. {evidence.note}"))
    return Markup(drawn.replace("<svg ", f'<svg role="img" aria-label="{words}" ', 1))
