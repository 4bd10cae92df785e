import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.lifecycle.metrics import Duel, Metrics, bases, directions, promoted
from audit_lib.probes.questions.asking import Reply
from audit_lib.probes.questions.domain import (
    REACTION_COLUMNS,
    Reaction,
    on_purpose,
    reaction,
    reaction_row,
)
from audit_lib.probes.questions.relations import better
from audit_lib.subject.hooks import Hook

SIZES = (0.1, 0.5, 4.0)
"""by how much a challenger is better, in multiples of the champion's metric: rules that refuse what
is too good to be true are reached by the small ones"""
DISASTERS = (4.0, 100.0, 1e6)
FEWEST = 3
"""duels that hang on a metric: what shows in a quarter of them is then seen more often than not"""


@dataclass(frozen=True)
class Deciding:
    """A duel that one metric decides: promoted where it is good, declined where it is bad."""

    name: str
    champion: Metrics
    challenger: Metrics


class UnknownMetricsNeverPromote(Check):
    """A challenger whose metric is NaN, infinite or missing must not be promoted.

    What it checks
        In duels that one metric decides (a challenger is promoted with a good finite value of it
        and declined with a bad one), the challenger is declined where that metric is NaN, worst
        infinity or absent; with every metric NaN it does not even take an empty chair.
    Why it matters
        A failed evaluation yields NaN, and every comparison with NaN is false: a rule written as
        "reject if worse" then promotes a model of which nothing is known.
    How
        Drives `governance.promote` against recorded and seeded champions. Beside the metric in
        question, the others are better, equal, or some better and some worse, so that rules that
        want a majority, a weighted sum or an order of metrics all come to hang on it. A refusal
        counts as declined, an exception that is raised on purpose and names the metric as well;
        another is a crash and reported as such.
    Limitations
        Infinity is tried only in the bad direction of a metric. A metric that decides none of the
        duels (it only breaks ties, say, or is kept for the record) has no say, and is listed as
        such; of one that decides one or two, the check says what it could have seen. A rule that
        gives an empty chair to anyone is noted, not judged.
    Remediation
        Check that every metric is present and finite before comparing, and refuse otherwise.
    Sources
        IEEE 754-2019 section 5.11 (comparisons with NaN are unordered).
    """

    code = "GOV004"
    severity = Severity.HIGH
    needs = ("governance.promote", "governance.metrics")
    cites = ("unknown",)

    seed: int = Field(23, description="of everything random")
    duels: int = Field(12, ge=1, description="most duels that are asked of each metric")

    def run(self, subject: Subject) -> Answers:
        """Spoil one metric at a time, where it decides."""
        names = directions(subject)
        hook = subject.hook("governance.promote")
        deciding = self._deciding(subject, hook, names)
        questions = [
            (one.name, how, (one.champion, spoilt))
            for one in deciding
            for how, spoilt in _spoilt(one.challenger, one.name, names[one.name])
        ]
        replies = promoted(hook, [duel for _, _, duel in questions])
        yield Examined(len(replies), "duels with an unknown metric")
        seen: dict[tuple[str, str], list[Reply[bool]]] = {}
        for (name, how, _), reply in zip(questions, replies, strict=True):
            seen.setdefault((name, how), []).append(reply)
        chair = self._empty_chair(hook, names)
        silent = sorted(set(names) - {one.name for one in deciding})
        rows = [
            reaction_row(f"{name} {how}", r) for (name, how), many in seen.items() for r in many
        ]
        rows += [reaction_row(f"every metric {how} (empty chair)", r) for how, r in chair.items()]
        rows += [(name, "", "decided no duel") for name in silent]
        title = "Challengers with an unknown metric, in duels that it decides"
        yield Evidence("unknown", title, REACTION_COLUMNS, tuple(rows))
        for (name, how), many in seen.items():
            yield from self._judged(name, how, many)
        yield from self._chair(chair)
        for name, count in Counter(one.name for one in deciding).items():
            if count < FEWEST:
                yield Gap(
                    f"whether an unknown {name} is declined",
                    f"could have seen only what shows in more than {1 - 0.5 ** (1 / count):.0%} of "
                    f"the duels that hang on it; {count} of those that were tried do",
                )
        if not deciding:
            yield Gap(
                "whether an unknown metric is declined",
                "no duel was found that hangs on one metric: promoted where it is good, declined "
                "where it is bad",
            )

    def _deciding(self, subject: Subject, hook: Hook, names: dict[str, str]) -> list[Deciding]:
        """Duels in which a good value of a metric is promoted and a bad one is not."""
        metrics = [m for m in bases(subject, names, seed=self.seed, count=3) if all(m.values())][:8]
        tried: list[Deciding] = []
        duels: list[Duel] = []
        for champion in metrics:
            for size in SIZES:
                for name, challenger in _contexts(champion, names, size):
                    tried.append(Deciding(name, champion, challenger))
                    unit = abs(champion[name])
                    bad = [better(champion, name, -d * unit, names[name])[name] for d in DISASTERS]
                    values = (challenger[name], *bad)
                    duels += [(champion, {**challenger, name: value}) for value in values]
        replies = promoted(hook, duels)
        width = 1 + len(DISASTERS)
        by_metric: dict[str, list[Deciding]] = {}
        for k, one in enumerate(tried):
            good, *bad_ones = replies[k * width : (k + 1) * width]
            if good.answered and good.got and any(_declined(r, one.name) for r in bad_ones):
                by_metric.setdefault(one.name, []).append(one)
        return [
            many[round(i * (len(many) - 1) / max(1, count - 1))]
            for many in by_metric.values()
            for count in [min(self.duels, len(many))]
            for i in range(count)
        ]

    def _judged(self, name: str, how: str, replies: list[Reply[bool]]) -> Answers:
        won = sum(r.answered and r.got for r in replies)
        crashed = [
            r for r in replies if reaction(r) is Reaction.CRASHED and not _on_purpose(r, name)
        ]
        if won:
            yield self.departs(
                f"a challenger with {name} {how} was promoted in {won} of {len(replies)} duels in "
                "which a bad one is declined",
                measured="promoted",
                expected="declined or refused",
                key=f"{name} {how}",
                cause=f"a metric that is {how}",
            )
        elif crashed:
            yield self.departs(
                f"a challenger with {name} {how} ends in a crash instead of a refusal: "
                f"{crashed[0].why}",
                measured=crashed[0].why,
                expected="declined or refused",
                key=f"{name} {how}",
                severity=Severity.LOW,
            )

    @staticmethod
    def _empty_chair(hook: Hook, names: dict[str, str]) -> dict[str, Reply[bool]]:
        disaster = {n: 1e6 if way == "lower" else -1e6 for n, way in names.items()}
        challengers = {"a disaster": disaster, "NaN": dict.fromkeys(names, math.nan), "missing": {}}
        replies = promoted(hook, [(None, challenger) for challenger in challengers.values()])
        return dict(zip(challengers, replies, strict=True))

    def _chair(self, chair: dict[str, Reply[bool]]) -> Answers:
        taken = [how for how, reply in chair.items() if reply.answered and reply.got]
        anyone = len(taken) == len(chair)  # the rule then looks at no metric: it is a policy
        for how in ("an unread metric",) if anyone else taken:
            if how == "a disaster":
                continue  # whether a bad model beats none is for the owners to say
            metrics_text = "any metrics, and none," if anyone else f"every metric {how}"
            yield self.departs(
                f"a challenger with {metrics_text} takes an empty chair",
                measured="promoted",
                expected="declined or refused",
                key="empty chair" if anyone else f"every metric {how} (empty chair)",
                severity=Severity.INFO if anyone else None,
            )


