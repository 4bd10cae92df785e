import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.prediction.accounts import (
    Decided,
    Path,
    State,
    at_rest,
    decided,
    levels,
    paths,
    sizes,
)
from audit_lib.probes.questions.asking import Reply, ask_many
from audit_lib.probes.questions.frames import label


@dataclass(frozen=True)
class Question:
    """One row in one state; ``repeats`` is an earlier question that it puts again."""

    row: pd.DataFrame
    state: State
    repeats: int | None = None


@dataclass(frozen=True)
class Booked:
    """A decision that left another account behind, and which numbers of it are others."""

    question: Question
    after: dict[str, float]
    moved: list[str]


class RefusalsChangeNothing(Check):
    """An order that is refused leaves the account as it was, and no trace elsewhere.

    What it checks
        Where a decision answers the account that it leaves behind: after a refusal, every
        number is what it was, and after an order at least one is another. Always: the same row in
        the same state is decided alike before and after other decisions.
    Why it matters
        A gate that counts a trade before it refuses it, or books exposure for orders that never
        were, closes for the day after a few refusals. State that is kept beside the account (a
        module's counter, a cached peak) is lost with every restart, and no backtest has it.
    How
        Asks one row at a time, in drawn states between rest and `worst`, and puts the first
        questions again after the others.
    Limitations
        Only what the hook answers as account is compared; what the subject writes to a broker or
        a database is not seen.
    Remediation
        Decide first and book afterwards, in one function that gets the account and answers it.
    Sources
        Idempotence and purity as metamorphic relations (Chen et al. 2018, ACM Computing Surveys
        51(1)).
    """

    code = "INT006"
    severity = Severity.HIGH
    needs = ("predictor.required",)

    seed: int = Field(29, description="of everything random")
    rows: int = Field(4, ge=2, description="rows that are traded at rest")
    states: int = Field(3, ge=1, description="drawn states of each number")

    def run(self, subject: Subject) -> Answers:
        """Ask every path, and the beginning again."""
        rest, observed = at_rest(subject), 0
        rows: list[tuple[str, str, str, int, int]] = []
        for path in paths(subject, rest, rows=self.rows, seed=self.seed):
            if not isinstance(path, Path):
                yield Gap("account", path)
                continue
            observed += 1
            questions = self._questions(subject, path, rest)
            calls = [(q.row, None, dict(q.state)) for q in questions]
            replies = ask_many(path.hook, calls, into=decided)
            failed = [r for r in replies if r.failure is not None]
            if failed:
                yield Gap(path.name, failed[0].why)
                continue
            yield Examined(len(replies), f"decisions of {path.name}")
            yield from self._again(path, questions, replies)
            yield from self._booked(path, questions, replies, rows)
        if not observed:
            raise NotAssessed("no path that takes `account` trades: give decisions a parameter")
        heads = ("path", "decision", "number", "changed", "of")
        yield Evidence("booked", "What decisions leave behind", heads, tuple(rows))

    def _questions(self, subject: Subject, path: Path, rest: State) -> list[Question]:
        rng = np.random.default_rng(self.seed)
        questions = [Question(path.table.iloc[[i]], rest) for i in range(len(path.table))]
        for name, field in subject.parameters.account.items():
            for value in levels(rest[name], field, draws=self.states, rng=rng):
                row = path.table.iloc[[int(rng.integers(len(path.table)))]]
                questions.append(Question(row, {**rest, name: float(value)}))
        order = [0, *(1 + rng.permutation(len(questions) - 1))]
        ordered = [questions[i] for i in order]
        return ordered + [Question(q.row, q.state, i) for i, q in enumerate(ordered)]

    def _again(
        self, path: Path, questions: Sequence[Question], replies: Sequence[Reply[Decided]]
    ) -> Answers:
        changed = []
        for question, reply in zip(questions, replies, strict=True):
            if question.repeats is None:
                continue
            first = replies[question.repeats]
            sides = (_size(first, question.row), _size(reply, question.row))
            if not math.isclose(*sides, rel_tol=1e-9):
                changed.append((label(question.row.index[0]), *sides))
        if changed:
            row, was, now = changed[0]
            yield self.departs(
                f"{_short(path)}: the same row in the same state is decided otherwise after other "
                f"decisions, in {len(changed)} of {len(questions) // 2} cases, first {row}: "
                f"{was:.6g}, then {now:.6g}",
                hook=path.name,
                measured=f"{len(changed)} decisions change",
                expected="a decision follows from its row and the account",
                key="again",
                severity=Severity.CRITICAL,
            )

    def _booked(
        self,
        path: Path,
        questions: Sequence[Question],
        replies: Sequence[Reply[Decided]],
        rows: list[tuple[str, str, str, int, int]],
    ) -> Answers:
        """What the account is after refusals, and after orders."""
        changed: list[Booked] = []
        placed = traced = declined = 0
        for question, reply in zip(questions, replies, strict=True):
            if not reply.answered or reply.got.after is None:
                continue
            moved = _moved(question.state, reply.got.after)
            if _size(reply, question.row):
                placed += 1
                traced += bool(moved)
            else:
                declined += 1
                if moved:
                    changed.append(Booked(question, reply.got.after, moved))
        refused: dict[str, list[tuple[float, float]]] = {}
        for case in self._real(path, changed):
            for name in case.moved:
                two = case.question.state[name], case.after[name]
                refused.setdefault(name, []).append(two)
        rows += [(path.name, "refused", n, len(c), declined) for n, c in refused.items()]
        rows += [(path.name, "placed", "any", traced, placed)] if placed else []
        for name, cases in refused.items():
            was, now = cases[0]
            yield self.departs(
                f"{_short(path)}: {len(cases)} of {declined} refusals change {name}, first from "
                f"{was:.6g} to {now:.6g}",
                hook=path.name,
                measured=f"{len(cases)} of {declined}",
                expected="an account as before",
                key=f"refused {name}",
                cause=f"refusals change the account on {path.name}",
                evidence=("booked",),
            )
        if placed and not traced:
            yield self.departs(
                f"{_short(path)}: none of {placed} orders changes the account that it leaves "
                "behind: no limit can bind on the next",
                hook=path.name,
                measured="no change",
                expected="exposure, or whatever limits look at, follows orders",
                key="placed",
                evidence=("booked",),
            )

    @staticmethod
    def _real(path: Path, changed: list[Booked]) -> Iterator[Booked]:
        """Changes that refusals made.

        A drawn state may be none that an account can be in: exposure without a position. What the
        subject makes of such a state is no booking.  It makes the same of it where no order was
        wanted, and nothing more where the same is refused again in the state that it made.
        """
        again = [(c.question.row, None, {**c.question.state, **c.after}) for c in changed]
        idle = [(path.idle, None, dict(c.question.state)) for c in changed if path.idle is not None]
        replies = ask_many(path.hook, again + idle, into=decided) if changed else []
        for number, case in enumerate(changed):
            second = replies[number]
            state = {**case.question.state, **case.after}
            booked = not second.answered or second.got.after is None
            booked = booked or bool(_moved(state, second.got.after or {}))
            if path.idle is not None:
                rest = replies[len(changed) + number]
                after = rest.got.after if rest.answered else None
                booked = booked or after is None or bool(_moved(after, case.after))
            if booked:
                yield case


def _moved(before: State, after: State) -> list[str]:
    """Numbers that are others."""
    return [n for n, v in before.items() if not np.isclose(v, after.get(n, v))]


def _size(reply: Reply[Decided], row: pd.DataFrame) -> float:
    return float(sizes(reply.got, row.index)[0]) if reply.answered else 0.0


def _short(path: Path) -> str:
    return path.name.split(".")[1]
