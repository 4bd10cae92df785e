"""Drawings in lanes: bars, timelines, influence maps."""

import math

from matplotlib.dates import date2num
from matplotlib.figure import Figure

from audit_lib.model import Evidence
from audit_lib.packets.axes import (
    MOST_ROWS,
    axis_label,
    date_axis,
    draw_bound,
    lane_height,
    name_lanes,
    safe,
    say_inside,
    say_left_out,
)
from audit_lib.packets.columns import Columns, moment, number, short
from audit_lib.packets.palette import SMALL, Palette, colour_of_kind, legend, new_figure


def bars(evidence: Evidence, palette: Palette) -> Figure | None:
    """Horizontal bars, in the table's order; bars of one label side by side by group."""
    columns = Columns.of(evidence, "label value", "group low high")
    if columns is None:
        return None
    values = columns.numbers("value")
    labels = columns.texts("label")
    groups = columns.texts("group") if columns.has("group") else [""] * len(labels)
    if len(set(groups)) > len(palette.series):
        # More groups than colours that people can tell apart: the group joins the name.
        labels = [f"{la} · {g}" for la, g in zip(labels, groups, strict=True)]
        groups = [""] * len(labels)
    lanes, series = list(dict.fromkeys(labels)), list(dict.fromkeys(groups))
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return None
    shown = _largest(lanes, labels, values)
    # Where no label has two groups, one bar a lane says it all.
    paired = len(set(zip(labels, groups, strict=True))) > len(lanes)
    thick = 0.72 / (len(series) if paired else 1)
    figure = new_figure(lane_height(len(shown)), palette)
    axes = figure.add_subplot()

    def lane(label: str, group: str) -> float:
        beside = (series.index(group) - (len(series) - 1) / 2) * thick if paired else 0
        return shown.index(label) + beside

    for place, name in enumerate(series):
        points = [
            (lane(la, g), v)
            for la, v, g in zip(labels, values, groups, strict=True)
            if g == name and la in shown and math.isfinite(v)
        ]
        axes.barh(
            [p for p, _ in points],
            [v for _, v in points],
            height=thick,
            color=palette.series[place % len(palette.series)],
            label=safe(short(name, 28)) or None,
            linewidth=0,
        )
    if columns.has("low") and columns.has("high"):
        ends = zip(labels, groups, columns.numbers("low"), columns.numbers("high"), strict=True)
        for label, group, low, high in ends:
            if label in shown and math.isfinite(low) and math.isfinite(high):
                at = lane(label, group)
                axes.plot([low, high], [at, at], color=palette.ink, linewidth=1.1)
    name_lanes(axes, shown, palette)
    draw_bound(axes, evidence, palette, across=True)
    axes.axvline(0, color=palette.muted, linewidth=0.8)
    if not any(finite):
        axes.set_xlim(0, 1)
        say_inside(axes, "all are 0", palette)
    axes.set_xlabel(axis_label(columns, "value"))
    say_left_out(axes, len(shown), len(lanes), palette)
    legend(axes, palette)
    return figure


def timeline(evidence: Evidence, palette: Palette) -> Figure | None:
    """Spans on lanes, coloured by kind; what was removed is hatched."""
    columns = Columns.of(evidence, "lane start end kind")
    if columns is None:
        return None
    dated = all(moment(row[columns.places["start"]]) for row in evidence.rows)
    read = _date_number if dated else number
    starts = [read(row[columns.places["start"]]) for row in evidence.rows]
    ends = [read(row[columns.places["end"]]) for row in evidence.rows]
    if not any(math.isfinite(s) and math.isfinite(e) for s, e in zip(starts, ends, strict=True)):
        return None
    lanes, kinds = columns.texts("lane"), columns.texts("kind")
    order, shown = list(dict.fromkeys(kinds)), list(dict.fromkeys(lanes))[:MOST_ROWS]
    figure = new_figure(lane_height(len(shown)), palette)
    axes = figure.add_subplot()
    for kind in order:
        colour = colour_of_kind(kind, order, palette)
        removed = colour == palette.muted
        spans = [
            (shown.index(la), s, e)
            for la, s, e, k in zip(lanes, starts, ends, kinds, strict=True)
            if k == kind and la in shown and math.isfinite(s) and math.isfinite(e)
        ]
        axes.barh(
            [p for p, _, _ in spans],
            [e - s for _, s, e in spans],
            left=[s for _, s, _ in spans],
            height=0.62,
            color="none" if removed else colour,
            edgecolor=colour,
            hatch="//////" if removed else None,
            linewidth=0.6,
            label=safe(short(kind, 28)),
        )
    name_lanes(axes, shown, palette)
    if dated:
        axes.xaxis_date()
        date_axis(axes)
    else:
        axes.set_xlabel(axis_label(columns, "end", "x"))
    say_left_out(axes, len(shown), len(set(lanes)), palette)
    legend(axes, palette, columns=6)
    return figure


