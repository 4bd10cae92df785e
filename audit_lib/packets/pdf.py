"""The packet as PDF, typeset by Typst from the same data as the HTML.

Typst comes as a wheel with its fonts inside, so nothing has to be installed on the system.  The
template never evaluates text: the packet's data goes in as one JSON input, and strings stay
strings.
"""

import json
import re
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from audit_lib.errors import RunError
from audit_lib.packets.document import document
from audit_lib.packets.figures import svg
from audit_lib.packets.packet import Packet
from audit_lib.packets.sections import Style

_LONG = re.compile(r"\S{24,}")
_JOINT = re.compile(r"([/\\_.,:;=|-]|.{24})(?=.)")
#: keys whose strings are names to link by, or not text at all
_EXACT = frozenset({"svg", "anchor", "id", "check", "fingerprint", "verdict", "outcome", "task"})
_STYLE = Style(svg, rows=30, passing_rows=10, characters=600, cells=140, findings=150, listed=12)


def render_pdf(packet: Packet) -> bytes:
    """The packet as PDF.  The same packet gives the same bytes on the same machine.

    Raises:
        RunError: Typst refused; the message carries what it said.
    """
    import typst

    data = document(packet, _STYLE)
    began = _moment(packet)
    data["stamp"] = _stamp(began)
    template = files("audit_lib.packets").joinpath("templates/packet.typ").read_bytes()
    try:
        document_bytes = typst.compile(
            template,
            format="pdf",
            font_paths=_fonts(),
            sys_inputs={"data": json.dumps(_breakable(data))},
            timestamp=int(began.timestamp()) if began else 0,
        )
    except typst.TypstError as error:
        raise RunError(
            f"the PDF could not be typeset: {error}",
            where="packet.pdf",
            mend="this is a fault of the workbook; packet.html holds the same",
        ) from None
    assert isinstance(document_bytes, bytes)
    return document_bytes


def _breakable(value: Any, key: str = "") -> Any:
    """The data with places to break a line inside long words."""
    if isinstance(value, dict):
        return {k: _breakable(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_breakable(v, key) for v in value]
    if isinstance(value, str) and key not in _EXACT:
        return _LONG.sub(lambda m: _JOINT.sub("\\1\u200b", m.group()), value)
    return value


@cache
def _fonts() -> Any:
    """Fonts of the Typst wheel, those of matplotlib (figures use them), the system's."""
    import matplotlib as mpl
    import typst

    return typst.Fonts(font_paths=[f"{mpl.get_data_path()}/fonts/ttf"])


def _moment(packet: Packet) -> datetime | None:
    for text in (packet.provenance.started, *(t.started for t in packet.tasks)):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            continue
    return None


def _stamp(moment: datetime | None) -> dict[str, int] | None:
    if moment is None:
        return None
    return {k: getattr(moment, k) for k in ("year", "month", "day", "hour", "minute", "second")}
