from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.market.markets import short
from audit_lib.probes.market.unfinished import (
    KNOWN,
    Moment,
    moments,
    only,
    unfinished,
    until,
    with_other_bars,
)
from audit_lib.probes.questions.asking import Reply, ask_many, frame, reasons
from audit_lib.probes.questions.frames import margins_of, unequal
from audit_lib.probes.questions.samples import panel, required
from audit_lib.subject.parameters import Clock

HOOK = "features.build_live"
MEND = "say in subject.yaml when a bar opens and closes: `clock: {opens: 9h30min, closes: 16h}`"


class LiveWaitsForTheClose(Check):
    """A live feature does not take a bar that has not closed for a whole one.

    What it checks
        At moments within the newest bar, what `features.build_live` answers follows from the bars
        that have closed, and from the open of this one: it is the same however the bar goes on.
        A row that it leaves out, or blank, until the close is right as well.
    Why it matters
        Training saw whole bars. The price, the range and above all the volume of a bar that is
        an hour old are other quantities under the same name, and the order is placed on them.
    How
        Gives the builder, with the clock at drawn moments within drawn bars, two panels that agree
        in all that has happened before the bar and differ in what happened in it: last price,
        high, low, volume and whatever else a bar holds. Where an answer differs, one field at a
        time tells which it reads. Whether the builder answers to the newest bars at all is asked
        with the clock at the close.
    Limitations
        The open counts as known from the start. Features that are meant to move within a bar, in
        training too, are named in `moving`. Whether the builder is late is not asked.
    Remediation
        Drop the newest bar until the clock has passed its close, in the one place that loads bars.
    Sources
        Prefix invariance as a metamorphic relation; Polyzotis et al. (2018), Data Lifecycle
        Challenges in Production Machine Learning (training-serving skew).
    """

    code = "FEA010"
    severity = Severity.CRITICAL
    needs = ("features.panel", HOOK)

    seed: int = Field(17, description="of everything random")
    bars: int = Field(4, ge=1, description="bars that are cut")
    each: int = Field(2, ge=1, description="moments within each")
    assets: int = Field(3, ge=1, description="assets of the sample that are driven")
    rows: int = Field(600, ge=60, description="newest bars of each")
    tolerance: float = Field(1e-9, ge=0, description="relative to the size of the column")
    moving: dict[str, str] = Field(
        {}, description="feature that is meant to move within a bar, to the reason"
    )

    def run(self, subject: Subject) -> Answers:
        """Ask at every moment, twice."""
        given = short(panel(subject), assets=self.assets, bars=self.rows)
        dates = pd.DatetimeIndex(given.index.get_level_values("date").unique().sort_values())
        clock = self._clock(subject)
        if len(dates) < 4:
            raise NotAssessed(f"{len(dates)} bars are too few to cut one")
        rng = np.random.default_rng(self.seed)
        drawn = moments(dates, clock, bars=self.bars, each=self.each, rng=rng)
        pasts = [(until(given, moment.label), moment.share) for moment in drawn]
        pairs = [(unfinished(*past, rng), unfinished(*past, rng)) for past in pasts]
        questions = [(p, None, m.now) for m, pair in zip(drawn, pairs, strict=True) for p in pair]
        last_panel = pairs[-1][0]
        closed = [(p, None, drawn[-1].closed) for p in (last_panel, with_other_bars(last_panel))]
        replies = ask_many(subject.hook(HOOK), [*questions, *closed], into=frame)
        moved: dict[str, list[Moment]] = {}
        answered = 0
        for number, moment in enumerate(drawn):
            two = replies[2 * number : 2 * number + 2]
            columns = self._moved(*two)
            if columns is None:
                yield Gap(str(moment), reasons(two))
                continue
            answered += 1
            if two[0].answered and two[1].answered:
                held = {str(c): self.tolerance for c in two[0].got if c not in self.moving}
                yield from margins_of("change with the newest bar", *_aligned(*two), held)
            for column in columns:
                moved.setdefault(column, []).append(moment)
        yield Examined(answered, "moments within a bar")
        if not self._moved(*replies[-2:]) and not moved:
            yield Gap(HOOK, "no feature moves with the newest bars, even once they have closed")
        needed = set(required(subject)) if subject.has("predictor.required") else set(moved)
        fields = self._fields(subject, pairs, drawn, {c: m[0] for c, m in moved.items()})
        rows = [(c, len(m), answered, fields.get(c, "")) for c, m in moved.items()]
        heads = ("feature", "moments it moved at", "moments", "fields that it reads")
        yield Evidence("unfinished", "Features that move within a bar", heads, tuple(rows))
        for column, at in moved.items():
            if column not in self.moving:
                what = f"the {fields[column]}" if column in fields else "several fields together"
                yield self.departs(
                    f"live feature {column!r} reads {what} of a bar that has not closed: it moves "
                    f"at {len(at)} of {answered} moments, first {at[0]}",
                    hook=HOOK,
                    measured=f"moves at {len(at)} of {answered} moments",
                    expected="the same however the bar goes on",
                    key=column,
                    cause="a bar that has not closed is taken for a whole one",
                    severity=None if column in needed else Severity.HIGH,
                    evidence=("unfinished",),
                )

    def _clock(self, subject: Subject) -> Clock:
        clock, takes = subject.parameters.clock, subject.takes(HOOK, "now")
        if clock is None and not takes:
            raise NotApplicable("the live builder is given closed bars only (no `clock`)")
        if not takes:
            raise NotAssessed(f"`clock` is declared, and {HOOK} has no parameter `now` to be told")
        if clock is None:
            raise NotAssessed(f"{HOOK} takes `now`; {MEND}")
        return clock

    def _moved(
        self, one: Reply[pd.DataFrame], other: Reply[pd.DataFrame]
    ) -> tuple[str, ...] | None:
        """Features with another value, or in other rows; None where not both were answered.

        Who refuses both waits for the close.
        """
        if one.refusal is not None and other.refusal is not None:
            return ()
        if not (one.answered and other.answered):
            return None
        a, b = _aligned(one, other)
        shared = [c for c in a if c in b]
        return tuple(str(c) for c in shared if unequal(a[c], b[c], self.tolerance).any())

    def _fields(
        self,
        subject: Subject,
        pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]],
        drawn: Sequence[Moment],
        first: dict[str, Moment],
    ) -> dict[str, str]:
        """Fields of the unfinished bar that each feature reads, at the first moment it moved."""
        read: dict[str, list[str]] = {}
        for moment in dict.fromkeys(first.values()):
            one, other = pairs[drawn.index(moment)]
            names = [c for c in one.columns if str(c).lower() not in KNOWN]
            calls = [(one, None, moment.now)]
            calls += [(only(one, other, name), None, moment.now) for name in names]
            base, *each = ask_many(subject.hook(HOOK), calls, into=frame)
            for name, reply in zip(names, each, strict=True):
                for column in self._moved(base, reply) or ():
                    if first.get(column) == moment:
                        read.setdefault(column, []).append(str(name))
        return {column: ", ".join(names) for column, names in read.items()}


def _aligned(
    one: Reply[pd.DataFrame], other: Reply[pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    index = one.got.index.union(other.got.index)
    return one.got.reindex(index), other.got.reindex(index)
