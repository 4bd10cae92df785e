"""CHK101."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Gap, Severity, Task
from audit_lib.probes.asking import ask, frame
from audit_lib.probes.frames import differences
from audit_lib.probes.samples import few, still
from audit_lib.subject.subject import Subject


class SavingChangesNothing(Check):
    """A version that is loaded, saved and loaded again predicts the same.

    What it checks
        Predictions of the saved and reloaded version equal those of the version itself, head by
        head and row by row.
    Why it matters
        What is not in the file is lost at the next restart: a scaler kept beside the model, a
        threshold set after training, a calibrator that was never pickled.
    How
        Drives `predictor.predict` and `checkpoint_io.round_trip` on the same sample rows. The
        copy is written to a scratch folder.
    Limitations
        State that no prediction depends on is not seen.
    Remediation
        Save everything that prediction reads in one checkpoint, and load nothing from elsewhere.
    Sources
        Round-trip (save, load, decide) as a metamorphic relation; Chen, Cheung and Yiu (1998).
    """

    code = "CHK101"
    contract = Contract.CHECKPOINT
    task = Task.T3
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("predictor.predict", "checkpoint_io.round_trip")

    rows: int = Field(200, ge=1, description="rows of the sample that are used")
    tolerance: float = Field(1e-12, ge=0, description="relative")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Predict before and after the round trip."""
        features = few(subject, self.rows)
        before = ask(subject.hook("predictor.predict"), features, into=frame)
        after = ask(subject.hook("checkpoint_io.round_trip"), features, into=frame)
        for name, reply in (("predictor.predict", before), ("the round trip", after)):
            if not reply.answered:
                raise NotAssessed(f"{name} {reply.why}")
        found = differences(before.got, after.got, tolerance=self.tolerance)
        yield Examined(before.got.size, "predictions")
        for head in still(before.got):
            yield Gap(f"head {head}", "it is the same in all rows, whatever model is loaded")
        yield Evidence(
            "round_trip",
            "What the round trip changed",
            ("head", "what", "largest change"),
            tuple((d.column, d.text, d.largest) for d in found),
        )
        for difference in found:
            head = f"head {difference.column} " if difference.column else "predictions "
            yield self.finding(
                subject.where("checkpoint_io.round_trip"),
                f"after save and load, {head}{difference.text}",
                measured=difference.text,
                expected="the same predictions",
                key=f"{difference.kind} {difference.column}".strip(),
                cause=f"dtype: {difference.text}" if difference.kind == "dtype" else "",
                evidence=("round_trip",),
            )
