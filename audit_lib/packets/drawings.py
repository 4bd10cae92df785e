"""One function a view: an evidence table to a figure, or None where it cannot be drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from audit_lib.model import Evidence, View
from audit_lib.packets.columns import Columns, moment, number, positions, short
from audit_lib.packets.palette import (
    SMALL,
    Palette,
    colour_of_kind,
    dress,
    legend,
    new_figure,
)

Drawing = Callable[[Evidence, Palette], Figure | None]
MOST_ROWS = 40
ROW = 0.24


def bars(evidence: Evidence, palette: Palette) -> Figure | None:
    """Horizontal bars, in the table's order; bars of one label side by side by group."""
    columns = Columns.of(evidence, "label value", "group")
    if columns is None:
        return None
    values = columns.numbers("value")
    labels = columns.texts("label")
    groups = columns.texts("group") if columns.has("group") else [""] * len(labels)
    lanes, series = list(dict.fromkeys(labels)), list(dict.fromkeys(groups))
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return None
    shown = _largest(lanes, labels, values)
    # Where no label has two groups, one bar a lane says it all.
    paired = len(set(zip(labels, groups, strict=True))) > len(lanes)
    thick = 0.72 / (len(series) if paired else 1)
    figure = new_figure(_height(len(shown)), palette)
    axes = figure.add_subplot()
    for place, name in enumerate(series):
        points = [
            (shown.index(la) + ((place - (len(series) - 1) / 2) * thick if paired else 0), v)
            for la, v, g in zip(labels, values, groups, strict=True)
            if g == name and la in shown and math.isfinite(v)
        ]
        axes.barh(
            [p for p, _ in points],
            [v for _, v in points],
            height=thick,
            color=palette.series[place % len(palette.series)],
            label=_safe(short(name, 28)) or None,
            linewidth=0,
        )
    _lanes(axes, shown, palette)
    axes.axvline(0, color=palette.muted, linewidth=0.8)
    axes.set_xlabel(_axis(columns, "value", evidence.note))
    _left_out(axes, len(shown), len(lanes), palette)
    legend(axes, palette)
    return figure


def lines(evidence: Evidence, palette: Palette) -> Figure | None:
    """One line a series, with its band where the table has one."""
    columns = Columns.of(evidence, "x value", "series band_low band_high")
    if columns is None or not any(map(math.isfinite, columns.numbers("value"))):
        return None
    at, names = positions([row[columns.places["x"]] for row in evidence.rows])
    values = np.asarray(columns.numbers("value"))
    who = columns.texts("series") if columns.has("series") else [""] * len(values)
    figure = new_figure(2.7, palette)
    axes = figure.add_subplot()
    dress(axes, palette, grid="y")
    for place, name in enumerate(dict.fromkeys(who)):
        rows = [i for i, w in enumerate(who) if w == name]
        x: list[Any] = [at[i] for i in rows]
        colour = palette.series[place % len(palette.series)]
        few = len(rows) <= 40
        axes.plot(
            x,
            values[rows],
            color=colour,
            linewidth=1.6,
            linestyle=("-", "--", "-.", ":")[place % 4],
            marker="o" if few else None,
            markersize=3.2,
            label=_safe(short(name, 28)) or None,
        )
        if columns.has("band_low") and columns.has("band_high"):
            low = np.asarray(columns.numbers("band_low"))[rows]
            high = np.asarray(columns.numbers("band_high"))[rows]
            axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    _ticks(axes, at, names)
    axes.set_xlabel(columns.label("x"))
    axes.set_ylabel(_axis(columns, "value", evidence.note))
    axes.yaxis.set_major_locator(MaxNLocator(6))
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
    figure = new_figure(_height(len(shown)), palette)
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
            label=_safe(short(kind, 28)),
        )
    _lanes(axes, shown, palette)
    if dated:
        axes.xaxis_date()
        _dates(axes)
    _left_out(axes, len(shown), len(set(lanes)), palette)
    legend(axes, palette, columns=6)
    return figure


