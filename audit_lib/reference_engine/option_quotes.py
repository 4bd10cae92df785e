"""Quotes for the volatility surface, implied by the returns of the engine's own universe.

No option chain ships with the engine, so nothing here pretends to be one.  The quotes are what
options on the equal-weighted basket would cost if daily returns were drawn anew, independently,
from those of the last two years: the return over n days then has the n-fold convolution of their
empirical distribution, which a Fourier transform gives exactly, without simulation noise.  Fat
tails and skew of the real returns become the smile.

Source: Carr and Madan, *Option valuation using the fast Fourier transform* (1999), for the
transform; the driftless rescaling is the mean-correcting martingale measure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .panel import BARS_PER_YEAR, Floats
from .pricing import implied_volatility
from .svi import Surface, fit_slice

LOOK_BACK = 2 * BARS_PER_YEAR
DAYS = (21, 63, 126, 252)
DEVIATIONS = np.linspace(-2.5, 2.5, 21)  # strikes, in standard deviations of the maturity
POINTS, STEP = 2**14, 3e-4  # grid of log returns: ±2.46


def fit_surface(panel: pd.DataFrame) -> Surface:
    """Fit the surface to the last two years of a panel.

    Raises:
        ArtifactRefused: the fitted surface admits arbitrage.
    """
    wide = panel["close"].unstack("asset").sort_index()
    basket = np.log1p(wide.pct_change().mean(axis=1).dropna().to_numpy()[-LOOK_BACK:])
    slices = []
    for days in DAYS:
        k, variance = quotes(basket, days)
        slices.append(fit_slice(days / BARS_PER_YEAR, k, variance))
    return Surface.from_data(Surface(tuple(slices)).as_data())


def quotes(returns: Floats, days: int) -> tuple[Floats, Floats]:
    """Log-moneyness and total implied variance of options with that many days to go.

    Args:
        returns: daily log returns, shape (n,).
        days: trading days to maturity.
    """
    outcome, probability = _distribution(returns, days)
    growth = np.exp(outcome) / np.sum(np.exp(outcome) * probability)  # a martingale
    deviation = np.std(returns) * np.sqrt(days)
    k: Floats = np.asarray(DEVIATIONS * deviation, dtype="float64")
    kind = np.where(k < 0, -1.0, 1.0)
    payoff = np.maximum(kind[:, None] * (growth[None, :] - np.exp(k)[:, None]), 0.0)
    maturity = days / BARS_PER_YEAR
    terms = pd.DataFrame({"spot": 1.0, "strike": np.exp(k), "maturity": maturity, "rate": 0.0})
    terms = terms.assign(dividend=0.0, kind=kind, price=payoff @ probability)
    variance: Floats = implied_volatility(terms) ** 2 * maturity
    return k, variance


def _distribution(returns: Floats, days: int) -> tuple[Floats, Floats]:
    """Grid of log returns over ``days`` and their probabilities, each of shape (POINTS,)."""
    grid = (np.arange(POINTS) - POINTS // 2) * STEP
    place = returns / STEP + POINTS // 2
    left = np.floor(place).astype(int)
    share = place - left
    daily = np.bincount(left, 1 - share, POINTS) + np.bincount(left + 1, share, POINTS)
    transform = np.fft.rfft(np.fft.ifftshift(daily / len(returns)))
    convolved = np.fft.fftshift(np.fft.irfft(transform**days, POINTS))
    probability: Floats = np.maximum(convolved, 0.0)
    return grid.astype("float64"), probability / probability.sum()
