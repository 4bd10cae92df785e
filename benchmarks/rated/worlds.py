"""Clean worlds: how rows depend on each other, how wild they are, and how they are dated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import signal

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Rows of assets over dates.

    Attributes:
        name: as the tables call it.
        dates, assets: how many; of checks that read a table of folds, ``dates`` are its folds.
        horizon: bars that a label spans; neighbouring dates overlap.
        common: share of the variance that the assets of a date have in common.
        tails: degrees of freedom of Student's t; infinite for normal rows.
        memory: half-life in dates of the logarithm of volatility, whose deviation is a half.
        ties: what scores are rounded to; 0 for not at all.
        step: pandas offset between two dates.
        offsets: dates are text, of which every other one stands in another zone.
        skill: correlation of clean predictions with what comes true, where a check looks at both.
    """

    name: str
    dates: int = 240
    assets: int = 4
    horizon: int = 1
    common: float = 0.0
    tails: float = np.inf
    memory: float = 0.0
    ties: float = 0.0
    step: str = "B"
    offsets: bool = False
    skill: float = 0.0

    def normal(self, rng: np.random.Generator, more: int = 0) -> Floats:
        """Standard normal rows, shape (dates + more, assets), that hang together as here."""
        count = self.dates + more + self.horizon - 1
        shared, own = rng.normal(size=(count, 1)), rng.normal(size=(count, self.assets))
        rows = np.sqrt(self.common) * shared + np.sqrt(1 - self.common) * own
        if self.horizon > 1:
            sums = np.cumsum(np.vstack([np.zeros((1, self.assets)), rows]), axis=0)
            rows = (sums[self.horizon :] - sums[: -self.horizon]) / np.sqrt(self.horizon)
        return np.asarray(rows)

    def moves(self, rng: np.random.Generator, more: int = 0, *, times: Any = 1.0) -> Floats:
        """Returns over the horizon, with tails and volatility as here.

        Args:
            times: factor on the moves of a bar, broadcast over (dates + more + horizon - 1, 1).
        """
        count = self.dates + more + self.horizon - 1
        one = replace(self, dates=count, horizon=1)
        rows = one.normal(rng) * times * one.volatility(rng)
        if np.isfinite(self.tails):
            rows = rows / np.sqrt(rng.chisquare(self.tails, (count, self.assets)) / self.tails)
        sums = np.cumsum(np.vstack([np.zeros((1, self.assets)), rows]), axis=0)
        return np.asarray(sums[self.horizon :] - sums[: -self.horizon])

    def volatility(self, rng: np.random.Generator) -> Floats:
        """Factor of each date, shape (dates, 1); all 1 without memory."""
        if not self.memory:
            return np.ones((self.dates, 1))
        keep = 0.5 ** (1 / self.memory)
        shocks = rng.normal(0, 0.5 * np.sqrt(1 - keep**2), self.dates)
        shocks[0] = rng.normal(0, 0.5)
        return np.exp(signal.lfilter([1.0], [1.0, -keep], shocks))[:, None]

    def tied(self, values: Floats) -> Floats:
        """Values on the grid of this world."""
        return np.round(values / self.ties) * self.ties if self.ties else values

    def index(self) -> npt.NDArray[Any]:
        """Date of each row as text, as hooks give them; rows of one date stand together."""
        dates = pd.date_range("2020-01-01", periods=self.dates, freq=self.step, tz="UTC")
        text = [
            (d.tz_convert("Asia/Tokyo") if self.offsets and k % 2 else d).isoformat()
            for k, d in enumerate(dates)
        ]
        return np.repeat(np.array(text), self.assets)


INDEPENDENT = World("independent")
#: every kind of dependence, tail, size and calendar that a check over dated rows meets
WORLDS = (
    INDEPENDENT,
    World("overlapping labels", horizon=10, dates=480, common=0.3),
    World("clustered dates", common=0.7),
    World("heavy tails", tails=3, common=0.3),
    World("volatility in clusters", memory=10, common=0.3),
    World("volatility with a long memory", memory=34, common=0.3),
    World("ties", ties=0.1),
    World("small sample", dates=60, assets=2),
    World("one asset", assets=1, dates=480),
    World("500 assets", assets=500, dates=60, common=0.3),
    World("hourly", step="h", horizon=8, dates=480, common=0.3),
    World("minutes", step="min", horizon=5, dates=480, common=0.3),
    World("weekly", step="W", dates=156, common=0.3),
    World("mixed offsets", step="h", offsets=True, common=0.3),
)
#: the same with predictions that are worth something, for checks that have to tell what is right
SKILLED = tuple(
    replace(w, name=f"{w.name}, skill of 0.2", skill=0.2)
    for w in WORLDS
    if w.dates >= 240 and w.assets < 99
)
