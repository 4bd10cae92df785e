"""Decisions with what stands behind each: gates, what bounded the size, what became of it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain.rows import Rows
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, frame, mapping
from audit_lib.subject.subject import Subject

OUTCOMES = ("return", "mfe", "mae", "cost")
GATES = ("row", "gate", "value", "threshold", "passed")


@dataclass(frozen=True)
class Orders:
    """What was decided on rows, in their order.

    Attributes:
        side, size: shape (n,); NaN where not told.
        gate: that decided, '' for none.
        gates: a line a row and gate: ``row``, ``gate``, ``value``, ``threshold``, ``passed``; empty
            where nothing tells more than the gate that decided.
        outcomes: of :data:`OUTCOMES` those that are known, by position.
        lacking: what could not be told, and why.
    """

    side: Floats
    size: Floats
    gate: list[str]
    gates: pd.DataFrame
    outcomes: pd.DataFrame
    lacking: dict[str, str]

    @property
    def action(self) -> list[str]:
        """``order``, ``refusal`` (a gate left no position), or ``none``."""
        return [
            "order" if side not in (0.0,) and np.isfinite(side) else "refusal" if gate else "none"
            for side, gate in zip(self.side, self.gate, strict=True)
        ]


def decisions_hook(subject: Subject) -> str:
    """The hook that decides: of the back-test where there is one, else the live one."""
    live = "decisions.live"
    backtest = "decisions.backtest"
    return live if subject.has(live) and not subject.has(backtest) else backtest


def orders_of(subject: Subject, hook: str, rows: Rows) -> Orders:
    """Decide the rows, and ask for what stands behind each decision.

    Raises:
        NotAssessed: the decisions do not answer.
    """
    reply = ask(subject.hook(hook, again=False), rows.table, into=frame)
    if not reply.answered or len(reply.got) != len(rows) or "side" not in reply.got:
        raise NotAssessed(f"{hook} gives no order a row: {reply.why or 'no side, or other rows'}")
    table, lacking = reply.got, dict[str, str]()
    gate = table["gate"].fillna("").astype(str).tolist() if "gate" in table else [""] * len(rows)
    return Orders(
        _numbers(table["side"]),
        _numbers(table["size"]) if "size" in table else np.full(len(rows), np.nan),
        gate,
        _gates(subject, rows, lacking),
        _outcomes(subject, rows, _numbers(table["side"]), lacking),
        lacking,
    )


def stages_of(subject: Subject, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What ``explain.stages`` tells of these rows.

    Raises:
        NotAssessed, NotApplicable: there is no such hook, or it does not answer.
    """
    return ask(subject.hook("explain.stages", again=False), table, into=_staged).needed(
        "explain.stages does not answer:"
    )


def _staged(raw: Any) -> dict[str, pd.DataFrame]:
    answer: Mapping[str, Any] = mapping(raw)
    stages = {name: frame(t) for name, t in answer.items() if name in ("scaled", "raw", "gates")}
    missing = [c for c in GATES if "gates" in stages and c not in stages["gates"]]
    if missing:
        raise ValueError(f"gates has no column {missing[0]!r}; wanted {', '.join(GATES)}")
    return stages


def _gates(subject: Subject, rows: Rows, lacking: dict[str, str]) -> pd.DataFrame:
    try:
        if subject.has("explain.stages"):
            return stages_of(subject, rows.table).get("gates", pd.DataFrame(columns=list(GATES)))
        lacking["values of gates"] = "no hook explain.stages tells them"
    except (NotAssessed, NotApplicable) as error:
        lacking["values of gates"] = str(error)
    return pd.DataFrame(columns=list(GATES))


def _outcomes(subject: Subject, rows: Rows, side: Floats, lacking: dict[str, str]) -> pd.DataFrame:
    """From ``explain.outcomes``; else from the panel, by the terms that trades are locked to."""
    if subject.has("explain.outcomes"):
        reply = ask(subject.hook("explain.outcomes", again=False), rows.table, into=frame)
        if reply.answered and len(reply.got) == len(rows):
            columns = [c for c in OUTCOMES if c in reply.got]
            return reply.got.loc[:, columns].reset_index(drop=True)
        lacking["outcomes"] = f"explain.outcomes gives no row a row: {reply.why}"
        return pd.DataFrame(index=range(len(rows)))
    with suppress(NotAssessed, NotApplicable, KeyError, ValueError, TypeError):
        outcomes = _traded(subject, rows, side)
        if outcomes is not None:
            lacking["costs"] = "no hook explain.outcomes tells them"
            return outcomes
    lacking["outcomes"] = (
        "no hook explain.outcomes, and targets.preconditions with features.panel do not tell them"
    )
    return pd.DataFrame(index=range(len(rows)))


def _traded(subject: Subject, rows: Rows, side: Floats) -> pd.DataFrame | None:
    """Return, best and worst excursion of a position held as the preconditions say."""
    reply = ask(subject.hook("targets.preconditions", again=False), into=mapping)
    if not reply.answered or "holding" not in reply.got:
        return None
    holding, entry = int(reply.got["holding"]), int(reply.got.get("entry", 0))
    panel = samples.panel(subject)
    if panel.index.nlevels != 2 or not rows.table.index.isin(panel.index).all():
        return None
    price = str(reply.got.get("price", "close"))
    outcomes = pd.DataFrame(np.nan, index=range(len(rows)), columns=["return", "mfe", "mae"])
    at = panel.index.get_indexer(rows.table.index)
    asset = np.unique(panel.index.get_level_values(0), return_inverse=True)[1]
    paid, close = _numbers(panel[price]), _numbers(panel["close"])
    high = _numbers(panel["high"]) if "high" in panel else close
    low = _numbers(panel["low"]) if "low" in panel else close
    for row, place in enumerate(at):
        start, end = place + entry, place + entry + holding
        if side[row] == 0 or end >= len(panel) or asset[end] != asset[place]:
            continue
        way = np.sign(side[row]) / paid[start]
        path = [way * (p[start + 1 : end + 1] - paid[start]) for p in (high, low)]
        outcomes.loc[row] = [
            way * (paid[end] - paid[start]),
            max(0.0, float(np.max(path))),
            min(0.0, float(np.min(path))),
        ]
    return outcomes


def _numbers(column: pd.Series) -> Floats:
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
