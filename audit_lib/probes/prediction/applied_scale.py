"""What a consumer does to each feature before the model sees it: measured, not read.

Most scalers are straight lines, of the feature or of its logarithm, cut at the ends.  The line is
found from what goes in and what comes out; centre and scale follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats

EXACT, NEAR = 1e-6, 1e-4
FEWEST = 12
"""rows that tell a line"""

IDENTITY, LOG, LOG1P = "x", "log(x)", "log(1 + x)"
CHANGES: dict[str, Callable[[Floats], Floats]] = {
    IDENTITY: np.asarray,
    LOG: np.log,
    LOG1P: np.log1p,
}


@dataclass(frozen=True)
class Line:
    """How one column is scaled: ``(change(x) - centre) / scale``.

    Attributes:
        change: what is taken of the feature first.
        centre, scale: of the line.
        clipped: share of rows that are cut off at an end.
    """

    change: str
    centre: float
    scale: float
    clipped: float


def line(x: Floats, y: Floats) -> Line | None:
    """The line behind one column; None where it is none, or where nothing varies."""
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) < FEWEST or not (np.ptp(x) > 0 and np.ptp(y) > 0):
        return None
    inner = (y > y.min()) & (y < y.max())
    at_end = [float((y == end).mean()) for end in (y.min(), y.max())]
    clipped = sum(share for share in at_end if share * len(y) >= 2)
    inside = inner if inner.sum() >= FEWEST else np.ones(len(y), dtype=bool)
    for name, change in CHANGES.items():
        with np.errstate(all="ignore"):
            changed = np.asarray(change(x[inside]), dtype=np.float64)
        if np.isfinite(changed).all() and np.ptp(changed) > 0:
            slope, offset = np.polyfit(changed - changed.mean(), y[inside], 1)
            off = np.abs(slope * (changed - changed.mean()) + offset - y[inside]).max()
            if slope and off <= EXACT * np.ptp(y):
                return Line(name, float(changed.mean() - offset / slope), 1 / float(slope), clipped)
    return None


def lines(given: pd.DataFrame, scaled: pd.DataFrame) -> dict[str, Line | None]:
    """The line behind each column that both have."""
    return {
        str(c): line(*(t[c].to_numpy(np.float64, na_value=np.nan) for t in (given, scaled)))
        for c in given.columns
        if c in scaled
    }


def constants(given: pd.DataFrame) -> list[str]:
    """Columns that hold one value: nothing can be told of their scale."""
    values = given.to_numpy(np.float64, na_value=np.nan)
    with np.errstate(all="ignore"):
        still = ~(np.nanmax(values, axis=0) > np.nanmin(values, axis=0))
    return [str(c) for c, s in zip(given.columns, still, strict=True) if s]


@dataclass(frozen=True)
class Apart:
    """How one column is scaled otherwise than recorded.

    Attributes:
        text: how, with numbers; '' for not at all.
        cause: the same as a cause that other columns may share.
        off: the scale as a share of the recorded one, or the centre in such, whichever is further.
    """

    text: str = ""
    cause: str = ""
    off: float = 0.0


def apart(measured: Line, centre: float, scale: float, factors: tuple[float, ...]) -> Apart:
    """The line against a recorded centre and scale.

    Args:
        factors: what the recorded scale may rightly be multiplied by, such as 1.4826.
    """
    ratio = measured.scale / scale
    offset = (measured.centre - centre) / scale
    wider = min(abs(ratio / f - 1) for f in factors)
    off = max(wider, abs(offset))
    if not wider < NEAR:
        nearest = f"{ratio:.4g}"
        also = f", and around {measured.centre:.6g}, not {centre:.6g}" if abs(offset) > NEAR else ""
        text = f"is divided by {nearest} times its recorded scale{also}"
        return Apart(text, f"times {nearest}", off)
    if abs(offset) > NEAR:
        without = abs(measured.centre) <= 1e-6 * abs(measured.scale)
        what = "not centred" if without else "centred elsewhere"
        text = f"is scaled around {measured.centre:.6g}, and {centre:.6g} is recorded"
        return Apart(text, what, off)
    return Apart(off=off)
