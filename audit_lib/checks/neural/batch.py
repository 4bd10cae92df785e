from collections.abc import Iterator

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats, Integers
from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Evidence, Examined, Margin, Severity, Task, View
from audit_lib.probes.questions.asking import ask, ask_many, floats, unanswered
from audit_lib.probes.questions.samples import input_width
from audit_lib.subject.subject import Subject

Company = tuple[str, Floats, Integers]
"""its name, the batch, and which of the rows stand first in it"""


class NeuralRowsAreIndependent(Check):
    """The neural head gives a row the same output alone, in any batch and every time.

    What it checks
        Calling twice gives the same bits; a row alone, the rows in another order, the batch cut
        in two, and the batch with extreme neighbours all give each row the same output.
    Why it matters
        Batch normalisation or dropout left in training mode makes a prediction depend on what
        else is predicted at that moment: backtests on large batches and live calls of one row
        then come from two different models.
    How
        Drives `neural.forward` with seeded standard normal rows.
    Limitations
        Rounding of matrix products differs with the batch size; `tolerance` allows for it.
    Remediation
        Switch the network to inference mode once, where it is loaded, and fix its statistics.
    Sources
        Ioffe and Szegedy (2015), Batch Normalization, section 3.1 (inference).
    """

    code = "NEU001"
    task = Task.T5
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("neural.forward",)

    seed: int = Field(50, description="of everything random")
    rows: int = Field(32, ge=4, description="made-up rows")
    tolerance: float = Field(1e-5, gt=0, description="relative to the spread of the outputs")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Forward the same rows in every company."""
        hook = subject.hook("neural.forward")
        n = self.rows
        rng = np.random.default_rng(self.seed)
        inputs = rng.normal(size=(n, input_width(subject)))
        first = ask(hook, inputs, into=floats(n, -1)).needed(
            "neural.forward gives no output for ordinary rows:"
        )
        spread = float(np.std(first)) or 1.0
        companies = self._companies(inputs, rng)
        replies = ask_many(hook, [(batch,) for _, batch, _ in companies], into=floats(-1, -1))
        yield from unanswered(replies, "batches")
        rows = []
        broken = []
        for (name, _, kept), reply in zip(companies, replies, strict=True):
            if not reply.answered:
                continue
            got = reply.got[: len(kept)]
            due = first[kept]
            gap = float(np.max(np.abs(got - due))) if got.shape == due.shape else float("inf")
            limit = 0.0 if name == "the same call again" else self.tolerance * spread
            rows.append((name, gap / spread))
            if not gap <= limit:
                broken.append((name, gap / spread))
        yield Examined(len(rows), "batches compared")
        yield Evidence(
            "batches",
            "Change of a row's output with its company",
            ("label", "value"),
            tuple(rows),
            View.BARS,
            f"largest change, in spreads of the output ({spread:.3g}); {self.tolerance:g} allowed",
        )
        worst = max((gap for _, gap in rows), default=np.inf)
        if worst < np.inf:
            yield Margin("change with its company", worst, self.tolerance, "spreads of the output")
        if broken:
            name, gap = max(broken, key=lambda item: item[1])
            yield self.finding(
                subject.where("neural.forward"),
                f"outputs change in {len(broken)} of {len(rows)} batches, most with {name}: "
                f"by {gap:.3g} spreads of the output",
                measured=gap,
                expected=f"at most {self.tolerance:g}",
                key="company",
                evidence=("batches",),
            )

    @staticmethod
    def _companies(inputs: Floats, rng: np.random.Generator) -> list[Company]:
        n = len(inputs)
        extreme = np.concatenate([inputs, rng.normal(size=inputs.shape) * 50])
        order, half = rng.permutation(n), n // 2
        return [
            ("the same call again", inputs, np.arange(n)),
            ("another order", inputs[order], order),
            ("first half of the batch", inputs[:half], np.arange(half)),
            ("beside extreme rows", extreme, np.arange(n)),
            *((f"row {i} alone", inputs[i : i + 1], np.array([i])) for i in range(0, n, n // 4)),
        ]
