"""Evidence drawn: the one place where tables become pictures, for notebooks, HTML and print."""

import io
import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

import matplotlib as mpl
from matplotlib.figure import Figure

from audit_lib.model import Evidence, View
from audit_lib.packets import draw_lanes, draw_learned, draw_map, draw_planes, draw_swarm
from audit_lib.packets.palette import PALETTES, Palette, Theme

#: packets are made in threads, and matplotlib's settings and fonts belong to the whole process
_ONE_AT_A_TIME = Lock()
DRAWINGS: dict[View, Callable[[Evidence, Palette], Figure | None]] = {
    View.BARS: draw_lanes.bars,
    View.LINES: draw_planes.lines,
    View.TIMELINE: draw_lanes.timeline,
    View.HEATMAP: draw_planes.heatmap,
    View.RELIABILITY: draw_planes.reliability,
    View.INFLUENCE: draw_lanes.influence,
    View.SWARM: draw_swarm.swarm,
    View.DEPENDENCE: draw_learned.dependence,
    View.WATERFALL: draw_learned.waterfall,
    View.CARDS: draw_learned.cards,
    View.TREEMAP: draw_map.treemap,
}

_TAG = re.compile(r"<[^>]+>")
_FRACTION = re.compile(r"(\d\.\d\d)\d+")
_STYLE = re.compile(r'style="([^"]*)"')
_ID = re.compile(r'(\bid="|url\(#|href="#)')


def draw(evidence: Evidence, *, theme: Theme = "light") -> Figure | None:
    """The figure that the table's view asks for.

    Uses no pyplot and leaves no trace in matplotlib's settings.

    Returns:
        a new figure of 7.2 inches at most, or None where the view is a plain table or the rows
        do not fit it (no rows, too few columns, no finite number).
    """
    drawing = DRAWINGS.get(evidence.view)
    return drawing(evidence, PALETTES[theme]) if drawing else None


def svg(evidence: Evidence, *, inline: bool = False) -> str | None:
    """The figure as SVG text; the same evidence gives the same text.

    Args:
        inline: for embedding in a page: no XML head, ids that do not clash with other figures,
            and colours that follow the page through the custom properties ``--fig-…``.

    Returns:
        SVG text, or None where :func:`draw` gives None.
    """
    with _ONE_AT_A_TIME:
        text = _plain(evidence)
    if text is None or not inline:
        return text
    text = text[text.index("<svg") :]
    text = re.sub(r"<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>", "", text, count=1)
    text = _ID.sub(rf"\g<1>f{evidence.digest[:10]}-", text)
    return _STYLE.sub(lambda m: _themed(m.group(0), PALETTES["light"]), text)


@lru_cache(maxsize=256)
def _plain(evidence: Evidence) -> str | None:
    """SVG text that stands alone; HTML and PDF of a packet share one drawing."""
    figure = draw(evidence)
    return _rendered(figure) if figure else None


def _rendered(figure: Figure) -> str:
    file = io.StringIO()
    same_ids, text_as_text = "audit", "none"
    with (
        mpl.rc_context({"svg.hashsalt": same_ids, "svg.fonttype": text_as_text}),
        warnings.catch_warnings(),
    ):
        # A glyph that the font lacks is the reader's font to find: text stays text.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        figure.savefig(
            file,
            format="svg",
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    # A hundredth of a point is finer than any screen or press, and a third of the bytes.
    return _TAG.sub(lambda m: _FRACTION.sub(r"\1", m.group()), file.getvalue())


def _themed(style: str, palette: Palette) -> str:
    """A style attribute in which the palette's colours are custom properties."""
    for name, colour in properties(palette).items():
        style = style.replace(colour, f"var({name}, {colour})")
    return style


def properties(palette: Palette) -> dict[str, str]:
    """CSS custom properties of a palette, by name."""
    fixed = {
        "--fig-paper": palette.paper,
        "--fig-ink": palette.ink,
        "--fig-muted": palette.muted,
        "--fig-grid": palette.grid,
        "--fig-bad": palette.bad,
    }
    return fixed | {f"--fig-{i}": colour for i, colour in enumerate(palette.series)}
