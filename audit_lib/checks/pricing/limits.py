"""PRC001."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Evidence, Examined, Gap, Severity, Task
from audit_lib.probes.asking import ask, floats
from audit_lib.probes.options import asked_of, ceiling, floor, terms, text_of
from audit_lib.subject.subject import Subject


class PricesHaveTheirLimits(Check):
    """At zero volatility or zero maturity an option is worth its discounted intrinsic value.

    What it checks
        As volatility or maturity go to zero, and at exactly zero, the price is the discounted
        intrinsic value; far in the money it is the forward's value; far out of the money it is
        nothing; at enormous volatility it is its upper bound. At exactly zero a refusal is as
        good; NaN is not, on the day of expiry.
    Why it matters
        Every option meets T = 0. A pricer that divides by sigma times the root of T gives NaN on
        expiry day, and NaN in a portfolio is NaN for all of it.
    How
        Drives `pricing.price` with calls and puts for several rates and dividends at each limit
        and compares with the closed form.
    Limitations
        European exercise and continuous yields, as the hook defines them.
    Remediation
        Branch to the closed form where sigma times the root of T is below about 1e-10.
    Sources
        Merton (1973), Theory of Rational Option Pricing; Hull, Options, Futures and Other
        Derivatives, section 11.3.
    """

    code = "PRC001"
    contract = Contract.PRICING
    task = Task.T5
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("pricing.price",)

    tolerance: float = Field(1e-6, gt=0, description="fraction of spot")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Price each limit and compare with what it must be."""
        hook = subject.hook("pricing.price")
        rows: list[tuple[str, int, float]] = []
        findings: list[Answer] = []
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
                    self.finding(
                        subject.where("pricing.price"),
                        f"{name}: {int(wrong.sum())} of {len(options)} prices are wrong, first "
                        f"{text_of(options.iloc[at])} is {reply.got[at]:.6g}, not {due[at]:.6g}",
                        measured=float(reply.got[at]),
                        expected=float(due[at]),
                        key=name,
                        evidence=("limits",),
                    )
                )
        yield Examined(sum(n for _, n, _ in rows), "options at a limit")
        yield Evidence(
            "limits",
            "Largest error at each limit",
            ("limit", "options", "largest error, fraction of spot"),
            tuple(rows),
        )
        yield from findings

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
