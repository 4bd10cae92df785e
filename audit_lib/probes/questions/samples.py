"""Sample data of the subject: asked for once per version and kept while the subject lives."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.errors import NotAssessed
from audit_lib.probes.questions.asking import Into, Reply, ask, ask_many, frame, mapping, texts
from audit_lib.subject.beside import digest_of
from audit_lib.subject.bound import Asked
from audit_lib.subject.checkpoint_fields import field
from audit_lib.subject.subject import Subject

T = TypeVar("T")
#: how many inputs a network is tried with, where nothing tells their number
WIDEST = 256


def once(subject: Subject, name: str, make: Callable[[], T]) -> T:
    """The value of that name, made at the first request for this subject and version.

    A variant or key shares the values that rest on the same hooks, and makes the others anew.
    """
    values: list[tuple[Asked, T]] = subject.base.samples.setdefault(name, [])
    for hooks_served, value in values:
        if all(subject.serving(hook) == served for hook, served in hooks_served.items()):
            subject.note(hooks_served)
            return value
    with subject.noting() as hooks_served:
        value = make()
    values.append((hooks_served, value))
    return value


def _answer(subject: Subject, hook: str, *args: Any, into: Into[T]) -> T:
    reply = ask(subject.hook(hook, again=False), *args, into=into)
    return reply.needed(f"{hook} gives no sample:")


def panel(subject: Subject) -> pd.DataFrame:
    """Market data of the subject, from ``features.panel``.

    Raises:
        NotAssessed: there is no such hook, or it does not answer.
    """
    return once(subject, "panel", lambda: _answer(subject, "features.panel", into=_filled))


def built(subject: Subject, hook: str = "features.build") -> pd.DataFrame:
    """Features of the sample panel, from one of the builders."""

    def build() -> pd.DataFrame:
        (reply,) = builds(subject, hook, [panel(subject)], again=False)
        if not reply.answered or reply.got.empty:
            raise NotAssessed(f"{hook} gives no sample: {reply.why or 'an empty frame'}")
        return reply.got

    return once(subject, hook, build)


def builds(
    subject: Subject, hook: str, panels: Sequence[pd.DataFrame], *, again: bool = True
) -> list[Reply[pd.DataFrame]]:
    """What a builder answers to panels, in order; the same panel is asked about once.

    What failed is asked again; and what was told before this task, unless ``again`` is False.
    """
    builder, served = subject.hook(hook, again=again), subject.serving(hook)
    stored: dict[Any, Reply[pd.DataFrame]] = subject.base.samples.setdefault("panels", {})
    keys = [(served, digest_of(panel) or object()) for panel in panels]
    new = {k: panel for k, panel in zip(keys, panels, strict=True) if k not in stored}
    replies = ask_many(builder, [(panel,) for panel in new.values()], into=frame) if new else []
    answers = dict(zip(new, replies, strict=True))
    stored.update({k: r for k, r in answers.items() if r.failure is None})
    return [stored.get(k) or answers[k] for k in keys]


def labels(subject: Subject) -> pd.DataFrame:
    """Labels of the sample panel, from ``targets.build``."""
    hook = "targets.build"
    return once(subject, hook, lambda: _answer(subject, hook, panel(subject), into=_filled))


def declared_targets(subject: Subject) -> dict[str, Any]:
    """What ``targets.declared`` says of each label; nothing without such a hook or an answer."""
    hook = "targets.declared"
    if not subject.has(hook):
        return {}
    try:
        specs = once(subject, hook, lambda: _answer(subject, hook, into=mapping))
    except NotAssessed:
        return {}
    return {name: spec for name, spec in specs.items() if isinstance(spec, dict)}


def required(subject: Subject) -> list[str]:
    """Feature columns that the version's model reads, in its order."""
    hook = "predictor.required"
    return once(subject, hook, lambda: _answer(subject, hook, into=texts))


