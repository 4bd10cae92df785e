"""An implied-variance surface in the raw SVI parameterisation, free of static arbitrage.

A slice gives total implied variance w = σ²·T for log-moneyness k = ln(strike / forward):

    w(k) = a + b·(rho·(k - m) + sqrt((k - m)² + sigma²))

Between two fitted maturities w is linear in time; before the first it goes to 0 with time; after
the last it keeps growing at the last rate.

Source: Gatheral and Jacquier, *Arbitrage-free SVI volatility surfaces* (2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .errors import ArtifactRefused, Refused
from .panel import Floats

GRID = np.linspace(-1.5, 1.5, 301)  # log-moneyness at which arbitrage is looked for
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Slice:
    """Raw SVI parameters of one maturity (years)."""

    maturity: float
    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def total_variance(self, k: Floats) -> Floats:
        """Total implied variance at log-moneyness ``k``, same shape."""
        shifted = k - self.m
        root = np.sqrt(shifted**2 + self.sigma**2)
        value: Floats = self.a + self.b * (self.rho * shifted + root)
        return value

    def density_factor(self, k: Floats) -> Floats:
        """Durrleman's g(k); the slice has no butterfly arbitrage where it is not negative."""
        shifted = k - self.m
        root = np.sqrt(shifted**2 + self.sigma**2)
        w = self.total_variance(k)
        first = self.b * (self.rho + shifted / root)
        second = self.b * self.sigma**2 / root**3
        value: Floats = (1 - k * first / (2 * w)) ** 2 - first**2 / 4 * (1 / w + 0.25) + second / 2
        return value


@dataclass(frozen=True)
class Surface:
    """Slices of increasing maturity."""

    slices: tuple[Slice, ...]

    def total_variance(self, k: Floats, maturity: Floats) -> Floats:
        """Total implied variance at points of shape (n,).

        Raises:
            Refused: a point is not finite or has a negative maturity.
        """
        if not (np.isfinite(k).all() and np.isfinite(maturity).all() and (maturity >= 0).all()):
            raise Refused("surface: points must be finite, maturities not negative")
        times = np.array([0.0, *(s.maturity for s in self.slices)])
        values = np.array([np.zeros(len(k)), *(s.total_variance(k) for s in self.slices)])
        right = np.clip(np.searchsorted(times, maturity, side="left"), 1, len(times) - 1)
        points = np.arange(len(k))
        share = (maturity - times[right - 1]) / (times[right] - times[right - 1])
        before, after = values[right - 1, points], values[right, points]
        answer: Floats = before + share * (after - before)
        return answer

    def arbitrage(self) -> list[str]:
        """Static arbitrage found on :data:`GRID`, in words; empty if there is none."""
        found = []
        for s in self.slices:
            if (s.total_variance(GRID) <= 0).any():
                found.append(f"total variance is not positive at maturity {s.maturity:g}")
            elif s.density_factor(GRID).min() < -TOLERANCE:
                found.append(f"butterfly arbitrage at maturity {s.maturity:g}")
            if s.b * (1 + abs(s.rho)) > 2:
                found.append(f"wings steeper than 2 at maturity {s.maturity:g}")
        for early, late in zip(self.slices, self.slices[1:], strict=False):
            rise = late.total_variance(GRID) - early.total_variance(GRID)
            if late.maturity <= early.maturity or rise.min() < -TOLERANCE:
                found.append(f"calendar arbitrage from {early.maturity:g} to {late.maturity:g}")
        return found

    def as_data(self) -> list[dict[str, float]]:
        """The slices as JSON data."""
        return [asdict(s) for s in self.slices]

    @classmethod
    def from_data(cls, data: Sequence[Mapping[str, Any]]) -> Surface:
        """The inverse of :meth:`as_data`.

        Raises:
            ArtifactRefused: a parameter is missing, or the surface admits arbitrage.
        """
        try:
            surface = cls(tuple(Slice(**row) for row in data))
        except TypeError as error:
            raise ArtifactRefused(f"surface: {error}") from None
        found = surface.arbitrage() if surface.slices else ["no slices"]
        if found:
            raise ArtifactRefused(f"surface: {'; '.join(found)}")
        return surface


def fit_slice(maturity: float, k: Floats, total_variance: Floats) -> Slice:
    """Least-squares fit of one slice to quotes.

    Args:
        maturity: years.
        k: log-moneyness of the quotes, shape (n,), n >= 5.
        total_variance: total implied variance of the quotes, shape (n,).
    """
    from scipy.optimize import least_squares

    level, width = float(total_variance.min()), float(np.ptp(k))

    def residual(p: Floats) -> Floats:
        wanted = Slice(maturity, *p.tolist()).total_variance(k)
        return (wanted - total_variance) / level

    steepest = min(1.0, 2 * float(np.ptp(total_variance)) / width + level / width)
    start = [level / 2, steepest / 2, -0.2, 0.0, width / 4]
    bounds = ([0.0, 1e-6, -0.9, -width, 1e-3], [2 * level, 1.0, 0.9, width, 4 * width])
    fitted = least_squares(residual, start, bounds=bounds, x_scale=np.maximum(np.abs(start), 1e-3))
    return Slice(maturity, *fitted.x.tolist())
