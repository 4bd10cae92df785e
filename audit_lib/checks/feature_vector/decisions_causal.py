"""FEA106."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Examined, Gap, Severity, Task
from audit_lib.probes import samples
from audit_lib.probes.influence import Outcome, manageable, measure_influence
from audit_lib.probes.measured import influence_evidence, reach, witness_evidence
from audit_lib.subject.hooks import Hook
from audit_lib.subject.subject import Subject

PATHS = ("decisions.backtest", "decisions.live")


class DecisionsReadNoFuture(Check):
    """An order at a bar follows from bars up to it, through the whole pipeline.

    What it checks
        Features, model and rules taken together: side, size and gate of an order do not change
        when only later bars change, in backtest and in live.
    Why it matters
        A leak can stand after the features: a threshold from all predictions, a position sized by
        the volatility of the whole test, a signal compared with the next close. Feature checks
        pass then, and the backtest still trades on tomorrow.
    How
        Drives `features.build` and then the decision hook on the sample panel and on copies cut
        at period ends, gaps, regime changes, orders, and seeded random bars; see FEA101. Rows
        that miss a required feature are left out before the decision, as the model cannot see
        them.
    Limitations
        Where orders are rare, a leak that decides few of them may be missed; the number of cuts
        is shown. What the decision reads apart from features stays unseen.
    Remediation
        Take thresholds and scales from train rows or earlier bars, and let an order fill after
        its decision.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, sections 7.2 and 11.2.
    """

    code = "FEA106"
    contract = Contract.FEATURE_VECTOR
    task = Task.T2
    severity = Severity.CRITICAL
    reads = Reads.BEHAVIOUR
    needs = ("features.panel", "features.build")

    cuts: int = Field(8, ge=8, description="ordinary cuts, each tried twice; fewer are faster")
    rows: int = Field(4000, ge=500, description="rows of the sample that are driven")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Measure both paths."""
        paths = [p for p in PATHS if subject.has(p)]
        if not paths:
            raise NotAssessed(subject.hooks.missing(PATHS[0]))
        needed = samples.required(subject) if subject.has("predictor.required") else None
        panel = manageable(samples.panel(subject), self.rows)
        pipeline = _Pipeline(
            subject.hook("features.build"), {p: subject.hook(p) for p in paths}, needed
        )
        found = measure_influence(pipeline.one, panel, many=pipeline, cuts=self.cuts)
        if found.outcome is not Outcome.MEASURED:
            raise NotAssessed(f"{' and '.join(paths)}: {found.outcome.value}: {found.reason}")
        yield influence_evidence(found, "influence", "Bars that each part of an order reads")
        leaking = found.leaking()
        if leaking:
            yield witness_evidence(leaking, "witnesses")
        for column in leaking:
            path, _, part = column.column.rpartition(" ")
            yield self.finding(
                subject.where(path),
                f"{part!r} of {path} reads {reach(column)}",
                measured=f"look-ahead {column.look_ahead} bars",
                expected="look-ahead 0 bars",
                key=column.column,
                evidence=("influence", "witnesses"),
            )
        for path in paths:
            if not any(c.reacts for n, c in found.columns.items() if n.startswith(path)):
                yield Gap(path, f"no order of {found.bars} bars moved with the panel")
        yield Examined(len(found.columns), "columns of orders")


class _Pipeline:
    """Features, then the decisions of every path, for many panels at once."""

    def __init__(self, build: Hook, paths: dict[str, Hook], needed: list[str] | None) -> None:
        self.build = build
        self.paths = paths
        self.needed = needed

    def one(self, panel: pd.DataFrame) -> Any:
        """Orders of one panel; raises as the hooks do."""
        (answer,) = self([panel])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def __call__(self, panels: Sequence[pd.DataFrame]) -> list[Any]:
        """Orders of each panel by all paths, or the exception that stood in the way."""
        answers: list[Any] = self.build.many([(panel,) for panel in panels])
        ready = [k for k, made in enumerate(answers) if isinstance(made, pd.DataFrame)]
        inputs = [(self._complete(answers[k]),) for k in ready]
        orders = {path: decide.many(inputs) for path, decide in self.paths.items()}
        for i, k in enumerate(ready):
            answers[k] = _side_by_side({path: made[i] for path, made in orders.items()})
        return answers

    def _complete(self, features: pd.DataFrame) -> pd.DataFrame:
        chosen: pd.DataFrame = features if self.needed is None else features[self.needed]
        numbers = chosen.select_dtypes("number").to_numpy(np.float64, na_value=np.nan)
        complete: pd.DataFrame = chosen.loc[np.isfinite(numbers).all(axis=1)]
        return complete


def _side_by_side(orders: dict[str, Any]) -> Any:
    """One frame of all paths' orders; the first answer that is no frame instead, if any is not."""
    for answer in orders.values():
        if not isinstance(answer, pd.DataFrame):
            return answer
    return pd.concat([o.add_prefix(f"{path} ") for path, o in orders.items()], axis=1)
