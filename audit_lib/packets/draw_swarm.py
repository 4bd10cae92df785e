"""A swarm: points of each label along a line, thick where there are many, coloured by level."""

import math

from matplotlib.figure import Figure

from audit_lib.model import Evidence
from audit_lib.packets.axes import axis_label, lane_height, name_lanes
from audit_lib.packets.columns import Columns
from audit_lib.packets.palette import Palette, legend, new_figure

#: bins along the value axis, and how far a lane's points spread
_BINS, _SPREAD = 60, 0.38
_LEVELS = ("low", "middle", "high")


def swarm(evidence: Evidence, palette: Palette) -> Figure | None:
    """Points in lanes; the table's order is the lanes' order."""
    columns = Columns.of(evidence, "label value level")
    if columns is None:
        return None
    labels, values = columns.texts("label"), columns.numbers("value")
    levels = columns.numbers("level")
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return None
    lanes = list(dict.fromkeys(labels))
    low, wide = min(finite), (max(finite) - min(finite)) or 1.0
    held: dict[tuple[str, int], int] = {}
    points: dict[int, list[tuple[float, float]]] = {}
    for label, value, level in zip(labels, values, levels, strict=True):
        if not math.isfinite(value):
            continue
        place = (label, int((value - low) / wide * _BINS))
        held[place] = number = held.get(place, -1) + 1
        side = (number + 1) // 2 * (1 if number % 2 else -1)
        shade = min(int(level * 3), 2) if math.isfinite(level) else 1
        height = lanes.index(label) + max(-_SPREAD, min(_SPREAD, 0.06 * side))
        points.setdefault(shade, []).append((value, height))
    figure = new_figure(lane_height(len(lanes)) * 1.2, palette)
    axes = figure.add_subplot()
    # Of the palette alone, so that they follow the page's theme.
    colours = (palette.series[0], palette.muted, palette.series[1])
    for shade, placed in sorted(points.items()):
        across, up = [p[0] for p in placed], [p[1] for p in placed]
        axes.scatter(across, up, s=9, color=colours[shade], linewidths=0, label=_LEVELS[shade])
    name_lanes(axes, lanes, palette)
    axes.axvline(0, color=palette.muted, linewidth=0.8)
    axes.set_xlabel(axis_label(columns, "value"))
    legend(axes, palette)
    return figure