def influence(evidence: Evidence, palette: Palette) -> Figure | None:
    """Bars a column reads, before (left) and after (right) the decision.

    What it reads after the decision is a leak, unless a column ``allowed_ahead`` allows that much
    (a label reads its horizon).
    """
    columns = Columns.of(evidence, "column look_back look_ahead", "allowed_ahead")
    if columns is None:
        return None
    names = columns.texts("column")
    back, ahead = columns.numbers("look_back"), columns.numbers("look_ahead")
    order = sorted(range(len(names)), key=lambda i: -_or_zero(ahead[i]))[:MOST_ROWS]
    reach = [abs(v) for i in order for v in (back[i], ahead[i]) if math.isfinite(v)]
    if not reach:
        return None
    furthest = max([*reach, 1.0])
    figure = new_figure(lane_height(len(order)), palette)
    axes = figure.add_subplot()
    allowed = (
        columns.numbers("allowed_ahead") if columns.has("allowed_ahead") else [0.0] * len(names)
    )
    for lane, i in enumerate(order):
        fair = min(_or_zero(allowed[i]), _or_zero(ahead[i]))
        sides = ((back[i], -1, palette.series[0], "bars before the decision"),
                 (ahead[i], 1, palette.bad, "the future"),
                 (fair, 1, palette.series[2], "bars ahead, as allowed"))  # fmt: skip
        for value, sign, colour, name in sides:
            endless = math.isinf(value)
            length = furthest * 1.3 if endless else _or_zero(value)
            if not length:
                continue
            if colour == palette.bad and fair == value:
                continue  # all of it is allowed
            axes.barh(lane, sign * length, height=0.62, color=colour, linewidth=0, label=name,
                      alpha=0.5 if endless else 1)  # fmt: skip
            if value in (back[i], ahead[i]):
                axes.annotate(
                    "whole sample" if endless else f"{length:g}", (sign * length, lane),
                    (sign * 3, 0), textcoords="offset points", va="center",
                    ha="left" if sign > 0 else "right", fontsize=SMALL - 1, color=palette.muted,
                )  # fmt: skip
    scale = ""
    if furthest > 30:
        axes.set_xscale("symlog", linthresh=5, linscale=0.6)
        scale = ", on a logarithmic scale beyond 5"
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, -1) * 1.6, max(right, 1) * 1.6)
    name_lanes(axes, [names[i] for i in order], palette)
    axes.axvline(0, color=palette.ink, linewidth=1)
    axes.set_xlabel(f"bars before (left) and after (right) the decision{scale}")
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    say_left_out(axes, len(order), len(names), palette)
    if not any(reach):
        say_inside(axes, "all read their own row only", palette)
    legend(axes, palette)
    return figure


def _or_zero(value: float) -> float:
    return abs(value) if math.isfinite(value) else (math.inf if math.isinf(value) else 0.0)


def _date_number(cell: object) -> float:
    read = moment(cell)  # type: ignore[arg-type]
    return math.nan if read is None else float(date2num(read))  # type: ignore[no-untyped-call]


def _largest(lanes: list[str], labels: list[str], values: list[float]) -> list[str]:
    """Lanes in their order; where they are too many, those of the largest values."""
    if len(lanes) <= MOST_ROWS:
        return lanes
    size = dict.fromkeys(lanes, 0.0)
    for label, value in zip(labels, values, strict=True):
        size[label] = max(size[label], _or_zero(value))
    largest = set(sorted(lanes, key=lambda lane: -size[lane])[:MOST_ROWS])
    return [lane for lane in lanes if lane in largest]
