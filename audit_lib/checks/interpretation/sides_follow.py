"""INT004."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Gap, Severity, Task, View
from audit_lib.probes.asking import ask
from audit_lib.probes.orders import PATHS, directional, orders, written
from audit_lib.probes.samples import inputs, numeric, predictions, whole_dates
from audit_lib.subject.subject import Subject

Floats = npt.NDArray[np.float64]


class SidesFollowADirectionalHead(Check):
    """What is bought scores higher than what is sold, on a head that tells a direction.

    What it checks
        Among orders that no gate touched, every buy stands above every sell on at least one head
        that is a return or a probability; and that head, not a volatility, separates them best.
    Why it matters
        Rules that read an output by its position trade on whatever stands there. Buying what is
        volatile and selling what is calm looks like a strategy for years.
    How
        Predicts and decides the same sample rows, and measures for each head the probability that
        a buy ranks above a sell (the area under the ROC curve).
    Limitations
        With a single side in the sample only the comparison with untraded rows is left, which
        other rules blur; it is then asked for no more than 0.6. Combined scores separate without
        any single head doing so perfectly: `separation` says what is asked for.
    Remediation
        Read heads by name in the rule set.
    Sources
        Fawcett (2006), An Introduction to ROC Analysis, section 7.
    """

    code = "INT004"
    contract = Contract.INTERPRETATION
    task = Task.T3
    severity = Severity.CRITICAL
    reads = Reads.BEHAVIOUR
    needs = ("predictor.predict", "predictor.required")

    rows: int = Field(4_000, ge=50, description="rows of the sample that are used")
    separation: float = Field(0.9, gt=0.5, le=1, description="least area under the ROC curve")
    margin: float = Field(
        0.02, ge=0, lt=0.5, description="by how much another head must separate sides better"
    )
    orders: int = Field(20, ge=2, description="fewest orders of a side that tell")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Decide the sample and ask which head explains the sides."""
        chosen = whole_dates(inputs(subject), self.rows)
        scores = predictions(subject).loc[chosen.index]
        names = [h.name for h in directional(subject) if h.name in scores]
        areas: list[tuple[str, float, str]] = []
        for hook in written(subject, PATHS):
            reply = ask(subject.hook(hook), chosen, into=orders)
            if not reply.answered:
                yield Gap(hook, reply.why)
                continue
            free = reply.got[reply.got["gate"] == ""]
            free = free[free.index.isin(scores.index)]
            high, low, asked = self._sides(free["side"].to_numpy())
            if high is None or low is None:
                yield Gap(hook, f"fewer than {self.orders} orders of a side in {len(chosen)} rows")
                continue
            yield Examined(int(high.sum() + low.sum()), f"rows of {hook}")
            seen = self._areas(scores.loc[free.index], high, low)
            areas += [(head, area, hook) for head, area in seen.items()]
            yield from self._judged(subject, hook, seen, names, asked)
        yield Evidence(
            "areas",
            "Probability that a buy scores above a sell",
            ("label", "value", "group"),
            tuple(areas),
            View.BARS,
            "area under the ROC curve of each head; 0.5 is no relation",
        )

    def _sides(
        self, sides: Floats
    ) -> tuple[npt.NDArray[np.bool_] | None, npt.NDArray[np.bool_] | None, float]:
        buys, sells, flat = sides > 0, sides < 0, sides == 0
        if buys.sum() >= self.orders and sells.sum() >= self.orders:
            return buys, sells, self.separation
        if buys.sum() >= self.orders and flat.sum() >= self.orders:
            return buys, flat, 0.6
        if sells.sum() >= self.orders and flat.sum() >= self.orders:
            return flat, sells, 0.6
        return None, None, 0.0

    @staticmethod
    def _areas(
        scores: pd.DataFrame, high: npt.NDArray[np.bool_], low: npt.NDArray[np.bool_]
    ) -> dict[str, float]:
        found = {}
        for head in scores.columns:
            values = numeric(scores[[head]]).reshape(-1)
            a, b = values[high], values[low]
            ranks = pd.Series(np.concatenate([a, b])).rank().to_numpy()
            wins = ranks[: len(a)].sum() - len(a) * (len(a) + 1) / 2
            found[str(head)] = float(wins / (len(a) * len(b)))
        return found

    def _judged(
        self, subject: Subject, hook: str, areas: dict[str, float], names: list[str], asked: float
    ) -> Iterator[Answer]:
        if not names:
            raise NotAssessed("no directional head is among the predictions")
        best = max(names, key=lambda head: areas[head])
        others = {h: a for h, a in areas.items() if h not in names}
        rival = max(others, key=lambda h: abs(others[h] - 0.5), default=None)
        # Trading where another head is high or low is a filter; to buy and sell by it is not.
        apart = abs(others[rival] - 0.5) if rival and asked == self.separation else 0.0
        led = apart > 0.49 and apart - abs(areas[best] - 0.5) > self.margin
        if areas[best] >= asked and not led:
            return
        if led:
            text, severity = f"sides follow {rival}, which tells no direction", self.severity
        elif areas[best] <= 1 - asked:
            text, severity = f"what is bought scores below what is sold on {best}", self.severity
        elif rival and abs(others[rival] - 0.5) > max(0.4, abs(areas[best] - 0.5)):
            text, severity = f"sides follow {rival}, which tells no direction", self.severity
        else:
            text, severity = "sides follow no directional head", Severity.HIGH
        yield self.finding(
            subject.where(hook),
            f"{text}: a buy ranks above a sell with probability {areas[best]:.2f} on {best}"
            + (f", {others[rival]:.2f} on {rival}" if rival else ""),
            measured=areas[best],
            expected=f"at least {asked:g} on a return or a probability",
            key="sides",
            severity=severity,
            evidence=("areas",),
        )
