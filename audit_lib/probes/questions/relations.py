"""Relations between answers that hold whatever the answers are.

Metamorphic relations (Chen et al. 1998; Segura et al. 2016, doi:10.1109/TSE.2016.2532875) need no
expected values.  The functions here judge sequences of answers; the questions come from the check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats


@dataclass(frozen=True)
class Break:
    """Where a relation breaks.

    Attributes:
        before, after: positions in the sequence, the earlier one first.
        amount: by how much, in the unit of the values; 1.0 for truth values.
    """

    before: int
    after: int
    amount: float = 1.0


def first_retraction(flags: Sequence[bool | None]) -> Break | None:
    """Where an answer that was True becomes False further up the ladder.  None is no answer."""
    held: int | None = None
    for position, flag in enumerate(flags):
        if flag:
            held = position
        elif flag is False and held is not None:
            return Break(held, position)
    return None


def largest_fall(values: Sequence[float] | Floats, slack: float = 0.0) -> Break | None:
    """The largest fall below an earlier value of a sequence that must not fall; NaN is no answer.

    Args:
        slack: falls up to this size are rounding.
    """
    worst: Break | None = None
    peak: int | None = None
    for position, value in enumerate(values):
        if np.isnan(value):
            continue
        if peak is None or value > values[peak]:
            peak = position
            continue
        fall = float(values[peak] - value)
        if fall > slack and (worst is None or fall > worst.amount):
            worst = Break(peak, position, fall)
    return worst


def dominance_breaks(
    scores: Floats, values: Floats, free: Flags, *, slack: float
) -> tuple[int, int, Break | None]:
    """Pairs where a row that is at least as good in every score has a smaller value.

    Rows beyond a thousand are left out, evenly.

    Args:
        scores: shape (n, k); larger is better in every column.
        values: shape (n,); what must not fall when scores rise.
        free: shape (n,); rows that may be the better one of a pair (nothing has reduced them).
        slack: falls up to this size are rounding.

    Returns:
        pairs that can be compared, pairs that break, the worst of them (positions are rows of the
        arrays given; ``before`` is the worse row with the larger value).
    """
    n = len(values)
    rows = np.unique(np.linspace(0, n - 1, min(n, 1_000)).astype(int)) if n else np.empty(0, int)
    chosen, answers, able = scores[rows], values[rows], free[rows]
    comparable = broken = 0
    worst: Break | None = None
    for i in np.flatnonzero(able):
        dominates = np.all(chosen[i] >= chosen, axis=1) & np.any(chosen[i] > chosen, axis=1)
        comparable += int(dominates.sum())
        falls = np.where(dominates, answers - answers[i], -np.inf)
        broken += int((falls > slack).sum())
        j = int(np.argmax(falls))
        if falls[j] > slack and (worst is None or falls[j] > worst.amount):
            worst = Break(int(rows[j]), int(rows[i]), float(falls[j]))
    return comparable, broken, worst


def better(
    metrics: Mapping[str, float], name: str, amount: float, direction: str
) -> dict[str, float]:
    """Metrics with one of them better by ``amount`` (worse where negative).

    Args:
        direction: ``higher`` or ``lower``, which of the two is better.
    """
    sign = -1.0 if direction == "lower" else 1.0
    return {**metrics, name: metrics[name] + sign * amount}


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same rows in another order."""
    order = np.random.default_rng(seed).permutation(len(frame))
    return frame.iloc[order]


def reordered_columns(frame: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """The same columns in other orders: reversed, first two swapped, and shuffled."""
    columns = list(frame.columns)
    mixed = list(np.random.default_rng(seed).permutation(len(columns)))
    orders = {
        "reversed": columns[::-1],
        "first two swapped": [*columns[:2][::-1], *columns[2:]],
        "shuffled": [columns[i] for i in mixed],
    }
    return {name: frame[order] for name, order in orders.items() if order != columns}
