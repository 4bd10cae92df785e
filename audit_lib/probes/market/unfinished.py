"""Bars that have not closed yet: the newest bar of a panel, cut at a moment within it.

What stands in such a bar is what had happened by then: its open, the last price, the high, the low
and the volume so far.  Two bars with the same past and the same open may go on differently; whoever
waits for the close answers the same for both.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.probes.market.markets import PRICES, VOLUMES, columns_of
from audit_lib.subject.parameters import Clock

KNOWN = ("open",)
"""fields of a bar that are known while it lasts"""


@dataclass(frozen=True)
class Moment:
    """A moment within a bar.

    Attributes:
        label: of the bar.
        share: of the bar that has passed.
        now: the moment.
        closed: when the bar closes.
    """

    label: pd.Timestamp
    share: float
    now: pd.Timestamp
    closed: pd.Timestamp

    def __str__(self) -> str:
        return f"{self.share:.0%} into the bar {self.label:%Y-%m-%d %H:%M}".replace(" 00:00", "")


def moments(
    dates: pd.DatetimeIndex, clock: Clock, *, bars: int, each: int, rng: np.random.Generator
) -> list[Moment]:
    """Drawn moments within drawn bars of the later half.

    Args:
        dates: sorted labels of the bars.
    """
    opens, closes = pd.Timedelta(clock.opens), pd.Timedelta(clock.closes)
    late = dates[len(dates) // 2 :]
    chosen = [rng.choice(part) for part in np.array_split(np.arange(len(late)), bars) if len(part)]
    drawn = []
    for place in chosen:
        label = late[int(place)]
        for share in np.sort(rng.uniform(0.02, 0.98, each)):
            now = label + opens + (closes - opens) * float(share)
            drawn.append(Moment(label, float(share), now.round("s"), label + closes))
    return drawn


def until(panel: pd.DataFrame, label: pd.Timestamp) -> pd.DataFrame:
    """The panel up to the bar of that label."""
    return panel[panel.index.get_level_values("date") <= label]


def unfinished(panel: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """The panel with its newest bar cut after that share of it; what follows is drawn.

    Known fields stay.  The price goes from the open along a path as wide as the moves of the
    asset; high and low hold what it passed, and volumes, and whatever else stands in a bar, are
    a part of the whole.
    """
    values = panel.to_numpy(np.float64, na_value=np.nan).copy()
    assets = panel.index.get_level_values("asset").to_numpy()
    dates = panel.index.get_level_values("date")
    prices, volumes = columns_of(panel, PRICES), columns_of(panel, VOLUMES)
    names = [str(c).lower() for c in panel.columns]
    close = names.index("close")
    opened = names.index("open") if "open" in names else None
    for row in np.flatnonzero(dates == dates.max()):
        own = values[: row + 1][assets[: row + 1] == assets[row]]
        width = _width(own[:-1, close])
        start = own[-1, opened] if opened is not None else own[-2:][0, close]
        last = float(start * np.exp(rng.normal(0, 2 * width)))
        above, below = np.exp(np.abs(rng.normal(0, width, 2)))
        extremes = {"high": max(start, last) * above, "low": min(start, last) / below}
        for place, column in enumerate(panel.columns):
            if column in prices and names[place] not in KNOWN:
                values[row, place] = extremes.get(names[place], last)
            elif column not in prices:
                part = share if column in volumes else 1.0
                values[row, place] *= part * rng.lognormal(0, 0.5)
    return pd.DataFrame(values, index=panel.index, columns=panel.columns)


def _width(close: Floats) -> float:
    """Usual size of a move from close to close; one per cent where too few are known."""
    positive = close[np.isfinite(close) & (close > 0)]
    moves = np.diff(np.log(positive))
    return max(float(np.std(moves)), 1e-4) if len(moves) > 2 else 0.01


def with_other_bars(panel: pd.DataFrame) -> pd.DataFrame:
    """The panel with its two newest bars at other levels: a control of what reads them."""
    dates = panel.index.get_level_values("date")
    last = dates.unique().sort_values()[-2:]
    factor = np.select([dates == last[-1], dates == last[0]], [1.07, 0.95], 1.0)
    return panel.astype(np.float64).mul(factor, axis=0)


def only(panel: pd.DataFrame, other: pd.DataFrame, column: object) -> pd.DataFrame:
    """The panel with one column of another."""
    return panel.assign(**{str(column): other[column]})
