import dataclasses
from pathlib import Path

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.lifecycle.saved_parts import lost, parts_of
from audit_lib.probes.questions.asking import ask, frame
from audit_lib.probes.questions.frames import differences, furthest
from audit_lib.probes.questions.samples import few, still


class SavingChangesNothing(Check):
    """A version that is loaded, saved and loaded again predicts the same.

    What it checks
        Predictions of the saved and reloaded version equal those of the version itself, head by
        head and row by row. What the version's files hold is saved again, and of the same kind:
        no key of a JSON file and no array of an npz file is gone, empty, or text where it was a
        number or a flag.
    Why it matters
        What is not in the file is lost at the next restart: a scaler kept beside the model, a
        threshold set after training, a calibrator that was never pickled. What no prediction reads
        is lost more quietly: intervals, bounds of monitoring, the record of the training; and a
        flag that comes back as the text "False" is true.
    How
        Drives `predictor.predict` and `checkpoint_io.round_trip` on the same sample rows. The
        copy is written to a scratch folder, whose files are compared with the version's by name:
        keys to the third level, names of arrays.
    Limitations
        Of other formats, and of files that are saved under another name, only what predictions
        depend on is seen.
    Remediation
        Save everything that prediction reads in one checkpoint, and load nothing from elsewhere.
    Sources
        Round-trip (save, load, decide) as a metamorphic relation; Chen, Cheung and Yiu (1998).
    """

    code = "CHK101"
    severity = Severity.HIGH
    needs = ("predictor.predict", "checkpoint_io.round_trip")
    about = "checkpoint_io.round_trip"

    rows: int = Field(200, ge=1, description="rows of the sample that are used")
    tolerance: float = Field(1e-12, ge=0, description="relative")

    def run(self, subject: Subject) -> Answers:
        """Predict before and after the round trip."""
        features = few(subject, self.rows)
        before = ask(subject.hook("predictor.predict"), features, into=frame)
        saves, saved = subject.hook("checkpoint_io.round_trip"), subject.scratch_folder()
        after = ask(dataclasses.replace(saves, scratch=saved), features, into=frame)
        for name, reply in (("predictor.predict", before), ("the round trip", after)):
            reply.needed(name)
        departures = differences(before.got, after.got, tolerance=self.tolerance)
        yield Examined(before.got.size, "predictions")
        if all(d.kind == "values" for d in departures):
            same = before.got.loc[after.got.index]
            pairs = ((same[head], after.got[head]) for head in same)
            yield from furthest("largest change of a prediction", pairs, self.tolerance)
        for head in still(before.got):
            yield Gap(f"head {head}", "it is the same in all rows, whatever model is loaded")
        yield Evidence(
            "round_trip",
            "What the round trip changed",
            ("head", "what", "largest change"),
            tuple((d.column, d.text, d.largest) for d in departures),
        )
        for difference in departures:
            head = f"head {difference.column} " if difference.column else "predictions "
            yield self.departs(
                f"after save and load, {head}{difference.text}",
                measured=difference.text,
                expected="the same predictions",
                key=f"{difference.kind} {difference.column}".strip(),
                cause=f"dtype: {difference.text}" if difference.kind == "dtype" else "",
                evidence=("round_trip",),
            )
        yield from self._lost_parts(subject, saved)

    def _lost_parts(self, subject: Subject, saved: Path) -> Answers:
        """What the files of the version hold, and those that were saved do not."""
        if subject.parameters.artifacts is None or not subject.version_folder.is_dir():
            return
        before = parts_of(subject.version_folder, subject.version)
        after = parts_of(saved)
        if both := before.keys() & after.keys():
            yield Examined(len(both), "files that were saved again")
        gone = list(lost(before, after))
        columns = ("file", "part", "what became of it")
        yield Evidence("saved", "What saving again loses", columns, tuple(gone))
        for file, part, what in gone:
            yield self.departs(
                f"{part} of {file} {what}, when the version is loaded and saved",
                measured=what,
                expected="what was loaded",
                key=f"{file} {part}",
                severity=Severity.MEDIUM,
                cause=f"parts of {file} are lost when it is saved again",
                evidence=("saved",),
            )
