"""PRC004."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Severity, Task, View
from audit_lib.probes.asking import ask, floats
from audit_lib.subject.hooks import Hook
from audit_lib.subject.subject import Subject

Floats = npt.NDArray[np.float64]
STEP = 1e-3  # of log-moneyness, for central differences; error about 1e-6 of the curvature


class SurfaceAllowsNoArbitrage(Check):
    """The version's implied-variance surface allows neither butterfly nor calendar arbitrage.

    What it checks
        On a grid of log-moneyness and maturity, total variance is finite and positive; it does
        not fall with maturity; Durrleman's g is not negative, so that the implied density is
        not; and the wings do not rise steeper than 2.
    Why it matters
        A surface with arbitrage gives negative probabilities: spreads that cost less than nothing
        and risk figures of the wrong sign.
    How
        Drives `pricing.total_variance` on the grid and a thousandth beside it, and takes
        derivatives by central differences.
    Limitations
        Between grid points nothing is proven. Grid and wings are options of the check; set them
        to the range that the subject trades.
    Remediation
        Fit with the no-arbitrage constraints of the parametrisation, or reject the fit.
    Sources
        Gatheral and Jacquier (2014), Arbitrage-free SVI Volatility Surfaces, section 2; Durrleman
        (2005); Lee (2004), The Moment Formula for Implied Volatility at Extreme Strikes.
    """

    code = "PRC004"
    contract = Contract.PRICING
    task = Task.T5
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("pricing.total_variance",)

    widest: float = Field(0.5, gt=0, description="largest log-moneyness of the grid")
    wing: float = Field(3.0, gt=0, description="log-moneyness at which the wings are judged")
    maturities: tuple[float, ...] = Field(
        (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0),
        min_length=2,
        description="maturities of the grid, in years, ascending",
    )
    tolerance: float = Field(1e-6, gt=0, description="total variance that counts as rounding")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Sample the surface and judge it."""
        hook = subject.hook("pricing.total_variance")
        k = np.linspace(-self.widest, self.widest, 41)
        w, below, above = (self._sampled(hook, k + d) for d in (0.0, -STEP, STEP))
        yield Examined(w.size, "points of the surface")
        yield self._heat("variance", "Total implied variance", k, w, "total variance")
        bad = ~(w > 0)
        if bad.any():
            yield self._found(subject, "positive variance", k, bad, np.where(bad, w, np.nan), "w")
            return
        g = durrleman(k, w, (above - below) / (2 * STEP), (above - 2 * w + below) / STEP**2)
        yield self._heat("density", "Durrleman's g", k, g, "negative: negative density")
        broken = ~(g >= -1e-4)
        if broken.any():
            yield self._found(subject, "no butterfly arbitrage", k, broken, g, "g")
        rises = np.diff(w, axis=0, prepend=w[:1])
        falls = rises < -self.tolerance
        if falls.any():
            yield self._found(subject, "no calendar arbitrage", k, falls, rises, "rise of w")
        yield from self._wings(subject, hook)

    def _sampled(self, hook: Hook, k: Floats) -> Floats:
        points = pd.DataFrame(
            {
                "log_moneyness": np.tile(k, len(self.maturities)),
                "maturity": np.repeat(np.asarray(self.maturities), len(k)),
            }
        )
        reply = ask(hook, points, into=floats(len(points)))
        if not reply.answered:
            raise NotAssessed(f"pricing.total_variance {reply.why}")
        return reply.got.reshape(len(self.maturities), len(k))

    def _wings(self, subject: Subject, hook: Hook) -> Iterator[Answer]:
        ends = np.array([-self.wing, -self.wing + 0.1, self.wing - 0.1, self.wing])
        w = self._sampled(hook, ends)
        slopes = np.stack([(w[:, 0] - w[:, 1]) / 0.1, (w[:, 3] - w[:, 2]) / 0.1], axis=1)
        steep = slopes > 2 + 1e-6
        if steep.any():
            at = np.array([-self.wing, self.wing])
            yield self._found(subject, "wings rise at most at slope 2", at, steep, slopes, "slope")

    def _found(
        self,
        subject: Subject,
        name: str,
        k: Floats,
        broken: npt.NDArray[np.bool_],
        values: Floats,
        symbol: str,
    ) -> Answer:
        amounts = np.where(broken, np.abs(np.nan_to_num(values, nan=np.inf)), -1.0)
        i, j = np.unravel_index(int(np.argmax(amounts)), amounts.shape)
        return self.finding(
            subject.where("pricing.total_variance"),
            f"{name}: broken at {int(broken.sum())} of {broken.size} points, worst at "
            f"log-moneyness {k[j]:.3g}, maturity {self.maturities[i]:g}: "
            f"{symbol} = {values[i, j]:.4g}",
            measured=float(values[i, j]),
            expected=name,
            key=name,
            evidence=("variance",),
        )

    def _heat(self, name: str, title: str, k: Floats, values: Floats, note: str) -> Evidence:
        rows = tuple(
            (f"{t:g}", f"{x:.3f}", float(values[i, j]) if np.isfinite(values[i, j]) else None)
            for i, t in enumerate(self.maturities)
            for j, x in enumerate(k)
            if j % 2 == 0
        )
        columns = ("row", "column", "value")
        return Evidence(
            name,
            title,
            columns,
            rows,
            View.HEATMAP,
            f"rows: maturity in years; columns: log-moneyness; {note}",
        )


def durrleman(k: Floats, w: Floats, slope: Floats, curvature: Floats) -> Floats:
    """Durrleman's function: the implied density up to a positive factor.

    Args:
        k: log-moneyness, shape (m,); w, slope, curvature: total variance and its first and
            second derivative in k, shape (n, m).
    """
    return np.asarray(
        (1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + curvature / 2
    )
