from collections.abc import Iterator

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.hooks import RetrainState
from audit_lib.model import Evidence, Examined, Gap, Severity, View
from audit_lib.probes.lifecycle.retraining import (
    SCORES,
    Answered,
    Way,
    decided,
    healthy,
    somewhere,
    ways,
    with_key,
)
from audit_lib.probes.questions.asking import Reply, unanswered
from audit_lib.probes.questions.relations import first_retraction


class WorseNeverUntriggers(Check):
    """A worse state must never take back a retrain trigger.

    What it checks
        Along ladders on which the model gets older, data drift further, the live score falls or
        errors shift, the trigger may turn on, never off again. A live score above that of training
        does not trigger where one as far below it does not.
    Why it matters
        The usual way to break this is a ratio: `live / training < 0.5` reads a live score of
        -1.0 against a training score of -0.1 as ten times better, and the worst models are the
        ones that are never retrained.
    How
        Starts from states with training scores of every sign, alone and with another alarm
        already on, and from drawn ones in which everything is somewhat worse at once, and climbs
        one key at a time with the others fixed. What gets worse in several ways at once is a path
        of such steps.
    Limitations
        `live_score` is taken as higher-is-better, as the hook defines it.
    Remediation
        Compare scores by difference, and let any one alarm be enough.
    Sources
        Monotonicity as a metamorphic relation (Segura et al. 2016, doi:10.1109/TSE.2016.2532875).
    """

    code = "RET001"
    severity = Severity.HIGH
    needs = ("retrain.decide",)

    drawn: int = Field(12, ge=0, description="drawn states to start from, besides the fixed ones")
    seed: int = Field(31, description="of the drawn states")

    def run(self, subject: Subject) -> Answers:
        """Climb every ladder from every base."""
        climbs = [(name, way) for name, base in self._bases() for way in ways(base)]
        climbs += [
            (name, way)
            for name, base, shifted in somewhere(self.drawn, self.seed)
            for way in ways(base)
            if way.key != "errors" or not shifted  # down again after up is no worse
        ]
        states = [state for _, way in climbs for state in way.states]
        replies = decided(subject.hook("retrain.decide"), states)
        yield Examined(sum(r.answered for r in replies), "states")
        yield from unanswered(replies, "states", refusals=False)
        rest = iter(replies)
        rows: list[tuple[str, str, float]] = []
        broken: dict[str, list[tuple[str, Way, int, int]]] = {}
        for name, way in climbs:
            flags = self._flags([next(rest) for _ in way.states])
            rows += [
                (f"{way.name}, {name}", str(i), float(flag))
                for i, flag in enumerate(flags)
                if flag is not None and not name.startswith("drawn")
            ]
            if turn := first_retraction(flags):
                broken.setdefault(way.name, []).append((name, way, turn.before, turn.after))
        yield Evidence(
            "ladders",
            "Where the trigger is on, from healthy to disastrous",
            ("row", "column", "value"),
            tuple(rows),
            View.HEATMAP,
            "columns: step of the ladder; 1 is on; once on it must stay on to the right",
        )
        if not any(r.answered and r.got.retrain for r in replies):
            yield Gap("the trigger", "it fired in none of the states: see RET002")
        yield from self._upside_down(subject)
        for way_name, found_here in broken.items():
            name, way, before, after = found_here[0]
            yield self.departs(
                f"worse {way_name} takes the trigger back in {len(found_here)} ladders: "
                f"{self._moved(way, before)} triggers and {self._moved(way, after)} does not "
                f"({name})",
                measured=f"{len(found_here)} ladders turn back",
                expected="none",
                key=way_name,
                evidence=("ladders",),
            )

    def _upside_down(self, subject: Subject) -> Answers:
        """A live score above that of training triggers, and one as far below does not."""
        pairs = [
            (score, far * (abs(score) or 1.0)) for score in SCORES for far in (0.1, 0.5, 1.0, 4.0)
        ]
        states = [
            with_key(healthy(score), "live_score", score + sign * far)
            for score, far in pairs
            for sign in (1.0, -1.0)
        ]
        replies = decided(subject.hook("retrain.decide"), states)
        triples = zip(pairs, replies[::2], replies[1::2], strict=True)
        fired = [
            pair
            for pair, better, worse in triples
            if better.answered and worse.answered and better.got.retrain > worse.got.retrain
        ]
        yield Examined(len(pairs), "pairs of a better and a worse live score")
        if fired:
            score, far = fired[0]
            yield self.departs(
                f"a live score {far:g} above that of training ({score:g}) triggers, one as far "
                f"below does not, in {len(fired)} of {len(pairs)} cases",
                measured=f"{len(fired)} of {len(pairs)}",
                expected="the worse of two scores triggers, or both",
                key="better live score",
            )

    @staticmethod
    def _bases() -> Iterator[tuple[str, RetrainState]]:
        for score in SCORES:
            yield f"training score {score:g}", healthy(score)
        yield "already old", with_key(healthy(), "days_since_training", 365)
        yield "already drifted", with_key(healthy(), "psi", 0.3)
        yield "already weak", with_key(healthy(), "live_score", -0.05)

    @staticmethod
    def _flags(replies: list[Reply[Answered]]) -> list[bool | None]:
        return [r.got.retrain if r.answered else None for r in replies]

    @staticmethod
    def _moved(way: Way, step: int) -> str:
        value = way.states[step][way.key]  # type: ignore[literal-required]
        return f"step {step} of {way.key}" if isinstance(value, list) else f"{way.key} {value:g}"
