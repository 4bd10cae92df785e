"""The scores at which a rule set changes its mind, to the last bit, and rows beside them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.probes.prediction.orders import (
    directional,
    head_kinds,
    levels_of,
    made_up_index,
    orders,
)
from audit_lib.probes.questions.asking import ask
from audit_lib.probes.questions.samples import inputs, numeric, once, predictions
from audit_lib.subject.subject import Subject

_MOST, _POINTS, _ROUNDS = 24, 17, 14


@dataclass(frozen=True)
class Threshold:
    """A score at which orders change, all other heads being as in ``row``.

    Attributes:
        head: whose score it is.
        below, above: neighbouring scores with different orders, as near as floats get.
        sides: side below and above.
        row: all heads, with ``below``.
    """

    head: str
    below: float
    above: float
    sides: tuple[float, float]
    row: pd.Series


def thresholds(subject: Subject, hook: str) -> list[Threshold]:
    """Where orders of a rule set change, head by head; none where it declines made-up scores.

    Every head is moved over its range with the others at their medians, and with the directional
    ones strong and weak.  Changes of side and of gate count.
    """
    return once(subject, f"thresholds of {hook}", lambda: _found(subject, hook))


def _found(subject: Subject, hook: str) -> list[Threshold]:
    sample, kinds = predictions(subject), head_kinds(subject)
    known = [h.name for h in directional(subject) if h.name in sample]
    middle = sample.median()
    bases = [middle]
    for share in (0.999, 0.001):
        bases.append(pd.Series({**middle, **sample[known].quantile(share)}))
    rows: list[pd.Series] = []
    for head in map(str, sample.columns):
        levels = np.sort(levels_of(numeric(sample[[head]]).reshape(-1), kinds.get(head)))
        rows += [pd.Series({**base, head: x}, name=head) for base in bases for x in levels]
    told = _orders(subject, hook, rows)
    found = [
        (a, b)
        for (a, one), (b, other) in itertools.pairwise(zip(rows, told, strict=True))
        if one != other and a.name == b.name and a[a.name] < b[a.name]
    ]
    chosen = np.unique(np.linspace(0, len(found) - 1, min(len(found), _MOST)).astype(int))
    return _narrowed(subject, hook, [found[i] for i in chosen] if found else [])


def _narrowed(
    subject: Subject, hook: str, pairs: list[tuple[pd.Series, pd.Series]]
) -> list[Threshold]:
    for _ in range(_ROUNDS if pairs else 0):
        rows = [row for a, b in pairs for row in _between(a, b)]
        told = _orders(subject, hook, rows)
        for i in range(len(pairs)):
            own = slice(i * _POINTS, (i + 1) * _POINTS)
            at = next((k for k, answer in enumerate(told[own]) if answer != told[own][0]), 1)
            pairs[i] = (rows[own][at - 1], rows[own][at])
    told = _orders(subject, hook, [row for pair in pairs for row in pair])
    return [
        Threshold(
            str(a.name), float(a[a.name]), float(b[b.name]), (told[2 * i][0], told[2 * i + 1][0]), a
        )
        for i, (a, b) in enumerate(pairs)
        if told[2 * i] != told[2 * i + 1]
    ]


def _between(a: pd.Series, b: pd.Series) -> list[pd.Series]:
    """Rows from one to the other, both among them."""
    levels = np.linspace(a[a.name], b[a.name], _POINTS)
    levels[-1] = b[a.name]
    return [pd.Series({**a, a.name: level}, name=a.name) for level in levels]


def beside(found: list[Threshold], subject: Subject) -> pd.DataFrame:
    """Rows on both sides of every threshold, and each of them twice, and with one head missing."""
    sides = [pd.Series({**t.row, t.head: v}) for t in found for v in (t.below, t.above, t.below)]
    holes = [pd.Series({**t.row, name: np.nan}) for t in found for name in t.row.index]
    return table(subject, [*sides, *holes])


def table(subject: Subject, rows: list[pd.Series]) -> pd.DataFrame:
    """Made-up predictions, each on a date of its own where there are dates."""
    columns = predictions(subject).columns
    values = np.array([row[columns].to_numpy(np.float64) for row in rows])
    index = made_up_index(inputs(subject).index, 25 * len(rows))
    if isinstance(index, pd.MultiIndex):
        index = index[index.get_level_values("asset") == index.get_level_values("asset")[0]]
    return pd.DataFrame(values, index[: len(rows)], columns)


def _orders(subject: Subject, hook: str, rows: list[pd.Series]) -> list[tuple[float, str]]:
    """Side and gate of each row; none of either where the table is declined."""
    if not rows:
        return []
    given = table(subject, rows)
    reply = ask(subject.hook(hook), given, into=orders)
    if not reply.answered:
        return [(0.0, "")] * len(rows)
    got = reply.got.reindex(given.index)
    return list(zip(got["side"].fillna(0.0), got["gate"].fillna(""), strict=True))
