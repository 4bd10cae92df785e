from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import Field
from scipy import special

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Margin, Severity, View
from audit_lib.probes.lifecycle.cusum import Alarm, alarm
from audit_lib.probes.lifecycle.retraining import lived
from audit_lib.probes.questions.asking import Reply, ask, ask_many, mapping, unanswered
from audit_lib.probes.questions.samples import inputs

Series = tuple[Floats, float, float]
CHANGE = 60
LONG = 1_000
"""bars under control of the series that tell how long it stays calm"""
WITHIN = (20, 50, 100, 250, 500, LONG)
SHIFTS = (0.0, 0.5, 1.0, 2.0, 3.0)


class CusumDetectsShifts(Check):
    """The CUSUM detector finds shifts in both directions, in any unit, without crying wolf.

    What it checks
        A shift of two standard deviations is found within `delay` bars, one of three within six
        tenths of them, up and down alike; mirroring the series about its target does not change
        the answer, nor does a change of unit, nor what was asked before; a series under control
        sounds an alarm in at most `false_alarms` of the runs of `bars` bars, or of as many as
        `retrain.state` gives the trigger, where that is written; the bar that is named lies in
        the series, and not before the change; a series that never leaves its target sounds none.
    Why it matters
        A one-sided detector misses half of all failures, one that forgets to divide by sigma
        works for one unit only, and a nervous one is switched off by the people it wakes.
    How
        Drives `drift.cusum` with seeded normal series with and without a change of mean. Where a
        late bar is named, the series is asked again up to the bar by which it must be found. False
        alarms are judged by the lower Clopper-Pearson bound of their rate at 99.9 %. Delays, and
        the share of false alarms within 20 to 1,000 bars, are evidence.
    Limitations
        Normal, independent values; the detector's own constants are not asked for.
    Remediation
        Keep two sums of standardised values, one for each direction, and return the first bar at
        which either crosses its bound.
    Sources
        Page (1954), Continuous Inspection Schemes; Montgomery, Introduction to Statistical Quality
        Control, section 9.1; Clopper and Pearson (1934).
    """

    code = "DRF002"
    severity = Severity.HIGH
    needs = ("drift.cusum",)
    cites = ("detected",)

    seed: int = Field(42, description="of everything random")
    runs: int = Field(60, ge=20, description="seeded series per shift")
    bars: int = Field(50, ge=10, description="bars under control in a run")
    delay: int = Field(20, ge=1, description="bars within which two sigma must be found")
    false_alarms: float = Field(0.3, gt=0, lt=1, description="most false alarms per run")

    def run(self, subject: Subject) -> Answers:
        """Ask every series up, down, mirrored and rescaled."""
        series = list(self._series())
        calls = [(s, 0.0, 1.0) for _, s in series]
        mirrored = [(-s, 0.0, 1.0) for _, s in series]
        rescaled = [(s * 250.0 - 40.0, -40.0, 250.0) for _, s in series]
        length, use = self._length(subject)
        rng = np.random.default_rng(self.seed + 1)
        calm = [(rng.normal(size=LONG), 0.0, 1.0) for _ in range(self.runs)]
        used = [(values[:length], 0.0, 1.0) for values, *_ in calm] if length else []
        first = calls[: self.runs // 4]
        alarmed = [call for one in first for call in (calls[-1], one)]
        questions = [*first, *calls, *mirrored, *rescaled, *calm, *used, *alarmed]
        all_replies = ask_many(subject.hook("drift.cusum"), questions, into=alarm)
        before, after = all_replies[: len(first)], all_replies[-len(alarmed) :][1::2]
        replies = all_replies[len(first) : -len(alarmed)]
        yield from unanswered(replies, "series")
        n, m = len(series), 3 * len(series)
        plain, mirror, scaled = replies[:n], replies[n : 2 * n], replies[2 * n : m]
        yield Examined(sum(r.answered for r in replies), "series")
        yield self._detected(series, plain, mirror)
        yield from self._lengths(series, plain, mirror, replies[m : m + len(calm)])
        remembered = list(self._relation("asked again", before, after))
        yield from remembered
        if remembered:
            return  # what it remembers spoils every other answer
        yield from self._relation("mirrored about the target", plain, mirror)
        yield from self._relation("measured in another unit", plain, scaled)
        late: list[str] = []
        yield from self._power(subject, series, plain, "up", late)
        yield from self._power(subject, series, mirror, "down", late)
        calm_replies = [r for (s, _), r in zip(series, plain, strict=True) if s == 0]
        yield from self._calm(calm_replies, f"{self.bars} bars", "false alarms")
        yield from self._calm(replies[m + len(calm) :], use, "false alarms in use")
        yield from self._places(series, plain, late)
        yield from self._still(subject)

    def _still(self, subject: Subject) -> Answers:
        calls = [(np.full(self.bars, target), target, 1.0) for target in (0.0, 0.3)]
        replies = ask_many(subject.hook("drift.cusum"), calls, into=alarm)
        if any(r.answered and r.got.fired for r in replies):
            text = f"a series of {self.bars} bars that never leaves its target sounds an alarm"
            yield self.departs(text, measured="an alarm", key="still", severity=Severity.MEDIUM)

    def _series(self) -> Iterator[tuple[float, Floats]]:
        rng = np.random.default_rng(self.seed)
        for shift in SHIFTS:
            for _ in range(self.runs):
                if shift:
                    noise = rng.normal(size=CHANGE + 2 * self.delay)
                    noise[:CHANGE] *= 0.25  # calm before the change, so that alarms belong to it
                    noise[CHANGE:] += shift
                    yield shift, noise
                else:
                    yield shift, rng.normal(size=self.bars)

    def _relation(self, how: str, plain: list[Reply[Alarm]], other: list[Reply[Alarm]]) -> Answers:
        both = [
            (a.got, b.got) for a, b in zip(plain, other, strict=True) if a.answered and b.answered
        ]
        differs = [(a, b) for a, b in both if a != b]
        if differs:
            first, second = differs[0]
            yield self.departs(
                f"{how}, {len(differs)} of {len(both)} series get another answer: "
                f"first {first} becomes {second}",
                measured=f"{len(differs)} differ",
                expected="the same answer",
                key=how,
            )

    def _power(
        self,
        subject: Subject,
        series: list[tuple[float, Floats]],
        replies: list[Reply[Alarm]],
        way: str,
        late: list[str],
    ) -> Answers:
        """Too few found in time; what is found in time and names a later bar goes to ``late``."""
        for shift in (2.0, 3.0):
            within = self.delay if shift == 2 else max(1, round(0.6 * self.delay))
            cases = [
                (values, r.got)
                for (s, values), r in zip(series, replies, strict=True)
                if s == shift and r.answered
            ]
            seen = [got.fired and (got.at is None or got.at < CHANGE + within) for _, got in cases]
            after = [n for n, (_, got) in enumerate(cases) if got.fired and not seen[n]]
            sign = 1.0 if way == "up" else -1.0
            short = [(sign * cases[n][0][: CHANGE + within], 0.0, 1.0) for n in after]
            again = ask_many(subject.hook("drift.cusum"), short, into=alarm) if short else []
            for n, reply in zip(after, again, strict=True):
                if reply.answered and reply.got.fired:
                    seen[n] = True
                    late.append(
                        f"bar {cases[n][1].at} of {len(cases[n][0])}, change at bar {CHANGE}, and "
                        f"the first {CHANGE + within} bars alone sound it"
                    )
            if seen and np.mean(seen) < 0.95:
                yield self.departs(
                    f"a shift of {shift:g} σ {way} is found in {sum(seen)} of {len(seen)} series "
                    f"within {within} bars",
                    measured=f"{np.mean(seen):.0%}",
                    expected="at least 95%",
                    key=f"shift {way}",
                    cause="shifts are missed",
                )
                return

    def _length(self, subject: Subject) -> tuple[int, str]:
        """How many errors the live caller gives the trigger, in words too; 0 where unknown."""
        if not subject.has("retrain.state"):
            return 0, ""
        try:
            rows = inputs(subject)
        except (NotAssessed, NotApplicable):
            return 0, ""
        today = pd.Timestamp(rows.index.get_level_values(-1).max()) + pd.Timedelta("1D")
        live = lived(rows, seed=self.seed)
        reply = ask(subject.hook("retrain.state"), live, today, into=mapping)
        errors = reply.got.get("errors") if reply.answered else None
        length = min(LONG, int(np.size(errors))) if errors is not None else 0
        return length, f"the {length} bars that the live caller gives"

    @staticmethod
    def _lengths(
        series: list[tuple[float, Floats]],
        up: list[Reply[Alarm]],
        down: list[Reply[Alarm]],
        calm: list[Reply[Alarm]],
    ) -> Answers:
        """Bars from the change to the alarm, and how long it stays silent without one."""
        rows: list[tuple[float, str, float, float, float]] = []
        for shift in SHIFTS[1:]:
            for way, replies in (("up", up), ("down", down)):
                own = [r for (s, _), r in zip(series, replies, strict=True) if s == shift]
                at = [r.got.at for r in own if r.answered and r.got.fired]
                bars = [a + 1 - CHANGE for a in at if a is not None]
                if bars:
                    half, most = np.quantile(bars, (0.5, 0.95))
                    rows.append((shift, way, len(at) / len(own), float(half), float(most)))
        names = ("shift in sigma", "way", "found", "bars, median", "bars, 95 %")
        yield Evidence("delays", "Bars until a shift is found", names, tuple(rows))
        alarms = [r.got for r in calm if r.answered]
        if alarms and all(a.at is not None for a in alarms if a.fired):
            fired = [a.at for a in alarms if a.fired and a.at is not None]
            shares = [(w, sum(bar < w for bar in fired) / len(alarms)) for w in WITHIN]
            yield Evidence(
                "calm",
                "Share of calm series that sound an alarm, by their length",
                ("x", "value", "series"),
                tuple((float(w), share, "under control") for w, share in shares),
                View.LINES,
                "x: bars; every alarm here is a false one",
            )

    def _calm(self, replies: list[Reply[Alarm]], within: str, key: str) -> Answers:
        calm = [r.got.fired for r in replies if r.answered]
        if not calm:
            return
        fired, n = sum(calm), len(calm)
        lower = float(special.betaincinv(fired, n - fired + 1, 0.001)) if fired else 0.0
        upper = float(special.betaincinv(fired + 1, n - fired, 0.999)) if fired < n else 1.0
        what = f"series under control that sound an alarm within {within}, at the least"
        yield Margin(what, lower, self.false_alarms, low=lower, high=upper)
        if lower > self.false_alarms:
            yield self.departs(
                f"{fired} of {n} series under control sound an alarm within {within}",
                measured=f"{fired / n:.0%}, at least {lower:.0%} with 99.9% confidence",
                expected=f"at most {self.false_alarms:.0%}",
                key=key,
                severity=Severity.MEDIUM,
            )

    def _places(
        self, series: list[tuple[float, Floats]], replies: list[Reply[Alarm]], late: list[str]
    ) -> Answers:
        wrong = list(late)
        for (shift, values), reply in zip(series, replies, strict=True):
            if not reply.answered or not reply.got.fired:
                continue
            at = reply.got.at
            early = shift >= 2 and at is not None and at < CHANGE
            if at is None or not 0 <= at < len(values) or early:
                wrong.append(f"bar {at} of {len(values)}, change at bar {CHANGE if shift else '-'}")
        if wrong:
            yield self.departs(
                f"{len(wrong)} alarms name a bar at which no sum crossed its bound: "
                f"first {wrong[0]}",
                measured=wrong[0],
                expected="the bar at which the sum crosses its bound",
                key="place",
                severity=Severity.MEDIUM,
            )

    def _detected(
        self, series: list[tuple[float, Floats]], up: list[Reply[Alarm]], down: list[Reply[Alarm]]
    ) -> Evidence:
        rows = []
        for name, replies in (("up", up), ("down", down)):
            for shift in SHIFTS:
                fired = [
                    r.got.fired
                    for (s, _), r in zip(series, replies, strict=True)
                    if s == shift and r.answered
                ]
                if fired:
                    rows.append((shift, float(np.mean(fired)), name))
        return Evidence(
            "detected",
            "Share of series that sound an alarm",
            ("x", "value", "series"),
            tuple(rows),
            View.LINES,
            f"x: shift of the mean in standard deviations; 0 is {self.bars} bars under control",
        )
