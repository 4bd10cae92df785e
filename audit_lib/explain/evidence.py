"""Tables that readers draw: sizes, swarm, dependence, shares over time, conditions, funnel."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from audit_lib.arrays import Floats, Integers
from audit_lib.explain.attribution import Attributed, Line, numbers
from audit_lib.explain.factors import Difference
from audit_lib.explain.orders import Orders
from audit_lib.explain.records import Rules, finite
from audit_lib.explain.rows import Rows
from audit_lib.model import Evidence, Scalar, View

#: factors of a picture, and rows of a swarm
TOP, SWARM = 8, 120
#: factors and rows of a dependence picture
DEEP, DEPENDENCE = 4, 250
#: what rules of the decision are about, and cards of each
DECIDED, CARDS = ("decision", "enter", "exit", "size"), 2


def drawn(
    heads: Sequence[Attributed], sample: Rows, lines: dict[str, list[Line]], seed: int
) -> Iterator[Evidence]:
    """Pictures of every head; of the decision, or the first head, in more depth."""
    for head in heads:
        yield sizes(head, sample)
    chosen = next((h for h in heads if h.name == "position"), heads[0])
    yield swarm(chosen, sample, seed)
    yield from dependence(chosen, sample, seed)
    yield from over_time(chosen.name, lines[chosen.name])


def sizes(head: Attributed, sample: Rows) -> Evidence:
    """What each factor contributes, with its interval."""
    rows: list[tuple[Scalar, ...]] = [
        (
            sample.columns[i],
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
    rows = _some(sample, SWARM, seed)
    values, parts = numbers(sample.table), head.contributions.values
    points: list[tuple[Scalar, ...]] = []
    for i in [i for i in head.order[:TOP] if not head.idle(i)]:
        level, name = _level(values[:, i]), sample.columns[i]
        points += [(name, finite(parts[r, i]), finite(level[r])) for r in rows]
    return Evidence(
        f"swarm_{head.name}",
        f"How factors move {head.name}, row by row",
        ("label", "value", "level"),
        tuple(points),
        View.SWARM,
        f"contribution to {head.name}; coloured by the factor's own value",
    )


def dependence(head: Attributed, sample: Rows, seed: int) -> Iterator[Evidence]:
    """Contributions of the strongest factors by their own value, shaded by their partner's."""
    rows = _some(sample, DEPENDENCE, seed)
    values, parts = numbers(sample.table), head.contributions.values
    columns = sample.columns
    points: list[tuple[Scalar, ...]] = []
    for i in [i for i in head.order if not head.idle(i) and columns[i] in sample.numeric][:DEEP]:
        # Pairs are sorted: the first that a factor is in names its strongest partner.
        pair = next((p[:2] for p in head.pairs if columns[i] in p[:2]), None)
        other = next((n for n in pair or () if n != columns[i]), None)
        level = np.full(len(sample), np.nan)
        if other is not None:
            level = _level(values[:, columns.index(other)])
        name = columns[i] + (f", partner {other}" if other else "")
        three = (values[:, i], parts[:, i], level)
        points += [(name, *(finite(c[r]) for c in three)) for r in rows]
    if points:
        yield Evidence(
            f"dependence_{head.name}",
            f"How {head.name} depends on its strongest factors",
            ("label", "x", "value", "level"),
            tuple(points),
            View.DEPENDENCE,
            f"contribution to {head.name}; shaded by the factor that it acts together with most",
        )


def _some(sample: Rows, count: int, seed: int) -> Integers:
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(len(sample), min(count, len(sample)), replace=False))


def _level(column: Floats) -> Floats:
    """Rank of each value among the known ones, from 0 to 1."""
    finite_values = np.isfinite(column)
    level = np.full(len(column), np.nan)
    if finite_values.any():
        level[finite_values] = (stats.rankdata(column[finite_values]) - 0.5) / finite_values.sum()
    return level


def conditions(rules: Sequence[Rules]) -> Iterator[Evidence]:
    """Cards of the first rules of the decision, and of the heads."""
    decided = [r for r in rules if r.head in DECIDED]
    heads = [r for r in rules if r.head not in DECIDED]
    for name, whose, group in (("decision", "the decision", decided), ("heads", "heads", heads)):
        rows = [
            (rule.sentence, p.value, p.low, p.high, rule.base, rule.support, rule.stability)
            for one in group
            for rule in one.rules[:CARDS]
            for p in (rule.precision,)
        ]
        if rows:
            yield Evidence(
                f"rules_{name}",
                f"Conditions that {whose} followed",
                ("label", "value", "low", "high", "base", "support", "stability"),
                tuple(rows),
                View.CARDS,
                "share of later rows in which the outcome is as the rule says",
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
    """How many candidates there were, how many each gate stopped or cut, and what was left."""
    gates = orders.gates
    # Gates that stopped nothing are told too, in the order in which they are asked.
    counted = Counter({str(g): 0 for g in gates["gate"].unique()})
    counted.update(g for g in orders.gate if g)
    placed = sum(a == "order" for a in orders.action)
    rows = [
        ("rows", len(orders.gate)),
        *([("wanted a position", gates["row"].nunique())] if len(gates) else []),
        *((f"stopped or cut by {gate}", count) for gate, count in counted.items()),
        ("orders", placed),
    ]
    return Evidence(
        "gates",
        "What each gate stopped or cut",
        ("label", "value"),
        tuple(rows),
        View.BARS,
        "decisions",
    )


def compared(differences: Sequence[Difference]) -> Evidence:
    """Winners against losers, factor by factor."""
    rows = [
        (d.factor, finite(d.difference), finite(d.low), finite(d.high), finite(d.q))
        for d in differences[:TOP]
    ]
    return Evidence(
        "winners_losers",
        "Contributions in winners less those in losers",
        ("label", "value", "low", "high", "q"),
        tuple(rows),
        View.BARS,
        "contribution; lines are 95 % intervals; q controls false discoveries",
    )
