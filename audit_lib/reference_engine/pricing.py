"""European options: Black-Scholes-Merton prices and implied volatilities.

Rates, dividend yields and volatilities are continuously compounded fractions per year, maturities
are years, ``kind`` is 1 for a call and -1 for a put.  All functions take columns
``spot, strike, maturity, rate, dividend, kind`` and work on whole frames.

Sources: Black and Scholes (1973); Merton (1973).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .errors import Refused
from .panel import Floats

TERMS = ("spot", "strike", "maturity", "rate", "dividend", "kind")
MAX_VOLATILITY = 10.0  # per year; prices above what this gives have no implied volatility


def price(terms: pd.DataFrame) -> Floats:
    """Option prices, shape (n,), in the currency of the spot.

    With no time or no volatility left, the price is the discounted intrinsic value of the
    forward.

    Raises:
        Refused: a column is missing or a value lies outside its domain.
    """
    forward, strike, discount, kind = _forward_terms(terms, "volatility")
    if (_column(terms, "volatility") < 0).any():
        raise Refused("volatilities must not be negative")
    deviation = _column(terms, "volatility") * np.sqrt(_column(terms, "maturity"))
    value: Floats = discount * undiscounted(forward, strike, deviation, kind)
    return value


def undiscounted(forward: Floats, strike: Floats, deviation: Floats, kind: Floats) -> Floats:
    """Black's formula: forward value for a standard deviation σ·√T (Black 1976)."""
    from scipy.special import ndtr

    intrinsic = np.maximum(kind * (forward - strike), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(forward / strike) / deviation + deviation / 2
        value = kind * (forward * ndtr(kind * d1) - strike * ndtr(kind * (d1 - deviation)))
    return np.where(deviation > 0, np.maximum(value, intrinsic), intrinsic)


def implied_volatility(terms: pd.DataFrame) -> Floats:
    """Volatilities that give the column ``price``, shape (n,).

    NaN where no volatility does: the price lies below the discounted intrinsic value, at or above
    the bound (the discounted forward for a call, the discounted strike for a put), or there is no
    time left.  Solved on the out-of-the-money side by bisection on the standard deviation, to the
    last bit the price carries.

    Raises:
        Refused: a column is missing or a value lies outside its domain.
    """
    forward, strike, discount, kind = _forward_terms(terms, "price")
    maturity = _column(terms, "maturity")
    paid = _column(terms, "price") / discount
    intrinsic = np.maximum(kind * (forward - strike), 0.0)
    tolerance = 1e-12 * forward
    solvable = (maturity > 0) & (paid >= intrinsic - tolerance)
    solvable &= paid < np.where(kind > 0, forward, strike)
    side = np.where(forward >= strike, -1.0, 1.0)  # out of the money, where digits are kept
    time_value = np.maximum(paid - intrinsic, 0.0)
    low = np.zeros(len(paid))
    high = np.where(solvable, MAX_VOLATILITY * np.sqrt(maturity), 0.0)
    solvable &= time_value <= undiscounted(forward, strike, high, side)
    for _ in range(80):
        middle = (low + high) / 2
        short = undiscounted(forward, strike, middle, side) < time_value
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        answer = np.where(time_value > 0, (low + high) / 2, 0.0) / np.sqrt(maturity)
    return np.where(solvable, answer, np.nan)


def _column(terms: pd.DataFrame, name: str) -> Floats:
    if name not in terms.columns:
        raise Refused(f"option terms lack the column {name!r}; they have {list(terms.columns)}")
    values = terms[name].to_numpy(dtype="float64")
    if not np.isfinite(values).all():
        raise Refused(f"option terms: {name!r} must be finite")
    return values


def _forward_terms(terms: pd.DataFrame, last: str) -> tuple[Floats, Floats, Floats, Floats]:
    spot, strike, maturity, rate, dividend, kind = (_column(terms, name) for name in TERMS)
    if (spot <= 0).any() or (strike <= 0).any() or (maturity < 0).any():
        raise Refused("spots and strikes must be positive, maturities not negative")
    if not np.isin(kind, (-1.0, 1.0)).all():
        raise Refused("kind must be 1 (call) or -1 (put)")
    _column(terms, last)
    forward = spot * np.exp((rate - dividend) * maturity)
    return forward, strike, np.exp(-rate * maturity), kind
