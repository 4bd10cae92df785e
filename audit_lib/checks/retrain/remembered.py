import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.hooks import RetrainState
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.lifecycle.retraining import Answered, decision, disastrous, healthy, with_key
from audit_lib.probes.questions.asking import Reply, ask_many, unanswered

HOOK = "retrain.replay"


class TriggerRemembersAcrossRestarts(Check):
    """A trigger that is saved and loaded says what it would have said without.

    What it checks
        A history of states gets the same decisions with a restart after any of them as without
        one, twice the same, and the same for its beginning whatever comes later.
    Why it matters
        Alarms in a row, cool-downs and sums of errors are state. Where they live in memory
        alone, a process that restarts every night never sees three bad days in a row, or
        retrains every morning.
    How
        Drives `retrain.replay` on drawn histories of calm and bad stretches.
    Limitations
        What the trigger should say to a history is not judged, only that restarts change nothing.
    Remediation
        Save everything that a decision reads with the trigger, and load it before the first one.
    Sources
        Round-trip (save, load, decide) as a metamorphic relation; Chen, Cheung and Yiu (1998).
    """

    code = "RET004"
    severity = Severity.HIGH
    offered = (HOOK,)

    seed: int = Field(37, description="of the drawn histories")
    states: int = Field(24, ge=6, description="states of a history")
    histories: int = Field(2, ge=1, description="drawn histories")

    def run(self, subject: Subject) -> Answers:
        """Replay with and without restarts."""
        hook = subject.hook(HOOK)
        rows: list[tuple[int, str, int]] = []
        answered = fired = 0
        for number in range(self.histories):
            history = self._history(self.seed + number)
            part = history[: self.states // 2]
            after: list[int | None] = [None, None, *range(len(history))]
            calls = [(history, i) for i in after] + [(part, None)]
            *replies, beginning = ask_many(hook, calls, into=_decisions)
            straight = replies[0]
            straight.needed(HOOK)
            if len(straight.got) != len(history):
                raise NotAssessed(
                    f"{HOOK}: {len(straight.got)} decisions for {len(history)} states"
                )
            yield from unanswered(replies, "replays")
            answered += sum(r.answered for r in replies)
            fired += sum(straight.got)
            rows += [
                (number + 1, "no restart" if i is None else f"after state {i}", _apart(straight, r))
                for i, r in zip(after, replies, strict=True)
                if r.answered
            ]
            yield from self._judged(number, after, replies, beginning)
        yield Examined(answered, "replays")
        if not fired:
            yield Gap(HOOK, "it never fires in a history of disasters")
        heads = ("history", "restart", "decisions that change")
        yield Evidence("replays", "Decisions with restarts", heads, tuple(rows))

    def _judged(
        self,
        number: int,
        after: list[int | None],
        replies: list[Reply[list[bool]]],
        beginning: Reply[list[bool]],
    ) -> Answers:
        straight, again = replies[:2]
        if again.answered and _apart(straight, again):
            text = "the same history twice gets other decisions"
            yield self._report(text, number, "chance")
            return
        broken = [
            (i, _apart(straight, r))
            for i, r in zip(after[2:], replies[2:], strict=True)
            if r.answered and _apart(straight, r)
        ]
        if broken:
            i, count = max(broken, key=lambda case: case[1])
            yield self._report(
                f"a restart after {len(broken)} of {len(after) - 2} states changes decisions, most "
                f"after state {i}: {count} of {len(straight.got)}",
                number,
                "a restart forgets",
            )
        if beginning.answered and beginning.got != straight.got[: len(beginning.got)]:
            yield self._report("later states change earlier decisions", number, "prefix")

    def _history(self, seed: int) -> list[RetrainState]:
        rng = np.random.default_rng(seed)
        calm = healthy(seed=seed)
        bad = disastrous(calm)
        states, worse = [], False
        for day in range(self.states):
            worse = (not worse) if rng.random() < 0.3 else worse
            keys = [k for k in bad if rng.random() < 0.7] if worse else []
            state = calm
            for key in keys:
                state = with_key(state, key, bad[key])  # type: ignore[literal-required]  # its own
            age = state["days_since_training"] + day
            states.append(with_key(state, "days_since_training", age))
        return [*states[:-2], bad, bad]

    def _report(self, text: str, number: int, cause: str) -> Answer:
        return self.departs(
            text,
            expected="the decisions of a process that never stopped",
            key=f"history {number + 1}",
            cause=cause,
            evidence=("replays",),
        )


def _decisions(raw: object) -> list[bool]:
    if not isinstance(raw, (list, tuple)):
        raise ValueError("wanted a list of decisions")
    decisions: list[Answered] = [decision(one) for one in raw]
    return [one.retrain for one in decisions]


def _apart(one: Reply[list[bool]], other: Reply[list[bool]]) -> int:
    if len(one.got) != len(other.got):
        return len(one.got)
    return sum(a != b for a, b in zip(one.got, other.got, strict=True))
