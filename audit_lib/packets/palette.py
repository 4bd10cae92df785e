"""Colours and marks of every figure: one look for notebooks, HTML and print.

The series colours are the eight of Okabe and Ito (*Color Universal Design*, 2008), which people
with any of the common colour-vision deficiencies can tell apart; for dark paper they are lightened
at constant hue.  Where a colour carries meaning, shape, place or text carries it as well.
"""

from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Palette:
    """Colours of one theme, as lower-case hex."""

    paper: str
    ink: str
    muted: str
    grid: str
    series: tuple[str, ...]
    bad: str
    sequential: str
    diverging: str


PALETTES: dict[str, Palette] = {
    "light": Palette(
        paper="#ffffff",
        ink="#1b1f24",
        muted="#57606a",
        grid="#dde1e6",
        series=("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d1f", "#6b7280"),
        bad="#d55e00",
        sequential="cividis_r",
        diverging="PuOr",
    ),
    "dark": Palette(
        paper="#14171c",
        ink="#e8eaed",
        muted="#a3abb5",
        grid="#343a43",
        series=("#58a6e0", "#f2b84b", "#3ec79b", "#e29bc4", "#8fd0f5", "#c9a858", "#9aa3ae"),
        bad="#ff8a4c",
        sequential="cividis",
        diverging="PuOr_r",
    ),
}

#: what a timeline's kinds are drawn in: position in ``series``, or "bad" or "muted"
KINDS: dict[str, int | str] = {
    "train": 0, "fit": 0, "validation": 2, "valid": 2, "calibration": 2, "labels of train": 2,
    "reach of train labels": 2, "test": 1, "purge": "muted", "purged": "muted", "embargo": "muted",
    "embargoed": "muted", "gap": "muted", "holdout": 3, "overlap": "bad", "leak": "bad",
}  # fmt: skip

SMALL, NORMAL = 8.0, 9.0


def colour_of_kind(kind: str, order: list[str], palette: Palette) -> str:
    """Colour of a timeline kind: by meaning where it has one, else by order of appearance."""
    meaning = KINDS.get(kind.strip().lower())
    if meaning == "bad":
        return palette.bad
    if meaning == "muted":
        return palette.muted
    if isinstance(meaning, int):
        return palette.series[meaning]
    return palette.series[order.index(kind) % len(palette.series)]


def new_figure(height: float, palette: Palette, *, width: float = 7.2) -> Figure:
    """An empty figure of that height in inches, without any global state."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor=palette.paper)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.06, h_pad=0.06)  # type: ignore[call-arg]
    return figure


def dress(axes: Axes, palette: Palette, *, grid: str = "") -> None:
    """Quiet frame, small type, a grid along ``x``, ``y`` or both where values are read off."""
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(palette.grid)
        axes.spines[side].set_linewidth(0.8)
    axes.tick_params(
        colors=palette.muted, labelcolor=palette.ink, labelsize=SMALL, length=3, width=0.8
    )
    axes.xaxis.label.set_color(palette.muted)
    axes.yaxis.label.set_color(palette.muted)
    axes.xaxis.label.set_fontsize(SMALL)
    axes.yaxis.label.set_fontsize(SMALL)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(True, axis=grid, color=palette.grid, linewidth=0.7)  # type: ignore[arg-type]


def legend(axes: Axes, palette: Palette, *, columns: int = 4) -> None:
    """A frameless legend above the plot, at its left edge; each label once."""
    by_label = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    handles, labels = list(by_label.values()), list(by_label)
    if not handles:
        return
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=max(1, min(columns, len(labels), 84 // (max(map(len, labels)) + 4))),
        frameon=False,
        fontsize=SMALL,
        labelcolor=palette.ink,
        handlelength=1.2,
        borderaxespad=0.2,
        columnspacing=1.4,
    )
