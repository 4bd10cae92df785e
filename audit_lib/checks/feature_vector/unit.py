import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.market.markets import PRICES, VOLUMES, rescaled, short
from audit_lib.probes.questions.samples import builds, numeric, panel, required, still

FACTORS = (16.0, 1 / 16.0)  # powers of two: rescaling is exact in binary floating point


class FeaturesHaveNoUnit(Check):
    """A feature does not move when prices or volumes are told in another unit.

    What it checks
        With all prices multiplied by 16 or divided by 16, and likewise all volumes, each required
        feature stays what it was.
    Why it matters
        A stock split, a quote in pence instead of pounds, or volume in lots changes the unit
        overnight. A feature that carries it moves by an order of magnitude while the market does
        not, and a threshold on price that hides in a feature changes its meaning over the years.
    How
        Drives `features.build` on a short piece of the sample panel in each unit and compares
        column by column.
    Limitations
        Features that carry a unit on purpose (a price level, a logarithm of dollar volume) are
        listed under `carries_unit`; they are measured and shown, and not a finding.
    Remediation
        Divide by a price, a moving average or a volatility of the same asset, or take returns.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 2 (adjusted series).
    """

    code = "FEA007"
    severity = Severity.LOW
    needs = ("features.panel", "features.build", "predictor.required")

    assets: int = Field(4, ge=1, description="assets of the piece")
    bars: int = Field(400, ge=20, description="bars of each asset")
    tolerance: float = Field(1e-6, gt=0, description="relative to the spread of the feature")
    carries_unit: tuple[str, ...] = Field((), description="features that have a unit on purpose")

    def run(self, subject: Subject) -> Answers:
        """Rebuild in each unit."""
        piece = short(panel(subject), assets=self.assets, bars=self.bars)
        panels = {("", 1.0): piece}
        for unit, names in (("prices", PRICES), ("volumes", VOLUMES)):
            for factor in FACTORS:
                other = rescaled(piece, names, factor)
                if other is not None:
                    panels[unit, factor] = other
        replies = builds(subject, "features.build", list(panels.values()))
        base, *others = (
            reply.needed(
                "features.build "
                + (f"in another unit of {unit}" if unit else "on a piece of the sample")
            )
            for (unit, _), reply in zip(panels, replies, strict=True)
        )
        columns = [c for c in required(subject) if c in base]
        moved: dict[tuple[str, str], float] = {}
        for (unit, _), other in zip(list(panels)[1:], others, strict=True):
            for column in columns:
                change = self._change(base, other, column)
                moved[column, unit] = max(moved.get((column, unit), 0.0), change)
        units = len(others)
        for column in still(base[columns]):
            yield Gap(column, "holds one value in all rows, so no unit could move it")
        yield Examined(units * len(columns), "features in another unit")
        judged = [v for (c, _), v in moved.items() if c not in self.carries_unit]
        worst = max(judged, default=np.inf)
        if worst < np.inf:
            yield Margin("change with the unit", worst, self.tolerance, "spreads of the feature")
        yield Evidence(
            "units",
            "Features that move with the unit",
            ("label", "value", "group"),
            tuple((c, v, unit) for (c, unit), v in moved.items() if v > self.tolerance),
            View.BARS,
            "largest change, in spreads of the feature; empty: none moves",
        )
        for (column, unit), change in moved.items():
            if change > self.tolerance and column not in self.carries_unit:
                yield self.departs(
                    f"{column} moves by {change:.3g} of its spread when {unit} are told in "
                    "another unit",
                    hook="features.build",
                    measured=change,
                    expected=f"at most {self.tolerance:g}",
                    key=f"{column} {unit}",
                    cause=f"{unit} in another unit",
                    evidence=("units",),
                )

    @staticmethod
    def _change(base: pd.DataFrame, other: pd.DataFrame, column: str) -> float:
        if column not in other:
            return float("inf")
        a = _cells(base[[column]])
        b = _cells(other[[column]].reindex(base.index))
        if (np.isnan(a) != np.isnan(b)).any():
            return float("inf")
        spread = float(np.nanstd(a)) if np.isfinite(a).any() else 0.0
        gap = np.abs(a - b)[np.isfinite(a) & np.isfinite(b)]
        return float(gap.max() / (spread or 1.0)) if gap.size else 0.0


def _cells(column: pd.DataFrame) -> Floats:
    return numeric(column).reshape(-1)
