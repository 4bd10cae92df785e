from collections.abc import Iterator

from audit_lib.checks.base import Answer, Answers, Check, Subject, show
from audit_lib.hooks import RetrainState
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.lifecycle.retraining import (
    SCORES,
    Answered,
    decided,
    disastrous,
    healthy,
    ways,
    with_key,
)
from audit_lib.probes.questions.asking import reasons

Decisions = dict[tuple[float, str], Answered]
BETTER = "better than in training"
#: far beyond what is ever seen: per cent for fractions, seconds or minutes for days
_BEYOND: dict[str, tuple[str, float]] = {
    "PSI": ("psi", 1e4),
    "age": ("days_since_training", 1e9),
    "live score": ("live_score", -1e4),
}


class HealthyRestsAndDisasterFires(Check):
    """A healthy model is left alone, and a disastrous one is retrained, whatever its scores' sign.

    What it checks
        A one-day-old model on unchanged data that scores as in training does not trigger; a model
        that is bad in every way does, with a reason; and so does one whose live score alone has
        collapsed, whatever the sign of its training score.
    Why it matters
        A trigger that never fires leaves a dead model in production, one that always fires
        replaces a good one every day; either looks fine until it is needed.
    How
        Drives `retrain.decide` with both extremes and with each key alone at its worst, for
        training scores of 1, 0.05, 0, -0.05 and -1.
    Limitations
        A key that has no effect for any training score is listed as unused, not as a fault: a
        subject need not watch everything. A floor that a score must reach is no fault either: a
        trigger that also fires where the live score is better than in training is taken for one,
        if it rests for some training score.
    Remediation
        Compare scores by difference, and test the trigger at both extremes and at negative scores.
    Sources
        SR 11-7, Supervisory Guidance on Model Risk Management, section V (ongoing monitoring).
    """

    code = "RET002"
    severity = Severity.HIGH
    needs = ("retrain.decide",)
    cites = ("extremes",)

    def run(self, subject: Subject) -> Answers:
        """Ask both extremes, and each key alone at its worst."""
        cases = [(score, name, state) for score in SCORES for name, state in self._states(score)]
        replies = decided(subject.hook("retrain.decide"), [state for *_, state in cases])
        pairs = zip(cases, replies, strict=True)  # nobody need bear what is never seen
        failed = [r for (_, n, _), r in pairs if r.failure is not None and "beyond" not in n]
        if failed:
            yield Gap(f"{len(failed)} of {len(cases)} states", reasons(failed))
        by_case = {
            (score, name): reply.got
            for (score, name, _), reply in zip(cases, replies, strict=True)
            if reply.answered
        }
        yield Examined(len(by_case), "states")
        yield Evidence(
            "extremes",
            "What the trigger says at the extremes",
            ("training score", "state", "retrain", "reasons"),
            tuple((s, n, a.retrain, "; ".join(a.reasons)) for (s, n), a in by_case.items()),
        )
        yield from self._extremes(by_case)
        low = self._below_floor(by_case)
        yield from self._unused({k: a for k, a in by_case.items() if k[0] not in low})
        yield from self._mute(by_case)

    @staticmethod
    def _states(score: float) -> Iterator[tuple[str, RetrainState]]:
        base = healthy(score)
        yield "healthy", base
        yield BETTER, with_key(base, "training_score", score - (abs(score) or 1.0))
        yield "disastrous", disastrous(base)
        for way in ways(base):
            yield f"{way.name} alone", way.states[-1]
        for name, (key, value) in _BEYOND.items():
            yield f"{name} beyond", with_key(base, key, value)

    def _extremes(self, by_case: Decisions) -> Answers:
        low = self._below_floor(by_case)
        for name, wanted in (("healthy", False), ("disastrous", True)):
            wrong = [
                s for s in SCORES if (s, name) in by_case and by_case[s, name].retrain != wanted
            ]
            wrong = [s for s in wrong if s not in low]
            if wrong:
                verb = "does not trigger" if wanted else "triggers"
                yield self._wrong(f"a {name} model {verb}", wrong, name)
        heard = [s for s in SCORES if (s, "live score alone") in by_case and s not in low]
        slept = [s for s in heard if not by_case[s, "live score alone"].retrain]
        if slept and len(slept) < len(heard):
            message = (
                "a collapse of the live score alone does not trigger, though it does elsewhere"
            )
            yield self._wrong(message, slept, "live score")

    @staticmethod
    def _below_floor(made: Decisions) -> set[float]:
        """Training scores at which a trigger fires for the level of a score, not for a decay."""
        fires = {s for s in SCORES if (s, "healthy") in made and made[s, "healthy"].retrain}
        if all(s in fires for s in SCORES if (s, "healthy") in made):
            return set()
        return {s for s in fires if (s, BETTER) in made and made[s, BETTER].retrain}

    def _unused(self, by_case: Decisions) -> Answers:
        unused = [w.name for w in ways(healthy()) if self._never_fires(by_case, f"{w.name} alone")]
        far = [n for n in _BEYOND if n in unused and not self._never_fires(by_case, f"{n} beyond")]
        for name in far:
            key, value = _BEYOND[name]
            worst = next(w.states[-1] for w in ways(healthy()) if w.name == name)[key]  # type: ignore[literal-required] # keys of ways are those of states
            yield self.departs(
                f"{name} has a threshold out of reach: {key} {worst:g} does not trigger, and "
                f"{value:g} does, as where one is in another unit",
                measured=f"no trigger at {key} {worst:g}",
                expected="a threshold that real values reach",
                key=f"{name} out of reach",
            )
        unused = [name for name in unused if name not in far]
        if unused:
            yield self.departs(
                f"no effect, however bad: {', '.join(unused)}",
                measured=show(unused),
                expected="each key that the subject watches can trigger",
                key="unused",
                severity=Severity.INFO,
            )

    def _mute(self, by_case: Decisions) -> Answers:
        mute = [(s, n) for (s, n), a in by_case.items() if a.retrain and not a.reasons]
        if mute:
            score, name = mute[0]
            yield self.departs(
                f"{len(mute)} triggers give no reason, first the {name} state "
                f"with training score {score:g}",
                measured="no reason",
                expected="a reason a person can read",
                key="reasons",
                severity=Severity.LOW,
            )

    def _wrong(self, what: str, scores: list[float], key: str) -> Answer:
        shown = ", ".join(f"{s:g}" for s in scores)
        return self.departs(
            f"{what} (training score {shown})",
            measured=f"wrong for training scores {shown}",
            expected="right for every training score",
            key=key,
        )

    @staticmethod
    def _never_fires(by_case: Decisions, name: str) -> bool:
        heard = [answer.retrain for (_, n), answer in by_case.items() if n == name]
        return bool(heard) and not any(heard)
