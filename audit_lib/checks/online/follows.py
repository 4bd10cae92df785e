from collections.abc import Mapping

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity
from audit_lib.probes.prediction.learning import outputs
from audit_lib.probes.prediction.lessons import Lessons, agreement
from audit_lib.probes.questions.asking import Reply, ask_many, unanswered
from audit_lib.probes.questions.samples import required

HOOK = "online.run"
_SIDES = {"above": 1.0, "below": -1.0}
_LAGS = {1: "the row after their own", -1: "the row before their own"}


class LearnerFollowsItsLessons(Check):
    """An online learner learns what its labels say, from all of its rows, and goes on learning.

    What it checks
        What a lesson changes points where its labels point, not the other way, and not anywhere
        else; labels teach with their own rows and not with their neighbours'; every column, labels
        of either sign, every part of a batch and every batch teach; later batches that say the
        opposite turn the predictions; and, where the parameters state it (`half_life`), older rows
        weigh as much less as they should.
    Why it matters
        A learner with a sign turned around, one that joins labels a row late, or one that learns
        the last row of each batch, loads, saves, restarts and repeats itself perfectly. It moves
        with every update, and away from the market.
    How
        Teaches `online.run` seeded linear lessons in several directions, and the opposite of each.
        The difference is what the labels taught, whatever the learner knew before; it is compared
        with the known truth at made-up rows.
    Limitations
        A learner that takes more rows than the lessons have, or whose answer is not monotone in
        what it learnt, is not assessed. Random updates agree with all directions by chance in about
        one of a hundred.
    Remediation
        Check the sign of the update, and join labels to rows by key.
    Sources
        Metamorphic relations (label negation, equivariance); Gama et al. (2014), A survey on
        concept drift adaptation.
    """

    code = "ONL004"
    severity = Severity.HIGH
    needs = (HOOK,)
    cites = ("lessons",)
    expects = "predictions go where the labels point"

    seed: int = Field(71, description="of everything random")
    batches: int = Field(8, ge=4, description="made-up batches")
    rows: int = Field(60, ge=20, description="rows of a batch")
    ways: int = Field(4, ge=2, description="directions of the labels")
    half_life: float | None = Field(
        None, gt=0, description="rows after which a row counts half, as the subject states it"
    )

    def run(self, subject: Subject) -> Answers:
        """Teach lessons and their opposites."""
        hook = subject.hook(HOOK)
        requirement_declared = subject.has("predictor.required")
        columns = list(required(subject)) if requirement_declared else [f"x{i}" for i in range(5)]
        if not columns:
            raise NotAssessed("predictor.required names no column to make rows of")
        lessons = Lessons(columns, self.batches, self.rows, self.ways, self.seed)
        courses = self._courses(lessons)
        calls = [(course, lessons.probe, None) for course in courses.values()]
        answers = dict(zip(courses, ask_many(hook, calls, into=outputs), strict=True))
        if not answers["way 0"].answered:
            raise NotAssessed(f"{HOOK} {answers['way 0'].why}")
        yield from unanswered(answers.values(), "courses")
        yield Examined(sum(r.answered for r in answers.values()), "courses")
        taught = self._taught(lessons, answers, "")
        rows = [("the lessons", taught)]
        rows += [(f"labels joined to {w}", self._taught(lessons, answers, f" {n}"))
                 for n, w in _LAGS.items()]  # fmt: skip
        yield Evidence(
            "lessons", "Agreement of what was learnt with what was taught", ("course", "value"),
            tuple(rows), note="1: as the labels say; -1: the opposite; 0: nothing to do with them",
        )  # fmt: skip
        blind = self._blind(subject, lessons, answers, weak=abs(taught) < 0.5)
        if blind is not None:
            yield blind
            return
        along = self._along(lessons, answers)
        if along is not None and abs(taught) < 0.5:
            if -0.9 < along < 0.5:
                why = "it corrects a prediction, of which the lessons tell too little"
                yield Gap("lessons", f"{why} (agreement {along:.2f})")
                return
            taught = along
        direction = self._direction(taught, dict(rows[1:]), answers)
        if direction is not None:
            yield direction
        elif taught >= 0.5:
            yield Margin(
                "agreement of what was learnt with what was taught", taught, 0.5, least=True
            )
            yield from self._all_rows(lessons, answers)

    def _courses(self, lessons: Lessons) -> dict[str, object]:
        courses: dict[str, object] = {}
        for way in range(self.ways):
            for lag in (0, *_LAGS):
                mark = f" {lag}" if lag else ""
                courses[f"way {way}{mark}"] = lessons.course(way, 1.0, lag)
                courses[f"against {way}{mark}"] = lessons.course(way, -1.0, lag)
        courses["first batch"] = lessons.course()[:1]
        courses["nothing"] = lessons.course(0, 0.0)
        courses["doubled"] = lessons.course(0, 2.0)
        for word, sign in _SIDES.items():
            courses[word] = lessons.course(0, sign * lessons.signs(0))
        for quarter in range(4):
            courses[f"quarter {quarter}"] = lessons.course(0, lessons.turned(quarter))
        courses["same rows"] = lessons.course(same=True)
        for batch in range(self.batches):
            turned = lessons.turned_batches([batch])
            courses[f"batch {batch}"] = lessons.course(0, turned, same=True)
        second = range(self.batches // 2, self.batches)
        courses["turned"] = lessons.course(0, lessons.turned_batches(list(second)))
        return courses

    def _taught(self, lessons: Lessons, answers: Mapping[str, Reply[Floats]], mark: str) -> float:
        """Mean agreement over the directions; NaN where a course has no answer."""
        agreements = []
        for way in range(self.ways):
            one, other = answers[f"way {way}{mark}"], answers[f"against {way}{mark}"]
            if one.answered and other.answered and one.got.shape == other.got.shape:
                agreements.append(agreement(one.got - other.got, lessons.truth(way)))
        return float(np.mean(agreements)) if agreements else float("nan")

    def _along(self, lessons: Lessons, answers: Mapping[str, Reply[Floats]]) -> float | None:
        """Agreement along the prediction that a learner corrects; None where it corrects none.

        One that scales and shifts a prediction, which is there without a lesson, learns no other
        direction.
        """
        pairs = [(answers[f"way {w}"], answers[f"against {w}"]) for w in range(self.ways)]
        replies = [answers["nothing"], *(reply for pair in pairs for reply in pair)]
        if any(not r.answered or r.got.shape != (len(lessons.probe),) for r in replies):
            return None
        changes = np.array([one.got - other.got for one, other in pairs])
        moved = float(np.linalg.norm(changes))
        changes = changes - changes.mean(axis=1, keepdims=True)  # no lesson is about a shift
        before = replies[0].got - replies[0].got.mean()
        size = float(np.linalg.norm(before))
        if not np.isfinite([*changes, before]).all() or not (size and moved):
            return None
        before /= size
        learnt = changes @ before
        if np.linalg.norm(changes - np.outer(learnt, before)) > 1e-6 * moved:
            return None
        truths = np.array([lessons.truth(way) @ before for way in range(self.ways)])
        norms = float(np.linalg.norm(learnt) * np.linalg.norm(truths))
        return float(learnt @ truths) / norms if norms else 0.0

    def _blind(
        self, subject: Subject, lessons: Lessons, answers: Mapping[str, Reply[Floats]], weak: bool
    ) -> Answer | None:
        """A finding where columns, or all labels of one sign, leave no trace in any lesson."""
        pairs = [(answers[f"way {w}"], answers[f"against {w}"]) for w in range(self.ways)]
        changes = [a.got - b.got for a, b in pairs if a.answered and b.answered]
        if not changes or any(c.shape != (len(lessons.probe),) for c in changes):
            return None
        shape = np.column_stack([lessons.probe.to_numpy(), np.ones(len(lessons.probe))])
        weights = np.abs(np.linalg.lstsq(shape, np.array(changes).T, rcond=None)[0])[:-1]
        least = 1e-9 * weights.max()
        idle = [c for c, w in zip(lessons.columns, weights, strict=True) if w.max() < least]
        if weak and not idle:  # what is not linear shows by rows that differ in the column alone
            turned = [lessons.probe.assign(**{c: lessons.probe[c].to_numpy()[::-1]})
                      for c in lessons.columns]  # fmt: skip
            calls = [(lessons.course(), probe, None) for probe in turned]
            replies = ask_many(subject.hook(HOOK), calls, into=outputs)
            same = [r.answered and np.array_equal(r.got, answers["way 0"].got) for r in replies]
            idle = [c for c, one in zip(lessons.columns, same, strict=True) if one]
        if 0 < len(idle) < len(lessons.columns):
            text = f"{len(idle)} of {len(lessons.columns)} columns are learnt nothing of: "
            return self.departs(
                text + ", ".join(idle[:6]), key="columns", measured=float(len(idle))
            )
        all_answered = all(answers[n].answered for n in (*_SIDES, "nothing", "doubled"))
        if not all_answered or np.array_equal(answers["doubled"].got, answers["way 0"].got):
            return None  # it learns of the labels' signs alone
        for word in _SIDES:
            if np.array_equal(answers[word].got, answers["nothing"].got):
                text = f"labels {word} 0 teach what labels of 0 do, as if they were clipped there"
                return self.departs(text, key="clipped", measured=0.0)
        return None

    def _direction(
        self, taught: float, lagged: Mapping[str, float], answers: Mapping[str, Reply[Floats]]
    ) -> Answer | None:
        """A finding where the labels teach the opposite, a neighbour's row, or nothing at all."""
        one, other, early = (answers[n] for n in ("way 0", "against 0", "first batch"))
        if other.answered and np.array_equal(one.got, other.got):
            moves = early.answered and not np.array_equal(one.got, early.got)
            if not moves:
                return Gap("lessons", "no lesson changes a prediction")
            text = "predictions move with every batch and are the same whatever the labels say"
            return self.departs(text, key="unrelated", measured=0.0)
        for name, value in lagged.items():
            if abs(value) >= 0.5 > abs(taught):
                text = f"{name}: what is learnt agrees with that ({value:.2f}), and not with the "
                text += f"labels' own rows ({taught:.2f})"
                return self.departs(text, key="lag", measured=value)
        if taught <= -0.5:
            text = f"what is learnt is the opposite of what is taught (agreement {taught:.2f})"
            return self.departs(text, key="sign", measured=taught)
        if abs(taught) < 0.3:
            text = f"what is learnt has nothing to do with the labels (agreement {taught:.2f})"
            return self.departs(text, key="unrelated", measured=taught)
        weak = f"agreement with the labels of {taught:.2f} tells too little"
        return None if taught >= 0.5 else Gap("lessons", weak)

    def _all_rows(self, lessons: Lessons, answers: Mapping[str, Reply[Floats]]) -> Answers:
        """Parts of batches that teach nothing, later batches that turn nothing, the memory."""
        whole, truth = answers["way 0"].got, lessons.truth(0)

        def moved(name: str) -> float | None:
            """What a course takes from the lesson; 1 is all that turning all labels takes."""
            reply, against = answers[name], answers["against 0"]
            if not (reply.answered and against.answered) or reply.got.shape != whole.shape:
                return None
            full = float((whole - against.got) @ truth)
            return float((whole - reply.got) @ truth) / full

        idle = [q for q in range(4) if (m := moved(f"quarter {q}")) is not None and abs(m) < 1e-9]
        if idle:
            which = ", ".join(("first", "second", "third", "last")[q] for q in idle)
            text = f"rows in the {which} quarter of a batch teach nothing"
            yield self.departs(text, key="rows", measured=float(len(idle)))
            return
        turned = moved("turned")
        if turned is not None and turned <= 0.0:
            text = f"{self.batches - self.batches // 2} later batches that say the opposite turn "
            text += "no prediction their way"
            yield self.departs(text, key="drift", measured=turned)
        base = answers["same rows"]
        earlier = [answers[f"batch {i}"] for i in range(self.batches - 1)]
        if base.answered and all(r.answered and np.array_equal(r.got, base.got) for r in earlier):
            text = f"of {self.batches} batches all but the last leave no trace, as if the state "
            yield self.departs(text + "were reset with each", key="reset", measured=0.0)
        yield from self._memory(lessons, answers)

    def _memory(self, lessons: Lessons, answers: Mapping[str, Reply[Floats]]) -> Answers:
        """How much less an older batch weighs than a later one of the same rows."""
        base, truth = answers["same rows"], lessons.truth(0)
        effects = [
            float((base.got - reply.got) @ truth)
            if base.answered and reply.answered and reply.got.shape == base.got.shape
            else None
            for reply in (answers[f"batch {i}"] for i in range(self.batches))
        ]
        # The first ones are believed while a learner knows nothing yet.
        felt = [(i * self.rows, e) for i, e in enumerate(effects) if i > 1 and e and e > 0]
        if len(felt) < 3:
            return
        slope = float(np.polyfit([at for at, _ in felt], np.log([e for _, e in felt]), 1)[0])
        measured = np.log(2) / slope if slope > 1e-6 else float("inf")
        shown = tuple((f"batch {i + 1}", e) for i, e in enumerate(effects) if e is not None)
        title = "What each batch has to do with the predictions at the end"
        yield Evidence("memory", title, ("label", "value"), shown,
                       note=f"rows after which a row counts half: {measured:.0f}")  # fmt: skip
        stated = self.half_life
        if stated is not None and not 0.5 <= measured / stated <= 2.0:
            text = f"a row counts half after {measured:.0f} rows; {stated:g} are stated"
            yield self.departs(text, key="memory", measured=measured)
