"""What drawings share: lanes, dates, labels, and text that starts no formula."""

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from audit_lib.model import Evidence
from audit_lib.packets.columns import Columns, axis_words, short
from audit_lib.packets.palette import SMALL, Palette, dress
from audit_lib.reporters.text import one_line

MOST_ROWS = 40
ROW = 0.24


def lane_height(lanes: int) -> float:
    """Height in inches of a figure of that many lanes."""
    return 0.95 + ROW * max(lanes, 2)


def safe(text: str) -> str:
    """Text in which no dollar sign starts a formula."""
    return text.replace("$", r"\$")


def axis_label(columns: Columns, name: str, axis: str = "value") -> str:
    """Words for an axis: the column's own name, else what the note says of it."""
    words = axis_words(columns.evidence.note)
    return safe(short(columns.label(name) or one_line(words.get(axis, "")), 56))


def draw_bound(axes: Axes, evidence: Evidence, palette: Palette, *, across: bool) -> None:
    """The most or least that is allowed of the values, as a line with its words."""
    held = evidence.bound
    if held is None or held.column != "value" or isinstance(held.allowed, str) or not held.allowed:
        return
    label = f"{'at least' if held.least else 'at most'} {held.allowed:,.4g} is allowed"
    line = axes.axvline if across else axes.axhline
    line(held.allowed, color=palette.bad, linewidth=1.2, linestyle="--", label=label)


def name_lanes(axes: Axes, names: list[str], palette: Palette) -> None:
    """Name lanes from top to bottom on a quiet frame."""
    dress(axes, palette, grid="x")
    axes.set_yticks(range(len(names)), [safe(short(n)) for n in names])
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def say_left_out(axes: Axes, shown: int, total: int, palette: Palette) -> None:
    """Say above the plot how much of the table it shows."""
    if shown < total:
        axes.set_title(
            f"{shown} of {total} shown; the table has all", fontsize=SMALL, color=palette.muted,
            loc="right",
        )  # fmt: skip


def say_inside(axes: Axes, text: str, palette: Palette) -> None:
    """Say in the middle of an empty plot why nothing is drawn."""
    axes.text(0.012, 0.5, text, transform=axes.transAxes, color=palette.muted, fontsize=SMALL,
              va="center")  # fmt: skip


def date_axis(axes: Axes) -> None:
    """Ticks at round dates, written as briefly as they can be."""
    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    short_dates = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(short_dates)
    axes.xaxis.get_offset_text().set_fontsize(SMALL)
