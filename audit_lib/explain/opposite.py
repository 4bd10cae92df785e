"""The smallest change that gives another decision.

The nearest opposite is the smallest change of one factor, or of two, within what was observed, that
gives another decision: a counterfactual explanation (Wachter, Mittelstadt and Russell 2017).  A
change is measured in interquartile ranges of its factor, and two add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.explain.answers import HookFunction
from audit_lib.explain.rows import Rows

#: points of a factor's observed range that are tried, and times a turn is halved in on
GRID, HALVINGS = 33, 12
#: factors of which two are changed together, and points of each
PAIRED, PAIR_GRID = 6, 12
#: changes that are told
TOLD = 5


@dataclass(frozen=True)
class Counterfactual:
    """A change that gives another decision.

    Attributes:
        factors: name to value before and after.
        distance: in interquartile ranges, summed over factors.
        decision: what is decided then.
    """

    factors: dict[str, tuple[float, float]]
    distance: float
    decision: float

    @property
    def words(self) -> str:
        """``volatility_5 from 0.21 to 0.18``."""
        moved = [f"{n} from {a:.4g} to {b:.4g}" for n, (a, b) in self.factors.items()]
        return " and ".join(moved)


@dataclass(frozen=True)
class SingleRow:
    """One row among those that are decided with it: asked with any of its columns changed."""

    answers: HookFunction
    beside: pd.DataFrame
    at: int

    def __call__(self, variants: pd.DataFrame) -> Floats:
        """HookFunction to the row in each variant, shape (variants, names)."""
        if self.answers.together:
            index = self.beside.index[[self.at] * len(variants)]
            return self.answers.one(variants.set_axis(index))
        tables = []
        for i in range(len(variants)):
            table = self.beside.copy()
            table.iloc[self.at] = variants.iloc[i]
            tables.append(table)
        return np.stack([got[self.at] for got in self.answers(tables)])

    @property
    def row(self) -> pd.DataFrame:
        """As it is, shape (1, columns)."""
        return self.beside.iloc[[self.at]]


def opposite(
    row: SingleRow, rows: Rows, now: Floats, order: npt.NDArray[np.intp]
) -> tuple[tuple[Counterfactual, ...], int]:
    """Smallest changes of one factor, and of two where that is less, that turn the decision."""
    numeric = [c for c in rows.table.columns if str(c) in set(rows.numeric)]
    measured = {c: _range(rows.table[c], GRID) for c in numeric}
    ranges = {c: r for c, r in measured.items() if r is not None}
    probes = [(c, v) for c, (grid, _) in ranges.items() for v in grid]
    tried = len(probes)
    if not probes:
        return (), 0
    got = row(_changed(row, [{c: v} for c, v in probes]))[:, 0]
    turned: dict[str, float] = {}
    for (c, v), decision in zip(probes, got, strict=True):
        before = float(row.row[c].iloc[0])
        if _other(decision, now[0]) and np.isfinite(before):
            closer = c not in turned or abs(v - before) < abs(turned[c] - before)
            turned[c] = float(v) if closer else turned[c]
    singles = _closed_in(row, now, turned, ranges)
    tried += HALVINGS * len(turned)
    least = min((s.distance for s in singles), default=np.inf)
    pairs, more = _pairs(row, rows, now, [str(rows.table.columns[i]) for i in order], least)
    changes = sorted([*singles, *pairs], key=lambda c: c.distance)
    return tuple(changes[:TOLD]), tried + more


def _closed_in(
    row: SingleRow, now: Floats, turned: dict[str, float], ranges: dict[str, tuple[Floats, float]]
) -> list[Counterfactual]:
    """Between the value as it is and one that turns the decision: the least that does."""
    near = {c: float(row.row[c].iloc[0]) for c in turned}
    far = dict(turned)
    for _ in range(HALVINGS if turned else 0):
        middle = {c: (near[c] + far[c]) / 2 for c in turned}
        got = row(_changed(row, [{c: v} for c, v in middle.items()]))[:, 0]
        for c, decision in zip(turned, got, strict=True):
            (far if _other(decision, now[0]) else near)[c] = middle[c]
    if not far:
        return []
    last = row(_changed(row, [{c: v} for c, v in far.items()]))[:, 0]
    changes = []
    for (c, v), decision in zip(far.items(), last, strict=True):
        if _other(decision, now[0]):
            before = float(row.row[c].iloc[0])
            distance = abs(v - before) / ranges[c][1]
            changes.append(Counterfactual({c: (before, v)}, distance, float(decision)))
    return changes


def _pairs(
    row: SingleRow, rows: Rows, now: Floats, strongest: Sequence[str], least: float
) -> tuple[list[Counterfactual], int]:
    """The smallest change of each two of the strongest factors, where it is less than ``least``."""
    usable: dict[str, tuple[Floats, float]] = {}
    for name in strongest:
        if len(usable) < PAIRED and name in rows.numeric:
            measured = _range(rows.table[name], PAIR_GRID)
            if measured is not None and np.isfinite(float(row.row[name].iloc[0])):
                usable[name] = measured
    probes: list[tuple[float, dict[str, float]]] = []
    for a, b in combinations(usable, 2):
        for x in usable[a][0]:
            for y in usable[b][0]:
                moved = {a: float(x), b: float(y)}
                distance = sum(
                    abs(v - float(row.row[c].iloc[0])) / usable[c][1] for c, v in moved.items()
                )
                if distance < least:
                    probes.append((distance, moved))
    if not probes:
        return [], 0
    got = row(_changed(row, [moved for _, moved in probes]))[:, 0]
    best: dict[tuple[str, ...], Counterfactual] = {}
    for (distance, moved), decision in zip(probes, got, strict=True):
        key = tuple(moved)
        if _other(decision, now[0]) and (key not in best or distance < best[key].distance):
            factors = {c: (float(row.row[c].iloc[0]), v) for c, v in moved.items()}
            best[key] = Counterfactual(factors, distance, float(decision))
    return list(best.values()), len(probes)


def _range(column: pd.Series, points: int) -> tuple[Floats, float] | None:
    """Points within the observed range, and the interquartile range; None for a constant."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    values = values[np.isfinite(values)]
    if len(values) < 2 or np.ptp(values) == 0:
        return None
    whole = pd.api.types.is_integer_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
    grid = np.unique(np.quantile(values, np.linspace(0.005, 0.995, points)))
    low, high = np.quantile(values, [0.25, 0.75])
    scale = float(high - low) or float(np.std(values))
    return (np.unique(np.round(grid)) if whole else grid), scale


def _changed(row: SingleRow, changes: Sequence[dict[str, float]]) -> pd.DataFrame:
    """The row in each of those variants."""
    base = row.row
    columns = {}
    for name in base.columns:
        value = base[name].iloc[0]
        columns[name] = [change.get(name, value) for change in changes]
    table = pd.DataFrame(columns)
    kinds = {
        c: kind
        for c, kind in base.dtypes.items()
        if not pd.api.types.is_integer_dtype(kind) or (table[c] == np.round(table[c])).all()
    }
    return table.astype(kinds)


def _other(decision: float, now: float) -> bool:
    return bool(np.isfinite(decision)) and decision != now
