from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Severity, View
from audit_lib.probes.lifecycle.metrics import Duel, bases, directions, promoted, text_of
from audit_lib.probes.questions.asking import unanswered
from audit_lib.probes.questions.relations import better, first_retraction

STEPS = (-8.0, -4.0, -2.0, -1.0, -0.5, -0.2, -0.05, 0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


class BetterNeverLoses(Check):
    """Improving one metric of a challenger must never cost it the promotion.

    What it checks
        Along a ladder on which one metric of the challenger gets better and nothing else changes,
        the answer may turn from no to yes, never back; and some challenger does get promoted. A
        rule that refuses what is too good to be true is noted, and is no fault.
    Why it matters
        A sign or direction that is wrong for one metric (a drawdown or an error treated as
        "higher is better", a ratio of negative scores) promotes the worse of two models.
    How
        Starts from recorded and seeded champions of every sign. The challenger equals the
        champion except that all other metrics may be a little or much better; one metric at a
        time then climbs fifteen steps from much worse to much better in the direction that
        `governance.metrics` declares.
    Limitations
        Interactions of three and more metrics are met only as far as the bases hold them.
    Remediation
        Compare each metric in its own direction and by differences, not by ratios.
    Sources
        Monotonicity as a metamorphic relation (Segura et al. 2016, doi:10.1109/TSE.2016.2532875).
    """

    code = "GOV002"
    severity = Severity.HIGH
    needs = ("governance.promote", "governance.metrics")
    cites = ("climbs",)

    seed: int = Field(21, description="of everything random")
    draws: int = Field(6, ge=1, description="seeded champions beside the recorded ones")

    def run(self, subject: Subject) -> Answers:
        """Climb every metric from every base."""
        names = directions(subject)
        climbs: list[tuple[str, list[Duel]]] = []
        for base in bases(subject, names, seed=self.seed, count=self.draws):
            climbs += [
                (name, self._climb(base, name, names, ahead))
                for name in names
                for ahead in (0.0, 0.5, 4.0)
            ]
        flat = [duel for _, duels in climbs for duel in duels]
        replies = promoted(subject.hook("governance.promote"), flat)
        yield from unanswered(replies, "duels", refusals=False)
        broken: dict[str, list[tuple[Duel, Duel]]] = {name: [] for name in names}
        capped = dict.fromkeys(names, True)
        wins: dict[tuple[str, float], list[bool]] = {}
        for i, (name, duels) in enumerate(climbs):
            answers = replies[i * len(STEPS) : (i + 1) * len(STEPS)]
            flags = [r.got if r.answered else None for r in answers]
            for step, yes in zip(STEPS, flags, strict=True):
                if yes is not None:
                    wins.setdefault((name, step), []).append(yes)
            if retraction := first_retraction(flags):
                broken[name].append((duels[retraction.before], duels[retraction.after]))
                old, new = (duels[i][1][name] for i in (retraction.before, retraction.after))
                # Below zero, or above one, it may be taken for a value that cannot be.
                capped[name] &= STEPS[retraction.before] > 0 or old >= 0 > new or old <= 1 < new
        answered = sum(r.answered for r in replies)
        yield Examined(answered, "duels")
        yield self._curve(wins)
        for name, pairs in broken.items():
            if pairs:
                yield self._lost(name, names[name], pairs, capped=capped[name])
        if wins and not any(any(won) for won in wins.values()):
            yield self.departs(
                f"no challenger was promoted in {answered} duels, however much better",
                measured="0 promoted",
                expected="a clearly better challenger wins",
                key="never",
                severity=Severity.MEDIUM,
            )

    def _lost(
        self, name: str, direction: str, pairs: list[tuple[Duel, Duel]], *, capped: bool
    ) -> Answer:
        """A finding; a note where each turn back lies above what was already better.

        A direction that is wrong turns back at the champion's own value or below it in ladders
        whose other metrics are equal; a cap on what is too good turns back above it in all.
        """
        (champion, worse), (_, improved) = pairs[0]
        how = "cost the promotion" + ", as a cap on what is too good, or cannot be, would," * capped
        return self.departs(
            f"a better {name} ({direction} is better) {how} in {len(pairs)} ladders: against "
            f"champion {text_of(champion)}, {text_of(worse)} was promoted and "
            f"{text_of(improved)} was not",
            measured=f"{len(pairs)} ladders turn back",
            expected="none",
            key=f"{name} capped" if capped else name,
            severity=Severity.INFO if capped else None,
        )

    @staticmethod
    def _climb(
        base: dict[str, float], name: str, names: dict[str, str], ahead: float
    ) -> list[Duel]:
        unit = {n: abs(base[n]) or 1.0 for n in names}
        challenger = dict(base)
        for other, direction in names.items():
            if other != name:
                challenger = better(challenger, other, ahead * unit[other], direction)
        return [(base, better(challenger, name, step * unit[name], names[name])) for step in STEPS]

    @staticmethod
    def _curve(wins: dict[tuple[str, float], list[bool]]) -> Evidence:
        rows = tuple(
            (step, sum(answers) / len(answers), name)
            for (name, step), answers in sorted(wins.items())
        )
        return Evidence(
            "climbs",
            "Share promoted as one metric improves",
            ("x", "value", "series"),
            rows,
            View.LINES,
            "x: improvement over the champion, in multiples of its own size; must not fall",
        )
