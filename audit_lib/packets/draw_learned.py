"""Drawings of what a version learned: dependence on factors, one decision, conditions."""

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from audit_lib.model import Evidence
from audit_lib.packets.axes import axis_label, lane_height, name_lanes, safe
from audit_lib.packets.columns import Columns, short
from audit_lib.packets.palette import SMALL, Palette, dress, legend, new_figure

#: panels of a dependence picture; equal counts that its line joins; cards of one picture
_PANELS, _BINS, _CARDS = 4, 9, 12
#: characters of a line of a card, and lines at most
_LINE, _LINES = 112, 3
_LEVELS = ("low", "middle", "high")


def dependence(evidence: Evidence, palette: Palette) -> Figure | None:
    """A panel a factor: its value across, its contribution up, and below how often it occurs."""
    columns = Columns.of(evidence, "label x value level")
    if columns is None:
        return None
    labels = columns.texts("label")
    x, value, level = (np.asarray(columns.numbers(n)) for n in ("x", "value", "level"))
    finite = np.isfinite(x) & np.isfinite(value)
    panels = list(dict.fromkeys(la for la, k in zip(labels, finite, strict=True) if k))[:_PANELS]
    if not panels:
        return None
    down = math.ceil(len(panels) / 2)
    figure = new_figure(0.4 + 1.9 * down, palette)
    grid = figure.subplots(down, min(len(panels), 2), sharey=True, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for place, name in enumerate(panels):
        of = finite & np.array([la == name for la in labels])
        axes = grid.flat[place]
        dress(axes, palette, grid="y")
        _panel(axes, x[of], value[of], level[of], palette)
        axes.set_xlabel(safe(short(name, 48)))
    for row in grid:
        row[0].set_ylabel(axis_label(columns, "value"))
    legend(grid.flat[0], palette)
    return figure


def _panel(
    axes: Axes, x: np.ndarray, value: np.ndarray, level: np.ndarray, palette: Palette
) -> None:
    """Points, the mean of bins of equal count, and the density of the values below them."""
    low, high = np.quantile(x, [0.005, 0.995]) if len(x) >= 50 else (x.min(), x.max())
    wide = float(high - low) or 1.0
    counts, edges = np.histogram(x, bins=24, range=(low, low + wide))
    density = np.append(counts, counts[-1]) / max(counts.max(), 1)
    axes.fill_between(
        edges, 0, 0.22 * density, step="post", transform=axes.get_xaxis_transform(),
        color=palette.muted, alpha=0.3, linewidth=0, label="how often it occurs",
    )  # fmt: skip
    shade = np.where(np.isfinite(level), np.minimum(level * 3, 2), -1).astype(int)
    colours = (palette.series[0], palette.muted, palette.series[1])
    for tone in np.unique(shade):
        chosen = shade == tone
        # Without a partner all points are of one colour.
        axes.scatter(
            x[chosen],
            value[chosen],
            s=7,
            linewidths=0,
            color=colours[max(tone, 0)],
            label=f"partner {_LEVELS[tone]}" if tone >= 0 else None,
        )
    parts = np.array_split(np.argsort(x, kind="stable"), min(_BINS, len(x)))
    axes.plot(
        [x[p].mean() for p in parts], [value[p].mean() for p in parts],
        color=palette.ink, linewidth=1.3, label="mean",
    )  # fmt: skip
    axes.axhline(0, color=palette.muted, linewidth=0.8)
    axes.set_xlim(low - 0.03 * wide, low + 1.03 * wide)
    axes.xaxis.set_major_locator(MaxNLocator(5))


def waterfall(evidence: Evidence, palette: Palette) -> Figure | None:
    """Steps from one total to another; a row without a start is a total."""
    columns = Columns.of(evidence, "label start end", "low high")
    if columns is None:
        return None
    labels, start, end = columns.texts("label"), columns.numbers("start"), columns.numbers("end")
    if not any(map(math.isfinite, end)):
        return None
    figure = new_figure(lane_height(len(labels)), palette)
    axes = figure.add_subplot()
    for lane, (begins, ends) in enumerate(zip(start, end, strict=True)):
        if not math.isfinite(ends):
            continue
        total = not math.isfinite(begins)
        if total:
            axes.plot([ends] * 2, [lane - 0.4, lane + 0.4], color=palette.ink, linewidth=2.2)
        else:
            up = ends >= begins
            axes.barh(
                lane, ends - begins, left=begins, height=0.62, linewidth=0,
                color=palette.series[0 if up else 1], label="raises it" if up else "lowers it",
            )  # fmt: skip
        axes.annotate(
            f"{ends:.4g}" if total else f"{ends - begins:+.3g}",
            (ends if total else max(begins, ends), lane), (5, 0), textcoords="offset points",
            va="center", fontsize=SMALL, color=palette.ink,
        )  # fmt: skip
        if lane + 1 < len(labels):
            axes.plot([ends] * 2, [lane, lane + 1], color=palette.muted, linewidth=0.7)
    if columns.has("low") and columns.has("high"):
        spans = zip(columns.numbers("low"), columns.numbers("high"), strict=True)
        for lane, (low, high) in enumerate(spans):
            if math.isfinite(low) and math.isfinite(high):
                axes.plot([low, high], [lane + 0.16] * 2, color=palette.ink, linewidth=1.1)
    name_lanes(axes, labels, palette)
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel(axis_label(columns, "end"))
    legend(axes, palette)
    return figure


def cards(evidence: Evidence, palette: Palette) -> Figure | None:
    """A card a rule: its sentence over its share of right rows, with interval and base rate."""
    columns = Columns.of(evidence, "label value low high base")
    if columns is None:
        return None
    plain = [t.replace("`", "") for t in columns.texts("label")[:_CARDS]]
    texts = [textwrap.wrap(t, _LINE)[:_LINES] for t in plain]
    numbers = [columns.numbers(n)[:_CARDS] for n in ("value", "low", "high", "base")]
    if not any(map(math.isfinite, numbers[0])):
        return None
    tall = [0.145 * len(text) + 0.3 for text in texts]
    figure = new_figure(sum(tall) + 0.62, palette)
    axes = figure.add_subplot()
    dress(axes, palette, grid="x")
    at = 0.0
    for text, height, value, low, high, base in zip(texts, tall, *numbers, strict=True):
        axes.text(
            0, at + 0.04, "\n".join(map(safe, text)), va="top", fontsize=SMALL, color=palette.ink
        )
        lane = at + height - 0.14
        axes.plot([0, 1], [lane] * 2, color=palette.grid, linewidth=5, solid_capstyle="butt")
        marks = (
            ([base] * 2, [lane - 0.07, lane + 0.07], "of all rows", "-", palette.muted, 2),
            ([low, high], [lane] * 2, "95 % interval", "-", palette.series[0], 2.4),
            ([value], [lane], "where the rule holds", "o", palette.series[0], None),
        )
        for across, up, what, form, colour, wide in marks:
            if all(map(math.isfinite, across)):
                axes.plot(across, up, form, color=colour, linewidth=wide, markersize=5, label=what)
        at += height
    axes.set_xlim(-0.005, 1.005)
    axes.set_ylim(at, -0.05)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel(axis_label(columns, "value"))
    legend(axes, palette)
    return figure
