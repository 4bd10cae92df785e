import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Severity
from audit_lib.probes.prediction.companies import Company, changes
from audit_lib.probes.questions.asking import ask, floats
from audit_lib.probes.questions.samples import input_width

SEQUENCES = "neural.sequences"


class PaddingMeansNothing(Check):
    """A network of steps reads all steps of a row that are meant, and none of its padding.

    What it checks
        More padding, other values in it, and none at all change no output; nor do the order of the
        rows and their neighbours. The last step that is meant moves the output.
    Why it matters
        Histories differ in length, so live rows are padded otherwise than those of training: a
        network without a mask predicts from how long its neighbours are. One that reads a step
        short trades on yesterday's bar.
    How
        Drives `neural.sequences` with seeded standard normal steps of random lengths, padded with
        zeros as usual, with noise, and with more zeros; every fourth row also alone and unpadded.
    Limitations
        A network of fixed length has no padding: do not write the hook, or declare it absent.
    Remediation
        Pack the sequences, or mask the padding in every layer that looks along the steps.
    Sources
        PyTorch, `pack_padded_sequence`; `TransformerEncoder`, `src_key_padding_mask`.
    """

    code = "NEU005"
    severity = Severity.HIGH
    offered = (SEQUENCES,)
    needs = (SEQUENCES,)

    seed: int = Field(54, description="of everything random")
    rows: int = Field(16, ge=4, description="made-up rows")
    steps: int = Field(12, ge=4, description="of the longest row")
    tolerance: float = Field(1e-4, gt=0, description="relative to the spread of the outputs")

    def run(self, subject: Subject) -> Answers:
        """Forward the same steps under other padding."""
        n, t = self.rows, self.steps
        rng = np.random.default_rng(self.seed)
        inputs = rng.normal(size=(n, t, input_width(subject)))
        lengths = np.where(np.arange(n) == 0, t, rng.integers(2, t, n))
        padding = np.arange(t)[None, :] >= lengths[:, None]
        inputs[padding] = 0.0
        hook = subject.hook(SEQUENCES)
        due = ask(hook, inputs, lengths, into=floats(n, -1)).needed(
            f"{SEQUENCES} gives no output for ordinary rows:"
        )
        noise, longer = inputs.copy(), np.pad(inputs, ((0, 0), (0, 3), (0, 0)))
        noise[padding] = rng.normal(size=(int(padding.sum()), inputs.shape[2])) * 3
        order, every = rng.permutation(n), np.arange(n)
        companies = [
            Company("the same call again", (inputs, lengths), every),
            Company("another order", (inputs[order], lengths[order]), order),
            Company("other values in the padding", (noise, lengths), every),
            Company("more padding", (longer, lengths), every),
        ]
        for i in range(1, n, 4):
            alone = inputs[i : i + 1, : lengths[i]], lengths[i : i + 1]
            companies.append(Company(f"row {i} alone, unpadded", alone, every[i : i + 1]))
        changed = changes(hook, companies, due, name="batches", tolerance=self.tolerance)
        yield from changed.told
        if changed.broken:
            yield self.departs(
                changed.said,
                measured=max(changed.broken.values()),
                expected=f"at most {self.tolerance:g}",
                key="padding",
                evidence=("batches",),
            )
        last = inputs.copy()
        last[every, lengths - 1] += 1.0
        moved = ask(hook, last, lengths, into=floats(n, -1))
        if moved.answered and np.array_equal(moved.got, due):
            yield self.departs(
                "the last step that is meant moves no output",
                measured="nothing moves",
                expected="the newest step counts",
                key="last step",
                severity=Severity.MEDIUM,
            )