def inputs(subject: Subject) -> pd.DataFrame:
    """Required features of the sample, in the model's order; rows that miss none.

    Raises:
        NotAssessed: the builder lacks a required column, or no row is complete.
    """
    return once(subject, "inputs", lambda: _inputs(subject))


def few(subject: Subject, rows: int) -> pd.DataFrame:
    """Rows of :func:`inputs`, spread evenly over the sample."""
    return spread(inputs(subject), rows)


def spread(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """At most that many rows, spread evenly, in order."""
    count = min(rows, len(table))
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, count).astype(int))]


def whole_dates(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """About that many rows: all assets of dates spread evenly, as a subject is used to see them."""
    if "date" not in (table.index.names or []):
        return spread(table, rows)
    dates = table.index.get_level_values("date")
    days = dates.unique().sort_values()
    count = max(1, min(len(days), round(rows * len(days) / max(len(table), 1))))
    return table.loc[dates.isin(days[np.linspace(0, len(days) - 1, count).astype(int)])]


def predictions(subject: Subject) -> pd.DataFrame:
    """What the version predicts for all of :func:`inputs`."""
    hook = "predictor.predict"
    return once(subject, hook, lambda: _answer(subject, hook, inputs(subject), into=_filled))


def input_width(subject: Subject) -> int:
    """How many inputs the model takes.

    Its required features, else the checkpoint's input_dim, else the one width that its network
    answers.

    Raises:
        NotAssessed: none of them is known.
    """
    if subject.has("predictor.required"):
        return len(required(subject))
    width = field(subject, "input_dim").value if subject.parameters.artifacts else None
    if isinstance(width, int) and width >= 1:
        return width
    widths = once(subject, "widths", lambda: _widths(subject))
    if len(widths) != 1:
        raise NotAssessed(
            "neither predictor.required nor the checkpoint's input_dim tells inputs, and the "
            f"network answers {len(widths)} of the widths from 1 to {WIDEST}"
        )
    return widths[0]


def _widths(subject: Subject) -> list[int]:
    """Numbers of inputs, up to WIDEST, that the network answers."""
    shapes = {"neural.forward": (3,), "neural.sequences": (3, 4)}
    hook = next((name for name in shapes if subject.has(name)), "")
    if not hook:
        return []
    tables = [np.full((*shapes[hook], width), 0.1) for width in range(1, WIDEST + 1)]
    lengths = () if hook == "neural.forward" else (np.array([4, 3, 2]),)
    replies = ask_many(subject.hook(hook), [(table, *lengths) for table in tables], into=np.asarray)
    return [table.shape[-1] for table, r in zip(tables, replies, strict=True) if r.answered]


def still(table: pd.DataFrame) -> list[str]:
    """Columns of numbers that hold at most one value in all rows: no question can move them."""
    values = numeric(table.select_dtypes(["number", "bool"]))
    names = table.select_dtypes(["number", "bool"]).columns
    return [
        str(name)
        for name, column in zip(names, values.T, strict=True)
        if len(np.unique(column[np.isfinite(column)])) <= 1
    ]


def numeric(table: pd.DataFrame) -> Floats:
    """All cells as floats."""
    return table.to_numpy(dtype=np.float64, na_value=np.nan)


def _inputs(subject: Subject) -> pd.DataFrame:
    columns, features = required(subject), built(subject)
    missing = [c for c in columns if c not in features]
    if missing:
        raise NotAssessed(
            f"features.build makes no column {missing[0]!r}, which the model requires "
            f"({len(missing)} of {len(columns)} are missing)"
        )
    chosen = features.loc[:, columns]
    complete = chosen.iloc[np.flatnonzero(np.isfinite(numeric(chosen)).all(axis=1))]
    if complete.empty:
        raise NotAssessed("no row of the sample has every required feature")
    return complete


def _filled(raw: Any) -> pd.DataFrame:
    table = frame(raw)
    if table.empty:
        raise ValueError("an empty frame")
    return table