def heatmap(evidence: Evidence, palette: Palette) -> Figure | None:
    """Rows by columns; numbers are written into the cells while they fit."""
    columns = Columns.of(evidence, "row column value")
    if columns is None:
        return None
    down, across = columns.texts("row"), columns.texts("column")
    rows, cols = list(dict.fromkeys(down)), list(dict.fromkeys(across))
    grid = np.full((len(rows), len(cols)), np.nan)
    for r, c, v in zip(down, across, columns.numbers("value"), strict=True):
        grid[rows.index(r), cols.index(c)] = v if math.isfinite(v) else np.nan
    if np.isnan(grid).all() or grid.size > 10_000:
        return None
    low, high = float(np.nanmin(grid)), float(np.nanmax(grid))
    signed = low < 0 < high
    reach = max(abs(low), abs(high))
    limits = (-reach, reach) if signed else (low, high if high > low else low + 1)
    figure = new_figure(min(9.0, 1.1 + 0.3 * len(rows)), palette)
    axes = figure.add_subplot()
    dress(axes, palette)
    colours = mpl.colormaps[palette.diverging if signed else palette.sequential]
    colours = colours.with_extremes(bad="none")
    image = axes.imshow(
        grid, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto", interpolation="nearest"
    )
    if grid.size <= 150:
        for (r, c), v in np.ndenumerate(grid):
            if not np.isnan(v):
                ink = "#000000" if _light(colours(image.norm(v))) else "#ffffff"
                axes.text(c, r, f"{v:.3g}", ha="center", va="center", color=ink, fontsize=SMALL)
    # Columns may share every prefix; turned names need no more room than the cells give.
    turned = sum(len(short(c, 18)) for c in cols) > 80
    axes.set_xticks(range(len(cols)), [_safe(short(c, 18)) for c in cols],
                    rotation=40 if turned else 0, ha="right" if turned else "center")  # fmt: skip
    axes.set_yticks(range(len(rows)), [_safe(short(r)) for r in rows])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02, aspect=18)
    bar.ax.tick_params(labelsize=SMALL, labelcolor=palette.ink, color=palette.muted)
    bar.outline.set_visible(False)
    bar.set_label(_axis(columns, "value", evidence.note), color=palette.muted, fontsize=SMALL)
    return figure


def reliability(evidence: Evidence, palette: Palette) -> Figure | None:
    """Observed against predicted frequency with an interval a bin, over the counts behind them."""
    columns = Columns.of(evidence, "predicted observed low high count")
    if columns is None:
        return None
    predicted, observed, low, high, count = (
        np.asarray(columns.numbers(n)) for n in ("predicted", "observed", "low", "high", "count")
    )
    good = np.isfinite(predicted) & np.isfinite(observed)
    if not good.any():
        return None
    predicted, observed, low, high, count = (
        a[good] for a in (predicted, observed, low, high, count)
    )
    figure = new_figure(3.9, palette, width=4.6)
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    dress(axes, palette, grid="both")
    dress(counts, palette, grid="y")
    axes.plot([0, 1], [0, 1], color=palette.muted, linewidth=1, linestyle="--", label="calibrated")
    reach = np.nan_to_num(np.clip([observed - low, high - observed], 0, None))
    axes.errorbar(
        predicted, observed, yerr=reach, fmt="o", color=palette.series[0], markersize=4.5,
        elinewidth=1.2, capsize=2.5, label="observed, with interval",
    )  # fmt: skip
    off = (predicted < low) | (predicted > high)
    if off.any():
        axes.plot(
            predicted[off], observed[off], "D", color=palette.bad, markersize=5.5,
            label="interval misses the diagonal",
        )  # fmt: skip
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel(columns.label("observed") or "observed frequency")
    width = min(0.08, 0.8 * float(np.min(np.diff(np.sort(predicted)), initial=0.1)) or 0.02)
    counts.bar(predicted, np.nan_to_num(count), width=width, color=palette.series[6], linewidth=0)
    counts.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    counts.set_ylabel("count")
    counts.set_xlabel(columns.label("predicted") or "predicted probability")
    legend(axes, palette, columns=3)
    return figure


