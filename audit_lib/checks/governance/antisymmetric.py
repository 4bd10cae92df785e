from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.lifecycle.metrics import any_promoted, bases, directions, promoted, text_of
from audit_lib.probes.questions.asking import unanswered


class TwoModelsCannotBeatEachOther(Check):
    """If one model would displace another, the other must not displace it in turn.

    What it checks
        For pairs of different metrics, `promote(a, b)` and `promote(b, a)` are never both true.
    Why it matters
        Otherwise champion and challenger swap places at every review, and which of them trades
        depends on the day of the week.
    How
        Takes pairs of neighbours among recorded and seeded metrics and asks both ways round.
    Limitations
        Says nothing about longer cycles (a over b over c over a).
    Remediation
        Decide by one score that orders all models, or demand that no metric gets worse.
    Sources
        Asymmetry of a strict order; metamorphic testing (Chen, Cheung and Yiu 1998).
    """

    code = "GOV003"
    severity = Severity.MEDIUM
    needs = ("governance.promote", "governance.metrics")

    seed: int = Field(22, description="of everything random")
    draws: int = Field(40, ge=2, description="seeded sets of metrics beside the recorded ones")

    def run(self, subject: Subject) -> Answers:
        """Ask every pair both ways round."""
        names = directions(subject)
        drawn = list(bases(subject, names, seed=self.seed, count=self.draws))
        pairs = [
            (a, b) for gap in (1, 2, 5) for a, b in zip(drawn, drawn[gap:], strict=False) if a != b
        ]
        duels = [duel for a, b in pairs for duel in ((a, b), (b, a))]
        replies = promoted(subject.hook("governance.promote"), list(duels))
        yield from unanswered(replies, "duels", refusals=False)
        both = [
            pair
            for pair, there, back in zip(pairs, replies[::2], replies[1::2], strict=True)
            if there.answered and back.answered and there.got and back.got
        ]
        asked = zip(replies[::2], replies[1::2], strict=True)
        yield Examined(sum(a.answered and b.answered for a, b in asked), "pairs asked both ways")
        yield Evidence(
            "mutual",
            "Pairs that displace each other",
            ("one", "other"),
            tuple((text_of(a), text_of(b)) for a, b in both[:50]),
        )
        if not any_promoted(subject, names, seed=self.seed):
            yield Gap("promotions", "no challenger is promoted, however much better: see GOV002")
        if both:
            a, b = both[0]
            yield self.departs(
                f"{len(both)} of {len(pairs)} pairs displace each other, "
                f"first {text_of(a)} and {text_of(b)}",
                measured=f"{len(both)} pairs",
                expected="0 pairs",
                key="mutual",
                evidence=("mutual",),
            )
