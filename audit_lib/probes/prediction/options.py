"""Terms of European options, and what is known about their prices without any model.

All bounds are those of Merton (1973), Theory of Rational Option Pricing, with a continuous
dividend yield; discounting is continuous; see ``pricing.price`` for columns and units.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import ndtr

from audit_lib.arrays import Floats
from audit_lib.model import Finding
from audit_lib.subject.subject import Subject

CALL, PUT = 1, -1
MATURITIES = (0.1, 0.25, 0.5, 1.0)
"""of made-up quotes, in years"""
WAYS = 3
"""in which made-up surfaces move"""


def terms(
    *,
    moneyness: tuple[float, ...] = (0.6, 0.8, 0.95, 1.0, 1.05, 1.25, 1.6),
    maturities: tuple[float, ...] = (0.02, 0.25, 1.0, 3.0),
    rates: tuple[float, ...] = (-0.01, 0.0, 0.05),
    dividends: tuple[float, ...] = (0.0, 0.03),
    volatilities: tuple[float, ...] = (0.05, 0.2, 0.8),
    kinds: tuple[int, ...] = (CALL, PUT),
) -> pd.DataFrame:
    """Every combination, one option a row; ``moneyness`` is strike over spot."""
    rows = product((100.0,), moneyness, maturities, rates, dividends, volatilities, kinds)
    names = ["spot", "moneyness", "maturity", "rate", "dividend", "volatility", "kind"]
    table = pd.DataFrame(list(rows), columns=names)
    table.insert(1, "strike", table["spot"] * table["moneyness"])
    table["kind"] = table["kind"].astype(np.int64)
    return table.drop(columns="moneyness")


def of_one_cause(findings: Sequence[Finding], total: int) -> list[Finding]:
    """The findings, as one where more than half of what is asked of a pricer fails.

    A sign or an integral that is wrong breaks nearly everything, and is one thing to mend.
    """
    if 2 * len(findings) <= total:
        return list(findings)
    return [replace(finding, cause="wrong nearly everywhere") for finding in findings]


def asked_of(subject: Subject, grid: pd.DataFrame) -> pd.DataFrame:
    """The options of a grid that a pricer can be asked for.

    A term that it is declared not to have (``absent: {pricing.dividend: ...}``) is zero.
    """
    for term in ("rate", "dividend"):
        if subject.lacks(f"pricing.{term}"):
            grid = grid.assign(**{term: 0.0})
    return grid.drop_duplicates(ignore_index=True)


def random_terms(rng: np.random.Generator, count: int) -> pd.DataFrame:
    """Drawn options: spots, moneyness, maturities, rates, dividends, volatilities, both kinds.

    Nothing is a round number, so that a fault which vanishes at some value shows at the others.
    """
    spot = 10.0 ** rng.uniform(0.5, 3.5, count)
    return pd.DataFrame(
        {
            "spot": spot,
            "strike": spot * np.exp(rng.normal(0.0, 0.25, count)),
            "maturity": np.exp(rng.uniform(np.log(0.01), np.log(4.0), count)),
            "rate": rng.uniform(-0.02, 0.08, count),
            "dividend": rng.uniform(0.0, 0.06, count),
            "volatility": np.exp(rng.uniform(np.log(0.05), np.log(0.9), count)),
            "kind": rng.choice(np.array([CALL, PUT]), count),
        }
    )


def sound_quotes(seed: int, strikes: int) -> pd.DataFrame:
    """Total variances of drawn slices without arbitrage, in the SVI form, of all MATURITIES.

    Source: Gatheral and Jacquier (2014), Arbitrage-free SVI volatility surfaces.
    """
    rng = np.random.default_rng(seed)
    level, slope = rng.uniform(0.03, 0.06), rng.uniform(-0.5, -0.2)
    k = np.linspace(-0.3, 0.3, strikes)
    bend = slope * (k + 0.02) + np.sqrt((k + 0.02) ** 2 + 0.15**2)
    parts = [
        pd.DataFrame(
            {"log_moneyness": k, "maturity": t, "total_variance": level * t * (0.6 + 1.5 * bend)}
        )
        for t in MATURITIES
    ]
    return pd.concat(parts, ignore_index=True)


def black_scholes(table: pd.DataFrame) -> Floats:
    """Prices in closed form.

    Source: Black and Scholes (1973), The Pricing of Options and Corporate Liabilities; Merton
        (1973) with a continuous dividend yield.
    """
    spot, strike, kind = discounted_spot(table), discounted_strike(table), table["kind"].to_numpy()
    deviation = (table["volatility"] * np.sqrt(table["maturity"])).to_numpy(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        high = np.log(spot / strike) / deviation + deviation / 2
    price = kind * (spot * ndtr(kind * high) - strike * ndtr(kind * (high - deviation)))
    return np.where(deviation > 0, price, floor(table))


def discounted_spot(table: pd.DataFrame) -> Floats:
    """Spot less the dividends until maturity, today."""
    return np.asarray(table["spot"] * np.exp(-table["dividend"] * table["maturity"]))


def discounted_strike(table: pd.DataFrame) -> Floats:
    """Strike, today."""
    return np.asarray(table["strike"] * np.exp(-table["rate"] * table["maturity"]))


def floor(table: pd.DataFrame) -> Floats:
    """Least price without arbitrage, which is the price at zero volatility."""
    worth = table["kind"].to_numpy() * (discounted_spot(table) - discounted_strike(table))
    return np.maximum(worth, 0.0)


def ceiling(table: pd.DataFrame) -> Floats:
    """Largest price without arbitrage, which is the price at infinite volatility."""
    call = table["kind"].to_numpy() == CALL
    return np.where(call, discounted_spot(table), discounted_strike(table))


def text_of(option: pd.Series) -> str:
    """One option as people write it."""
    kind = "call" if option["kind"] == CALL else "put"
    parts = [f"{kind} S {option['spot']:g} K {option['strike']:g} T {option['maturity']:g}"]
    parts.append(f"r {option['rate']:g} q {option['dividend']:g}")
    if "volatility" in option:
        parts.append(f"σ {option['volatility']:g}")
    return " ".join(parts)


def surface_history(rng: np.random.Generator, days: int) -> Floats:
    """Total variances of surfaces that move in three ways, shape (days, 35).

    Each way is a hump of one sign with one highest place, so that any usual convention for signs
    holds in every sample: long maturities, short ones at low strikes, short ones at high strikes.
    """
    k, t = np.meshgrid(np.linspace(-0.4, 0.2, 7), (0.1, 0.25, 0.5, 1.0, 2.0), indexing="ij")
    humps = np.stack([0.3 + t, np.exp(-5 * k - 2 * t), np.exp(6 * k) * (t < 0.4)])
    ways, _ = np.linalg.qr(humps.reshape(WAYS, -1).T)
    moves = rng.normal(size=(days, WAYS)) * (0.012, 0.004, 0.0015)
    still = ((0.04 + 0.05 * k**2 - 0.02 * k) * (0.5 + t)).ravel()
    return np.asarray(still + moves @ ways.T + rng.normal(0, 1e-5, (days, still.size)))
