"""``decision_factor_attribution.csv``, and what winners had that losers had not."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from audit_lib.explain.attribution import Attributed
from audit_lib.explain.importance import Bootstrap
from audit_lib.explain.orders import Orders
from audit_lib.explain.rows import Rows

#: decisions that are told, orders before refusals, and factors of each
DECISIONS, FACTORS = 300, 20
#: winners and losers without which they are not compared
FEWEST = 20


@dataclass(frozen=True)
class DecisionLine:
    """One line of ``decision_factor_attribution.csv``: a factor, gate or outcome of one decision.

    ``kind`` says which; a factor has ``value`` and ``contribution``, a gate ``value``,
    ``threshold`` and ``passed``, an outcome ``value``.  What is not known stays empty.
    """

    decision: int
    date: str
    asset: str
    action: str
    side: float
    size: float
    bounded_by: str
    kind: str
    name: str
    value: float | str | None
    contribution: float | None
    threshold: float | None
    passed: bool | None


@dataclass(frozen=True)
class Difference:
    """One line of ``winners_losers.csv``.

    ``difference`` is the mean contribution in winners less that in losers, with its 95 % interval;
    ``p`` is two-sided, over pieces of time; ``q`` is p under control of the false discovery rate
    (Benjamini and Hochberg 1995).
    """

    factor: str
    winners: int
    losers: int
    difference: float
    low: float
    high: float
    p: float
    q: float


def decision_lines(orders: Orders, sample: Rows, attributed: Attributed) -> Iterator[DecisionLine]:
    """Orders and refusals of the sample, each with factors, gates and outcome."""
    action, columns = orders.action, sample.columns
    rows = [i for kind in ("order", "refusal") for i, a in enumerate(action) if a == kind]
    values = attributed.contributions.values
    gates = dict(iter(orders.gates.groupby("row")))
    for row in sorted(rows[:DECISIONS]):
        head = (
            row,
            sample.time_of(row),
            sample.asset_of(row),
            action[row],
            float(orders.side[row]),
            float(orders.size[row]),
            orders.gate[row],
        )
        strongest = np.argsort(-np.abs(np.nan_to_num(values[row])), kind="stable")
        for at in strongest[:FACTORS]:
            value = sample.table.iloc[row, int(at)]
            part = float(values[row, at])
            yield DecisionLine(*head, "factor", columns[at], _plain(value), part, None, None)
        left = strongest[FACTORS:]
        if len(left):
            rest = float(values[row, left].sum())
            yield DecisionLine(*head, "factor", "(all others)", None, rest, None, None)
        if row in gates:
            for gate in gates[row].itertuples():
                passed = None if _plain(gate.passed) is None else bool(gate.passed)
                numbers = (_plain(gate.value), None, _number(gate.threshold))
                yield DecisionLine(*head, "gate", str(gate.gate), *numbers, passed)
        elif orders.gate[row]:
            yield DecisionLine(*head, "gate", orders.gate[row], None, None, None, False)
        for outcome in map(str, orders.outcomes):
            value = _plain(orders.outcomes[outcome].iloc[row])
            yield DecisionLine(*head, "outcome", outcome, value, None, None, None)


def winners_and_losers(
    orders: Orders, sample: Rows, head: Attributed, seed: int
) -> tuple[list[Difference], str]:
    """Of each factor, its contribution in winners less that in losers; and why there is none."""
    if "return" not in orders.outcomes:
        return [], "no return of an order is known"
    gained = orders.outcomes["return"].to_numpy(dtype=np.float64, na_value=np.nan)
    if "cost" in orders.outcomes:
        gained = gained - np.nan_to_num(orders.outcomes["cost"].to_numpy(dtype=np.float64))
    ordered = np.array([a == "order" for a in orders.action]) & np.isfinite(gained)
    won, lost = ordered & (gained > 0), ordered & (gained <= 0)
    if min(won.sum(), lost.sum()) < FEWEST:
        return [], f"{won.sum()} winners and {lost.sum()} losers, of {FEWEST} each"
    bootstrap = Bootstrap(sample.blocks, seed)
    if bootstrap.weights is None:
        return [], "too few pieces of time for an interval"
    # Of a short, what pushes it is negative: contributions count in the position's direction.
    values = head.contributions.values * np.sign(orders.side)[:, None]
    means = [bootstrap.mean(np.where(part[:, None], values, np.nan)) for part in (won, lost)]
    centre = means[0][0] - means[1][0]
    draws = means[0][1] - means[1][1]  # type: ignore[operator]  # weights were checked
    draws = draws[np.isfinite(draws).all(axis=1)]
    estimates = bootstrap.spread(centre, draws)
    moved = [i for i, e in enumerate(estimates) if e.error > 0]
    ratios = np.array([abs(estimates[i].value / estimates[i].error) for i in moved])
    p = 2 * stats.t.sf(ratios, bootstrap.pieces - 1)
    q = stats.false_discovery_control(p) if len(p) else p
    differences = [
        Difference(
            sample.columns[i],
            int(won.sum()),
            int(lost.sum()),
            estimates[i].value,
            estimates[i].low,
            estimates[i].high,
            float(p[k]),
            float(q[k]),
        )
        for k, i in enumerate(moved)
    ]
    return sorted(differences, key=lambda d: d.p), ""


def _plain(value: Any) -> float | str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return float(value) if isinstance(value, (int, float, np.number)) else str(value)


def _number(value: Any) -> float | None:
    plain = _plain(value)
    return plain if isinstance(plain, float) else None
