from collections.abc import Iterator

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.questions.asking import Reply, ask, ask_many, number
from audit_lib.probes.questions.domain import Reaction, control, reaction, reactions

ALARM = 0.25  # the conventional bound of a significant shift (Siddiqi 2006)


class PsiSeesBrokenData(Check):
    """The population stability index raises an alarm for data that have broken.

    What it checks
        A feature that became constant, that left the range of the reference, that turned to NaN
        or infinity in half of its rows, or that was constant in the reference and is not any
        more, gets a PSI above 0.25, an undefined one, or a refusal; empty samples are refused or
        undefined. None of them crashes.
    Why it matters
        Broken feeds are the drift that costs most. A histogram over the reference's range drops
        what falls outside, quantile edges of a constant collapse to nothing, and a mask on NaN
        throws away the evidence: each reads as PSI zero.
    How
        Drives `drift.psi` with seeded samples, one fault at a time, after two sound samples.
    Limitations
        Half of the rows is a large share; smaller ones may go unseen by design.
    Remediation
        Close the outer bins at infinity, give NaN a bin of its own, and refuse samples that
        cannot be compared.
    Sources
        Siddiqi (2006), Credit Risk Scorecards, chapter 9 (bounds 0.1 and 0.25).
    """

    code = "DRF003"
    severity = Severity.HIGH
    needs = ("drift.psi",)
    cites = ("broken",)

    seed: int = Field(41, description="of everything random")
    rows: int = Field(1_000, ge=100, description="rows of a sample")

    def run(self, subject: Subject) -> Answers:
        """Break one sample at a time."""
        questions, hook = list(self._faults()), subject.hook("drift.psi")
        sound = ask(hook, *self._samples(), into=number)
        if not control("drift.psi", [sound]):
            why = sound.why or "PSI is not finite"
            yield Gap("whether the fault is the reason", f"two sound samples: {why}")
        replies = ask_many(hook, [(ref, cur) for *_, ref, cur in questions], into=number)
        yield Examined(len(replies), "kinds of broken data")
        answers = zip((name for name, *_ in questions), replies, strict=True)
        note = f"an answer must exceed {ALARM}"
        yield reactions("broken", "PSI of broken data", answers, lambda v: f"{v:.6g}", note)
        for (name, empty, _, _), reply in zip(questions, replies, strict=True):
            yield from self._judged(name, empty, reply)

    def _judged(self, name: str, empty: bool, reply: Reply[float]) -> Answers:
        seen = reaction(reply)
        if seen is Reaction.CRASHED:
            yield self.departs(
                f"{name}: ends in a crash instead of an alarm or a refusal: {reply.why}",
                measured=reply.why,
                expected="an alarm or a refusal",
                key=name,
                severity=Severity.LOW,
            )
        elif seen is Reaction.ANSWERED and (empty or not reply.got > ALARM):
            yield self.departs(
                f"{name}: PSI is {reply.got:.4g}",
                measured=reply.got,
                expected="a refusal or NaN" if empty else f"above {ALARM}, a refusal or NaN",
                key=name,
                severity=Severity.MEDIUM if empty or "NaN" in name or "infinite" in name else None,
            )

    def _samples(self) -> tuple[Floats, Floats]:
        rng = np.random.default_rng(self.seed)
        return rng.normal(size=self.rows), rng.normal(size=self.rows)

    def _faults(self) -> Iterator[tuple[str, bool, Floats, Floats]]:
        reference, current = self._samples()
        half = np.arange(self.rows) % 2 == 0
        nothing = np.empty(0)
        yield "current is constant", False, reference, np.zeros(self.rows)
        yield "current lies above the reference", False, reference, current + 100
        yield "current lies below the reference", False, reference, current - 100
        yield "half of current lies above the reference", False, reference, current + 100 * half
        yield "half of current is NaN", False, reference, np.where(half, np.nan, current)
        yield "all of current is NaN", False, reference, np.full(self.rows, np.nan)
        yield "half of current is infinite", False, reference, np.where(half, np.inf, current)
        yield "reference was constant", False, np.zeros(self.rows), current + 1
        yield "one constant became another", False, np.zeros(self.rows), np.ones(self.rows)
        yield "current is empty", True, reference, nothing
        yield "reference is empty", True, nothing, current
