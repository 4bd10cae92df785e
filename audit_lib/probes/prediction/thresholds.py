"""The scores at which a rule set changes its mind, to the last bit, and rows beside them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.probes.prediction.orders import (
    codes_of,
    directional,
    head_kinds,
    levels_of,
    made_up_index,
    orders,
)
from audit_lib.probes.questions.asking import ask
from audit_lib.probes.questions.samples import inputs, numeric, once, predictions
from audit_lib.subject.subject import Subject

_MOST, _POINTS, _ROUNDS = 24, 65, 10


@dataclass(frozen=True)
class Threshold:
    """A score at which orders change, while all other heads stay.

    Attributes:
        head: whose score it is.
        below, above: neighbouring scores with different orders, as near as floats get.
        sides: side below and above.
        rows: both, shape (2, heads), in the order of the predictions' columns.
    """

    head: str
    below: float
    above: float
    sides: tuple[float, float]
    rows: Floats


def thresholds(subject: Subject, hook: str) -> list[Threshold]:
    """Where orders of a rule set change, head by head; none where it declines made-up scores.

    Every head that measures is moved over its range with the others at their medians, and with the
    directional ones strong and weak.  Changes of side and of gate count.
    """
    return once(subject, f"thresholds of {hook}", lambda: _search(subject, hook))


def _search(subject: Subject, hook: str) -> list[Threshold]:
    sample, kinds = predictions(subject), head_kinds(subject)
    heads_here = [h.name for h in directional(subject) if h.name in sample]
    bases = [sample.median()]
    for share in (0.999, 0.001):
        bases.append(bases[0].copy())
        bases[-1][heads_here] = sample[heads_here].quantile(share)
    rows, swept = list[Floats](), list[tuple[int, int]]()  # position of the head, and of the base
    for place, head in enumerate(sample.columns):
        values, kind = numeric(sample[[head]]).reshape(-1), kinds.get(str(head))
        if len(codes_of(values, kind)):  # nothing lies between two codes
            continue
        levels = np.sort(levels_of(values, kind))
        for number, base in enumerate(bases):
            moved = np.tile(base.to_numpy(np.float64), (len(levels), 1))
            moved[:, place] = levels
            rows.extend(moved)
            swept += [(place, number)] * len(levels)
    told = _orders(subject, hook, np.array(rows))
    steps = [i for i in range(len(rows) - 1) if swept[i] == swept[i + 1] and told[i] != told[i + 1]]
    if not steps:
        return []
    chosen = [steps[int(i)] for i in np.unique(np.linspace(0, len(steps) - 1, _MOST).astype(int))]
    low, high = (np.array([rows[i + step] for i in chosen]) for step in (0, 1))
    low, high = _narrowed(subject, hook, low, high)
    under, over = (_orders(subject, hook, side) for side in (low, high))
    return [
        Threshold(
            str(sample.columns[place]),
            float(a[place]),
            float(b[place]),
            (one[0], other[0]),
            np.array([a, b]),
        )
        for (place, _), a, b, one, other in zip(
            (swept[i] for i in chosen), low, high, under, over, strict=True
        )
        if one != other
    ]


def _narrowed(subject: Subject, hook: str, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Neighbours, shape (n, heads), between which the orders change."""
    for _ in range(_ROUNDS):
        if (np.nextafter(low, high) == high).all():
            break
        points = np.linspace(low, high, _POINTS, axis=1)  # (n, points, heads)
        points[:, -1] = high
        sides = _orders(subject, hook, points.reshape(-1, points.shape[2]))
        for i in range(len(low)):
            own = sides[i * _POINTS : (i + 1) * _POINTS]
            at = next((k for k, answer in enumerate(own) if answer != own[0]), 1)
            low[i], high[i] = points[i, at - 1], points[i, at]
    return low, high


def beside(thresholds: list[Threshold], subject: Subject) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows on both sides of every threshold, one of them twice; then with one head missing.

    A table a head, since a rule set may end in an error where a head is missing that it needs.
    """
    rows = np.concatenate([np.concatenate([t.rows, t.rows[:1]]) for t in thresholds])
    yield "beside thresholds", table(subject, rows)
    for place, head in enumerate(predictions(subject).columns):
        holes = np.array([t.rows[0] for t in thresholds])
        holes[:, place] = np.nan
        yield f"beside thresholds without {head}", table(subject, holes)


def table(subject: Subject, rows: Floats) -> pd.DataFrame:
    """Made-up predictions, each on a date of its own where there are dates."""
    index = made_up_index(inputs(subject).index, 25 * len(rows))
    if isinstance(index, pd.MultiIndex):
        assets = index.get_level_values("asset")
        index = index[assets == assets[0]]
    return pd.DataFrame(rows, index[: len(rows)], predictions(subject).columns)


def _orders(subject: Subject, hook: str, rows: Floats) -> list[tuple[float, str]]:
    """Side and gate of each row; none of either where the table is declined."""
    given = table(subject, rows)
    reply = ask(subject.hook(hook), given, into=orders)
    if not reply.answered:
        return [(0.0, "")] * len(rows)
    got = reply.got.reindex(given.index)
    return list(zip(got["side"].fillna(0.0), got["gate"].fillna(""), strict=True))
