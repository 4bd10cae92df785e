from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.lifecycle.metrics import any_promoted, bases, directions, promoted, text_of
from audit_lib.probes.questions.asking import unanswered


class NothingBeatsItself(Check):
    """A challenger equal to the champion must not be promoted.

    What it checks
        For metrics of every sign and scale, a challenger with exactly the champion's metrics is
        not promoted.
    Why it matters
        A rule that lets a model displace its equal replaces champions for no gain, and usually
        hides a worse fault: a relative threshold such as `new >= 1.05 * old` accepts worse
        challengers as soon as the champion's score is negative.
    How
        Drives `governance.promote` with equal metrics on both sides: those the registry records,
        their mirror images, zeros, and seeded values over six orders of magnitude.
    Limitations
        Ties that are broken by something other than metrics (age, version number) are not probed.
    Remediation
        Ask for a strictly better score, by an absolute margin or by one relative to the absolute
        value of the champion's score.
    Sources
        Irreflexivity of a strict order; metamorphic testing (Chen, Cheung and Yiu 1998).
    """

    code = "GOV001"
    severity = Severity.HIGH
    needs = ("governance.promote", "governance.metrics")

    seed: int = Field(20, description="of everything random")
    draws: int = Field(20, ge=1, description="seeded pairs of metrics beside the recorded ones")

    def run(self, subject: Subject) -> Answers:
        """Put every set of metrics on both sides."""
        names = directions(subject)
        metrics = list(bases(subject, names, seed=self.seed, count=self.draws))
        replies = promoted(subject.hook("governance.promote"), [(m, m) for m in metrics])
        answered = [(m, r.got) for m, r in zip(metrics, replies, strict=True) if r.answered]
        yield Examined(len(answered), "pairs of equal metrics")
        yield from unanswered(replies, "pairs of equal metrics", refusals=False)
        won = [m for m, yes in answered if yes]
        yield Evidence(
            "equals",
            "Equal challengers",
            ("metrics on both sides", "promoted"),
            tuple((text_of(m), yes) for m, yes in answered),
        )
        if not any_promoted(subject, names, seed=self.seed):
            yield Gap("promotions", "no challenger is promoted, however much better: see GOV002")
        if won:
            yield self.departs(
                f"an equal challenger was promoted in {len(won)} of {len(answered)} pairs, "
                f"first at {text_of(won[0])}",
                measured=f"{len(won)} promoted",
                expected="0 promoted",
                key="equal",
                evidence=("equals",),
            )
