"""One decision: what made it, which rule covers it, and what would have turned it."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats, Integers
from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.explain.answers import HookFunction, decisions_of
from audit_lib.explain.conditions import split_in_time
from audit_lib.explain.learned import rules_record
from audit_lib.explain.looking import purge_of
from audit_lib.explain.opposite import Counterfactual, SingleRow, opposite
from audit_lib.explain.records import finite
from audit_lib.explain.rows import Rows, inputs_of
from audit_lib.explain.rules import learn
from audit_lib.explain.walks import steps_between
from audit_lib.model import Evidence, Scalar, View
from audit_lib.subject.subject import Subject

#: walks that contributions are the mean of, and of rows that are decided with others
WALKS, FEWER = 256, 32
#: variants of a row by which it is told how long all take
TIMED = 50
#: rows on which rules of the decision are learned
RULED = 2000
#: factors of the waterfall
BARS = 10


@dataclass(frozen=True)
class Contribution:
    """What one factor contributed, beside its value; ``error`` is the standard error over walks."""

    factor: str
    value: Scalar
    contribution: float
    error: float


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
    opposite: tuple[Counterfactual, ...]
    tried: int
    rule: str = ""

    @property
    def decision(self) -> float:
        """The side that was taken."""
        return self.answers["decision"]

    @property
    def waterfall(self) -> Evidence:
        """From the mean answer to this one, a step a factor."""
        at, shown = self.base, self.contributions[:BARS]
        rows: list[tuple[Scalar, ...]] = [("mean of all rows", None, at, None, None)]
        for c in shown:
            start, at = at, at + c.contribution
            around = 1.96 * c.error
            rows.append((f"{c.factor} = {_text(c.value)}", start, at, at - around, at + around))
        left = self.contributions[BARS:]
        if left:
            rest = sum(c.contribution for c in left)
            rows.append((f"{len(left)} more", at, at + rest, None, None))
        rows.append(("this decision", None, self.answers[self.of], None, None))
        return Evidence(
            "waterfall",
            f"What made {self.of} {self.answers[self.of]:.4g} {self.where}".rstrip(),
            ("label", "start", "end", "low", "high"),
            tuple(rows),
            View.WATERFALL,
            f"{self.of}; lines are 95 % intervals of a step",
        )

    @property
    def where(self) -> str:
        """``for AAPL at 2015-03-16``."""
        parts = [f"for {self.asset}" if self.asset else "", f"at {self.date}" if self.date else ""]
        return " ".join(p for p in parts if p)


def what_if(
    subject: Subject, *, asset: str = "", date: str = "", seed: int = 0, seconds: float = np.inf
) -> WhatIf:
    """Take one decision apart.

    Args:
        asset, date: of the row; either may be '' where it tells nothing apart, and the latest row
            is taken then.
        seed: for walks.
        seconds: about how long it may take.

    Raises:
        ParameterError: there is no such row; the message names the nearest.
        NotAssessed, NotApplicable: there are no decisions, they do not answer, or so slowly that
            it would take longer.
    """
    rows = inputs_of(subject)
    at = _position(rows, asset, date)
    rng = np.random.default_rng(seed)
    answers = decisions_of(subject.hook("decisions.backtest", again=False), rows, rng)
    beside = np.array([at]) if answers.together else _same_date(rows, at)
    row = SingleRow(answers, rows.table.iloc[beside], int(np.flatnonzero(beside == at)[0]))
    now = row(row.row)[0]
    if not np.isfinite(now[0]):
        raise NotAssessed("nothing is decided on this row")
    if np.isfinite(seconds):
        _in_time(row, rows, seconds)
    names = answers.names
    chosen = len(names) - 1
    walked, base = _walked(row, rows, rng, chosen)
    order = np.argsort(-np.abs(walked.mean(axis=0)), kind="stable")
    changes, tried = opposite(row, rows, now, order)
    return WhatIf(
        asset=rows.asset_of(at),
        date=rows.time_of(at).removesuffix("T00:00:00"),
        answers={name: float(value) for name, value in zip(names, now, strict=True)},
        of=names[chosen],
        base=base,
        contributions=tuple(_contribution(row.row, walked, int(i)) for i in order),
        opposite=changes,
        tried=tried,
        rule=_rule(subject, rows, answers, row.row, float(now[0]), seed),
    )


def _in_time(row: SingleRow, rows: Rows, seconds: float) -> None:
    some = row.row.iloc[[0] * TIMED]
    begun = time.perf_counter()
    row(some)
    walks = WALKS if row.answers.together else FEWER
    needed = walks * (rows.table.shape[1] + 1) * (time.perf_counter() - begun) / TIMED
    if needed > seconds:
        needs = f"{needed:.0f} s, longer than the {seconds:.0f} s that it may"
        raise NotAssessed(f"{row.answers.hook.name} would be asked for about {needs}")


def _rule(
    subject: Subject, rows: Rows, answers: HookFunction, row: pd.DataFrame, now: float, seed: int
) -> str:
    """The sentence of the rule that covers a row and foretells its decision."""
    some = rows.drawn(RULED, np.random.default_rng(seed), whole_dates=True)
    split = split_in_time(some, purge_of(subject))
    learned = learn("decision", answers.one(some.table)[:, 0], some, split, seed=seed, group={})
    records = rules_record(subject, learned).rules
    for rule, record in zip(learned.rules, records, strict=True):
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
            names = ", ".join(sorted(set(map(str, rows.assets)))[:12])
            raise ParameterError(f"no row is of asset {asset!r}", mend=f"known are {names}")
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
    places = np.flatnonzero(fits)
    last = places if rows.dates is None else places[np.argsort(rows.dates[places], kind="stable")]
    return int(last[-1])


def _same_date(rows: Rows, at: int) -> Integers:
    """The rows that are decided together with one."""
    if rows.dates is None:
        return np.arange(len(rows))
    return np.flatnonzero(rows.dates == rows.dates[at])


def _walked(
    row: SingleRow, rows: Rows, rng: np.random.Generator, chosen: int
) -> tuple[Floats, float]:
    """Steps of walks to the row, shape (walks, factors), and the mean that they start from."""
    walks = WALKS if row.answers.together else FEWER
    start = rows.table.iloc[rng.integers(len(rows), size=walks)]
    width = rows.table.shape[1]
    order = np.argsort(rng.random((walks, width)), axis=1)
    place = np.argsort(order, axis=1)
    tables = steps_between(start, row.row, place)
    whole = pd.concat(tables, ignore_index=True).astype(rows.table.dtypes.to_dict())
    answered = row(whole)[:, chosen].reshape(width + 1, walks)
    steps = np.diff(answered, axis=0)[place, np.arange(walks)[:, None]]
    return steps, float(np.nanmean(answered[0]))


def _contribution(row: pd.DataFrame, walked: Floats, at: int) -> Contribution:
    steps = walked[:, at]
    column = row.iloc[:, at]
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    plain: Scalar = finite(float(column.iloc[0])) if numeric else str(column.iloc[0])
    error = float(steps.std(ddof=1) / np.sqrt(len(steps)))
    return Contribution(str(row.columns[at]), plain, float(steps.mean()), error)


def _text(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _day(stamp: np.datetime64) -> str:
    return str(pd.Timestamp(stamp).isoformat()).removesuffix("T00:00:00")
