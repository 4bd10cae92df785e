"""The packet as one self-contained HTML file: no address outside, nothing unescaped.

Its one script is our own and pinned by its digest; without it only the search is missing.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from audit_lib.model import Evidence, Location
from audit_lib.packets.document import document
from audit_lib.packets.packet import Packet
from audit_lib.packets.sections import Style, drawing_id
from audit_lib.reporters.report import unread
from audit_lib.reporters.text import one_line

LARGEST = 2_000_000
#: most rows of a table, findings, findings of a check, and whether passing checks keep their
#: pictures, until the file fits
_BUDGETS = ((500, 1000, 50, True), (100, 500, 20, True), (40, 250, 10, False), (10, 100, 5, False))


def render_html(packet: Packet, excerpt: Callable[[Location], str] = unread) -> str:
    """The packet as HTML, under two megabytes: what is longer is cut, and says so.

    Args:
        excerpt: the lines of a place in a text file of the subject; '' where they are not known.
    """
    text, script = "", _file("packet.js")
    digest = b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    for rows, findings, listed, pictures in _BUDGETS:
        style = Style(
            _figure,
            rows=rows,
            passing_rows=rows,
            characters=40 * rows,
            findings=findings,
            listed=listed,
            passing_figures=pictures,
            excerpt=excerpt,
        )
        text = page(
            "packet.html.j2",
            p=document(packet, style),
            script=Markup(script),
            script_digest=Markup(digest),
        )
        if len(text.encode("utf-8")) <= LARGEST:
            break
    return text


def page(template: str, **values: Any) -> str:
    """A template of this room, filled in, with the style sheet in it."""
    text = _environment().get_template(template).render(css=Markup(_file("packet.css")), **values)
    return text if text.endswith("\n") else text + "\n"


def _file(name: str) -> str:
    return files("audit_lib.packets").joinpath("templates", name).read_text("utf-8")


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
    named = f'<svg id="{drawing_id(evidence)}" role="img" aria-label="{words}" '
    return Markup(drawn.replace("<svg ", named, 1))
