"""Conditions that a head or the decision follows: paths of a small tree, judged on later rows.

A tree of scikit-learn is fitted to what the version *answers*, on earlier rows; its paths become
conditions with rounded numbers, and everything that is said of them is measured on rows that come
later, a purge apart.  A tree's paths exclude each other and cover all rows, so that a row has one
rule and supports add up; sums of overlapping rules (RuleFit, FIGS) fit closer and read worse.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats, Integers
from audit_lib.explain.conditions import Condition, Event, Learned, Rule, Split, bounded
from audit_lib.explain.importance import Bootstrap, Estimate
from audit_lib.explain.rows import Rows

DEPTH = 3
#: rows that every rule must hold at least, of those it is learned on
LEAST = 0.03
#: rows without which nothing is learned, before and after the purge
FEWEST = 100
#: how many trees are grown anew, on drawn pieces of time, to see what comes back
REGROWN = 20
#: distinct answers up to which a head counts as one of classes
CLASSES = 5
#: digits of the numbers in conditions
DIGITS = 4


def learn(
    name: str, answered: Floats, rows: Rows, split: Split, *, seed: int, group: dict[str, str]
) -> Learned:
    """Rules for what a head answered to the rows.

    Args:
        answered: of each row; NaN rows are left out.
        group: factor to the group of factors that hang together with it; their rules are one kind.
    """
    if find_spec("sklearn") is None:
        return Learned(name, "", why="scikit-learn is not installed (extra `explain`)")
    columns = rows.numeric
    finite = np.isfinite(answered)
    train, held = (part[finite[part]] for part in (split.train, split.held))
    answer = Learned(name, "", train=len(train), held=len(held), purge=split.purge)
    if min(len(train), len(held)) < FEWEST:
        counted = f"{len(train)} and {len(held)}"
        return replace(
            answer, why=f"too few rows: {counted} of {FEWEST} before and after the purge"
        )
    if not columns:
        return replace(answer, why="no factor is a number")
    values = np.unique(answered[np.concatenate([train, held])])
    kind = "classes" if len(values) <= CLASSES else "number"
    answer = replace(answer, kind=kind)
    if len(np.unique(answered[train])) < 2:
        return replace(answer, why=f"degenerate: it answers {values[0]:g} to every earlier row")
    table = rows.table.loc[:, columns]
    grown = _grown(table.iloc[train], answered[train], kind, seed)
    if grown.tree_.node_count < 2:
        return replace(answer, why="degenerate: no condition splits the rows")
    bootstrap = Bootstrap(rows.take(held).blocks, seed)
    skill = _skill(grown.predict(_plain(table.iloc[held])), answered, train, held, kind, bootstrap)
    answer = replace(answer, skill=skill)
    surely = skill.low if np.isfinite(skill.low) else skill.value
    if surely <= 0:
        return replace(answer, why="the rules are no better than their baseline on held-out rows")
    paths = _paths(grown, columns, _gaps(table.iloc[train]))
    judged = [_judged(path, table, answered, train, held, kind, bootstrap) for path in paths]
    rules = [r for r in judged if r is not None and _tells(r)]
    if not rules:
        return replace(answer, why="no rule holds more often than its outcome does anyway")
    again = _regrown(table.iloc[train], answered[train], rows.take(train), kind, seed)
    stable = [replace(r, stability=_comes_back(r.conditions, again, group)) for r in rules]
    order = sorted(stable, key=lambda r: (-r.lift.value * r.support, r.event.value))
    return replace(answer, rules=tuple(order))


def _grown(table: pd.DataFrame, answered: Floats, kind: str, seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    least = max(20, int(LEAST * len(table)))
    estimator = DecisionTreeClassifier if kind == "classes" else DecisionTreeRegressor
    tree = estimator(max_depth=DEPTH, min_samples_leaf=least, random_state=seed)
    return tree.fit(_plain(table), answered)


def _plain(table: pd.DataFrame) -> Floats:
    values = table.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isinf(values), np.nan, values)


def _skill(
    predicted: Floats,
    answered: Floats,
    train: Integers,
    held: Integers,
    kind: str,
    bootstrap: Bootstrap,
) -> Estimate:
    truth, earlier = answered[held], answered[train]
    if kind == "classes":
        values, counts = np.unique(earlier, return_counts=True)
        off, plain = predicted != truth, values[counts.argmax()] != truth
    else:
        off, plain = (predicted - truth) ** 2, (earlier.mean() - truth) ** 2
    pair = np.column_stack([off, plain]).astype(np.float64)
    mean, draws = bootstrap.mean(pair)
    if mean[1] == 0:
        return Estimate(0.0)
    ratio = _ratios(draws)
    spared = None if ratio is None else 1 - ratio
    return bootstrap.spread(np.array([1 - mean[0] / mean[1]]), spared)[0]


def _ratios(draws: Floats | None) -> Floats | None:
    """First column over the second, of the draws in which it is a number."""
    if draws is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = draws[:, :1] / draws[:, 1:]
    return ratio[np.isfinite(ratio).all(axis=1)]


def _gaps(table: pd.DataFrame) -> set[str]:
    """Columns that miss values."""
    missing = np.isnan(_plain(table))
    return {str(c) for i, c in enumerate(table.columns) if missing[:, i].any()}


def _paths(
    grown: Any, columns: Sequence[str], gaps: Collection[str] = ()
) -> list[tuple[Condition, ...]]:
    """Conditions of every leaf, merged by factor and rounded.

    Args:
        gaps: columns that miss values; only their conditions say where a missing one goes.
    """
    tree = grown.tree_
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, dtype=bool))
    paths: list[tuple[Condition, ...]] = []

    def down(node: int, held: dict[str, Condition]) -> None:
        if tree.children_left[node] < 0:
            paths.append(tuple(held.values()))
            return
        name = columns[tree.feature[node]]
        at = float(f"{tree.threshold[node]:.{DIGITS}g}")
        before = held.get(name, Condition(name, missing=name in gaps))
        left = replace(before, up_to=at, missing=before.missing and bool(missing[node]))
        right = replace(before, above=at, missing=before.missing and not missing[node])
        down(tree.children_left[node], {**held, name: left})
        down(tree.children_right[node], {**held, name: right})

    down(0, {})
    return paths


def _judged(
    path: tuple[Condition, ...],
    table: pd.DataFrame,
    answered: Floats,
    train: Integers,
    held: Integers,
    kind: str,
    bootstrap: Bootstrap,
) -> Rule | None:
    rule = Rule(path, Event("equals", 0.0), 0.0, 0, Estimate(0.0), 0.0, Estimate(0.0), 0.0)
    earlier = answered[train][rule.holds(table.iloc[train])]
    holds = rule.holds(table.iloc[held])
    if not len(earlier) or not holds.any():
        return None
    truth = answered[held]
    if kind == "classes":
        values, counts = np.unique(earlier, return_counts=True)
        event = Event("equals", float(values[counts.argmax()]))
    else:
        middle = float(f"{np.median(answered[train]):.{DIGITS}g}")
        event = Event("above" if np.median(earlier) > middle else "up_to", middle)
    right = event.so(truth)
    inside = np.where(holds, right, np.nan)
    counted = np.column_stack([inside, right]).astype(np.float64)
    mean, draws = bootstrap.mean(counted)
    drawn = None if draws is None else draws[:, :1]
    precision = bounded(bootstrap.spread(mean[:1], drawn)[0], int(holds.sum()), bootstrap)
    base = float(mean[1])
    if base == 0:
        return None
    lift = bootstrap.spread(np.array([precision.value / base]), _ratios(draws))[0]
    return Rule(
        path,
        event,
        float(holds.mean()),
        int(holds.sum()),
        precision,
        base,
        lift,
        float(truth[holds].mean()),
    )


def _tells(rule: Rule) -> bool:
    """True where the outcome is usual under the rule, and surely more so than otherwise."""
    return rule.precision.value > 0.5 and rule.precision.low > rule.base


def _regrown(
    table: pd.DataFrame, answered: Floats, rows: Rows, kind: str, seed: int
) -> list[set[frozenset[tuple[str, str]]]]:
    """Kinds of paths of trees grown on pieces of time that are drawn anew."""
    rng = np.random.default_rng(seed)
    blocks = rows.blocks
    members = [np.flatnonzero(blocks == b) for b in np.unique(blocks)]
    grown = []
    for number in range(REGROWN):
        drawn = np.concatenate([members[b] for b in rng.integers(len(members), size=len(members))])
        if len(np.unique(answered[drawn])) < 2:
            continue
        tree = _grown(table.iloc[drawn], answered[drawn], kind, seed + number)
        paths = _paths(tree, list(map(str, table.columns)))
        grown.append({frozenset(s for c in p for s in c.sides) for p in paths})
    return grown


def _comes_back(
    path: tuple[Condition, ...],
    grown: list[set[frozenset[tuple[str, str]]]],
    group: dict[str, str],
) -> float:
    def kind(sides: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        return frozenset((group.get(f, f), way) for f, way in sides)

    own = kind(frozenset(s for c in path for s in c.sides))
    counted = Counter(own in {kind(p) for p in paths} for paths in grown)
    return counted[True] / max(len(grown), 1)