def _contexts(
    champion: Metrics, names: dict[str, str], size: float
) -> Iterator[tuple[str, Metrics]]:
    """Challengers that are better in one metric; the others better, equal, or one of each in turn.

    With the others in turn, a majority hangs on the metric.
    """
    for name, direction in names.items():
        others = [n for n in names if n != name]
        turns = [
            [1.0] * len(others),
            [0.0] * len(others),
            [1.0 if k % 2 == 0 else -1.0 for k in range(len(others))],
            [-1.0 if k % 2 == 0 else 1.0 for k in range(len(others))],
        ]
        for turn in turns if others else turns[:1]:
            challenger = better(champion, name, size * abs(champion[name]), direction)
            for other, sign in zip(others, turn, strict=True):
                amount = sign * size * abs(champion[other])
                challenger = better(challenger, other, amount, names[other])
            yield name, challenger


def _spoilt(challenger: Metrics, name: str, direction: str) -> Iterator[tuple[str, Metrics]]:
    worst = math.inf if direction == "lower" else -math.inf
    yield "NaN", {**challenger, name: math.nan}
    yield str(worst), {**challenger, name: worst}
    yield "missing", {key: value for key, value in challenger.items() if key != name}


def _declined(reply: Reply[bool], name: str) -> bool:
    if reply.answered:
        return not reply.got
    return reply.refusal is not None or _on_purpose(reply, name)


def _on_purpose(reply: Reply[bool], name: str) -> bool:
    """True where an exception was raised for the metric, rather than happened."""
    return on_purpose(reply) and re.search(rf"\b{re.escape(name)}\b", reply.why) is not None
