from functools import partial

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Severity
from audit_lib.probes.questions.asking import ask_many, floats
from audit_lib.probes.questions.domain import problems, reactions
from audit_lib.probes.questions.samples import input_width


class NeuralDomainIsClosed(Check):
    """The neural head answers odd inputs with NaN or a refusal, never with a made-up number.

    What it checks
        Rows with NaN get NaN or a refusal; too few or too many columns are refused; an empty
        batch gives an empty answer or a refusal; large and small finite inputs give finite
        outputs; a bad row does not spoil its neighbours.
    Why it matters
        `relu(NaN)` is 0 in some libraries: a missing feature comes out as a confident number. An
        array with a column too many broadcasts silently in others.
    How
        Drives `neural.forward` with one oddity at a time.
    Limitations
        The meaning of the outputs is judged by HED002, not here.
    Remediation
        Check the width and finiteness of inputs before the first layer.
    Sources
        IEEE 754-2019 section 6.2 (NaN propagates).
    """

    code = "NEU002"
    severity = Severity.MEDIUM
    needs = ("neural.forward",)

    seed: int = Field(51, description="of everything random")

    def run(self, subject: Subject) -> Answers:
        """Put one oddity at a time."""
        hook = subject.hook("neural.forward")
        inputs = np.random.default_rng(self.seed).normal(size=(8, input_width(subject)))
        first, second = ask_many(hook, [(inputs,)] * 2, into=floats(8, -1))
        clean = first.needed("neural.forward gives no output for ordinary rows:")
        if not second.answered or not np.array_equal(second.got, clean):
            clean = np.full_like(clean, np.nan)  # rows that change anyway tell nothing (NEU001)
        odd = self._oddities(inputs)
        replies = ask_many(hook, [(batch,) for batch in odd.values()], into=floats(-1, -1))
        answers = [*zip(odd, replies, strict=True)]
        yield Examined(len(odd), "odd inputs")
        yield reactions("odd", "Odd inputs of the neural head", answers, self._shown)
        for name, problem, severity in problems(
            answers, partial(self._problem, clean), raised=True
        ):
            yield self.departs(
                f"{name}: {problem}",
                measured=problem,
                expected=self._expected(name),
                key=name,
                severity=severity,
                evidence=("odd",),
            )

    @staticmethod
    def _shown(got: Floats) -> str:
        return f"shape {got.shape}, {int(np.isfinite(got).sum())} finite"

    @staticmethod
    def _oddities(inputs: Floats) -> dict[str, Floats]:
        one_nan, row_nan = inputs.copy(), inputs.copy()
        one_nan[0, 0] = np.nan
        row_nan[0] = np.nan
        return {
            "a NaN in the first row": one_nan,
            "a first row of NaN": row_nan,
            "a column too few": inputs[:, :-1],
            "a column too many": np.hstack([inputs, inputs[:, :1]]),
            "no rows": inputs[:0],
            "inputs of 1e6": inputs * 1e6,
            "inputs of 1e-30": inputs * 1e-30,
        }

    @staticmethod
    def _expected(name: str) -> str:
        if name.startswith("inputs"):
            return "finite outputs, or a refusal"
        return "no rows, or a refusal" if name == "no rows" else "NaN in that row, or a refusal"

    @staticmethod
    def _problem(clean: Floats, name: str, got: Floats) -> str:
        if name == "no rows":
            return f"{len(got)} rows of output" if len(got) else ""
        if name.startswith("a column"):
            return "answered as if it fitted"
        if name.startswith("inputs"):
            lost = int((~np.isfinite(got)).any(axis=1).sum())
            return f"{lost} of {len(got)} rows are not finite" if lost else ""
        if np.isfinite(got[0]).all():
            return f"the row gets {', '.join(f'{v:.4g}' for v in got[0])}"
        if np.isfinite(clean).all() and not np.allclose(got[1:], clean[1:], rtol=1e-4, atol=1e-6):
            return "the other rows change too"
        return ""
