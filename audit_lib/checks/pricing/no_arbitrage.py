import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Severity, View
from audit_lib.probes.prediction.options import (
    CALL,
    asked_of,
    ceiling,
    discounted_spot,
    discounted_strike,
    floor,
    of_one_cause,
    terms,
    text_of,
)
from audit_lib.probes.questions.asking import ask, floats
from audit_lib.subject.hooks import Hook

Broken = tuple[int, float, str]


class PricesAllowNoArbitrage(Check):
    """European option prices obey parity, bounds, monotonicity, convexity and scale.

    What it checks
        Put-call parity; the lower and upper bounds; prices that do not fall as volatility rises;
        calls that fall and puts that rise with the strike, convexly; a price that doubles when
        spot and strike double; the same price whatever stands beside it in the batch.
    Why it matters
        These hold for every model. A pricer that breaks one of them quotes free money, and marks
        positions at prices that cannot exist.
    How
        Drives `pricing.price` over a grid of moneyness, maturity, rate (negative ones too),
        dividend and volatility, and compares prices with each other only.
    Limitations
        A wrong but consistent model (normal instead of lognormal) passes all of it except at
        large volatilities; PRC003 closes the loop with the subject's own implied volatility.
    Remediation
        Check the signs of rate and dividend in d1, d2 and in the discount factors.
    Sources
        Merton (1973), Theory of Rational Option Pricing; Stoll (1969), The Relationship between
        Put and Call Option Prices.
    """

    code = "PRC002"
    severity = Severity.HIGH
    needs = ("pricing.price",)

    tolerance: float = Field(1e-8, gt=0, description="fraction of spot that counts as rounding")
    seed: int = Field(52, description="of the strikes that are drawn")

    def run(self, subject: Subject) -> Answers:
        """Price the grid, then judge every relation."""
        hook = subject.hook("pricing.price")
        grid = asked_of(subject, terms())
        prices = self._priced(hook, grid)
        relations = {
            "put-call parity": self._parity(grid, prices),
            "bounds": self._bounds(grid, prices),
            "volatility raises prices": self._ordered(grid, prices, "volatility"),
            "strike orders prices": self._ordered(grid, prices, "strike"),
            "convex in the strike": self._convex(hook, subject),
            "scale of spot and strike": self._scale(hook, grid, prices),
            "alone as in the batch": self._alone(hook, grid, prices),
        }
        yield Examined(len(grid) * len(relations), "prices compared")
        yield Evidence(
            "relations",
            "Largest break of each relation",
            ("label", "value"),
            tuple((name, float(worst)) for name, (_, worst, _) in relations.items()),
            View.BARS,
            f"fraction of spot; up to {self.tolerance:g} is rounding",
            Bound("value", self.tolerance, "of spot"),
        )
        findings = [
            self.departs(
                f"{name}: broken {count} times, worst {worst:.3g} of spot at {example}",
                measured=worst,
                expected=f"at most {self.tolerance:g}",
                key=name,
                evidence=("relations",),
            )
            for name, (count, worst, example) in relations.items()
            if count
        ]
        yield from of_one_cause(findings, len(relations))

    @staticmethod
    def _priced(hook: Hook, grid: pd.DataFrame) -> Floats:
        return ask(hook, grid, into=floats(len(grid))).needed(
            "pricing.price gives no price for ordinary options:"
        )

    def _broken(self, grid: pd.DataFrame, amounts: Floats) -> Broken:
        amounts = np.where(np.isnan(amounts), np.inf, amounts)
        broken = amounts > self.tolerance
        at = int(np.argmax(amounts))
        return int(broken.sum()), float(max(amounts[at], 0.0)), text_of(grid.iloc[at])

    def _parity(self, grid: pd.DataFrame, prices: Floats) -> Broken:
        keys = [c for c in grid.columns if c != "kind"]
        table = grid.assign(price=prices).set_index([*keys, "kind"])["price"].unstack("kind")
        calls = grid[grid["kind"] == CALL]
        apart = (table[1] - table[-1]).reindex(calls.set_index(keys).index).to_numpy()
        gap = np.abs(apart - (discounted_spot(calls) - discounted_strike(calls)))
        return self._broken(calls, gap / calls["spot"].to_numpy(np.float64))

    def _bounds(self, grid: pd.DataFrame, prices: Floats) -> Broken:
        outside = np.maximum(floor(grid) - prices, prices - ceiling(grid))
        return self._broken(grid, outside / grid["spot"].to_numpy())

    def _ordered(self, grid: pd.DataFrame, prices: Floats, along: str) -> Broken:
        table = grid.assign(price=prices)
        keys = [c for c in grid.columns if c != along]
        step = table.sort_values(along, kind="stable").groupby(keys, sort=False)["price"].diff()
        sign = np.where((along == "strike") & (grid["kind"] == CALL), -1.0, 1.0)
        fall = -sign * step.reindex(grid.index).to_numpy() / grid["spot"].to_numpy()
        first = table.groupby(keys, sort=False)[along].transform("min") == grid[along]
        return self._broken(grid, np.where(first, 0.0, fall))

    def _convex(self, hook: Hook, subject: Subject) -> Broken:
        drawn = np.random.default_rng(self.seed).uniform(0.7, 1.4, 6)
        middle = asked_of(subject, terms(moneyness=(1.0, *map(float, drawn[1:]))))
        width = (0.04 + 0.02 * drawn[0] / 1.4) * middle["spot"]
        low, high = (middle.assign(strike=middle["strike"] + w) for w in (-width, width))
        a, b, c = (self._priced(hook, g) for g in (low, middle, high))
        return self._broken(middle, (b - (a + c) / 2) / middle["spot"].to_numpy())

    def _scale(self, hook: Hook, grid: pd.DataFrame, prices: Floats) -> Broken:
        doubled = grid.assign(spot=grid["spot"] * 2, strike=grid["strike"] * 2)
        gap = np.abs(self._priced(hook, doubled) - 2 * prices)
        return self._broken(grid, gap / doubled["spot"].to_numpy())

    def _alone(self, hook: Hook, grid: pd.DataFrame, prices: Floats) -> Broken:
        rows = np.linspace(0, len(grid) - 1, 12).astype(int)
        some = grid.iloc[rows[::-1]].reset_index(drop=True)
        gap = np.abs(self._priced(hook, some) - prices[rows[::-1]])
        return self._broken(some, gap / some["spot"].to_numpy())
