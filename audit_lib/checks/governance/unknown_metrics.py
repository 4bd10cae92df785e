"""GOV004."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Evidence, Examined, Gap, Severity, Task
from audit_lib.probes.domain import REACTION_COLUMNS, Reaction, reaction, reaction_row
from audit_lib.probes.metrics import Duel, Metrics, bases, directions, promoted
from audit_lib.probes.relations import better
from audit_lib.subject.subject import Subject


class UnknownMetricsNeverPromote(Check):
    """A challenger whose metric is NaN, infinite or missing must not be promoted.

    What it checks
        A challenger that is much better in every metric, except that one metric is NaN, worst
        infinity or absent, is declined; with every metric NaN it does not even take an empty
        chair.
    Why it matters
        A failed evaluation yields NaN, and every comparison with NaN is false: a rule written as
        "reject if worse" then promotes a model of which nothing is known.
    How
        Drives `governance.promote` with one metric spoilt at a time, against recorded and seeded
        champions. A refusal counts as declined; another exception is a crash and reported as such.
    Limitations
        Infinity is tried only in the bad direction of a metric.
    Remediation
        Check that every metric is present and finite before comparing, and refuse otherwise.
    Sources
        IEEE 754-2019 section 5.11 (comparisons with NaN are unordered).
    """

    code = "GOV004"
    contract = Contract.GOVERNANCE
    task = Task.T4
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("governance.promote", "governance.metrics")

    seed: int = Field(23, description="of everything random")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Spoil one metric at a time."""
        names = directions(subject)
        asked = list(self._spoilt(subject, names))
        hook = subject.hook("governance.promote")
        replies = promoted(hook, [duel for _, _, duel in asked])
        yield Examined(len(replies), "duels with an unknown metric")
        yield Evidence(
            "unknown",
            "Challengers with an unknown metric",
            REACTION_COLUMNS,
            tuple(
                reaction_row(f"{name} {how}", reply)
                for (name, how, _), reply in zip(asked, replies, strict=True)
            ),
        )
        for name, how in dict.fromkeys((name, how) for name, how, _ in asked):
            here = [r for (n, h, _), r in zip(asked, replies, strict=True) if (n, h) == (name, how)]
            won = sum(r.answered and r.got for r in here)
            crashed = [r for r in here if reaction(r) is Reaction.CRASHED]
            if won:
                yield self.finding(
                    subject.where("governance.promote"),
                    f"a challenger with {name} {how} was promoted in {won} of {len(here)} duels",
                    measured="promoted",
                    expected="declined or refused",
                    key=f"{name} {how}",
                    evidence=("unknown",),
                )
            elif crashed:
                yield self.finding(
                    subject.where("governance.promote"),
                    f"a challenger with {name} {how} ends in a crash instead of a refusal: "
                    f"{crashed[0].why}",
                    measured=crashed[0].why,
                    expected="declined or refused",
                    key=f"{name} {how}",
                    severity=Severity.LOW,
                    evidence=("unknown",),
                )
        control = self._control(subject, names)
        if not control:
            yield Gap("whether NaN is the reason", "no fully known challenger was promoted either")

    def _champions(self, subject: Subject, names: dict[str, str]) -> list[Metrics]:
        known = list(bases(subject, names, seed=self.seed, count=3))
        return [m for m in known if all(m.values())][:8]

    def _ahead(self, base: Metrics, names: dict[str, str]) -> Metrics:
        for name, direction in names.items():
            base = better(base, name, 4 * abs(base[name]), direction)
        return base

    def _spoilt(self, subject: Subject, names: dict[str, str]) -> Iterator[tuple[str, str, Duel]]:
        for champion in self._champions(subject, names):
            ahead = self._ahead(champion, names)
            for name, direction in names.items():
                worst = math.inf if direction == "lower" else -math.inf
                yield name, "NaN", (champion, {**ahead, name: math.nan})
                yield name, str(worst), (champion, {**ahead, name: worst})
                absent = {key: value for key, value in ahead.items() if key != name}
                yield name, "missing", (champion, absent)
        unknown = dict.fromkeys(names, math.nan)
        yield "every metric", "NaN (empty chair)", (None, unknown)
        yield "every metric", "missing (empty chair)", (None, {})

    def _control(self, subject: Subject, names: dict[str, str]) -> bool:
        duels: list[Duel] = [(c, self._ahead(c, names)) for c in self._champions(subject, names)]
        replies = promoted(subject.hook("governance.promote"), duels)
        return any(r.answered and r.got for r in replies)
