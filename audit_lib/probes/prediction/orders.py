"""Orders: what decisions answer, and the inputs that make them show themselves."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats
from audit_lib.errors import NotAssessed
from audit_lib.probes.prediction.heads import Head, HeadKind, declared_heads
from audit_lib.probes.questions.asking import Into, Reply, ask, frame
from audit_lib.probes.questions.samples import inputs, numeric, once, predictions, whole_dates
from audit_lib.subject.subject import Subject

COLUMNS = ("side", "size", "gate")
PATHS = ("decisions.backtest", "decisions.live")
MADE_UP = "made-up predictions"
RULES = ("decisions.rules_backtest", "decisions.rules_live")

Question = tuple[str, pd.DataFrame, Reply[pd.DataFrame]]
"""name of a scenario, what a hook is given in it, and what came back"""


def orders_of(subject: Subject) -> Into[pd.DataFrame]:
    """Turns answers into orders with the fields that the subject declares (``orders``).

    Columns are ``side``, ``size``, ``gate`` (none where it is missing) and the declared ones.  A
    row without a side is no order, and holds nothing in these.
    """
    fields = subject.parameters.orders

    def convert(raw: Any) -> pd.DataFrame:
        table = orders(raw)
        lacking = [name for name in fields if name not in raw]
        if lacking:
            raise ValueError(f"wanted the declared column {lacking[0]}, which is missing")
        placed = table["side"] != 0
        for name, field in fields.items():
            text = field.kind == "text"
            column = raw[name].fillna("").astype(str) if text else pd.to_numeric(raw[name])
            table[name] = column.where(placed, "") if text else column.astype(float).where(placed)
        return table

    return convert


def field_tolerances(subject: Subject, tolerance: float) -> dict[str, float]:
    """Relative tolerance of every column of orders."""
    declared = {name: field.tolerance for name, field in subject.parameters.orders.items()}
    return dict.fromkeys(COLUMNS, tolerance) | declared


def wrong_fields(subject: Subject, got: pd.DataFrame) -> dict[str, Flags]:
    """What orders must not hold in their declared fields: in words, and in which rows."""
    placed = got["side"].to_numpy() != 0
    wrong: dict[str, Flags] = {}
    for name, field in subject.parameters.orders.items():
        if field.kind == "text":
            missing = (got[name] == "").to_numpy()
            strange = ~missing & ~got[name].isin(field.choices).to_numpy()
            if field.choices:
                wrong[f"a {name} that is none of {', '.join(field.choices)}"] = placed & strange
        else:
            values = got[name].to_numpy(np.float64)
            missing = ~np.isfinite(values)
            if field.least is not None:
                wrong[f"a {name} below {field.least:g}"] = placed & (values < field.least)
            if field.most is not None:
                wrong[f"a {name} above {field.most:g}"] = placed & (values > field.most)
        if not field.optional:
            wrong[f"no {name}"] = placed & missing
    return wrong


def orders(raw: Any) -> pd.DataFrame:
    """Orders as ``side``, ``size``, ``gate``; a missing gate column is no gate."""
    table = frame(raw)
    lacking = [c for c in ("side", "size") if c not in table]
    if lacking:
        raise ValueError(f"wanted columns side, size, gate; {', '.join(lacking)} is missing")
    gate = table["gate"].fillna("").astype(str) if "gate" in table else ""
    return pd.DataFrame(
        {
            "side": pd.to_numeric(table["side"]).astype(np.float64),
            "size": pd.to_numeric(table["size"]).astype(np.float64),
            "gate": gate,
        },
        index=table.index,
    )


def written(subject: Subject, hooks: tuple[str, ...]) -> list[str]:
    """Those of the hooks that are written.

    Raises:
        NotApplicable: the subject declares that it makes no decisions.
        NotAssessed: none is written; the message says how.
    """
    hooks_written = [hook for hook in hooks if subject.has(hook)]
    if not hooks_written:
        subject.hook(hooks[0])  # says why not
    return hooks_written


def feature_scenarios(
    subject: Subject, *, rows: int, seed: int
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Features that reach rules and gates: real rows, and the same stretched and shuffled.

    Stretching and shuffling columns independently gives combinations that a calm sample never
    shows, so that gates for rare states are passed too.
    """
    base = whole_dates(inputs(subject), rows)
    yield "as they are", base
    median = base.median()
    yield "stretched threefold", (base - median) * 3 + median
    rng = np.random.default_rng(seed)
    mixed = {c: rng.permutation(numeric(base[[c]]).reshape(-1)) for c in base.columns}
    yield "columns shuffled apart", pd.DataFrame(mixed, index=base.index)
    holes = base.copy()
    for i in range(0, len(holes), 5):
        holes.iloc[i, i % holes.shape[1]] = np.nan
    yield "with holes", holes


