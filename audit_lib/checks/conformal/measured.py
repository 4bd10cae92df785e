import numpy as np
from pydantic import Field

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.questions.asking import ask_many, number
from audit_lib.probes.questions.domain import Reaction, on_purpose, reaction

Sample = tuple[Floats, Floats]
HOOK = "conformal.coverage"
NEAR = 1e-9


class CoverageCountsEveryRow(Check):
    """The subject's own coverage is the share of outcomes within their own intervals.

    What it checks
        On drawn intervals the answer is that share: outcomes below and above, on an end, intervals
        of no width, infinite ones, rows in any order. No rows, bounds or outcomes that are NaN, and
        lengths that differ get a refusal, NaN, or the share of the other rows, and never a better
        number.
    Why it matters
        Coverage is what releases an interval. One that counts an unknown outcome as covered, or
        answers 1 for no rows, releases anything.
    How
        Drives `conformal.coverage` on seeded samples and counts beside it.
    Limitations
        Coverage by group or over time is not asked for.
    Remediation
        Count rows with known bounds and a known outcome, and refuse where there is none.
    Sources
        Lei et al. (2018), Distribution-Free Predictive Inference for Regression, section 2.
    """

    code = "CNF005"
    severity = Severity.HIGH
    offered = (HOOK,)

    seed: int = Field(74, description="of everything random")
    rows: int = Field(400, ge=50, description="rows of a sample")

    def run(self, subject: Subject) -> Answers:
        """Count beside the subject."""
        cases = _cases(np.random.default_rng(self.seed), self.rows)
        replies = ask_many(subject.hook(HOOK), [given for given, _ in cases.values()], into=number)
        rows, wrong = [], []
        for (name, (given, usable)), reply in zip(cases.items(), replies, strict=True):
            due = _share(given, usable) if usable.any() else None
            shown = "a refusal" if due is None else f"{due:.6g}"
            odd = not usable.all() or not len(usable)
            if not reply.answered or np.isnan(reply.got):
                crashed = reaction(reply) is Reaction.CRASHED and not on_purpose(reply)
                rows.append((name, reply.why or "NaN", shown))
                if not odd:
                    yield Gap(name, reply.why or "answered NaN")
                elif crashed:
                    wrong.append((name, reply.why, shown, Severity.LOW))
                continue
            rows.append((name, f"{reply.got:.6g}", shown))
            fits = due is not None and abs(reply.got - due) <= NEAR
            if not fits and not (odd and due is not None and reply.got < due):
                wrong.append((name, f"{reply.got:.4g}", shown, self.severity))
        yield Examined(len(rows), "samples")
        heads = ("sample", "answered", "due")
        yield Evidence("coverage", "Coverage of drawn intervals", heads, tuple(rows))
        for name, got, due_text, severity in wrong:
            yield self.departs(
                f"{name}: the coverage is {got}, {due_text} is due",
                measured=got,
                expected=due_text,
                key=name,
                severity=severity,
                evidence=("coverage",),
                cause="a coverage that is no share" if severity is self.severity else "a crash",
            )


def _share(given: Sample, usable: Flags) -> float:
    ends, outcomes = given[0][usable], given[1][usable]
    return float(((outcomes >= ends[:, 0]) & (outcomes <= ends[:, 1])).mean())


def _cases(rng: np.random.Generator, rows: int) -> dict[str, tuple[Sample, Flags]]:
    """Intervals and outcomes, and the rows of each sample that can be judged."""
    middle, width = rng.normal(0, 0.02, rows), rng.uniform(0.005, 0.02, rows)
    ends = np.column_stack([middle - width, middle + width])
    outcomes = middle + rng.choice([-1.5, -0.5, 0.4, 0.8, 1.3], rows) * width
    every, tenth = np.ones(rows, dtype=bool), np.arange(rows) % 10 == 0
    none = np.zeros(rows, dtype=bool)
    order, nan = rng.permutation(rows), np.full(rows, np.nan)
    wide = ends.copy()
    wide[tenth] = [-np.inf, np.inf]
    lost = np.where(tenth[:, None], np.nan, ends)
    return {
        "ordinary rows": ((ends, outcomes), every),
        "rows in another order": ((ends[order], outcomes[order]), every),
        "outcomes on their lower end": ((ends, ends[:, 0].copy()), every),
        "outcomes on their upper end": ((ends, ends[:, 1].copy()), every),
        "outcomes below": ((ends, ends[:, 0] - 0.001), every),
        "outcomes above": ((ends, ends[:, 1] + 0.001), every),
        "intervals of no width": ((np.column_stack([middle, middle]), middle.copy()), every),
        "some intervals are infinite": ((wide, outcomes), every),
        "no rows": ((ends[:0], outcomes[:0]), every[:0]),
        "every outcome is missing": ((ends, nan), none),
        "a tenth of the outcomes is missing": ((ends, np.where(tenth, np.nan, outcomes)), ~tenth),
        "a tenth of the intervals is missing": ((lost, outcomes), ~tenth),
        "one outcome for all intervals": ((ends, outcomes[:1]), none),
    }
