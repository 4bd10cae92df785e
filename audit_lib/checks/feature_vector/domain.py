"""FEA006."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Severity, Task
from audit_lib.probes.market.markets import short, spoilt
from audit_lib.probes.questions.asking import ask_many, frame
from audit_lib.probes.questions.domain import REACTION_COLUMNS, kind_of
from audit_lib.probes.questions.samples import built, numeric, panel, still
from audit_lib.subject.subject import Subject


class FeaturesStayInTheirDomain(Check):
    """Odd but possible market data give finite features, NaN or a refusal; never infinity.

    What it checks
        Prices that stand still, a gap of NaN, days without volume, a crash of 99.9 per cent, a
        single asset and three bars are built without infinite values and without a crash, and the
        same columns come back.
    Why it matters
        A ratio with a zero denominator is infinite once in years, on the day when a stock is
        halted; a tree puts it into the largest leaf, a scaler turns it into NaN for everyone.
    How
        Drives `features.build` on a short piece of the sample panel with one oddity at a time.
    Limitations
        Oddities are placed in the first asset; fields other than OHLCV are only put to NaN.
    Remediation
        Guard every denominator, and answer NaN where a feature is not defined.
    Sources
        IEEE 754-2019 section 7.3 (division by zero).
    """

    code = "FEA006"
    contract = Contract.FEATURE_VECTOR
    task = Task.T3
    severity = Severity.MEDIUM
    reads = Reads.BEHAVIOUR
    needs = ("features.panel", "features.build")

    assets: int = Field(4, ge=1, description="assets of the piece")
    bars: int = Field(400, ge=20, description="bars of each asset")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Build each spoilt panel."""
        usual = built(subject)
        if len(still(usual)) == len(usual.columns):
            raise NotAssessed(
                "every feature holds one value in all rows: the builder reads no bars"
            )
        yield from self._infinite(subject, "the sample", usual)
        asked = dict(spoilt(short(panel(subject), assets=self.assets, bars=self.bars)))
        replies = ask_many(
            subject.hook("features.build"), [(p,) for p in asked.values()], into=frame
        )
        rows = []
        for name, reply in zip(asked, replies, strict=True):
            if reply.refusal is not None:
                rows.append((name, "refused", reply.why))
            elif reply.failure is not None:
                rows.append((name, "crashed", reply.why))
                yield self.finding(
                    subject.where("features.build"),
                    f"{name}: the builder crashes: {reply.why}",
                    measured=reply.why,
                    expected="features, NaN or a refusal",
                    key=name,
                    cause=f"crash of {kind_of(reply.why)}",
                    severity=Severity.LOW,
                    evidence=("oddities",),
                )
            else:
                cells = numeric(reply.got.select_dtypes("number"))
                shown = (
                    f"{len(cells)} rows, {np.isnan(cells).mean():.0%} NaN" if cells.size else "-"
                )
                rows.append((name, "answered", shown))
                yield from self._infinite(subject, name, reply.got)
                lost = [str(c) for c in usual.columns if c not in reply.got.columns]
                if lost and len(reply.got):
                    yield self.finding(
                        subject.where("features.build"),
                        f"{name}: {len(lost)} columns are gone, first {lost[0]}",
                        measured=f"{len(reply.got.columns)} columns",
                        expected=f"{len(usual.columns)} columns",
                        key=f"columns {name}",
                        cause="columns are gone",
                        evidence=("oddities",),
                    )
        yield Examined(len(asked) + 1, "panels")
        yield Evidence("oddities", "Odd market data", REACTION_COLUMNS, tuple(rows))

    def _infinite(self, subject: Subject, name: str, features: object) -> Iterator[Answer]:
        table = frame(features).select_dtypes("number")
        counts = np.isinf(numeric(table)).sum(axis=0)
        for column, count in zip(table.columns, counts, strict=True):
            if count:
                yield self.finding(
                    subject.where("features.build"),
                    f"{name}: {column} is infinite in {count} of {len(table)} rows",
                    measured=f"{count} infinite",
                    expected="finite, or NaN",
                    key=f"{column} on {name}",
                    cause=f"{column} is infinite",
                    evidence=("oddities",),
                )
