"""Labels of first touch, recomputed: take profit, stop and time limit on the path of the prices.

Source: Lopez de Prado (2018), Advances in Financial Machine Learning, section 3.4 (triple barrier).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats, Integers

MOST = 520
"""longest time limit, in bars, that is recomputed"""


@dataclass(frozen=True)
class Path:
    """Returns on the way, from the entry price, as one reading of a label has them.

    Attributes:
        high, low, close: shape (rows, bars): extremes and closes of each bar after the entry.
        text: the reading, in words.
    """

    high: Floats
    low: Floats
    close: Floats
    text: str

    def touched(self, take: float, stop: float) -> Floats:
        """1 where ``take`` is touched first, -1 for ``stop``, 0 for neither, NaN where unknown.

        Also NaN where one bar touches both: the bar does not say which came first.
        """
        up, down = _first(self.high >= take), _first(self.low <= -stop)
        touch = np.where(up < down, 1.0, np.where(down < up, -1.0, 0.0))
        bars, both = self.high.shape[1], self.at_once(take, stop)
        unseen = np.isnan(self.close).any(axis=1) & (np.minimum(up, down) >= bars)
        return np.where(both | unseen, np.nan, touch)

    def at_once(self, take: float, stop: float) -> Flags:
        """Rows whose first bar beyond a barrier is beyond both."""
        up, down = _first(self.high >= take), _first(self.low <= -stop)
        return np.asarray((up == down) & (up < self.high.shape[1]))

    def agrees(self, sides: Floats, take: float, stop: float) -> tuple[int, int]:
        """Rows that can be told, and those of them whose label is another.

        At the time limit the label may be the middle class or the sign of the return.
        """
        touch = self.touched(take, stop)
        finite = np.isfinite(touch) & np.isfinite(sides)
        last = np.sign(self.close[:, -1])
        wrong = finite & (sides != touch) & ~((touch == 0) & (sides == last))
        return int(finite.sum()), int(wrong.sum())


def paths(
    panel: pd.DataFrame, entry: tuple[str, int], fields: frozenset[str], limit: int
) -> list[Path]:
    """The readings of a label that is entered at ``entry`` and held for ``limit`` bars at most.

    Args:
        entry: field and bars ahead of the price paid.
        fields: those the label reads; with a high or a low among them, touches are within the bar.
        limit: bars, from the entry or from the decision: both are tried.
    """
    within = "high" in fields or "low" in fields
    names = ("high", "low") if within and {"high", "low"} <= set(panel) else ("close", "close")
    if "close" not in panel or not 1 <= limit <= MOST:
        return []
    made_paths = []
    grouped = panel.groupby(level=0)
    paid = grouped[entry[0]].shift(-entry[1]).to_numpy(np.float64)[:, None]
    lasts = dict.fromkeys((limit, entry[1] + limit))
    for first, last in product((entry[1] + 1, entry[1]), lasts):
        if last < first:
            continue
        bars = range(first, last + 1)
        ahead = {
            name: np.stack([grouped[name].shift(-k).to_numpy(np.float64) for k in bars], axis=1)
            for name in {*names, "close"}
        }
        high, low, close = (ahead[n] / paid - 1.0 for n in (*names, "close"))
        text = f"{names[0]} and {names[1]}" if within else "closes"
        made_paths.append(Path(high, low, close, f"{text} of bars {first} to {last}"))
    return made_paths


def as_sides(label: pd.Series[float]) -> Floats | None:
    """Classes of a label as -1, 0, 1; None where it has other than two or three."""
    values = label.to_numpy(np.float64)
    classes = np.unique(values[np.isfinite(values)])
    if len(classes) not in (2, 3):
        return None
    sides = np.searchsorted(classes, values).astype(np.float64)
    sides = sides - 1.0 if len(classes) == 3 else 2.0 * sides - 1.0
    return np.where(np.isfinite(values), sides, np.nan)


def measured_barriers(path: Path, sides: Floats) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the take and the stop must lie, (above, at most) each, if the label is a first touch.

    Rows of the top class reach the take; rows of the middle class reach neither.
    """
    best = np.fmax.reduce(path.high, axis=1)
    worst = -np.fmin.reduce(path.low, axis=1)
    top, middle, bottom = (best[sides == 1], sides == 0, worst[sides == -1])
    take = (float(best[middle].max(initial=0.0)), float(np.nanmin(top, initial=np.inf)))
    stop = (float(worst[middle].max(initial=0.0)), float(np.nanmin(bottom, initial=np.inf)))
    return take, stop


def _first(hit: Flags) -> Integers:
    """Index of the first True of each row; the number of columns where there is none."""
    first = np.where(hit.any(axis=1), hit.argmax(axis=1), hit.shape[1])
    return np.asarray(first, dtype=np.int64)
