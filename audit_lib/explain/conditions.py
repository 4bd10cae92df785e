"""Conditions, what follows under them, and how often: the form of a rule, whoever made it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from audit_lib.arrays import Flags, Floats, Integers
from audit_lib.explain.importance import UNKNOWN, Bootstrap, Estimate
from audit_lib.explain.rows import Rows

Truths = Flags


@dataclass(frozen=True)
class Condition:
    """``above < factor <= up_to``; None leaves a side open."""

    factor: str
    above: float | None = None
    up_to: float | None = None
    missing: bool = False

    def holds(self, column: pd.Series) -> Truths:
        """Of each value, whether it meets the condition."""
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        with np.errstate(invalid="ignore"):
            inside = np.ones(len(values), dtype=bool)
            if self.above is not None:
                inside &= values > self.above
            if self.up_to is not None:
                inside &= values <= self.up_to
        return np.where(np.isnan(values), self.missing, inside)

    @property
    def sides(self) -> tuple[tuple[str, str], ...]:
        """What kind of condition it is, without its numbers."""
        sides = []
        if self.above is not None:
            sides.append((self.factor, "above"))
        if self.up_to is not None:
            sides.append((self.factor, "up to"))
        return tuple(sides)


def all_hold(conditions: Iterable[Condition], table: pd.DataFrame) -> Truths:
    """Of each row, whether all conditions hold."""
    holds = np.ones(len(table), dtype=bool)
    for condition in conditions:
        holds &= condition.holds(table[condition.factor])
    return holds


@dataclass(frozen=True)
class Event:
    """What an answer comes to: it equals a class, or is above, or at most, a number."""

    kind: Literal["equals", "above", "up_to"]
    value: float

    def so(self, answered: Floats) -> Truths:
        """Of each answer, whether it is so."""
        if self.kind == "equals":
            return np.asarray(answered == self.value)
        with np.errstate(invalid="ignore"):
            above = answered > self.value
        return np.asarray(above if self.kind == "above" else ~above & ~np.isnan(answered))


@dataclass(frozen=True)
class Rule:
    """One path, measured on rows that it was not learned on.

    Attributes:
        conditions: all of which hold.
        event: what the answer then is; of numbers, against the median of earlier rows.
        support: share of held-out rows; ``rows`` how many.
        precision: share of them in which the outcome is so; ``base`` that of all held-out rows.
        lift: precision over base.
        stability: share of trees, grown anew on drawn pieces of time, with a path of the same kind.
    """

    conditions: tuple[Condition, ...]
    event: Event
    support: float
    rows: int
    precision: Estimate
    base: float
    lift: Estimate
    mean: float
    stability: float = 0.0

    def holds(self, table: pd.DataFrame) -> Truths:
        """Of each row, whether all conditions hold."""
        return all_hold(self.conditions, table)


@dataclass(frozen=True)
class Learned:
    """What was found out about one head.

    Attributes:
        name: of the head, ``decision``, ``enter``, ``exit`` or ``position``.
        rules: none where nothing was learned; ``why`` says why then.
        skill: of the tree on held-out rows: share of squared error, or of wrong answers, that it
            spares against the mean, or the most frequent class, of the rows it was learned on.
        kind: ``classes`` or ``number``.
    """

    name: str
    kind: str
    rules: tuple[Rule, ...] = ()
    skill: Estimate = UNKNOWN
    why: str = ""
    train: int = 0
    held: int = 0
    purge: str = ""


@dataclass(frozen=True)
class Split:
    """Earlier rows and later ones, with a purge between them."""

    train: Integers
    held: Integers
    purge: str


def split_in_time(rows: Rows, bars: int) -> Split:
    """The earlier six tenths of the dates, and the rest but for the purge.

    Without dates the order of the rows is taken for time.
    """
    if rows.dates is None:
        place, what = np.arange(len(rows)), "rows, whose order is taken for time"
    else:
        place, what = np.unique(rows.dates, return_inverse=True)[1], "dates"
    steps = int(place.max(initial=0)) + 1
    cut = int(0.6 * steps)
    held = np.flatnonzero(place >= cut + bars)
    return Split(np.flatnonzero(place < cut), held, f"{bars} {what}")


def precision_of(right: Truths, holds: Truths, bootstrap: Bootstrap) -> Estimate:
    """Share of the rows that a rule covers in which its outcome is so."""
    mean, draws = bootstrap.mean(np.where(holds, right, np.nan)[:, None])
    return bounded(bootstrap.spread(mean, draws)[0], int(holds.sum()), bootstrap)


def bounded(precision: Estimate, rows: int, bootstrap: Bootstrap) -> Estimate:
    """Within 0 and 1; where all rows agree, as far as so many pieces of time could tell."""
    pieces = min(rows, bootstrap.pieces)
    hits = precision.value * pieces
    low, high = (
        stats.beta.ppf(0.025, hits, pieces - hits + 1) if hits > 0 else 0.0,
        stats.beta.ppf(0.975, hits + 1, pieces - hits) if hits < pieces else 1.0,
    )
    if np.isfinite(precision.low) and 0 < precision.value < 1:
        low, high = max(precision.low, 0.0), min(precision.high, 1.0)
    return Estimate(precision.value, precision.error, float(low), float(high))
