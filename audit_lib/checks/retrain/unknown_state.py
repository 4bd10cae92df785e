import math
from collections.abc import Iterator
from typing import Any

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.hooks import RetrainState
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.lifecycle.retraining import Answered, decided, healthy, ways, with_key
from audit_lib.probes.questions.domain import Reaction, on_purpose, reaction, reactions


class UnknownIsNotHealthy(Check):
    """A state that cannot be measured must not be taken for a healthy one.

    What it checks
        With PSI, scores, errors or age NaN, the trigger fires or refuses; it never answers
        "healthy" without a word.
    Why it matters
        Monitoring breaks first when data break. Every comparison with NaN is false, so
        `if psi > 0.25` reads a failed measurement as no drift.
    How
        Sets one key at a time to NaN (errors: one value, and all) in a state that is healthy
        otherwise. Keys that have no effect even at their worst are left out: a trigger that holds
        live scores to a floor of its own never reads the training score.
    Limitations
        A trigger that answers "no" and gives a reason that names the unknown value is accepted.
    Remediation
        Treat a metric that is not finite as an alarm of its own, or refuse it.
    Sources
        IEEE 754-2019 section 5.11; SR 11-7 section V (ongoing monitoring).
    """

    code = "RET003"
    severity = Severity.MEDIUM
    needs = ("retrain.decide",)

    def run(self, subject: Subject) -> Answers:
        """Spoil one watched key at a time."""
        hook = subject.hook("retrain.decide")
        base = healthy()
        rested = decided(hook, [base])[0]
        if not rested.answered or rested.got.retrain:
            yield Gap("unknown states", "the healthy state is not answered with no: see RET002")
            return
        watched = self._watched(hook, base)
        questions = [(name, state) for key, name, state in self._spoilt(base) if key in watched]
        replies = decided(hook, [state for _, state in questions])
        yield Examined(len(replies), "states with an unknown value")
        answers = [*zip((name for name, _ in questions), replies, strict=True)]
        yield reactions("unknown", "States with an unknown value", answers, self._shown)
        for name, reply in answers:
            crashed = reaction(reply) is Reaction.CRASHED and not on_purpose(reply)
            silent = reply.answered and not reply.got.retrain and not reply.got.reasons
            if not crashed and not silent:
                continue
            how = f"ends in a crash: {reply.why}" if crashed else "is answered as healthy"
            yield self.departs(
                f"a state with {name} {how}",
                measured=reply.why or "no retrain, no reason",
                expected="a trigger, a refusal, or a reason that names the unknown value",
                key=name,
                severity=Severity.LOW if crashed else None,
                evidence=("unknown",),
            )

    @staticmethod
    def _shown(answer: Answered) -> str:
        return f"{'retrain' if answer.retrain else 'no retrain'}: {'; '.join(answer.reasons)}"

    @staticmethod
    def _watched(hook: Any, base: RetrainState) -> set[str]:
        listed = ways(base)
        replies = decided(hook, [way.states[-1] for way in listed])
        fired = {
            way.key
            for way, reply in zip(listed, replies, strict=True)
            if reply.answered and reply.got.retrain
        }
        score = base["training_score"]
        raised = with_key(base, "training_score", score + 1e3 * (abs(score) or 1.0))
        reply = decided(hook, [raised])[0]
        compared = reply.answered and reply.got.retrain
        return fired | ({"training_score"} if compared else set())

    @staticmethod
    def _spoilt(base: RetrainState) -> Iterator[tuple[str, str, RetrainState]]:
        for key in ("days_since_training", "psi", "live_score", "training_score"):
            yield key, f"{key} NaN", with_key(base, key, math.nan)
        errors = list(base["errors"])
        middle = len(errors) // 2
        one = [*errors[:middle], math.nan, *errors[middle + 1 :]]
        shifted = [math.nan, *[e + 1.0 for e in errors[1:]]]
        yield "errors", "one error NaN before a large shift", with_key(base, "errors", shifted)
        yield "errors", "every error NaN", with_key(base, "errors", [math.nan] * len(errors))
        yield (
            "errors",
            "one error NaN, the rest huge",
            with_key(base, "errors", [e if math.isnan(e) else e + 1.0 for e in one]),
        )
