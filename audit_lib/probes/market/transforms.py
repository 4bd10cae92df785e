"""What one column is of another: a constant factor, an offset, both, or a logarithm of it.

Two paths that differ in all rows by one simple step differ by one mistake: an annualisation, a
per cent, a scaler, a logarithm that one of them leaves out.  Only what holds exactly is named.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats

FEWEST = 20
"""rows in which a step must hold"""
_EXACT = 1e-6
_LOGS = {"log(x)": np.log, "log(1 + x)": np.log1p, "exp(x)": np.exp, "exp(x) - 1": np.expm1}


@dataclass(frozen=True)
class Step:
    """How a column is made of another.

    Attributes:
        name: what kind of step, without its numbers: ``a constant factor``.
        text: the step with its numbers, after "is".
    """

    name: str
    text: str


def step(of: pd.Series, is_: pd.Series) -> Step | None:
    """The step that makes the second column of the first; None where no single one does.

    It must hold to six digits in every row in which both have a number, and both must vary.
    """
    if not all(pd.api.types.is_numeric_dtype(column) for column in (of, is_)):
        return None
    a, b = (column.to_numpy(np.float64, na_value=np.nan) for column in (of, is_))
    finite = np.isfinite(a) & np.isfinite(b)
    a, b = a[finite], b[finite]
    if len(a) < FEWEST or not (np.ptp(a) > 0 and np.ptp(b) > 0) or _same(a, b):
        return None  # the same where both have a number: what differs is where they have none
    change_of = _linear(a, b)  # first: a small return is nearly its own logarithm, never exactly
    for name, change in _LOGS.items():
        with np.errstate(all="ignore"):
            if change_of is None and _same(change(a), b):
                change_of = Step(name, f"{name}, x being what training builds")
    return change_of


def _linear(a: Floats, b: Floats) -> Step | None:
    low, high = int(np.argmin(a)), int(np.argmax(a))
    factor = float((b[high] - b[low]) / (a[high] - a[low]))
    offset = float(b[low] - factor * a[low])
    if factor and _same(factor * a + offset, b):
        if abs(offset) <= _EXACT * np.abs(b).max():
            return Step("a constant factor", f"{factor:.6g} times what training builds")
        if abs(factor - 1) <= _EXACT:
            return Step("a constant offset", f"{offset:+.6g} beside what training builds")
        text = f"{factor:.6g} times what training builds, and {offset:+.6g}"
        return Step("a constant factor and offset", text)
    return None


def _same(transformed: Floats, got: Floats) -> bool:
    """Equal within six digits of their own spread, and of their size."""
    spread = float(np.ptp(got))
    return bool(np.isfinite(transformed).all()) and bool(
        np.allclose(transformed, got, rtol=_EXACT, atol=_EXACT * spread)
    )
