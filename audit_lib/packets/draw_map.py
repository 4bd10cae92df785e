"""A treemap: boxes as large as their values, filled as far as each of their shares."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from audit_lib.model import Evidence, Scalar
from audit_lib.packets.axes import safe
from audit_lib.packets.columns import Columns, number, plain_text, short
from audit_lib.packets.palette import NORMAL, Palette, new_figure

#: most boxes; smaller ones share the last
_MOST = 60
_PANELS, _WIDE, _SMALL = 4, 7.2, 5.5
#: width of a letter as a share of its height
_LETTER = 0.6
Box = tuple[float, float, float, float]


def treemap(evidence: Evidence, palette: Palette) -> Figure | None:
    """One panel a column of shares; the same box is the same row in each."""
    columns = Columns.of(evidence, "label value")
    shares = [
        i for i in range(len(evidence.columns)) if columns and i not in columns.places.values()
    ]
    if columns is None or not shares:
        return None
    sizes = columns.numbers("value")
    order = sorted((i for i, s in enumerate(sizes) if 0 < s < math.inf), key=lambda i: -sizes[i])
    boxed, rest = order[:_MOST], order[_MOST:]
    if not boxed:
        return None
    areas = [sizes[i] for i in boxed] + ([sum(sizes[i] for i in rest)] if rest else [])
    labels = [columns.texts("label")[i].rpartition("/")[2] for i in boxed] + [f"{len(rest)} more"]
    boxes = _boxes(areas, (0.0, 0.0, 1.0, 1.0))
    across = min(len(shares), _PANELS)
    rows, side = -(-len(shares) // across), _WIDE / max(across, 3)
    figure = new_figure((side + 0.1) * rows, palette)
    for panel, column in enumerate(shares):
        axes = figure.add_subplot(rows, across, panel + 1, aspect="equal")
        filled = [_share(evidence.rows, [i], column, sizes) for i in boxed]
        filled += [_share(evidence.rows, rest, column, sizes)] if rest else []
        named = plain_text(evidence.columns[column])
        suffix = "" if any(t is not None for t in filled) else ": not measured"
        axes.set_title(
            safe(short(named, 30)) + suffix, loc="left", fontsize=NORMAL, color=palette.ink
        )
        colour = palette.series[panel % len(palette.series)]
        _panel(axes, boxes, filled, labels, palette, colour, 68 * side / _SMALL)
    return figure


def _share(
    rows: Sequence[Sequence[Scalar]], held: Sequence[int], column: int, sizes: Sequence[float]
) -> float | None:
    """The share of some rows, each as weighty as its size; None where it is known of none."""
    measured = [i for i in held if rows[i][column] is not None]
    whole = sum(sizes[i] for i in measured)
    return sum(sizes[i] * number(rows[i][column]) for i in measured) / whole if whole else None


def _panel(
    axes: Axes, boxes: Sequence[Box], shares: Sequence[float | None], labels: Sequence[str],
    palette: Palette, colour: str, letters: float,
) -> None:  # fmt: skip
    """Boxes of one column; ``letters`` are the heights of a name along a side."""
    for (x, y, wide, high), share, label in zip(boxes, shares, labels, strict=False):
        face = "none" if share is None else palette.grid
        axes.add_patch(
            Rectangle((x, y), wide, high, facecolor=face, edgecolor=palette.muted, lw=0.5)
        )
        if share:
            axes.add_patch(
                Rectangle((x, y), wide, high * share, facecolor=colour, alpha=0.55, lw=0)
            )
        room = int(wide * letters / _LETTER) - 1
        if room >= min(len(label), 6) and high * letters > 1.6:
            axes.text(x + 0.01, y + high - 0.01, safe(short(label, room)), va="top",
                      fontsize=_SMALL, color=palette.ink)  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(), yticks=())
    axes.set_frame_on(False)


def _boxes(areas: Sequence[float], within: Box) -> list[Box]:
    """Areas halved until each has its box, across the longer side."""
    if len(areas) < 2:
        return [within] * len(areas)
    x, y, wide, high = within
    whole, cut = sum(areas), 1
    while cut < len(areas) - 1 and sum(areas[: cut + 1]) <= whole / 2:
        cut += 1
    part = sum(areas[:cut]) / whole
    if wide >= high:
        first, second = (x, y, wide * part, high), (x + wide * part, y, wide * (1 - part), high)
    else:
        below = high * (1 - part)
        first, second = (x, y + below, wide, high - below), (x, y, wide, below)
    return [*_boxes(areas[:cut], first), *_boxes(areas[cut:], second)]
