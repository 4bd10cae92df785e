from collections.abc import Generator

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.model import Severity
from audit_lib.probes.prediction.companies import AGAIN, Company, changes
from audit_lib.probes.questions.asking import ask, floats
from audit_lib.probes.questions.samples import input_width
from audit_lib.subject.hooks import Hook

FORWARD, EXPORTED = "neural.forward", "neural.exported"


class NeuralRowsAreIndependent(Check):
    """The neural head gives a row the same output alone, in any batch, process and form.

    What it checks
        Calling twice gives the same bits; another process, asked in another order and nothing
        before, gives the same to rounding; a row alone, the rows in another order, the batch cut in
        two, and the batch with extreme neighbours all give each row the same output, and so does
        the exported network, if there is one.
    Why it matters
        Batch normalisation or dropout left in training mode makes a prediction depend on what
        else is predicted at that moment: backtests on large batches and live calls of one row
        then come from two different models. So do weights that are drawn where a process starts,
        and an exported file that was not written anew.
    How
        Drives `neural.forward`, here and in another process, and `neural.exported` with seeded
        standard normal rows.
    Limitations
        Rounding of matrix products differs with the batch size; `tolerance` allows for it, and
        `exported_tolerance` for other arithmetic.
    Remediation
        Switch the network to inference mode once, where it is loaded, and fix its statistics.
    Sources
        Ioffe and Szegedy (2015), Batch Normalization, section 3.1 (inference).
    """

    code = "NEU001"
    severity = Severity.HIGH
    needs = (FORWARD,)

    seed: int = Field(50, description="of everything random")
    rows: int = Field(32, ge=4, description="made-up rows")
    tolerance: float = Field(1e-5, gt=0, description="relative to the spread of the outputs")
    exported_tolerance: float = Field(1e-3, gt=0, description="likewise, of the exported form")

    def run(self, subject: Subject) -> Answers:
        """Forward the same rows in every company."""
        rng = np.random.default_rng(self.seed)
        inputs = rng.normal(size=(self.rows, input_width(subject)))
        hook = subject.hook(FORWARD)
        due = ask(hook, inputs, into=floats(self.rows, -1)).needed(
            f"{FORWARD} gives no output for ordinary rows:"
        )
        companies = _companies(inputs, rng)
        here = yield from self._held(hook, companies, due, "batches", "company")
        if all(gap <= self.tolerance for gap in here.values()):  # else it stands already
            there, order = subject.elsewhere(1).hook(FORWARD), rng.permutation(self.rows)
            again = [Company("a process that was asked nothing before", (inputs[order],), order)]
            yield from self._held(there, again, due, "calls in another process", "process")
        if subject.has(EXPORTED):
            hook = subject.hook(EXPORTED)
            yield from self._held(hook, companies, due, "exported batches", "exported")

    def _held(
        self, hook: Hook, cases: list[Company], due: Floats, name: str, key: str
    ) -> Generator[Answer, None, dict[str, float]]:
        exported = key == "exported"
        tolerance = self.exported_tolerance if exported else self.tolerance
        exact = AGAIN if key == "company" else ""
        changed = changes(hook, cases, due, name=name, tolerance=tolerance, exact=exact)
        yield from changed.told
        if changed.broken:
            yield self.departs(
                changed.said + (f", against {FORWARD}" if exported else ""),
                hook=EXPORTED if exported else FORWARD,
                measured=max(changed.broken.values()),
                expected=f"at most {tolerance:g}",
                key=key,
                evidence=(name,),
            )
        return changed.moved


def _companies(inputs: Floats, rng: np.random.Generator) -> list[Company]:
    n = len(inputs)
    extreme = np.concatenate([inputs, rng.normal(size=inputs.shape) * 50])
    order, half = rng.permutation(n), n // 2
    alone = range(0, n, n // 4)
    return [
        Company(AGAIN, (inputs,), np.arange(n)),
        Company("another order", (inputs[order],), order),
        Company("first half of the batch", (inputs[:half],), np.arange(half)),
        Company("beside extreme rows", (extreme,), np.arange(n)),
        *(Company(f"row {i} alone", (inputs[i : i + 1],), np.array([i])) for i in alone),
    ]
