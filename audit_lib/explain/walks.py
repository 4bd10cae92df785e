"""Attribution of any function through its hook: exact for linear ones, sampled for others.

A *walk* starts at a row of the background and sets one factor after the other, in a random order,
to its value in the row that is explained; the step that a factor makes is its contribution.  The
mean over orders and background rows is the (interventional) Shapley value: Castro et al. 2009,
*Polynomial calculation of the Shapley value based on sampling*; Štrumbelj and Kononenko 2014.
shap's own permutation explainer makes a call a row; here one table holds the walks of all rows, and
one call answers for all heads.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from audit_lib.arrays import Floats, Integers
from audit_lib.explain.answers import HookFunction

#: walks of each row: two at least, since their product tells size from noise
FEWEST, MOST = 2, 8
#: a linear function is met on rows it was not fitted on as closely as this
EXACT = 1e-9


@dataclass(frozen=True)
class Contributions:
    """What each factor contributes to each row.

    Attributes:
        walks: shape (walks, rows, factors); one walk where they are exact.
        base: what the function answers on average over the background.
        method: ``tree``, ``linear`` or ``sampled``.
        perturbation: ``path_dependent`` or ``interventional``.
        unit: what the contributions sum to, in words.
        error: largest departure of their sum from what the function answers, relative to its
            spread over the rows.
    """

    walks: Floats
    base: float
    method: str
    perturbation: str
    unit: str
    error: float

    @property
    def values(self) -> Floats:
        """Mean over walks, shape (rows, factors)."""
        mean: Floats = self.walks.mean(axis=0)
        return mean

    @property
    def squares(self) -> Floats:
        """Of each row and factor, an unbiased estimate of its contribution squared.

        Of two independent estimates the product has the right mean; the square of one has the
        noise on top, which would make a factor that matters little look larger than it is.
        """
        return squared(self.walks)


def squared(estimates: Floats) -> Floats:
    """Square of what independent estimates, stacked first, are estimates of; without bias."""
    count = len(estimates)
    if count == 1:
        return np.asarray(estimates[0] ** 2)
    total = estimates.sum(axis=0) ** 2 - (estimates**2).sum(axis=0)
    return np.asarray(total / (count * (count - 1)))


def sampled(
    answers: HookFunction,
    table: pd.DataFrame,
    background: pd.DataFrame,
    rng: np.random.Generator,
    *,
    budget: int,
    most: int = MOST,
) -> dict[str, Contributions]:
    """Contributions to every answer of a hook, by walks.

    Args:
        table: rows to explain, shape (n, d).
        background: rows that walks start from.
        rng: for orders and starts.
        budget: about how many rows may be asked about.
        most: walks that there is time for.
    """
    rows, width = table.shape
    count = int(np.clip(budget // max(rows * (width + 1), 1), FEWEST, most))
    walked = [_walk(answers, table, background, rng) for _ in range(count)]
    direct = answers.one(table)
    base = answers.one(background)
    contributions = {}
    for number, name in enumerate(answers.names):
        steps = np.stack([w[0][:, :, number] for w in walked])
        reached = np.stack([w[1][:, number] for w in walked])
        contributions[name] = Contributions(
            steps,
            _mean(base[:, number]),
            "sampled",
            "interventional",
            name,
            _departure(reached, direct[:, number]),
        )
    return contributions


def _walk(
    answers: HookFunction, table: pd.DataFrame, background: pd.DataFrame, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Steps of one walk a row, shape (rows, factors, answers), and what it reached."""
    rows, width = table.shape
    if answers.together:
        order = np.argsort(rng.random((rows, width)), axis=1)
        start = background.iloc[rng.integers(len(background), size=rows)]
    else:
        # A row is answered with its neighbours: all of a table take the same step at once.
        order = np.tile(rng.permutation(width), (rows, 1))
        start = table.iloc[rng.permutation(rows)]
    place = np.argsort(order, axis=1)  # when a column is set
    tables = list(steps_between(start, table, place, table.index))
    answered = np.stack(answers(tables))  # (steps, rows, answers)
    return np.diff(answered, axis=0)[place, np.arange(rows)[:, None]], answered[-1]


def steps_between(
    start: pd.DataFrame, end: pd.DataFrame, place: Integers, index: pd.Index | None = None
) -> Iterator[pd.DataFrame]:
    """Tables on the way from rows to others, the first as they start, the last as they end.

    Args:
        end: as many rows as ``start``, or one that all end at.
        place: of each row and column, at which step it is set.
        index: of the tables.
    """
    there, here = _columns(end), _columns(start)
    for step in range(place.shape[1] + 1):
        chosen = {
            name: np.where(place[:, i] < step, there[i], here[i])
            for i, name in enumerate(end.columns)
        }
        yield pd.DataFrame(chosen, index=index)


def linear(
    answers: HookFunction, table: pd.DataFrame, background: pd.DataFrame, rng: np.random.Generator
) -> dict[str, Contributions]:
    """Contributions to those answers that are linear in their inputs, exactly; no others.

    A function is called linear where a plane through half of the rows meets the other half.
    """
    kinds = table.dtypes
    rows, width = table.shape
    if rows < 2 * (width + 8) or not all(pd.api.types.is_numeric_dtype(k) for k in kinds):
        return {}
    # Values that vary independently tell coefficients apart where columns hang together.
    mixed = pd.DataFrame(
        {c: table[c].to_numpy()[rng.permutation(rows)] for c in table.columns}, index=table.index
    )
    values = mixed.to_numpy(dtype=np.float64)
    centre, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    spread[spread == 0] = 1.0
    design = np.column_stack([(values - centre) / spread, np.ones(rows)])
    mixed_answers, direct = answers([mixed, table])
    complete = np.isfinite(design).all(axis=1)
    contributions = {}
    for number, name in enumerate(answers.names):
        y = mixed_answers[:, number]
        usable = np.flatnonzero(complete & np.isfinite(y))
        if len(usable) < 2 * (width + 8) or np.ptp(y[usable]) == 0:
            continue
        fit, held = usable[::2], usable[1::2]
        weights = np.linalg.lstsq(design[fit], y[fit], rcond=None)[0]
        off = np.abs(design[held] @ weights - y[held]).max()
        if off > EXACT * np.ptp(y[usable]):
            continue
        slope = weights[:-1] / spread
        typical = np.nanmean(background.to_numpy(dtype=np.float64), axis=0)
        parts = (table.to_numpy(dtype=np.float64) - typical) * slope
        base = float(((typical - centre) / spread) @ weights[:-1] + weights[-1])
        error = _departure((parts.sum(axis=1) + base)[None], direct[:, number])
        if error <= 1e-6:
            method = ("linear", "interventional", name, error)
            contributions[name] = Contributions(parts[None], base, *method)
    return contributions


def _columns(table: pd.DataFrame) -> list[npt.NDArray[np.generic]]:
    return [table.iloc[:, i].to_numpy() for i in range(table.shape[1])]


def _mean(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _departure(reached: Floats, direct: Floats) -> float:
    """Largest difference, of the spread of what is answered directly; infinite where one is NaN."""
    both = np.isnan(reached) & np.isnan(direct)
    off = np.where(both, 0.0, np.abs(reached - direct))
    finite = direct[np.isfinite(direct)]
    if not len(finite):
        return 0.0
    scale = float(np.ptp(finite)) or float(np.abs(finite).max()) or 1.0
    worst = float(off.max(initial=0.0))
    return worst / scale if np.isfinite(worst) else float("inf")
