"""Influence maps of a subject's builders, measured once per version and shared by its checks."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Gap, View
from audit_lib.probes.market.influence import (
    InfluenceMap,
    MeasurementStatus,
    manageable,
    measure_influence,
)
from audit_lib.probes.market.tally import ColumnInfluence
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, mapping
from audit_lib.subject.subject import Subject

CUTS = 24
"""ordinary cuts, unless the subject's options say otherwise"""
RESEARCH = "RESEARCH_ONLY"
LOUDEST_NOISE = 0.05
"""spread between equal builds, in units of scale, above which a window cannot be judged"""


def influence_of(
    subject: Subject, hook: str, *, fields: Iterable[str] | None = None
) -> InfluenceMap:
    """Influence of the sample panel on a builder's columns.

    Args:
        hook: such as ``features.build`` or ``targets.build``.
        fields: perturb only these fields of the panel; None for all.

    How many cuts are made is the option ``cuts`` of the check that owns the builder (FEA101 or
    TGT001), so that all checks share one measurement.

    Raises:
        NotAssessed: the builder raises, answers other rows, or has too few bars.
    """
    builder = subject.hook(hook)
    owner = "TGT001" if hook.startswith("targets.") else "FEA101"
    cuts = int(subject.parameters.options.get(owner, {}).get("cuts", CUTS))
    chosen = None if fields is None else tuple(sorted(fields))

    def many(panels: Sequence[pd.DataFrame]) -> list[Any]:
        return builder.many([(panel,) for panel in panels])

    def measure() -> InfluenceMap:
        whole = samples.panel(subject)
        panel = manageable(whole)
        plain = samples.built(subject, hook) if panel is whole else None
        return measure_influence(builder, panel, many=many, fields=chosen, cuts=cuts, plain=plain)

    influence = samples.once(subject, f"influence of {hook} {chosen} {cuts}", measure)
    if influence.outcome is not MeasurementStatus.MEASURED:
        raise NotAssessed(f"{hook}: {influence.outcome.value}: {influence.reason}")
    return influence


def feature_policy(subject: Subject) -> dict[str, str]:
    """Declared type of each feature, in capitals; empty where nothing declares any."""
    if not subject.has("features.policy"):
        return {}
    reply = ask(subject.hook("features.policy"), into=mapping)
    return {k: str(v).upper() for k, v in reply.got.items()} if reply.answered else {}


def research_only(subject: Subject) -> set[str]:
    """Features that may read ahead: declared for research, and not required by the version."""
    policy = feature_policy(subject)
    needed = set(samples.required(subject)) if subject.has("predictor.required") else set()
    return {name for name, kind in policy.items() if kind == RESEARCH and name not in needed}


def unjudged(influence: InfluenceMap, hook: str, columns: Iterable[str]) -> list[Gap]:
    """Columns whose look-ahead could not be judged, and why."""
    gaps = []
    for name in columns:
        column = influence.columns.get(name)
        if column is None:
            gaps.append(Gap(name, f"{hook} answers no such column"))
        elif column.empty:
            gaps.append(Gap(name, "holds no value on the sample panel"))
        elif column.look_ahead == 0 and column.noise > LOUDEST_NOISE:
            gaps.append(Gap(name, f"equal builds differ by {column.noise:.2g} of its scale"))
        elif not column.reacts and not column.inert_by_nature:
            gaps.append(Gap(name, "nothing in the panel moves it, so what it reads is not known"))
    return gaps


def influence_evidence(
    reach: InfluenceMap, name: str, title: str, allowed: dict[str, int] | None = None
) -> Evidence:
    """The influence map: deepest look-ahead first.

    Args:
        allowed: bars ahead that a column may read, by column (labels read their horizon).
    """
    columns = sorted(reach.columns.values(), key=lambda c: (-c.look_ahead, c.column))
    rows: list[tuple[str | int, ...]] = [(c.column, c.look_back, c.look_ahead) for c in columns]
    heads: tuple[str, ...] = ("column", "look_back", "look_ahead")
    if allowed is not None:
        heads = (*heads, "allowed_ahead")
        rows = [(*row, allowed.get(str(row[0]), 0)) for row in rows]
    note = f"bars; {reach.bars} bars of {reach.assets} assets, {reach.builds} builds" + (
        "; " + "; ".join(reach.problems) if reach.problems else ""
    )
    bound = None if allowed is None else Bound("look_ahead", "allowed_ahead", "bars ahead")
    return Evidence(name, title, heads, tuple(rows), View.INFLUENCE, note, bound)


def witness_evidence(columns: Iterable[ColumnInfluence], name: str) -> Evidence:
    """Rows that read the future, so that each can be seen again by hand."""
    rows = []
    for column in columns:
        w = column.witness
        if w is not None:
            rows.append((column.column, w.asset, w.row, w.cut, w.bars, w.how, w.before, w.after))
    heads = ("column", "asset", "row", "cut", "bars ahead", "what was done", "before", "after")
    title = "Rows whose value changed although only bars after the cut were touched"
    return Evidence(name, title, heads, tuple(_plain(r) for r in rows))


def reach(column: ColumnInfluence) -> str:
    """The look-ahead in words."""
    if column.whole_future:
        return "the whole sample"
    where = " (beside gaps only)" if column.at_gaps_only else ""
    return f"{column.look_ahead} bar{'s' if column.look_ahead != 1 else ''} ahead{where}"


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_scalar(v) if isinstance(v, float) else v for v in row)


def _scalar(value: float) -> float | None:
    return round(value, 8) if math.isfinite(value) else None
