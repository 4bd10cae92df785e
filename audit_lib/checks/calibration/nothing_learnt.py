import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats, Integers
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.questions.asking import Reply, ask, ask_many, floats
from audit_lib.probes.questions.domain import Reaction, control, on_purpose, reaction, reactions

HOOK = "calibration.fit_apply"
CERTAIN, SAME = 1e-9, 1e-9


class NothingLearntIsNotCalibrated(Check):
    """A calibrator that had nothing to learn from is refused, and never made up.

    What it checks
        A fit on no rows, on one, on outcomes of one class, and on scores that are NaN is refused
        or answers NaN. It does not hand the raw scores back as probabilities, and is not certain
        because it saw one class only.
    Why it matters
        A quiet market gives a sample without a single fall. Isotonic regression then answers 1 for
        every score, and whoever sizes by confidence bets everything; a calibrator that quietly
        passes scores through is taken for one that was fitted.
    How
        Drives `calibration.fit_apply` with one such sample at a time, after an ordinary one, and
        serves seven scores between 0.1 and 0.9. A smoothed frequency of one class is an answer.
    Limitations
        How many rows are enough is for the subject to say. An exception that a library raises for
        what it cannot use counts as a refusal.
    Remediation
        Demand both classes and enough rows before fitting; mark a version that has no calibrator.
    Sources
        Laplace's rule of succession; Zadrozny and Elkan (2002).
    """

    code = "CAL007"
    severity = Severity.MEDIUM
    needs = (HOOK,)

    rows: int = Field(400, ge=50, description="made-up rows of a sample")
    seed: int = Field(12, description="seed of the made-up rows")

    def run(self, subject: Subject) -> Answers:
        """Fit on samples that teach nothing."""
        hook, served = subject.hook(HOOK), np.linspace(0.1, 0.9, 7)
        lessons = self._samples()
        scores, outcomes = lessons.pop("an ordinary sample")
        ordinary = ask(hook, scores, outcomes, served, into=floats(len(served)))
        if not control(HOOK, [ordinary]):
            why = ordinary.why or "no probability"
            yield Gap("whether the sample is the reason", f"an ordinary one: {why}")
        calls = [(scores, outcomes, served) for scores, outcomes in lessons.values()]
        replies = ask_many(hook, calls, into=floats(len(served)))
        yield Examined(len(replies), "samples that teach nothing")
        answers, title = [*zip(lessons, replies, strict=True)], "Fits on samples that teach nothing"
        yield reactions("nothing", title, answers, lambda p: f"{p.min():.4g} to {p.max():.4g}")
        for name, reply in answers:
            problem, kind = _problem(name, reply, served)
            if problem:
                yield self.departs(
                    f"fitted on {name}, the calibrator {problem}",
                    measured=problem,
                    expected="a refusal, NaN, or a frequency short of certainty",
                    key=name,
                    severity=Severity.LOW if kind == "crash" else None,
                    cause=kind,
                    evidence=("nothing",),
                )

    def _samples(self) -> dict[str, tuple[Floats, Integers]]:
        rng = np.random.default_rng(self.seed)
        scores = rng.beta(2, 2, self.rows)
        outcomes = (rng.random(self.rows) < scores).astype(np.int64)
        return {
            "an ordinary sample": (scores, outcomes),
            "no rows": (scores[:0], outcomes[:0]),
            "one row": (scores[:1], np.ones(1, dtype=np.int64)),
            "outcomes that are all 1": (scores, np.ones_like(outcomes)),
            "outcomes that are all 0": (scores, np.zeros_like(outcomes)),
            "scores that are all NaN": (np.full_like(scores, np.nan), outcomes),
        }


def _problem(name: str, reply: Reply[Floats], served: Floats) -> tuple[str, str]:
    """What is wrong with an answer, and its kind; '' where nothing is."""
    seen = reaction(reply)
    if seen is Reaction.CRASHED:
        return ("", "") if on_purpose(reply) else (f"ends in a crash: {reply.why}", "crash")
    if seen is not Reaction.ANSWERED:
        return "", ""
    p = reply.got
    if np.allclose(p, served, rtol=0, atol=SAME):
        return "hands the raw scores back", "scores are handed back as probabilities"
    if (p >= 1 - CERTAIN).all() or (p <= CERTAIN).all():
        return f"is certain: {p[0]:.4g} for every score", "one class makes it certain"
    if "no rows" in name or "NaN" in name:
        return f"answers {p.min():.4g} to {p.max():.4g}", "probabilities out of nothing"
    return "", ""
