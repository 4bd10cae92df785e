import math
from collections.abc import Iterator

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.lifecycle.cusum import alarm
from audit_lib.probes.questions.asking import ask, ask_many
from audit_lib.probes.questions.domain import Reaction, reaction, reactions


class CusumSurvivesBadData(Check):
    """One bad value must not silence the CUSUM detector.

    What it checks
        A NaN or an infinity before a large shift is refused, or the shift is still found; a
        standard deviation of zero, negative or NaN is refused or sounds an alarm.
    Why it matters
        A running sum that meets NaN is NaN for ever, and no comparison with it is ever true: one
        missing bar switches the monitor off for good, silently.
    How
        Drives `drift.cusum` with a series that shifts by ten standard deviations, which must
        alarm when clean, with one fault at a time before the shift.
    Limitations
        One length and one size of shift.
    Remediation
        Refuse values that are not finite, or skip them and say so; refuse a sigma that is not
        positive.
    Sources
        Page (1954), Continuous Inspection Schemes; IEEE 754-2019 section 6.2 (NaN propagates).
    """

    code = "DRF004"
    severity = Severity.HIGH
    needs = ("drift.cusum",)

    seed: int = Field(43, description="of everything random")

    def run(self, subject: Subject) -> Answers:
        """Spoil the series or its sigma, one fault at a time."""
        hook = subject.hook("drift.cusum")
        series = np.random.default_rng(self.seed).normal(size=100)
        series[60:] += 10.0
        clean = ask(hook, series, 0.0, 1.0, into=alarm)
        if not clean.answered or not clean.got.fired:
            yield Gap("bad data", f"the clean series sounds no alarm ({clean.why or 'see DRF002'})")
            return
        questions = list(self._faults(series))
        replies = ask_many(hook, [(s, 0.0, sigma) for _, s, sigma in questions], into=alarm)
        yield Examined(len(replies), "faults")
        answers = [*zip((name for name, *_ in questions), replies, strict=True)]
        yield reactions("faults", "A shift of ten sigma behind a fault", answers, str)
        for name, reply in answers:
            crashed = reaction(reply) is Reaction.CRASHED
            if crashed or (reply.answered and not reply.got.fired):
                how = f"ends in a crash: {reply.why}" if crashed else "sounds no alarm"
                yield self.departs(
                    f"a shift of ten sigma with {name} {how}",
                    measured=reply.why or "no alarm",
                    expected="an alarm or a refusal",
                    key=name,
                    cause="an infinity" if "infinity" in name else "",
                    severity=Severity.LOW if crashed else None,
                    evidence=("faults",),
                )

    @staticmethod
    def _faults(series: Floats) -> Iterator[tuple[str, Floats, float]]:
        for name, value in (("a NaN", math.nan), ("an infinity", math.inf)):
            spoilt = series.copy()
            spoilt[30] = value
            yield f"{name} before it", spoilt, 1.0
        opposite = series.copy()
        opposite[30] = -math.inf
        yield "an infinity of the other sign before it", opposite, 1.0
        for name, sigma in (("zero", 0.0), ("negative", -1.0), ("NaN", math.nan)):
            yield f"a {name} sigma", series, sigma
