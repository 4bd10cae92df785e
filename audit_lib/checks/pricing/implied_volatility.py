from collections.abc import Generator, Iterator

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.prediction.options import (
    asked_of,
    ceiling,
    floor,
    random_terms,
    terms,
    text_of,
)
from audit_lib.probes.questions.asking import ask, ask_many, floats
from audit_lib.probes.questions.domain import Reaction, reaction, reactions

ZERO = "a price of zero"
NOTHING = 1e-3  # a quarter out of the money, it is worth less than any number tells

VOLATILITIES = (1e-4, 1e-3, 0.03, 0.1, 0.25, 0.6, 1.5, 4.0)
"""from where only prices at the money tell it, to where prices lie near their upper bounds"""


class ImpliedVolatilityInvertsPrice(Check):
    """Implied volatility returns the volatility that a price was made with, or declines.

    What it checks
        Volatility to price to implied volatility is the identity wherever the price tells the
        volatility; a price at its lower or upper bound, or a hair from it, gets NaN, a refusal, or
        a volatility that does price so; prices outside the bounds, zero, negative, infinite or NaN
        prices, and expired options get NaN or a refusal, never a number.
    Why it matters
        A root finder that stops early, or returns the end of its bracket, puts a made-up
        volatility into the surface; from there it looks like a quote.
    How
        Drives `pricing.price` over a grid, keeps options whose price lies above the bounds by
        more than rounding, and gives the prices to `pricing.implied_volatility`. Then prices at the
        bounds of options that are drawn, in the money, whose answers are priced again. Then
        impossible prices, one option a call.
    Limitations
        Where vega is so small that rounding hides the volatility, nothing is judged. Where most
        ordinary prices fail, prices at the bounds are not asked: the cause is the same. Of several
        prices it is held against that of its own variant alone; one inverse without a variant,
        among several prices with one, is a gap.
    Remediation
        Check the bounds before searching, bracket the root, and answer NaN where it fails.
    Sources
        Jaeckel (2015), Let's Be Rational; Merton (1973) for the bounds.
    """

    code = "PRC003"
    severity = Severity.HIGH
    needs = ("pricing.price", "pricing.implied_volatility")
    about = "pricing.implied_volatility"

    tolerance: float = Field(1e-4, gt=0, description="volatility, as a fraction (1e-4 is 1 bp)")
    seed: int = Field(53, description="of the options that are drawn")
    options: int = Field(40, ge=4, description="options drawn for each bound")
    resolution: float = Field(
        1e-6, gt=0, description="least price above its lower bound that is judged, in spots"
    )

    def run(self, subject: Subject) -> Answers:
        """Invert ordinary prices, then ask for the impossible."""
        if not self._is_pair(subject):
            why = "which of the prices it inverts is not said; give it that one's variant"
            yield Gap("the round trip", why)
        elif (yield from self._inverted(subject)):
            yield from self._bounds(subject)
        yield from self._impossible(subject)

    @staticmethod
    def _is_pair(subject: Subject) -> bool:
        """True where it inverts this price: of several prices, that of its own variant alone."""
        prices = subject.hooks.variants("pricing.price")
        price, inverse = subject.hook("pricing.price"), subject.hook("pricing.implied_volatility")
        if price.variant == inverse.variant or len(prices) == 1:
            return True
        if inverse.variant in prices:
            raise NotApplicable(f"implied volatility inverts {inverse.name}'s own price")
        return bool(inverse.variant)

    def _inverted(self, subject: Subject) -> Generator[Answer, None, bool]:
        """Invert ordinary prices; False where most fail, which then explains the bounds too."""
        grid = asked_of(subject, terms(volatilities=VOLATILITIES))
        price = ask(subject.hook("pricing.price"), grid, into=floats(len(grid))).needed(
            "pricing.price gives no price for ordinary options:"
        )
        room = np.minimum(price - floor(grid), ceiling(grid) - price)
        keep = room > self.resolution * grid["spot"].to_numpy()
        options, true = grid[keep].reset_index(drop=True), grid.loc[keep, "volatility"].to_numpy()
        priced = options.drop(columns="volatility").assign(price=price[keep])
        reply = ask(subject.hook("pricing.implied_volatility"), priced, into=floats(len(priced)))
        if not reply.answered:
            yield Gap("ordinary prices", reply.why)
            return True
        error = np.abs(reply.got - true)
        yield Examined(len(priced), "prices inverted")
        yield Evidence(
            "inversion",
            "Largest error of implied volatility",
            ("row", "column", "value"),
            self._map(options, error),
            View.HEATMAP,
            "rows: strike over spot; columns: maturity in years; NaN answers count as 1",
        )
        if np.isfinite(error).all():
            yield Margin("largest error of a volatility", float(error.max()), self.tolerance)
        wrong = ~(error <= self.tolerance)
        if wrong.any():
            at = int(np.nanargmax(np.where(np.isnan(error), np.inf, error)))
            yield self.departs(
                f"{int(wrong.sum())} of {len(priced)} prices are not inverted: "
                f"{text_of(options.iloc[at])} comes back as {reply.got[at]:.6g}",
                measured=float(reply.got[at]),
                expected=float(true[at]),
                key="inversion",
                evidence=("inversion",),
            )
        else:
            yield from self._priced_again(subject, options, reply.got, price[keep])
        return bool(wrong.mean() < 0.5)

    def _priced_again(
        self, subject: Subject, options: pd.DataFrame, got: Floats, price: Floats
    ) -> Answers:
        """A volatility that is near, and yet does not give the price back."""
        made = options.assign(volatility=got)
        again = ask(subject.hook("pricing.price"), made, into=floats(len(made)))
        off = np.abs(again.got - price) / made["spot"] if again.answered else pd.Series([0.0])
        if (loose := off > self.resolution).any():
            yield self.departs(
                f"{int(loose.sum())} of {len(made)} volatilities are near, and price otherwise, by "
                f"up to {float(off.max()):.3g} of spot",
                measured=float(off.max()),
                expected=f"at most {self.resolution:g} of spot",
                key="accuracy",
                severity=Severity.LOW,
            )

    def _bounds(self, subject: Subject) -> Answers:
        """Prices exactly at a bound, and a hair from it: what comes back must price so."""
        drawn = asked_of(subject, random_terms(np.random.default_rng(self.seed), self.options))
        drawn = drawn[floor(drawn) > 0].reset_index(drop=True)
        spot = drawn["spot"].to_numpy(np.float64)
        bounds = {
            "at the lower bound": floor(drawn),
            "a hair above the lower bound": floor(drawn) + 1e-9 * spot,
            "at the upper bound": ceiling(drawn),
        }
        hook = subject.hook("pricing.implied_volatility")
        for name, price in bounds.items():
            bare = drawn.drop(columns="volatility").assign(price=price)
            calls = [(bare.iloc[[i]].reset_index(drop=True),) for i in range(len(bare))]
            replies = ask_many(hook, calls, into=floats(1))
            answers = np.array([float(r.got[0]) if r.answered else np.nan for r in replies])
            yield Examined(len(bare), f"prices {name}")
            solved = np.isfinite(answers)
            repriced = drawn.assign(volatility=answers)[solved].reset_index(drop=True)
            if repriced.empty:
                continue
            again = ask(subject.hook("pricing.price"), repriced, into=floats(len(repriced)))
            if not again.answered:
                yield Gap(f"prices {name}", again.why)
                continue
            off = np.abs(again.got - price[solved]) / spot[solved]
            if (wrong := ~(off <= self.resolution)).any():
                at = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
                yield self.departs(
                    f"{int(wrong.sum())} of {len(bare)} prices {name} get a volatility that prices "
                    f"otherwise, worst by {off[at]:.3g} of spot: {text_of(repriced.iloc[at])}",
                    measured=float(repriced["volatility"].iloc[at]),
                    expected="NaN, a refusal, or a volatility that gives the price back",
                    key=name,
                )

    def _impossible(self, subject: Subject) -> Answers:
        odd = dict(self._odd_prices(subject))
        replies = ask_many(
            subject.hook("pricing.implied_volatility"),
            [(table,) for table in odd.values()],
            into=floats(1),
        )
        yield Examined(len(replies), "impossible prices")
        answers, title = (
            [*zip(odd, replies, strict=True)],
            "Implied volatility of impossible prices",
        )
        yield reactions("impossible", title, answers, lambda v: f"{v[0]:.6g}")
        for name, reply in answers:
            seen = reaction(reply)
            if seen in (Reaction.REFUSED, Reaction.UNDEFINED):
                continue
            if name == ZERO and reply.answered and 0 <= reply.got[0] < NOTHING:
                continue  # out of the money, such a volatility does price at zero
            crashed = seen is Reaction.CRASHED
            how = f"ends in a crash: {reply.why}" if crashed else f"gets {reply.got[0]:.6g}"
            yield self.departs(
                f"{name} {how}",
                measured=reply.why if crashed else float(reply.got[0]),
                expected="NaN or a refusal",
                key=name,
                severity=Severity.LOW if crashed else None,
                evidence=("impossible",),
            )

    @staticmethod
    def _odd_prices(subject: Subject) -> Iterator[tuple[str, pd.DataFrame]]:
        one = terms(
            moneyness=(0.8,),
            maturities=(1.0,),
            rates=(0.05,),
            dividends=(0.0,),
            kinds=(1,),
            volatilities=(0.2,),
        )
        one = asked_of(subject, one).drop(columns="volatility")
        least, most = float(floor(one)[0]), float(ceiling(one)[0])
        yield "a price below the lower bound", one.assign(price=least * 0.9)
        yield "a price above the upper bound", one.assign(price=most * 1.1)
        yield "a negative price", one.assign(price=-1.0)
        yield "a NaN price", one.assign(price=np.nan)
        yield "an infinite price", one.assign(price=np.inf)
        yield "an expired option", one.assign(price=least, maturity=0.0)
        yield "a NaN strike", one.assign(price=30.0, strike=np.nan)
        out = one.assign(strike=125.0)
        yield ZERO, out.assign(price=0.0)

    @staticmethod
    def _map(options: pd.DataFrame, error: Floats) -> tuple[tuple[str, str, float], ...]:
        table = pd.DataFrame(
            {
                "row": (options["strike"] / options["spot"]).round(4).astype(str),
                "column": options["maturity"].astype(str),
                "value": np.where(np.isnan(error), 1.0, error),
            }
        )
        worst = table.groupby(["row", "column"], sort=False, as_index=False)["value"].max()
        return tuple(worst.itertuples(index=False, name=None))
