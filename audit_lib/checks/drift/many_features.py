from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from scipy import special

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Scalar, Severity
from audit_lib.probes.questions.asking import Reply, ask_many, describe, mapping, reasons
from audit_lib.probes.questions.domain import on_purpose

HOOK = "drift.shifted"
SHIFT = 3.0
"""standard deviations: far above what any monitor may overlook in hundreds of rows"""
CONFIDENCE = 0.001


@dataclass(frozen=True)
class Verdict:
    """What a monitor said: shifted, not, or neither; and of which features."""

    shifted: bool | None
    features: tuple[str, ...]


class OneShiftedFeatureIsFound(Check):
    """A monitor of many features finds the one that shifted, and does not call unknown unchanged.

    What it checks
        One of `features` columns that shifts by three standard deviations is found, and named where
        the monitor names any; so is one whose sign turns over. Fresh samples of one law raise an
        alarm in at most `false_alarms` of the runs. Columns in another order, or both samples in
        another unit, get the same answer. Without a reference, without current rows, with a column
        that is gone or NaN throughout, the answer is not "no shift".
    Why it matters
        An index that is averaged over fifty features stays calm while the one that the model lives
        on breaks; and a monitor whose reference was never stored has never found anything.
    How
        Drives `drift.shifted` with seeded samples of unlike scales. Rates of alarms are judged by
        the Clopper-Pearson bounds at 99.9 %: finding at least nine of ten, in `runs` runs.
    Limitations
        Independent features and rows. How few rows are too few is for the subject to say.
    Remediation
        Judge each feature by itself, at a level divided by their number, and tell what cannot be
        told apart from what has not changed.
    Sources
        Rabanser, Guennemann and Lipton (2019), Failing Loudly; Clopper and Pearson (1934).
    """

    code = "DRF005"
    severity = Severity.HIGH
    needs = (HOOK,)
    offered = (HOOK,)

    features: int = Field(60, ge=3, description="made-up features")
    rows: int = Field(300, ge=50, description="rows of a sample")
    runs: int = Field(12, ge=10, description="seeded pairs of samples of each kind")
    false_alarms: float = Field(0.2, gt=0, lt=1, description="most alarms without a shift")
    seed: int = Field(46, description="of everything random")

    def run(self, subject: Subject) -> Answers:
        """Ask about calm, shifted and unknown samples."""
        questions = list(self._questions())
        replies = ask_many(subject.hook(HOOK), [(r, c) for *_, r, c in questions], into=_verdict)
        by_kind: dict[str, list[tuple[str, Reply[Verdict]]]] = {}
        for (kind, column, _, _), reply in zip(questions, replies, strict=True):
            by_kind.setdefault(kind, []).append((column, reply))
        calm = [r for _, r in by_kind["calm"]]
        if not any(r.answered for r in calm):
            raise NotAssessed(f"{HOOK} answers no ordinary question: {reasons(calm)}")
        yield Examined(len(questions), "pairs of samples")
        rows: list[tuple[Scalar, ...]] = []
        findings: list[Answer] = []
        for kind, pairs in by_kind.items():
            said = [r.got.shifted for _, r in pairs if r.answered]
            rows.append((kind, said.count(True), said.count(False), len(pairs) - len(said)))
            findings += self._judged(kind, pairs)
        findings += self._alike(by_kind)
        columns = ("samples", "shifted", "not shifted", "declined")
        yield Evidence("shifts", "What the monitor says", columns, tuple(rows))
        yield from findings

    def _questions(self) -> Iterator[tuple[str, str, Any, pd.DataFrame]]:
        """Kind, the column that is in question, reference and current."""
        rng = np.random.default_rng(self.seed)
        names = [f"x{i:02d}" for i in range(self.features)]
        scale = 10.0 ** rng.integers(-3, 4, len(names))

        def sample() -> pd.DataFrame:
            # skewed, so that a sign that turns over is a shift
            return pd.DataFrame(rng.gamma(2.0, 1.0, (self.rows, len(names))) * scale, columns=names)

        for _ in range(self.runs):
            reference, current = sample(), sample()
            column = str(rng.choice(names))
            moved, turned, blank = current.copy(), current.copy(), current.copy()
            moved[column] += SHIFT * np.sqrt(2.0) * scale[names.index(column)]
            turned[column] *= -1.0
            yield "calm", "", reference, current
            yield "one shifted", column, reference, moved
            yield "one turned over", column, reference, turned
            order = list(rng.permutation(names))
            yield "calm, other order", "", reference, current[order]
            yield "one shifted, other order", column, reference, moved[order]
            yield "one shifted, other unit", column, reference * 1024.0, moved * 1024.0
        blank[column] = np.nan
        yield "no reference", "", None, moved
        yield "an empty reference", "", reference.iloc[:0], moved
        yield "no current rows", "", reference, moved.iloc[:0]
        yield "a column gone", column, reference, current.drop(columns=column)
        yield "a column NaN throughout", column, reference, blank

    def _judged(self, kind: str, pairs: list[tuple[str, Reply[Verdict]]]) -> Answers:
        runs = [(c, r.got) for c, r in pairs if r.answered]
        crashed = [r.why for _, r in pairs if r.failure is not None and not on_purpose(r)]
        if crashed:
            yield Gap(f"{len(crashed)} of {len(pairs)} pairs: {kind}", crashed[0])
        if not runs:
            return
        fired = sum(bool(verdict.shifted) for _, verdict in runs)
        if len(pairs) == 1:
            if runs[0][1].shifted is False:
                yield self._report(kind, "is answered as no shift", "a refusal, or unknown")
        elif kind == "calm":
            low = (
                float(special.betaincinv(fired, len(runs) - fired + 1, CONFIDENCE)) if fired else 0
            )
            if low > self.false_alarms:
                what = f"{fired} of {len(runs)} fresh samples of one law raise an alarm"
                yield self._report(kind, what, f"at most {self.false_alarms:.0%}")
        elif kind in ("one shifted", "one turned over"):
            missed = len(runs) - fired
            high = 1 - float(special.betaincinv(missed, fired + 1, CONFIDENCE)) if missed else 1.0
            if high < 0.9:
                what = f"is found in {fired} of {len(runs)} runs, among {self.features} features"
                yield self._report(kind, what, "at least nine of ten")
            wrong = [(c, s) for c, s in runs if s.shifted and s.features and c not in s.features]
            if wrong:
                column, verdict = wrong[0]
                what = f"is {column}, and {verdict.features[0]} is named, in {len(wrong)} runs"
                yield self._report(f"{kind}, named", what, "the feature that shifted")

    def _alike(self, by_kind: dict[str, list[tuple[str, Reply[Verdict]]]]) -> Answers:
        for kind, pairs in by_kind.items():
            plain, comma, how = kind.partition(", ")
            if not comma:
                continue
            both = [
                (one.got.shifted, other.got.shifted)
                for (_, one), (_, other) in zip(by_kind[plain], pairs, strict=True)
                if one.answered and other.answered
            ]
            differ = sum(one != other for one, other in both)
            if differ:
                what = f"get another answer in {differ} of {len(both)} runs"
                yield self._report(how, what, "the same answer")

    def _report(self, kind: str, what: str, expected: str) -> Answer:
        return self.departs(
            f"{kind}: {what}", measured=what, expected=expected, key=kind, evidence=("shifts",)
        )


def _verdict(raw: Any) -> Verdict:
    answer = mapping(raw)
    shifted = answer.get("shifted")
    if shifted is not None and not isinstance(shifted, (bool, np.bool_)):
        raise ValueError(f"wanted shifted to be True, False or None, got {describe(shifted)}")
    names = tuple(str(n) for n in answer.get("features") or ())
    return Verdict(None if shifted is None else bool(shifted), names)
