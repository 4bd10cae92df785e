"""Drawings in the plane: lines with bands, heat maps, reliability curves."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from audit_lib.model import Evidence
from audit_lib.packets.axes import axis_label, date_axis, draw_bound, safe
from audit_lib.packets.columns import Columns, positions, short
from audit_lib.packets.palette import SMALL, Palette, dress, legend, new_figure


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
            label=safe(short(name, 28)) or None,
        )
        if columns.has("band_low") and columns.has("band_high"):
            low = np.asarray(columns.numbers("band_low"))[rows]
            high = np.asarray(columns.numbers("band_high"))[rows]
            axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    draw_bound(axes, evidence, palette, across=False)
    _ticks(axes, at, names)
    axes.set_xlabel(axis_label(columns, "x", "x"))
    axes.set_ylabel(axis_label(columns, "value"))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    legend(axes, palette)
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
    figure = new_figure(1.1 + (0.3 if len(rows) <= 15 else 0.17) * min(len(rows), 45), palette)
    axes = figure.add_subplot()
    dress(axes, palette)
    colours = mpl.colormaps[palette.diverging if signed else palette.sequential]
    colours = colours.with_extremes(bad="none")
    image = axes.imshow(
        grid, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto", interpolation="nearest"
    )
    if len(cols) <= 11 and len(rows) <= 15:
        for (r, c), v in np.ndenumerate(grid):
            if not np.isnan(v):
                # Not the paper's own white, which follows the page's theme: cells do not.
                ink = "#000000" if _light(colours(image.norm(v))) else "#fffffe"
                axes.text(c, r, f"{v:.3g}", ha="center", va="center", color=ink, fontsize=SMALL)
    # Columns may share every prefix; turned names need no more room than the cells give.
    turned = sum(len(short(c, 18)) for c in cols) > 80
    axes.set_xticks(range(len(cols)), [safe(short(c, 18)) for c in cols],
                    rotation=40 if turned else 0, ha="right" if turned else "center")  # fmt: skip
    axes.set_yticks(range(len(rows)), [safe(short(r)) for r in rows])
    axes.tick_params(length=0, labelsize=SMALL if len(rows) <= 15 else SMALL - 1.5)
    axes.set_xlabel(axis_label(columns, "column", "columns"))
    axes.set_ylabel(axis_label(columns, "row", "rows"))
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02, aspect=18)
    bar.ax.tick_params(labelsize=SMALL, labelcolor=palette.ink, color=palette.muted)
    bar.outline.set_visible(False)
    bar.set_label(axis_label(columns, "value"), color=palette.muted, fontsize=SMALL)
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
    edges = _window([*predicted, *np.nan_to_num(low, nan=1.0), *observed, *np.nan_to_num(high)])
    axes.set_xlim(*edges)
    axes.set_ylim(*edges)
    axes.set_ylabel(columns.label("observed") or "observed frequency")
    span = edges[1] - edges[0]
    close = 0.8 * float(np.min(np.diff(np.sort(predicted)), initial=0.1))
    width = max(0.008 * span, min(0.08 * span, close))
    counts.bar(predicted, np.nan_to_num(count), width=width, color=palette.series[6], linewidth=0)
    counts.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    counts.set_ylabel("count")
    counts.set_xlabel(columns.label("predicted") or "predicted probability")
    legend(axes, palette, columns=3)
    return figure


def _window(shares: list[float]) -> tuple[float, float]:
    """The unit interval, or the part of it that a shy model's probabilities and intervals fill."""
    low, high = max(0.0, min(shares)), min(1.0, max(shares))
    if high - low > 0.6:
        return -0.02, 1.02
    margin = max(0.08 * (high - low), 0.02)
    return low - margin, high + margin


def _ticks(axes: Axes, at: list[object], names: list[str] | None) -> None:
    if names is not None:
        step = max(1, len(names) // 12)
        axes.set_xticks(range(0, len(names), step), [safe(short(n, 14)) for n in names[::step]])
    elif any(isinstance(a, object) and hasattr(a, "year") for a in at):
        date_axis(axes)


def _light(colour: Any) -> bool:
    red, green, blue = colour[:3]
    return bool(0.299 * red + 0.587 * green + 0.114 * blue > 0.55)
