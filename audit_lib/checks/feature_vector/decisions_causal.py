from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.market.influence import MeasurementStatus, measure_influence
from audit_lib.probes.market.markets import short
from audit_lib.probes.market.measured import influence_evidence, reach, witness_evidence
from audit_lib.probes.questions import samples
from audit_lib.subject.hooks import Hook

PATHS = ("decisions.backtest", "decisions.live")


class DecisionsReadNoFuture(Check):
    """An order at a bar follows from features up to it, in backtest and in live.

    What it checks
        Model and rules taken together: side, size and gate of an order do not change when only
        rows of later bars change.
    Why it matters
        A leak can stand after the features: a threshold from all predictions, a position sized by
        the volatility of the whole test, a signal compared with the next close. Feature checks
        pass then, and the backtest still trades on tomorrow.
    How
        Builds the features once, and drives the decision hook of both paths on them and on copies
        altered after cuts at period ends, gaps, regime changes, orders, and seeded random bars;
        see FEA101, which judges the features themselves. Rows that miss a required feature are
        left out before the decision, as the model cannot see them. Paths that know single rows
        are driven on two assets and 100 bars at most.
    Limitations
        Where orders are rare, a leak that decides few of them may be missed; the number of cuts
        is shown. What the decision reads apart from features stays unseen. Bars count complete
        rows of an asset.
    Remediation
        Take thresholds and scales from train rows or earlier bars, and let an order fill after
        its decision.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, sections 7.2 and 11.2.
    """

    code = "FEA106"
    severity = Severity.CRITICAL
    needs = ("features.panel", "features.build")

    cuts: int = Field(8, ge=8, description="ordinary cuts, each tried twice; fewer are faster")
    assets: int = Field(6, ge=1, description="assets of the sample that are driven")
    bars: int = Field(250, ge=60, description="newest complete rows of each")

    def run(self, subject: Subject) -> Answers:
        """Measure both paths."""
        paths = [p for p in PATHS if subject.has(p)]
        if not paths:
            raise NotAssessed(subject.hooks.missing(PATHS[0]))
        features = samples.built(subject)
        if subject.has("predictor.required"):
            features = samples.inputs(subject)
        decide = _Decisions({p: subject.hook(p) for p in paths})
        slow = any(subject.serving(p)[0] in subject.hooks.by_row for p in paths)
        assets, bars = (
            (min(2, self.assets), min(100, self.bars)) if slow else (self.assets, self.bars)
        )
        sample = short(features, assets=assets, bars=bars)
        if not _any_order(decide([sample])[0]):
            raise NotAssessed(
                f"{' and '.join(paths)} place no order in {len(sample)} rows of the sample, so "
                "that none can move"
            )
        reads = measure_influence(decide.one, sample, many=decide, cuts=self.cuts)
        if reads.outcome is not MeasurementStatus.MEASURED:
            raise NotAssessed(f"{' and '.join(paths)}: {reads.outcome.value}: {reads.reason}")
        yield influence_evidence(reads, "influence", "Rows that each part of an order reads")
        leaking = reads.leaking()
        if leaking:
            yield witness_evidence(leaking, "witnesses")
        for column in leaking:
            path, _, part = column.column.rpartition(" ")
            yield self.departs(
                f"{part!r} of {path} reads {reach(column)}",
                hook=path,
                measured=f"look-ahead {column.look_ahead} bars",
                expected="look-ahead 0 bars",
                key=column.column,
                evidence=("influence", "witnesses"),
            )
        for path in paths:
            if not any(c.reacts for n, c in reads.columns.items() if n.startswith(path)):
                yield Gap(path, f"no order of {reads.bars} bars moved with the features")
        yield Examined(len(reads.columns), "columns of orders")


class _Decisions:
    """Orders of every path, for many tables of features at once."""

    def __init__(self, paths: dict[str, Hook]) -> None:
        self.paths = paths

    def one(self, features: pd.DataFrame) -> Any:
        """Orders of one table; raises as the hooks do."""
        (answer,) = self([features])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def __call__(self, tables: Sequence[pd.DataFrame]) -> list[Any]:
        """Orders of each table by all paths, or the exception that stood in the way."""
        inputs = [(_complete(table),) for table in tables]
        orders = {path: decide.many(inputs) for path, decide in self.paths.items()}
        by_panel = zip(*orders.values(), strict=True)
        return [_side_by_side(dict(zip(orders, answers, strict=True))) for answers in by_panel]


def _complete(features: pd.DataFrame) -> pd.DataFrame:
    numbers = features.select_dtypes("number").to_numpy(np.float64, na_value=np.nan)
    return features.iloc[np.flatnonzero(np.isfinite(numbers).all(axis=1))]


def _any_order(orders: Any) -> bool:
    """Whether any path trades at all; True where the answer is none that tells."""
    if not isinstance(orders, pd.DataFrame):
        return True
    sides = orders[[c for c in orders if str(c).endswith(" side")]]
    return sides.empty or bool((sides.fillna(0).to_numpy() != 0).any())


def _side_by_side(orders: dict[str, Any]) -> Any:
    """One frame of all paths' orders; the first answer that is no frame instead, if any is not."""
    for answer in orders.values():
        if not isinstance(answer, pd.DataFrame):
            return answer
    return pd.concat([o.add_prefix(f"{path} ") for path, o in orders.items()], axis=1)
