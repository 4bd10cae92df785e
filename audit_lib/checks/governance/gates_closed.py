import math
from collections.abc import Sequence

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.checks.governance.served_admitted import Admission, admission
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.lifecycle.metrics import Metrics, directions, recorded_metrics, text_of
from audit_lib.probes.questions.asking import Reply, ask_many
from audit_lib.subject.hooks import Hook

TRIED = (1.0, 0.0, 0.5, -1.0, 100.0, 1e4)
EXTREME = (1e6, -1e6, 0.0, 1.0, -1.0)
ROUNDS = 3
"""times that every metric is moved in search of metrics that are admitted"""


class GatesFailClosed(Check):
    """A gate admits no version with a metric that it cannot read.

    What it checks
        Metrics that the gate admits, with one of them NaN or missing: where a bad value of that
        metric is refused, an unknown one is not admitted.
    Why it matters
        `if sharpe < least: refuse` lets NaN pass, and so does a default that is good enough. What
        failed to be computed then goes live by exactly the gate that should have stopped it.
    How
        Drives `governance.admits`. From what the registry records, and the names that
        `governance.metrics` gives, it moves one metric after another to the value with the fewest
        reasons against it, until the gate admits; then it spoils those that can be refused.
    Limitations
        Gates that admit nothing that is made up cannot be told. A metric that no value of is
        refused is not the gate's.
    Remediation
        Ask for what must hold (`if not sharpe >= least: refuse`), and refuse what is missing.
    Sources
        IEEE 754-2019, section 5.11 (comparisons with NaN are false); Saltzer and Schroeder (1975),
        The Protection of Information in Computer Systems (fail-safe defaults).
    """

    code = "GOV008"
    severity = Severity.HIGH
    needs = ("governance.admits",)

    def run(self, subject: Subject) -> Answers:
        """Find what is admitted, and spoil one metric of it at a time."""
        hook = subject.hook("governance.admits")
        base = self._admitted(subject, hook)
        names = [n for n, bad in _bad(hook, base).items() if bad is not None]
        if not names:
            raise NotApplicable("the gate refuses no value of any metric, so none could slip by")
        spoilt: list[tuple[str, str, Metrics]] = []
        for name in names:
            spoilt.append((name, "NaN", {**base, name: math.nan}))
            spoilt.append((name, "missing", {n: v for n, v in base.items() if n != name}))
        replies = _admissions(hook, [metrics for _, _, metrics in spoilt])
        rows = [
            (name, how, r.got[0] if r.answered else None, r.why if not r.answered else "")
            for (name, how, _), r in zip(spoilt, replies, strict=True)
        ]
        for name, how, let_in, _ in rows:
            if let_in:
                yield self.departs(
                    f"a version whose {name} is {how} is admitted; bad values of it are refused",
                    measured="admitted",
                    expected="refused",
                    key=f"{name} {how}",
                    cause=f"a metric that is {how}",
                    evidence=("spoilt",),
                )
        heads = ("metric", "is", "admitted", "said")
        yield Evidence("spoilt", "What the gate does with unknown metrics", heads, tuple(rows),
                       note=f"beside {text_of(base)}")  # fmt: skip
        yield Examined(len(spoilt), "sets of metrics with an unknown one")

    def _admitted(self, subject: Subject, hook: Hook) -> Metrics:
        """Metrics that the gate admits.

        Raises:
            NotAssessed: none were found.
        """
        recorded = next((m for m in recorded_metrics(subject).values() if m), {})
        ways = directions(subject) if subject.has("governance.metrics") else {}
        base = {**{n: float(way == "higher") for n, way in ways.items()}, **recorded}
        if not base:
            raise NotAssessed("no metric has a name: the registry records none, and "
                              "governance.metrics is not written")  # fmt: skip
        best = _against(_admissions(hook, [base])[0])
        for _ in range(ROUNDS):
            for name, now in [*base.items()]:
                if best == 0:
                    return base
                values = [v for v in TRIED if v != now]
                tried = _admissions(hook, [{**base, name: v} for v in values])
                fewest, value = min(
                    zip(map(_against, tried), values, strict=True), key=lambda one: one[0]
                )
                if fewest < best:
                    best, base = fewest, {**base, name: value}
        if best == 0:
            return base
        (reply,) = _admissions(hook, [base])
        why = "; ".join(reply.got[1]) if reply.answered else reply.why
        raise NotAssessed(
            f"no metrics were found that the gate admits; tried last {text_of(base)}, "
            f"and it says: {why or 'nothing'}"
        )


def _admissions(hook: Hook, metrics: Sequence[Metrics]) -> list[Reply[Admission]]:
    return ask_many(hook, [(m,) for m in metrics], into=admission)


def _against(reply: Reply[Admission]) -> float:
    """Reasons against an admission; 0 where it is admitted."""
    if not reply.answered:
        return math.inf
    return 0 if reply.got[0] else max(1, len(reply.got[1]))


def _bad(hook: Hook, base: Metrics) -> dict[str, float | None]:
    """For each metric a value that is refused; None where none is."""
    extremes = [(n, v) for n in base for v in EXTREME]
    replies = _admissions(hook, [{**base, name: value} for name, value in extremes])
    bad_value: dict[str, float | None] = dict.fromkeys(base)
    for (name, value), reply in zip(extremes, replies, strict=True):
        if reply.answered and not reply.got[0]:
            bad_value[name] = value
    return bad_value
