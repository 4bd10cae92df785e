from dataclasses import replace

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Finding, Gap, Severity
from audit_lib.probes.prediction.options import asked_of, random_terms, text_of
from audit_lib.probes.questions.asking import ask, ask_many, floats, frame, reasons

HOOK = "pricing.greeks"
#: Greek to the term that moves, by how much of it (of the spot: a share), and the sign
BY = {
    "delta": ("spot", 1e-4, 1),
    "gamma": ("spot", 2e-3, 1),
    "vega": ("volatility", 1e-4, 1),
    "theta": ("maturity", 1e-4, -1),
    "rho": ("rate", 1e-4, 1),
}
#: usual units that are no mistake, once they are declared
USUAL = {"vega": (0.01,), "rho": (0.01, 0.0001), "theta": (1 / 365, 1 / 365.25, 1 / 252)}


class GreeksAreDerivatives(Check):
    """Greeks are the derivatives of the subject's own prices, in the unit they are kept in.

    What it checks
        Delta, gamma, vega, theta and rho, as far as they are answered, equal differences of
        `pricing.price` when spot, volatility, time or rate move a little. Those of a call and its
        put are apart by what parity says, and delta is its limit where the end is decided.
    Why it matters
        A hedge is as wrong as its delta. A put with a call's delta, a theta of the other sign,
        a gamma by per cent of the spot or a vega from another pricer than the one that marks the
        book show in no price.
    How
        Drives both hooks on drawn options and compares with central differences. A Greek that is
        a constant times the derivative in every row is named by that constant. Per cent of
        volatility and rate, and days of theta, are usual: `units` declares them.
    Limitations
        Where the price has a corner (at the strike, at expiry) differences mean little; drawn
        options keep away from both. Further Greeks are not judged.
    Remediation
        Derive Greeks from the pricer that marks the book, and convert units in one place.
    Sources
        Hull (2017), Options, Futures, and Other Derivatives, chapter 19.
    """

    code = "PRC005"
    severity = Severity.HIGH
    needs = ("pricing.price",)
    offered = (HOOK,)
    about = HOOK

    seed: int = Field(57, description="of the drawn options")
    options: int = Field(80, ge=10, description="drawn options")
    tolerance: float = Field(0.02, gt=0, description="relative, of differences and the pricer")
    units: dict[str, float] = Field({}, description="Greek to its unit: `{vega: 0.01}`")

    def run(self, subject: Subject) -> Answers:
        """Compare every Greek with a difference of prices."""
        drawn = random_terms(np.random.default_rng(self.seed), self.options)
        table = asked_of(subject, drawn.assign(maturity=drawn["maturity"] + 0.1))
        answered = ask(subject.hook(HOOK), table, into=frame).needed(f"{HOOK} gives no Greeks:")
        got = answered.reset_index(drop=True)
        names = [g for g in BY if g in got and not (g == "rho" and subject.lacks("pricing.rate"))]
        if not names or len(got) != len(table):
            raise NotAssessed(f"{HOOK} answers none of {', '.join(BY)} for every option")
        rows: list[tuple[str, float, int, float]] = []
        apart: list[Finding] = []
        for name in names:
            due = self._difference(subject, table, name)
            if isinstance(due, str):
                yield Gap(name, due)
                continue
            greek = got[name].to_numpy(np.float64) / self.units.get(name, 1.0)
            off = _off(greek, due)
            wrong = np.flatnonzero(~(off <= self.tolerance))
            yield Examined(len(due), f"values of {name}")
            ratio = _constant(greek, due)
            rows.append((name, ratio or float("nan"), len(wrong), float(off.max())))
            if not len(wrong):
                continue
            if ratio is not None and self._usual(name, ratio):
                yield Gap(name, f"it is {ratio:.6g} times the derivative; declare `units`")
                continue
            relation = f"{ratio:.6g} times" if ratio is not None else "not"
            at = wrong[0]
            said = (
                f"{name} is {relation} the derivative of the price in {len(wrong)} of {len(due)} "
                f"options, first {text_of(table.iloc[at])}: it is {greek[at]:.6g}, and that of the "
                f"prices is {due[at]:.6g}"
            )
            apart.append(
                self.departs(
                    said,
                    measured=float(greek[at]),
                    expected=float(due[at]),
                    key=name,
                    evidence=("greeks",),
                )
            )
        if len(apart) > 2:  # no Greek is wrong alone: prices follow another formula than they do
            text = f"{', '.join(f.key for f in apart)} are none of them derivatives of the price; "
            yield replace(apart[0], message=text + apart[0].message, key="the price")
        else:
            yield from apart
        yield from self._kept(subject, table, got, [r[0] for r in rows if r[1] and not r[2]])
        heads = ("greek", "times the derivative", "options that differ", "largest difference")
        held = Bound(heads[3], self.tolerance, "of its size")
        title = "Greeks against differences of prices"
        yield Evidence("greeks", title, heads, tuple(rows), bound=held)

    def _kept(
        self, subject: Subject, table: pd.DataFrame, got: pd.DataFrame, right: list[str]
    ) -> Answers:
        """What parity says of a call and its put, and what delta is where all is decided."""
        decided = table.assign(maturity=0.1, volatility=0.01)
        decided["strike"] = table["spot"] * np.where(table.index % 2, 0.5, 2.0)
        others = [(table.assign(kind=-table["kind"]),), (decided,)]
        other, limit = ask_many(subject.hook(HOOK), others, into=frame)
        s, k, t, r, q, sign = (
            table[c].to_numpy(np.float64)
            for c in ("spot", "strike", "maturity", "rate", "dividend", "kind")
        )
        spot, strike = np.exp(-q * t), k * np.exp(-r * t)
        apart = {"delta": spot, "rho": t * strike, "theta": q * s * spot - r * strike}
        for name in right if other.answered else ():
            unit = self.units.get(name, 1.0)
            gap = (got[name] - other.got[name].to_numpy()) / unit - sign * apart.get(name, 0.0)
            size = np.abs(got[name]) / unit + np.abs(apart.get(name, 0.0))
            wrong = (gap.abs() > 1e-3 * (size + size.median())).to_numpy()
            yield from self._told(table, wrong, name, "a call's and its put's differ from "
                                  "what parity says", float(gap.abs().max()))  # fmt: skip
        if limit.answered and "delta" in right:
            due = np.where(sign * (table.index % 2 - 0.5) > 0, sign * np.exp(-q * 0.1), 0.0)
            gap = (limit.got["delta"].to_numpy(np.float64) / self.units.get("delta", 1.0)) - due
            wrong = ~(np.abs(gap) <= 1e-3)
            yield from self._told(decided, wrong, "delta", "is not its limit",
                                  float(np.nanmax(np.abs(gap))))  # fmt: skip

    def _told(self, table: pd.DataFrame, wrong: Flags, name: str, how: str, by: float) -> Answers:
        yield Examined(len(table), f"values of {name}")
        if wrong.any():
            yield self.departs(
                f"{name}: {how}, in {int(wrong.sum())} of {len(table)} options, by up to {by:.4g}, "
                f"first {text_of(table.iloc[int(np.argmax(wrong))])}",
                measured=by,
                expected=0.0,
                key=f"{name} {how}",
            )

    def _difference(self, subject: Subject, table: pd.DataFrame, name: str) -> Floats | str:
        term, share, sign = BY[name]
        step = (table[term] * share if term != "rate" else pd.Series(share, table.index)).to_numpy()
        tables = [table.assign(**{term: table[term] + d * step}) for d in (-1, 0, 1)]
        replies = ask_many(
            subject.hook("pricing.price"), [(t,) for t in tables], into=floats(len(table))
        )
        if any(not r.answered for r in replies):
            return reasons(replies)
        low, middle, high = (r.got for r in replies)
        if name == "gamma":
            return np.asarray((high - 2 * middle + low) / step**2)
        return np.asarray(sign * (high - low) / (2 * step))

    def _usual(self, name: str, ratio: float) -> bool:
        return any(abs(ratio / u - 1) < 1e-3 for u in USUAL.get(name, ())) and not self.units


def _off(greek: Floats, due: Floats) -> Floats:
    """Differences relative to the sizes of the derivatives."""
    gap, size = np.abs(greek - due), np.abs(due) + float(np.nanmedian(np.abs(due)))
    with np.errstate(all="ignore"):
        return np.where(gap == 0, 0.0, gap / size)


def _constant(greek: Floats, due: Floats) -> float | None:
    """The one number that all of the values are times the derivatives; None for none."""
    big = np.abs(due) > np.nanmedian(np.abs(due)) / 2
    with np.errstate(all="ignore"):
        ratios = greek[big] / due[big]
    middle = float(np.median(ratios))
    steady = np.isfinite(ratios).all() and np.ptp(ratios) <= 0.02 * abs(middle)
    return float(f"{middle:.4g}") if steady and middle else None