def path_orders(subject: Subject, hook: str, *, rows: int, seed: int) -> list[Question]:
    """Each scenario of :func:`feature_scenarios`, and the orders of a path in it.

    Orders cost more than anything else on some subjects: checks that ask alike share the answers.
    """

    def drive() -> list[Question]:
        return [
            (name, given, ask(subject.hook(hook), given, into=orders_of(subject)))
            for name, given in feature_scenarios(subject, rows=rows, seed=seed)
        ]

    return once(subject, f"{hook} on {rows} rows by {seed}", drive)


def grid_orders(subject: Subject, hook: str, *, rows: int, seed: int) -> Question:
    """The made-up predictions of :func:`prediction_grid`, and the orders of a rule set on them."""

    def drive() -> Question:
        grid = prediction_grid(subject, rows=rows, seed=seed)
        return MADE_UP, grid, ask(subject.hook(hook), grid, into=orders_of(subject))

    return once(subject, f"{hook} on a grid of {rows} by {seed}", drive)


MOST_CODES, MOST_ASSETS = 12, 25
"""values of a column that stand for something, as regimes do; assets of made-up predictions"""


def head_kinds(subject: Subject) -> dict[str, HeadKind]:
    """Kind of each head; unknown heads are left out."""
    try:
        return {
            h.name: h.kind
            for h in declared_heads(subject)
            if h.kind not in (HeadKind.UNKNOWN, HeadKind.OTHER)
        }
    except NotAssessed:
        return {}


def directional(subject: Subject) -> list[Head]:
    """Heads that can tell a side: returns and probabilities, but none that is never below zero.

    Raises:
        NotAssessed: no head of the checkpoint is of either kind.
    """
    given = subject.parameters.heads.items()
    above = {name for name, facts in given if facts.least is not None and facts.least >= 0}
    heads = [
        h
        for h in declared_heads(subject)
        if h.kind is HeadKind.PROBABILITY or (h.kind is HeadKind.REAL and h.name not in above)
    ]
    if not heads:
        raise NotAssessed("no head of the checkpoint is a return or a probability")
    return heads


def prediction_grid(subject: Subject, *, rows: int, seed: int) -> pd.DataFrame:
    """Made-up predictions around and beyond those of the sample, with round numbers among them.

    Thresholds are round numbers as a rule; a score exactly on one tells ``>`` from ``>=``.
    """
    sample, kinds = predictions(subject), head_kinds(subject)
    rng = np.random.default_rng(seed)
    columns = {}
    for c in sample.columns:
        values, kind = numeric(sample[[c]]).reshape(-1), kinds.get(str(c))
        codes = codes_of(values, kind)
        columns[str(c)] = rng.choice(codes if len(codes) else levels_of(values, kind), rows)
    return pd.DataFrame(columns, index=made_up_index(inputs(subject).index, rows))


def codes_of(values: Floats, kind: HeadKind | None) -> Floats:
    """The values of a column that stand for something, as regimes do; none of one that measures."""
    seen = np.unique(values[np.isfinite(values)])
    coded = kind is None and len(seen) <= MOST_CODES and (seen == np.round(seen)).all()
    return seen if coded else seen[:0]


def made_up_index(like: pd.Index, rows: int) -> pd.Index:
    """Labels of that many made-up rows, of the same form as a sample's."""
    if not isinstance(like, pd.MultiIndex) or set(like.names) != {"asset", "date"}:
        return pd.RangeIndex(rows)
    assets = list(like.get_level_values("asset").unique()[:MOST_ASSETS])
    first = like.get_level_values("date").max()
    dates = first + pd.to_timedelta(1 + np.arange(rows) // len(assets), unit="D")
    levels = {"asset": [assets[i % len(assets)] for i in range(rows)], "date": dates}
    index = pd.MultiIndex.from_arrays([levels[str(n)] for n in like.names], names=like.names)
    return index.sort_values()


def levels_of(values: Floats, kind: HeadKind | None) -> Floats:
    """Scores over and beyond the range of a sample, round ones among them."""
    finite = values[np.isfinite(values)]
    if kind is HeadKind.PROBABILITY:
        return np.round(np.linspace(0, 1, 101), 2)
    low, high = (float(v) for v in np.quantile(finite, (0.0, 1.0))) if finite.size else (-1.0, 1.0)
    spread = (high - low) or 1.0
    reach = np.linspace(low - spread / 2, high + spread / 2, 41)
    digits = int(np.ceil(-np.log10(spread))) + 1
    levels = np.unique(np.concatenate([reach, np.round(reach, digits), [0.0]]))
    if kind is None and finite.size and low >= 0 and high <= 1:
        # Nobody says what this head is: it may be a probability whose threshold lies far off.
        levels = np.union1d(levels, np.round(np.linspace(0, 1, 21), 2))
    if kind is HeadKind.POSITIVE:  # limits on a risk may lie well above what a quiet sample shows
        levels = np.union1d(levels[levels > 0], max(high, spread) * np.array([2.0, 4.0, 10.0]))
    return levels
