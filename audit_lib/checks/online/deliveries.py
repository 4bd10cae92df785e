import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.hooks import FeedEvent
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity
from audit_lib.probes.prediction.deliveries import Deliveries, deliveries
from audit_lib.probes.prediction.learning import outputs
from audit_lib.probes.questions.asking import Reply, ask_many, unanswered
from audit_lib.probes.questions.samples import required

HOOK = "online.feed"
Case = tuple[list[FeedEvent], int | None]


class LabelsFindTheirRows(Check):
    """Labels that come late, twice, early or after a restart teach what they should, once.

    What it checks
        A delivery that comes twice, at once or after a restart, counts once; one that comes after
        later ones is learnt, and from its own rows, whatever the order in it; labels before they
        are due, and of rows that nobody predicted, teach nothing; and a restart between rows and
        their labels forgets neither.
    Why it matters
        Labels of a horizon of days come days later, from a job that is run again when it fails.
        A learner that joins them by position learns noise, one that keeps pending rows in memory
        alone loses a week with every deployment, and one that learns twice trusts it twice.
    How
        Feeds `online.feed` with made-up rows and, a batch later, their labels, and compares
        predictions at the end with those of the course in which nothing went wrong.
    Limitations
        Refusing a delivery is right wherever it must teach nothing. A learner whose rows count
        in the order of delivery may differ by that order.
    Remediation
        Keep predicted rows by key, beside the state of the learner, until their labels are due, and
        remove them once they are learnt.
    Sources
        Idempotence and permutation as metamorphic relations; Joulani, Gyorgy and Szepesvari
        (2013), Online Learning under Delayed Feedback.
    """

    code = "ONL003"
    severity = Severity.HIGH
    offered = (HOOK,)

    seed: int = Field(67, description="of everything random")
    tolerance: float = Field(1e-9, gt=0, description="relative to the spread of the predictions")

    def run(self, subject: Subject) -> Answers:
        """Compare every course with the straight one."""
        hook = subject.hook(HOOK)
        columns = required(subject) if subject.has("predictor.required") else ["x0", "x1", "x2"]
        sent = deliveries(columns, seed=self.seed)
        same, other = self._same(sent), self._other(sent)
        cases = {"straight": (sent.course(), None), **same, **other}
        calls = [(events, sent.probe, after) for events, after in cases.values()]
        answers = dict(zip(cases, ask_many(hook, calls, into=outputs), strict=True))
        straight = answers["straight"]
        straight.needed(HOOK)
        spread = float(np.std(straight.got)) or 1.0

        def gap(reply: Reply[Floats], due: Floats) -> float:
            fits = reply.got.shape == due.shape
            return float(np.max(np.abs(reply.got - due))) / spread if fits else float("inf")

        yield Examined(len(cases), "courses")
        moved = {n: gap(r, straight.got) if r.answered else None for n, r in answers.items()}
        rows = tuple((n, m, self.tolerance if n in same else None) for n, m in moved.items())
        heads = ("course", "change in spreads of the predictions", "allowed")
        held = Bound(heads[1], heads[2], "spreads of the predictions")
        yield Evidence("courses", "Predictions after each course", heads, rows, bound=held)
        yield from unanswered(answers.values(), "courses", refusals=False)
        never = answers["never delivered"]
        if not never.answered or gap(never, straight.got) <= self.tolerance:
            yield Gap("learning", "a batch of labels more or less changes no prediction")
            return
        for name in same:
            reply = answers[name]
            if reply.answered and gap(reply, straight.got) > self.tolerance:
                yield self._report(name, gap(reply, straight.got))
        early, waiting = answers["before they are due"], answers["not due yet"]
        if early.answered and waiting.answered and gap(early, waiting.got) > self.tolerance:
            yield self._report("labels before they are due", gap(early, waiting.got))
        late = answers["after later ones"]
        if late.refusal is None and late.answered and gap(late, never.got) <= self.tolerance:
            text = "labels that come after later ones are lost"
            yield self._finding(text, "late", "as if they never came")
        yield from self._joined(answers)

    def _same(self, made: Deliveries) -> dict[str, Case]:
        """Courses that must end as the straight one does."""
        course = made.course()
        at = next(i for i, e in enumerate(course) if e["labels"] is made.labels[1])
        twice = [*course[: at + 1], made.delivered(1), *course[at + 1 :]]
        end = [*course, made.delivered(1, late=2)]
        strange = made.labels[1].rename(index=lambda asset: f"other {asset}", level="asset")
        unknown = FeedEvent(now=course[-1]["now"], rows=None, labels=strange)
        restarts = {f"a restart after event {i}": (course, i) for i in range(len(course))}
        return {
            "labels that come twice": (twice, None),
            "labels that come again later": (end, None),
            "labels that come again after a restart": (twice, at),
            "labels of rows that nobody predicted": ([*course, unknown], None),
            **restarts,
        }

    def _other(self, made: Deliveries) -> dict[str, Case]:
        """Courses that are compared with each other."""
        course = made.course()
        without = [e for e in course if e["labels"] is not made.labels[1]]
        order = np.random.default_rng(self.seed).permutation(len(made.labels[1]))
        shuffled = [
            made.delivered(1, order) if e["labels"] is made.labels[1] else e for e in course
        ]
        turned = [
            FeedEvent(now=e["now"], rows=made.rows[1].iloc[order], labels=None)
            if e["rows"] is made.rows[1]
            else e
            for e in shuffled
        ]
        waiting = course[: next(i for i, e in enumerate(course) if e["labels"] is made.labels[1])]
        now: pd.Timestamp = waiting[-1]["now"]
        early = made.labels[2].assign(due=made.labels[2]["due"] + pd.Timedelta("90D"))
        return {
            "never delivered": (without, None),
            "after later ones": ([*without, made.delivered(1, late=3)], None),
            "labels in another order": (shuffled, None),
            "rows and labels in another order": (turned, None),
            "not due yet": (waiting, None),
            "before they are due": ([*waiting, FeedEvent(now=now, rows=None, labels=early)], None),
        }

    def _joined(self, answers: dict[str, Reply[Floats]]) -> Answers:
        """By key, labels in another order teach what they teach in one order or the other."""
        names = ("labels in another order", "straight", "rows and labels in another order")
        shuffled, straight, turned = (answers[n] for n in names)
        if not (shuffled.answered and turned.answered):
            return
        scale = float(np.std(straight.got)) or 1.0
        near = [np.max(np.abs(shuffled.got - r.got)) / scale for r in (straight, turned)]
        if min(near) > self.tolerance:
            text = (
                "labels in another order than their rows teach something else: joined by position"
            )
            yield self._finding(text, "order", f"{min(near):.3g} spreads away")

    def _report(self, name: str, gap: float) -> Answer:
        key = "restart" if name.startswith("a restart") else name
        cause = "a restart between rows and labels forgets" if key == "restart" else ""
        return self._finding(
            f"{name} changes predictions by {gap:.3g} spreads", name, f"{gap:.3g}", cause
        )

    def _finding(self, text: str, key: str, measured: str, cause: str = "") -> Answer:
        return self.departs(
            text,
            measured=measured,
            expected="each label learnt once, from its own row, when it is due",
            key=key,
            cause=cause,
            evidence=("courses",),
        )
