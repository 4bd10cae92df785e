"""Tables that readers draw: sizes with intervals, a swarm, shares over time, the gates' funnel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from audit_lib.explain.attribution import Attributed, Line, numbers
from audit_lib.explain.factors import Difference
from audit_lib.explain.orders import Orders
from audit_lib.explain.records import finite
from audit_lib.explain.rows import Rows
from audit_lib.model import Evidence, Scalar, View

#: factors of a picture, and rows of a swarm
TOP, SWARM = 8, 120


def drawn(
    heads: Sequence[Attributed], sample: Rows, lines: dict[str, list[Line]], seed: int
) -> Iterator[Evidence]:
    """Pictures of every head; of the decision, or the first head, in more depth."""
    for head in heads:
        yield sizes(head, sample)
    chosen = next((h for h in heads if h.name == "position"), heads[0])
    yield swarm(chosen, sample, seed)
    over = list(over_time(chosen.name, lines[chosen.name]))
    if over:
        yield over[0]


def sizes(head: Attributed, sample: Rows) -> Evidence:
    """What each factor contributes, with its interval."""
    rows: list[tuple[Scalar, ...]] = [
        (
            str(sample.table.columns[i]),
            finite(head.sizes[i].value),
            finite(head.sizes[i].low),
            finite(head.sizes[i].high),
        )
        for i in head.order[:TOP]
        if not head.idle(i)
    ]
    parts = head.contributions
    return Evidence(
        f"contributions_{head.name}",
        f"What decides {head.name}",
        ("label", "value", "low", "high"),
        tuple(rows),
        View.BARS,
        f"root mean square of contributions to {head.name}; {parts.method}, "
        f"{parts.perturbation.replace('_', ' ')}; lines are 95 % intervals",
    )


def swarm(head: Attributed, sample: Rows, seed: int) -> Evidence:
    """Contributions row by row, by the factor's own value."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(sample), min(SWARM, len(sample)), replace=False))
    values, parts = numbers(sample.table), head.contributions.values
    told: list[tuple[Scalar, ...]] = []
    for i in [i for i in head.order[:TOP] if not head.idle(i)]:
        column = values[:, i]
        known = np.isfinite(column)
        level = np.full(len(column), np.nan)
        if known.any():
            level[known] = (stats.rankdata(column[known]) - 0.5) / known.sum()
        name = str(sample.table.columns[i])
        told += [(name, finite(parts[r, i]), finite(level[r])) for r in rows]
    return Evidence(
        f"swarm_{head.name}",
        f"How factors move {head.name}, row by row",
        ("label", "value", "level"),
        tuple(told),
        View.SWARM,
        f"contribution to {head.name}; coloured by the factor's own value",
    )


def over_time(name: str, lines: Sequence[Line]) -> Iterator[Evidence]:
    """Shares of the strongest factors in each period."""
    strongest = [line.factor for line in lines if line.scope == "all"][:TOP]
    rows = [
        (line.factor, line.slice, finite(line.share))
        for line in lines
        if line.scope == "period" and line.factor in strongest
    ]
    if rows:
        rows.sort(key=lambda row: (strongest.index(row[0]), row[1]))
        yield Evidence(
            f"over_time_{name}",
            f"What decides {name}, over time",
            ("row", "column", "value"),
            tuple(rows),
            View.HEATMAP,
            "share of all contributions",
        )


def funnel(orders: Orders) -> Evidence:
    """How many candidates each gate stopped or cut."""
    counted = Counter(g for g in orders.gate if g)
    placed = sum(a == "order" for a in orders.action)
    rows = [("rows", len(orders.gate)), *counted.most_common(), ("orders", placed)]
    return Evidence(
        "gates",
        "What each gate stopped or cut",
        ("label", "value"),
        tuple(rows),
        View.BARS,
        "decisions",
    )


def compared(found: Sequence[Difference]) -> Evidence:
    """Winners against losers, factor by factor."""
    rows = [
        (d.factor, finite(d.difference), finite(d.low), finite(d.high), finite(d.q))
        for d in found[:TOP]
    ]
    return Evidence(
        "winners_losers",
        "Contributions in winners less those in losers",
        ("label", "value", "low", "high", "q"),
        tuple(rows),
        View.BARS,
        "contribution; lines are 95 % intervals; q controls false discoveries",
    )
