from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Scalar, Severity, View
from audit_lib.probes.prediction.orders import (
    MADE_UP,
    PATHS,
    RULES,
    field_tolerances,
    grid_orders,
    orders_of,
    path_orders,
)
from audit_lib.probes.prediction.thresholds import Threshold, beside, thresholds
from audit_lib.probes.questions.asking import Reply, ask_many
from audit_lib.probes.questions.frames import Difference, differences, label, margins_of, unequal

RULED = (MADE_UP, "beside thresholds")
LEVELS = {"side": Severity.CRITICAL, "size": Severity.HIGH, "gate": Severity.MEDIUM}


class BacktestIsLive(Check):
    """Backtest and live turn the same predictions into the same orders.

    What it checks
        On the same features, both paths give every row the same side, the same size, the same
        gate and the same declared fields (`orders` in `subject.yaml`). Where the rule sets are
        exposed, they do so for made-up predictions, and just below and just above every score at
        which the backtest changes its mind, also with a head missing. Rows that one
        path refuses and the other trades are a difference.
    Why it matters
        A backtest earns its money with its own thresholds, sizing and gates. Where live has
        others, nobody has tested the strategy that trades.
    How
        Drives `decisions.backtest` and `decisions.live` on real rows, stretched rows, rows with
        columns shuffled apart, and rows with holes, so that gates for rare states are reached
        too; and `decisions.rules_backtest` with `decisions.rules_live` on a seeded grid of round
        and odd scores, and on the back-test's thresholds, found to the last bit.
    Limitations
        Gates that depend on the state of an account see the state that the hooks give them.
    Remediation
        Interpret predictions in one function, with the numbers stored beside the model.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 11 (backtesting).
    """

    code = "INT001"
    severity = Severity.CRITICAL
    needs = ("decisions.backtest", "decisions.live", "predictor.required")

    seed: int = Field(13, description="of everything random")
    rows: int = Field(400, ge=10, description="rows of the sample that are used")
    grid: int = Field(1_000, ge=10, description="made-up predictions")
    alone: int = Field(100, ge=1, description="rows that a path which refuses a table sees alone")
    tolerance: float = Field(1e-9, ge=0, description="of sizes, relative")

    def run(self, subject: Subject) -> Answers:
        """Compare both paths in every scenario."""
        rows: list[tuple[Scalar, ...]] = []
        counts: list[tuple[str, float, str]] = []
        by_cause: dict[str, list[tuple[str, Difference, int]]] = {}
        tolerances, placed = field_tolerances(subject, self.tolerance), 0
        for name, features, backtest, live in self._answers(subject):
            if not (backtest.answered and live.answered):
                yield from self._one_sided(subject, name, features, backtest, live)
                continue
            shared = backtest.got.index.intersection(live.got.index)
            placed += sum(int((side.got["side"] != 0).sum()) for side in (backtest, live))
            yield Examined(len(shared), f"rows {name}")
            for difference in self._differences(backtest.got, live.got, tolerances):
                key = difference.column or difference.kind
                by_cause.setdefault(key, []).append((name, difference, len(shared)))
                counts.append((key, 100 * difference.count / max(len(shared), 1), name))
            one, other = (path.got.loc[shared] for path in (backtest, live))
            yield from margins_of(
                "difference of an order in backtest and live", one, other, tolerances
            )
            rows += self._examples(name, backtest.got, live.got, tolerances)
        yield Evidence(
            "paths",
            "Rows on which live differs from backtest",
            ("label", "value", "group"),
            tuple(counts),
            View.BARS,
            "per cent of rows, by scenario; empty: none differ",
        )
        yield Evidence(
            "examples",
            "Orders that differ",
            ("scenario", "row", *(f"{c} {p}" for c in tolerances for p in ("backtest", "live"))),
            tuple(rows[:60]),
        )
        if not placed:
            yield Gap("orders", "neither path placed one in any scenario")
        for key, cases in by_cause.items():
            name, first, total = cases[0]
            ruled = name.startswith(RULED)
            yield self.departs(
                f"{key} {first.text} (backtest, then live; {total} rows {name}"
                + (f"; also {', '.join(n for n, *_ in cases[1:])})" if cases[1:] else ")"),
                hook=RULES[1] if ruled else PATHS[1],
                measured=first.text,
                expected="the same in backtest and live",
                key=key,
                severity=LEVELS.get(key, Severity.HIGH),
                evidence=("paths", "examples"),
            )

    def _differences(
        self, backtest: pd.DataFrame, live: pd.DataFrame, tolerances: dict[str, float]
    ) -> Iterator[Difference]:
        """What differs: first in side, and in the other fields of orders of the same side."""
        departures = differences(backtest, live, tolerance=self.tolerance, tolerances=tolerances)
        shared = backtest.index.intersection(live.index)
        parted = unequal(backtest["side"].loc[shared], live["side"].loc[shared], 0.0)
        if parted.any():  # the other fields of these rows differ because the side does
            yield from (d for d in departures if d.column in ("", "side"))
            same = shared[~parted]
            departures = differences(
                *(path.loc[same] for path in (backtest, live)),
                tolerance=self.tolerance,
                tolerances=tolerances,
            )
        yield from (d for d in departures if d.kind != "dtype" and (d.column or not parted.any()))

    def _answers(
        self, subject: Subject
    ) -> Iterator[tuple[str, pd.DataFrame, Reply[pd.DataFrame], Reply[pd.DataFrame]]]:
        there, here = (path_orders(subject, hook, rows=self.rows, seed=self.seed) for hook in PATHS)
        for (name, given, backtest), (_, _, live) in zip(there, here, strict=True):
            yield name, given, backtest, live
        if all(subject.has(hook) for hook in RULES) and subject.has("predictor.predict"):
            (name, given, backtest), (_, _, live) = (
                grid_orders(subject, hook, rows=self.grid, seed=self.seed) for hook in RULES
            )
            yield name, given, backtest, live
            cuts: list[Threshold] = []
            with suppress(NotAssessed):  # no head is known to tell a side
                cuts = thresholds(subject, RULES[0])
            if cuts:
                tables = dict(beside(cuts, subject))
                each = [(rows,) for rows in tables.values()]
                replies = (ask_many(subject.hook(h), each, into=orders_of(subject)) for h in RULES)
                yield from zip(tables, tables.values(), *replies, strict=True)

    def _one_sided(
        self,
        subject: Subject,
        name: str,
        given: pd.DataFrame,
        backtest: Reply[pd.DataFrame],
        live: Reply[pd.DataFrame],
    ) -> Answers:
        """What it means that not both paths answered."""
        failed = [r for r in (backtest, live) if r.failure is not None]
        if len(failed) == 2 and " without " in name:  # neither path trades without that head
            return
        if failed:
            yield Gap(name, failed[0].why)
            return
        if not (backtest.answered or live.answered):  # they agree to decline
            return
        refuses, answers = ("live", "backtest") if backtest.answered else ("backtest", "live")
        orders_given = (backtest if backtest.answered else live).got
        refusal = live if backtest.answered else backtest
        traded = orders_given.index[(orders_given["side"] != 0).to_numpy()]
        yield Examined(len(orders_given), f"rows {name}")
        if traded.empty:  # declining and standing aside are the same orders
            return
        # A path may decline a table for one row of it; each row alone tells which it declines.
        chosen = np.unique(np.linspace(0, len(traded) - 1, self.alone).astype(int))
        traded_rows = given.loc[traded[chosen]]
        questions = [(traded_rows.iloc[[i]],) for i in range(len(traded_rows))]
        prefix = "decisions.rules_" if name.startswith(RULED) else "decisions."
        alone = ask_many(subject.hook(prefix + refuses), questions, into=orders_of(subject))
        declined = sum(r.refusal is not None for r in alone)
        if not declined:
            yield Gap(name, f"{refuses} refused the table, though none of {len(alone)} rows alone")
            return
        yield self.departs(
            f"{refuses} refuses {declined} of {len(alone)} rows {name} that {answers} trades: "
            f"{refusal.refusal or 'without a reason'}",
            hook=f"decisions.{refuses}",
            measured=f"{refuses} refuses, {answers} trades",
            expected="the same in backtest and live",
            key=f"refusal {name}",
            severity=Severity.HIGH,
        )

    @staticmethod
    def _examples(
        name: str, backtest: pd.DataFrame, live: pd.DataFrame, tolerances: dict[str, float]
    ) -> list[tuple[Scalar, ...]]:
        shared = backtest.index.intersection(live.index)
        a, b = backtest.loc[shared], live.loc[shared]
        differs = np.zeros(len(shared), dtype=bool)
        for column, tolerance in tolerances.items():
            differs |= unequal(a[column], b[column], tolerance)
        rows: list[tuple[Scalar, ...]] = []
        for at in shared[differs][:15]:
            pairs = [(a.loc[at, c], b.loc[at, c]) for c in tolerances]
            cells = [(v if isinstance(v, str) else float(v)) for pair in pairs for v in pair]
            rows.append((name, label(at), *cells))
        return rows