def influence(evidence: Evidence, palette: Palette) -> Figure | None:
    """Bars a column reads, before (left) and after (right) the decision; after is a leak."""
    columns = Columns.of(evidence, "column look_back look_ahead")
    if columns is None:
        return None
    names = columns.texts("column")
    back, ahead = columns.numbers("look_back"), columns.numbers("look_ahead")
    order = sorted(range(len(names)), key=lambda i: -_or_zero(ahead[i]))[:MOST_ROWS]
    reach = [abs(v) for i in order for v in (back[i], ahead[i]) if math.isfinite(v)]
    if not reach:
        return None
    furthest = max([*reach, 1.0])
    figure = new_figure(_height(len(order)), palette)
    axes = figure.add_subplot()
    for lane, i in enumerate(order):
        for value, sign, colour in ((back[i], -1, palette.series[0]), (ahead[i], 1, palette.bad)):
            endless = math.isinf(value)
            length = furthest * 1.3 if endless else _or_zero(value)
            if length:
                axes.barh(lane, sign * length, height=0.62, color=colour, linewidth=0,
                          alpha=0.5 if endless else 1)  # fmt: skip
                text = "whole sample" if endless else f"{length:g}"
                axes.annotate(
                    text, (sign * length, lane), (sign * 3, 0), textcoords="offset points",
                    ha="left" if sign > 0 else "right", va="center", fontsize=SMALL - 1,
                    color=palette.muted,
                )  # fmt: skip
    scale = ""
    if furthest > 30:
        axes.set_xscale("symlog", linthresh=5, linscale=0.6)
        scale = ", on a logarithmic scale beyond 5"
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, -1) * 1.6, max(right, 1) * 1.6)
    _lanes(axes, [names[i] for i in order], palette)
    axes.axvline(0, color=palette.ink, linewidth=1)
    axes.set_xlabel(f"bars before (left) and after (right) the decision{scale}")
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    _left_out(axes, len(order), len(names), palette)
    return figure


DRAWINGS: dict[View, Drawing] = {
    View.BARS: bars,
    View.LINES: lines,
    View.TIMELINE: timeline,
    View.HEATMAP: heatmap,
    View.RELIABILITY: reliability,
    View.INFLUENCE: influence,
}


def _height(lanes: int) -> float:
    return 0.95 + ROW * max(lanes, 2)


def _safe(text: str) -> str:
    """Text in which no dollar sign starts a formula."""
    return text.replace("$", r"\$")


def _axis(columns: Columns, name: str, note: str) -> str:
    return _safe(short(columns.label(name) or (note if len(note) <= 60 else ""), 60))


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
    kept = set(sorted(lanes, key=lambda lane: -size[lane])[:MOST_ROWS])
    return [lane for lane in lanes if lane in kept]


def _lanes(axes: Axes, names: list[str], palette: Palette) -> None:
    dress(axes, palette, grid="x")
    axes.set_yticks(range(len(names)), [_safe(short(n)) for n in names])
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _left_out(axes: Axes, shown: int, total: int, palette: Palette) -> None:
    if shown < total:
        axes.set_title(
            f"{shown} of {total} shown; the table has all", fontsize=SMALL, color=palette.muted,
            loc="right",
        )  # fmt: skip


def _ticks(axes: Axes, at: list[object], names: list[str] | None) -> None:
    if names is not None:
        step = max(1, len(names) // 12)
        axes.set_xticks(range(0, len(names), step), [_safe(short(n, 14)) for n in names[::step]])
    elif any(isinstance(a, object) and hasattr(a, "year") for a in at):
        _dates(axes)


def _dates(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    short_dates = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(short_dates)
    axes.xaxis.get_offset_text().set_fontsize(SMALL)


def _light(colour: Any) -> bool:
    red, green, blue = colour[:3]
    return bool(0.299 * red + 0.587 * green + 0.114 * blue > 0.55)
