import math

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Finding, Gap, Severity
from audit_lib.probes.prediction.options import (
    asked_of,
    black_scholes,
    ceiling,
    floor,
    of_one_cause,
    random_terms,
    terms,
    text_of,
)
from audit_lib.probes.questions.asking import ask, floats

NEAR = 0.03
"""relative difference that other diffusions and trees show near expiry"""


class PricesHaveTheirLimits(Check):
    """At zero volatility or zero maturity an option is worth its discounted intrinsic value.

    What it checks
        As volatility or maturity go to zero, and at exactly zero, the price is the discounted
        intrinsic value; far in the money it is the forward's value; far out of the money it is
        nothing; at enormous volatility it is its upper bound. At exactly zero a refusal is as
        good; NaN is not, on the day of expiry. Near expiry, at the money, it is spot times
        volatility times the root of T / 2π, whatever the model; and a price that is that of Black
        and Scholes for most options is so for all.
    Why it matters
        Every option meets T = 0. A pricer that divides by sigma times the root of T gives NaN on
        expiry day, and NaN in a portfolio is NaN for all of it.
    How
        Drives `pricing.price` with calls and puts for several rates and dividends at each limit
        and compares with the closed form. The last two use options that are drawn: volatility
        scaled by another root, or by days of another year, is right at some maturity only.
    Limitations
        A model other than Black and Scholes is held to its limits, not to their prices.
        European exercise and continuous yields, as the hook defines them.
    Remediation
        Branch to the closed form where sigma times the root of T is below about 1e-10.
    Sources
        Merton (1973), Theory of Rational Option Pricing; Brenner and Subrahmanyam (1988), A Simple
        Formula to Compute the Implied Standard Deviation; Hull, Options, Futures and Other
        Derivatives, section 11.3.
    """

    code = "PRC001"
    severity = Severity.HIGH
    needs = ("pricing.price",)

    tolerance: float = Field(1e-6, gt=0, description="fraction of spot")
    seed: int = Field(51, description="of the options that are drawn")
    options: int = Field(40, ge=10, description="options drawn near expiry; ten times in all")

    def run(self, subject: Subject) -> Answers:
        """Price each limit and compare with what it must be."""
        hook = subject.hook("pricing.price")
        rows: list[tuple[str, int, float]] = []
        findings: list[Finding] = []
        for name, limit, exact in self._limits():
            options = asked_of(subject, limit)
            reply = ask(hook, options, into=floats(len(options)))
            if not reply.answered:
                if reply.refusal is None or not exact:
                    yield Gap(name, reply.why)
                continue
            due = ceiling(options) if name == "enormous volatility" else floor(options)
            error = np.abs(reply.got - due) / options["spot"].to_numpy()
            wrong = ~(error <= self.tolerance)
            finite = error[np.isfinite(error)]
            rows.append((name, len(options), float(finite.max()) if finite.size else 0.0))
            if wrong.any():
                at = int(np.flatnonzero(wrong)[0])
                findings.append(
                    self.departs(
                        f"{name}: {int(wrong.sum())} of {len(options)} prices are wrong, first "
                        f"{text_of(options.iloc[at])} is {reply.got[at]:.6g}, not {due[at]:.6g}",
                        measured=float(reply.got[at]),
                        expected=float(due[at]),
                        key=name,
                        evidence=("limits",),
                    )
                )
        for answer in (*self._near_expiry(subject), *self._closed_form(subject)):
            if isinstance(answer, Finding):
                findings.append(answer)
            else:
                yield answer
        yield Examined(sum(n for _, n, _ in rows), "options at a limit")
        yield Evidence(
            "limits",
            "Largest error at each limit",
            ("limit", "options", "largest error"),
            tuple(rows),
            note="fraction of spot",
            bound=Bound("largest error", self.tolerance, "of spot"),
        )
        yield from of_one_cause(findings, len(rows) + 2)

    def _near_expiry(self, subject: Subject) -> Answers:
        """At the money and near expiry every diffusion prices alike (Brenner and Subrahmanyam)."""
        rng = np.random.default_rng(self.seed)
        drawn = asked_of(subject, random_terms(rng, self.options))
        drawn["maturity"] = np.exp(rng.uniform(np.log(1e-5), np.log(1e-3), len(drawn)))
        forward = (drawn["rate"] - drawn["dividend"]) * drawn["maturity"]
        drawn["strike"] = drawn["spot"] * np.exp(forward)
        reply = ask(subject.hook("pricing.price"), drawn, into=floats(len(drawn)))
        if not reply.answered:
            yield Gap("near expiry", reply.why)
            return
        deviation = drawn["volatility"] * np.sqrt(drawn["maturity"])
        due = (drawn["spot"] * deviation / math.sqrt(2 * math.pi)).to_numpy(np.float64)
        ratio = reply.got / due
        wrong = ~(np.abs(ratio - 1) <= NEAR)
        yield Examined(len(drawn), "options near expiry")
        if wrong.any():
            at = int(np.argmax(np.where(np.isnan(ratio), np.inf, np.abs(ratio - 1))))
            yield self.departs(
                f"near expiry, at the money, {int(wrong.sum())} of {len(drawn)} prices are not spot"
                f" times volatility times the root of T / 2π: {float(np.nanmin(ratio)):.4g} to "
                f"{float(np.nanmax(ratio)):.4g} of it, worst {text_of(drawn.iloc[at])}",
                measured=f"{ratio[at]:.4g} of it",
                expected=f"1, to {NEAR:.0%}",
                key="near expiry",
            )

    def _closed_form(self, subject: Subject) -> Answers:
        """Where most prices are those of Black and Scholes, the others must be too."""
        drawn = asked_of(
            subject, random_terms(np.random.default_rng(self.seed + 1), 10 * self.options)
        )
        reply = ask(subject.hook("pricing.price"), drawn, into=floats(len(drawn)))
        if not reply.answered:
            yield Gap("closed form", reply.why)
            return
        due = black_scholes(drawn)
        off = np.abs(reply.got - due) / drawn["spot"].to_numpy(np.float64)
        many = float(np.mean(~(off <= self.tolerance)))
        near = 100 * float(np.nanmedian(off))  # a tree or a grid is that near everywhere
        wrong = ~(off <= max(self.tolerance, near))
        if not wrong.any() or many > 0.5:
            return  # all are, or it is another model
        at = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
        yield self.departs(
            f"{int(wrong.sum())} of {len(drawn)} prices differ from Black and Scholes, which the "
            f"others are: {text_of(drawn.iloc[at])} is {reply.got[at]:.6g}, not {due[at]:.6g}",
            measured=float(reply.got[at]),
            expected=float(due[at]),
            key="closed form",
        )

    @staticmethod
    def _limits() -> list[tuple[str, pd.DataFrame, bool]]:
        off = (0.6, 0.9, 1.0, 1.1, 1.6)
        deep = terms(moneyness=(0.001, 1_000.0), volatilities=(0.2,), maturities=(0.25, 1.0))
        return [
            ("tiny volatility", terms(moneyness=off, volatilities=(1e-9,)), False),
            ("zero volatility", terms(moneyness=off, volatilities=(0.0,)), True),
            ("tiny maturity", terms(moneyness=off, maturities=(1e-16,)), False),
            ("zero maturity", terms(moneyness=off, maturities=(0.0,)), True),
            ("deep in and out of the money", deep, False),
            ("enormous volatility", terms(volatilities=(200.0,), maturities=(1.0, 3.0)), False),
        ]
