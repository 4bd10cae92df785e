"""One decision: what made it, which rule covers it, and what would have turned it.

The nearest opposite is the smallest change of one factor, or of two, within what was observed, that
gives another decision: a counterfactual explanation (Wachter, Mittelstadt and Russell 2017).  A
change is measured in interquartile ranges of its factor, and two add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.explain.answers import Answers, decisions_of
from audit_lib.explain.conditions import split_in_time
from audit_lib.explain.learned import rules_record
from audit_lib.explain.looking import purge_of
from audit_lib.explain.records import finite
from audit_lib.explain.rows import Rows, inputs_of
from audit_lib.explain.rules import learn
from audit_lib.model import Evidence, Scalar, View
from audit_lib.subject.subject import Subject

Floats = npt.NDArray[np.float64]
#: walks that contributions are the mean of, and of rows that are decided with others
WALKS, FEWER = 256, 32
#: rows on which rules of the decision are learned
RULED = 2000
#: points of a factor's observed range that are tried, and times a turn is halved in on
GRID, HALVINGS = 33, 12
#: factors of which two are changed together, and points of each
PAIRED, PAIR_GRID = 6, 12
#: changes that are told, and factors of the waterfall
TOLD, BARS = 5, 10


@dataclass(frozen=True)
class Contribution:
    """What one factor contributed, beside its value; ``error`` is the standard error over walks."""

    factor: str
    value: Scalar
    contribution: float
    error: float


@dataclass(frozen=True)
class Change:
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
class WhatIf:
    """One decision, taken apart.

    Attributes:
        asset, date: of the row; '' where the subject's rows have none.
        answers: what was decided, by name: ``decision``, and ``position`` where sizes are told.
        of: the answer whose contributions are told: the position, else the decision.
        base: that answer's mean over the rows that walks start from.
        contributions: the largest first.  They sum to the answer less ``base``, up to their errors.
        opposite: changes that give another decision, the smallest first; empty where none does.
        tried: how many changes were tried.
        rule: the learned rule that covers the row and foretells its decision, as a sentence; ''
            where none does.
    """

    asset: str
    date: str
    answers: dict[str, float]
    of: str
    base: float
    contributions: tuple[Contribution, ...]
    opposite: tuple[Change, ...]
    tried: int
    rule: str = ""

    @property
    def decision(self) -> float:
        """The side that was taken."""
        return self.answers["decision"]

    @property
    def waterfall(self) -> Evidence:
        """From the mean answer to this one, a bar a factor."""
        shown = self.contributions[:BARS]
        rows: list[tuple[Scalar, ...]] = [
            (f"{c.factor} = {_text(c.value)}", c.contribution, *_around(c)) for c in shown
        ]
        rest = sum(c.contribution for c in self.contributions[BARS:])
        if len(self.contributions) > BARS:
            rows.append((f"{len(self.contributions) - BARS} more", rest, None, None))
        return Evidence(
            "waterfall",
            f"What made {self.of} {self.answers[self.of]:.4g} {self.where}".rstrip(),
            ("label", "value", "low", "high"),
            tuple(rows),
            View.BARS,
            f"from {self.base:.4g}, the mean over all rows; lines are 95 % intervals",
        )

    @property
    def where(self) -> str:
        """``for AAPL at 2015-03-16``."""
        parts = [f"for {self.asset}" if self.asset else "", f"at {self.date}" if self.date else ""]
        return " ".join(p for p in parts if p)


@dataclass(frozen=True)
class _Row:
    """One row among those that are decided with it: asked with any of its columns changed."""

    answers: Answers
    beside: pd.DataFrame
    at: int

    def __call__(self, variants: pd.DataFrame) -> Floats:
        """Answers to the row in each variant, shape (variants, names)."""
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


def what_if(subject: Subject, *, asset: str = "", date: str = "", seed: int = 0) -> WhatIf:
    """Take one decision apart.

    Args:
        asset, date: of the row; either may be '' where it tells nothing apart, and the latest row
            is taken then.
        seed: for walks.

    Raises:
        ParameterError: there is no such row; the message names the nearest.
        NotAssessed, NotApplicable: there are no decisions, or they do not answer.
    """
    rows = inputs_of(subject)
    at = _position(rows, asset, date)
    rng = np.random.default_rng(seed)
    answers = decisions_of(subject.hook("decisions.backtest"), rows, rng)
    beside = np.array([at]) if answers.together else _same_date(rows, at)
    row = _Row(answers, rows.table.iloc[beside], int(np.flatnonzero(beside == at)[0]))
    now = row(row.row)[0]
    if not np.isfinite(now[0]):
        raise NotAssessed("nothing is decided on this row")
    names = answers.names
    chosen = len(names) - 1
    walked, base = _walked(row, rows, rng, chosen)
    order = np.argsort(-np.abs(walked.mean(axis=0)), kind="stable")
    changes, tried = _opposite(row, rows, now, order)
    return WhatIf(
        asset="" if rows.assets is None else str(rows.assets[at]),
        date="" if rows.dates is None else _day(rows.dates[at]),
        answers={name: float(value) for name, value in zip(names, now, strict=True)},
        of=names[chosen],
        base=base,
        contributions=tuple(_contribution(row.row, walked, int(i)) for i in order),
        opposite=changes,
        tried=tried,
        rule=_rule(subject, rows, answers, row.row, float(now[0]), seed),
    )


def _rule(
    subject: Subject, rows: Rows, answers: Answers, row: pd.DataFrame, now: float, seed: int
) -> str:
    """The sentence of the rule that covers a row and foretells its decision."""
    some = rows.drawn(RULED, np.random.default_rng(seed), whole_dates=True)
    split = split_in_time(some, purge_of(subject))
    found = learn("decision", answers.one(some.table)[:, 0], some, split, seed=seed, group={})
    told = rules_record(subject, found).rules
    for rule, record in zip(found.rules, told, strict=True):
        if rule.holds(row)[0] and rule.event.so(np.array([now]))[0]:
            return record.sentence
    return ""


def _position(rows: Rows, asset: str, date: str) -> int:
    """Which row is meant: the latest of those that fit."""
    fits = np.ones(len(rows), dtype=bool)
    if asset:
        if rows.assets is None:
            raise ParameterError("the rows name no asset", mend="leave the asset out")
        fits &= rows.assets == asset
        if not fits.any():
            known = ", ".join(sorted(set(map(str, rows.assets)))[:12])
            raise ParameterError(f"no row is of asset {asset!r}", mend=f"known are {known}")
    if date:
        if rows.dates is None:
            raise ParameterError("the rows have no dates", mend="leave the date out")
        try:
            wanted = pd.Timestamp(date).to_datetime64()
        except ValueError:
            raise ParameterError(f"{date!r} is no date", mend="write 2015-03-16") from None
        there = fits & (rows.dates == wanted)
        if not there.any():
            own = rows.dates[fits]
            near = own[np.argsort(np.abs(own - wanted), kind="stable")[:2]]
            raise ParameterError(
                f"no row is at {date}", mend=f"the nearest are {', '.join(map(_day, sorted(near)))}"
            )
        fits = there
    found = np.flatnonzero(fits)
    last = found if rows.dates is None else found[np.argsort(rows.dates[found], kind="stable")]
    return int(last[-1])


def _same_date(rows: Rows, at: int) -> npt.NDArray[np.int64]:
    """The rows that are decided together with one."""
    if rows.dates is None:
        return np.arange(len(rows))
    return np.flatnonzero(rows.dates == rows.dates[at])


def _walked(row: _Row, rows: Rows, rng: np.random.Generator, chosen: int) -> tuple[Floats, float]:
    """Steps of walks to the row, shape (walks, factors), and the mean that they start from."""
    walks = WALKS if row.answers.together else FEWER
    start = rows.table.iloc[rng.integers(len(rows), size=walks)]
    width = rows.table.shape[1]
    order = np.argsort(rng.random((walks, width)), axis=1)
    place = np.argsort(order, axis=1)
    own = [row.row.iloc[:, i].to_numpy() for i in range(width)]
    asked = []
    for step in range(width + 1):
        columns = {
            name: np.where(place[:, i] < step, own[i], start.iloc[:, i].to_numpy())
            for i, name in enumerate(rows.table.columns)
        }
        asked.append(pd.DataFrame(columns))
    whole = pd.concat(asked, ignore_index=True).astype(rows.table.dtypes.to_dict())
    answered = row(whole)[:, chosen].reshape(width + 1, walks)
    moved = np.diff(answered, axis=0)
    steps = np.empty((walks, width))
    for step in range(width):
        steps[np.arange(walks), order[:, step]] = moved[step]
    return steps, float(np.nanmean(answered[0]))


def _opposite(
    row: _Row, rows: Rows, now: Floats, order: npt.NDArray[np.intp]
) -> tuple[tuple[Change, ...], int]:
    """Smallest changes of one factor, and of two where that is less, that turn the decision."""
    numeric = [c for c in rows.table.columns if str(c) in set(rows.numeric)]
    found = {c: _range(rows.table[c], GRID) for c in numeric}
    ranges = {c: r for c, r in found.items() if r is not None}
    asked = [(c, v) for c, (grid, _) in ranges.items() for v in grid]
    tried = len(asked)
    if not asked:
        return (), 0
    got = row(_changed(row, [{c: v} for c, v in asked]))[:, 0]
    turned: dict[str, float] = {}
    for (c, v), decision in zip(asked, got, strict=True):
        before = float(row.row[c].iloc[0])
        if _other(decision, now[0]) and np.isfinite(before):
            closer = c not in turned or abs(v - before) < abs(turned[c] - before)
            turned[c] = float(v) if closer else turned[c]
    singles = _closed_in(row, now, turned, ranges)
    tried += HALVINGS * len(turned)
    least = min((s.distance for s in singles), default=np.inf)
    pairs, more = _pairs(row, rows, now, [str(rows.table.columns[i]) for i in order], least)
    made = sorted([*singles, *pairs], key=lambda c: c.distance)
    return tuple(made[:TOLD]), tried + more


def _closed_in(
    row: _Row, now: Floats, turned: dict[str, float], ranges: dict[str, tuple[Floats, float]]
) -> list[Change]:
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
    made = []
    for (c, v), decision in zip(far.items(), last, strict=True):
        if _other(decision, now[0]):
            before = float(row.row[c].iloc[0])
            distance = abs(v - before) / ranges[c][1]
            made.append(Change({c: (before, v)}, distance, float(decision)))
    return made


def _pairs(
    row: _Row, rows: Rows, now: Floats, strongest: Sequence[str], least: float
) -> tuple[list[Change], int]:
    """The smallest change of each two of the strongest factors, where it is less than ``least``."""
    usable: dict[str, tuple[Floats, float]] = {}
    for name in strongest:
        if len(usable) < PAIRED and name in rows.numeric:
            found = _range(rows.table[name], PAIR_GRID)
            if found is not None and np.isfinite(float(row.row[name].iloc[0])):
                usable[name] = found
    asked: list[tuple[float, dict[str, float]]] = []
    for a, b in combinations(usable, 2):
        for x in usable[a][0]:
            for y in usable[b][0]:
                moved = {a: float(x), b: float(y)}
                distance = sum(
                    abs(v - float(row.row[c].iloc[0])) / usable[c][1] for c, v in moved.items()
                )
                if distance < least:
                    asked.append((distance, moved))
    if not asked:
        return [], 0
    got = row(_changed(row, [moved for _, moved in asked]))[:, 0]
    best: dict[tuple[str, ...], Change] = {}
    for (distance, moved), decision in zip(asked, got, strict=True):
        key = tuple(moved)
        if _other(decision, now[0]) and (key not in best or distance < best[key].distance):
            told = {c: (float(row.row[c].iloc[0]), v) for c, v in moved.items()}
            best[key] = Change(told, distance, float(decision))
    return list(best.values()), len(asked)


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


def _changed(row: _Row, changes: Sequence[dict[str, float]]) -> pd.DataFrame:
    """The row in each of those variants."""
    base = row.row
    columns = {}
    for name in base.columns:
        value = base[name].iloc[0]
        columns[name] = [change.get(name, value) for change in changes]
    made = pd.DataFrame(columns)
    kinds = {
        c: kind
        for c, kind in base.dtypes.items()
        if not pd.api.types.is_integer_dtype(kind) or (made[c] == np.round(made[c])).all()
    }
    return made.astype(kinds)


def _other(decision: float, now: float) -> bool:
    return bool(np.isfinite(decision)) and decision != now


def _contribution(row: pd.DataFrame, walked: Floats, at: int) -> Contribution:
    steps = walked[:, at]
    column = row.iloc[:, at]
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    plain: Scalar = finite(float(column.iloc[0])) if numeric else str(column.iloc[0])
    error = float(steps.std(ddof=1) / np.sqrt(len(steps)))
    return Contribution(str(row.columns[at]), plain, float(steps.mean()), error)


def _around(told: Contribution) -> tuple[float, float]:
    return told.contribution - 1.96 * told.error, told.contribution + 1.96 * told.error


def _text(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _day(stamp: np.datetime64) -> str:
    return str(pd.Timestamp(stamp).isoformat()).removesuffix("T00:00:00")
