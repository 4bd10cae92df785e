import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Margin, Severity, View
from audit_lib.probes.questions.asking import ask, floats
from audit_lib.subject.hooks import Hook

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
        derivatives by central differences. Between the maturities of the grid further ones are
        drawn, others beyond the last, and between the grid and its wings further strikes: a smile
        that is sound where it is quoted need not be sound beside it. A surface that declines what
        lies beyond its last maturity is right to.
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
    severity = Severity.HIGH
    needs = ("pricing.total_variance",)
    cites = ("variance",)

    widest: float = Field(0.5, gt=0, description="largest log-moneyness of the grid")
    wing: float = Field(3.0, gt=0, description="log-moneyness at which the wings are judged")
    maturities: tuple[float, ...] = Field(
        (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0),
        min_length=2,
        description="maturities of the grid, in years, ascending",
    )
    seed: int = Field(54, description="of the strikes and maturities that are drawn")
    tolerance: float = Field(1e-6, gt=0, description="total variance that counts as rounding")

    def run(self, subject: Subject) -> Answers:
        """Sample the surface and judge it."""
        hook = subject.hook("pricing.total_variance")
        k = np.linspace(-self.widest, self.widest, 41)
        w, below, above = (self._sampled(hook, k + d) for d in (0.0, -STEP, STEP))
        yield Examined(w.size, "points of the surface")
        yield self._heat("variance", "Total implied variance", k, w, "total variance")
        bad = ~(w > 0)
        if bad.any():
            yield self._report("positive variance", k, bad, np.where(bad, w, np.nan), "w")
            return
        g = durrleman(k, w, (above - below) / (2 * STEP), (above - 2 * w + below) / STEP**2)
        yield self._heat("density", "Durrleman's g", k, g, "negative: negative density")
        if np.isfinite(g).all():
            yield Margin("smallest of Durrleman's g", float(g.min()), -1e-4, least=True)
        broken = ~(g >= -1e-4)
        if broken.any():
            yield self._report("no butterfly arbitrage", k, broken, g, "g")
        rises = np.diff(w, axis=0, prepend=w[:1])
        falls = rises < -self.tolerance
        if falls.any():
            yield self._report("no calendar arbitrage", k, falls, rises, "rise of w")
        yield from self._beyond(hook)
        yield from self._between(hook)
        yield from self._wings(hook)

    def _beyond(self, hook: Hook) -> Answers:
        """The density from the edge of the grid to the wings, at strikes that are drawn."""
        rng = np.random.default_rng(self.seed)
        side = np.sort(rng.uniform(self.widest, self.wing, 60))
        k = np.concatenate([-side[::-1], side])
        w, below, above = (self._sampled(hook, k + d) for d in (0.0, -STEP, STEP))
        yield Examined(w.size, "points beyond the grid")
        g = durrleman(k, w, (above - below) / (2 * STEP), (above - 2 * w + below) / STEP**2)
        broken = ~(g >= -1e-3) | ~(w > 0)
        if broken.any():
            name = "no butterfly arbitrage beyond the grid"
            yield self._report(name, k, broken, g, "g", Severity.MEDIUM)

    def _between(self, hook: Hook) -> Answers:
        """Total variance over a thousand maturities that are drawn, and twenty beyond the last.

        An interpolation may sag, and an extrapolation fall.  One that is declined says nothing.
        """
        rng = np.random.default_rng(self.seed + 1)
        first, last = min(self.maturities), max(self.maturities)
        early = np.exp(rng.uniform(np.log(first), np.log(last), 500))
        drawn = np.sort(np.concatenate([early, rng.uniform(first, last, 500)]))
        k = np.sort(rng.uniform(-self.widest, self.widest, 3))
        w = self._sampled(hook, k, tuple(float(t) for t in drawn))
        yield Examined(w.size, "points between maturities")
        rises = w - np.fmax.accumulate(w, axis=0)
        falls = (rises < -self.tolerance) | ~np.isfinite(w)
        yield from self._fall("between maturities", drawn, k, rises, falls)
        later = np.linspace(last, 2 * last, 20)
        try:
            w = self._sampled(hook, k, tuple(float(t) for t in later))
        except NotAssessed:
            return
        yield Examined(int(np.isfinite(w).sum()), "points beyond the last maturity")
        rises = np.nan_to_num(np.diff(w, axis=0, prepend=w[:1]))
        falls = rises < -self.tolerance
        yield from self._fall("beyond the last maturity", later, k, rises, falls)

    def _fall(
        self, where: str, maturities: Floats, k: Floats, rises: Floats, falls: Flags
    ) -> Answers:
        if falls.any():
            i, j = np.unravel_index(int(np.argmin(np.where(falls, rises, np.inf))), rises.shape)
            yield self.departs(
                f"{where}, total variance falls at {int(falls.sum())} of {falls.size} "
                f"points, most by {abs(float(rises[i, j])):.4g} at log-moneyness {k[j]:.3g}, "
                f"maturity {maturities[i]:.4g}",
                measured=float(rises[i, j]),
                expected="no fall",
                key=f"no calendar arbitrage {where}",
                severity=Severity.MEDIUM if where.startswith("beyond") else None,
            )

    def _sampled(
        self, hook: Hook, k: Floats, maturities: tuple[float, ...] | None = None
    ) -> Floats:
        maturities = maturities or self.maturities
        points = pd.DataFrame(
            {
                "log_moneyness": np.tile(k, len(maturities)),
                "maturity": np.repeat(np.asarray(maturities), len(k)),
            }
        )
        reply = ask(hook, points, into=floats(len(points))).needed("pricing.total_variance")
        return reply.reshape(len(maturities), len(k))

    def _wings(self, hook: Hook) -> Answers:
        ends = np.array([-self.wing, -self.wing + 0.1, self.wing - 0.1, self.wing])
        w = self._sampled(hook, ends)
        slopes = np.stack([(w[:, 0] - w[:, 1]) / 0.1, (w[:, 3] - w[:, 2]) / 0.1], axis=1)
        steep = slopes > 2 + 1e-6
        if steep.any():
            at = np.array([-self.wing, self.wing])
            yield self._report("wings rise at most at slope 2", at, steep, slopes, "slope")

    def _report(
        self,
        name: str,
        k: Floats,
        broken: Flags,
        values: Floats,
        symbol: str,
        severity: Severity | None = None,
    ) -> Answer:
        amounts = np.where(broken, np.abs(np.nan_to_num(values, nan=np.inf)), -1.0)
        i, j = np.unravel_index(int(np.argmax(amounts)), amounts.shape)
        return self.departs(
            f"{name}: broken at {int(broken.sum())} of {broken.size} points, worst at "
            f"log-moneyness {k[j]:.3g}, maturity {self.maturities[i]:g}: "
            f"{symbol} = {values[i, j]:.4g}",
            measured=float(values[i, j]),
            expected=name,
            key=name,
            severity=severity,
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
