import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Severity, View
from audit_lib.probes.prediction.learning import batches, outputs
from audit_lib.probes.questions.asking import ask_many, unanswered


class RestartChangesNothing(Check):
    """An online learner that is saved and loaded goes on exactly as one that was not.

    What it checks
        Learning a series of batches gives the same predictions with a restart after any of them
        as without one; twice the same run gives the same predictions; and learning has an effect.
    Why it matters
        State that is kept in memory but not in the file (a counter, a running variance, the
        momentum) makes every restart of the process a silent change of model.
    How
        Drives `online.run` with seeded batches and a restart after each of them in turn.
    Limitations
        Concurrent learners on one file are not probed.
    Remediation
        Save everything that an update reads, and test with a restart after every batch.
    Sources
        Round-trip (save, load, decide) as a metamorphic relation; Chen, Cheung and Yiu (1998).
    """

    code = "ONL001"
    severity = Severity.HIGH
    needs = ("online.run",)
    cites = ("restarts",)

    seed: int = Field(60, description="of everything random")
    batches: int = Field(5, ge=2, description="made-up batches")
    rows: int = Field(40, ge=5, description="rows of a batch")
    tolerance: float = Field(1e-9, gt=0, description="relative to the spread of the predictions")

    def run(self, subject: Subject) -> Answers:
        """Run without a restart, twice, and with one after each batch."""
        hook = subject.hook("online.run")
        course, probe = batches(subject, count=self.batches, rows=self.rows, seed=self.seed)
        after: list[int | None] = [None, None, *range(self.batches)]
        calls = [(course, probe, i) for i in after]
        *replies, untaught = ask_many(hook, [*calls, (course[:1], probe, None)], into=outputs)
        straight = replies[0]
        straight.needed("online.run")
        yield from unanswered(replies, "runs")
        spread = float(np.std(straight.got)) or 1.0
        gaps = [
            (i, float(np.max(np.abs(r.got - straight.got))) / spread)
            for i, r in zip(after[1:], replies[1:], strict=True)
            if r.answered
        ]
        yield Examined(len(gaps), "runs compared")
        yield Evidence(
            "restarts",
            "Change of the predictions by a restart",
            ("label", "value"),
            tuple(("no restart" if i is None else f"after batch {i}", gap) for i, gap in gaps),
            View.BARS,
            "largest change, in spreads of the predictions",
            Bound("value", self.tolerance, "spreads of the predictions"),
        )
        if gaps and gaps[0][0] is None and not gaps[0][1] <= self.tolerance:
            yield self._finding("the same run twice", gaps[0][1], "repeat")
        else:
            broken = [(i, gap) for i, gap in gaps if i is not None and not gap <= self.tolerance]
            if broken:
                i, gap = max(broken, key=lambda item: item[1])
                what = f"a restart ({len(broken)} of {self.batches} places, most after batch {i})"
                yield self._finding(what, gap, "restart")
        if untaught.answered and np.array_equal(untaught.got, straight.got):
            yield self.departs(
                f"{self.batches - 1} further batches change no prediction: nothing is learnt",
                measured="no change",
                expected="predictions follow what was learnt",
                key="learning",
                severity=Severity.MEDIUM,
            )

    def _finding(self, what: str, gap: float, key: str) -> Answer:
        return self.departs(
            f"{what} changes predictions by {gap:.3g} of their spread",
            measured=gap,
            expected=f"at most {self.tolerance:g}",
            key=key,
        )
