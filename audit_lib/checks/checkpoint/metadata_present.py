"""CHK001."""

import re

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.subject.checkpoint_fields import Field, field, scaling
from audit_lib.subject.discovery.fields import guessed
from audit_lib.subject.parameters import CheckpointFields

_SCALES = re.compile(r"scal(er|ing|ed)\b|standardi[sz]|normali[sz]|z_?score", re.I)
#: Field to what a version without it cannot show, and how bad that is.
_WANTED = {
    "feature_cols": ("which columns the model reads, in which order", Severity.HIGH),
    "input_dim": ("how many inputs the model takes", Severity.MEDIUM),
    "heads": ("what the outputs mean", Severity.HIGH),
    "version": ("which version the file belongs to", Severity.HIGH),
    "schema_hash": ("whether two versions read the same columns", Severity.MEDIUM),
    "run": ("from which run, data and code the version came", Severity.MEDIUM),
}


class MetadataIsComplete(Check):
    """A stored version says what it reads, what it answers, and where it came from.

    What it checks
        That the metadata holds, and does not leave empty, the feature columns, input dimension,
        heads, version, schema hash and run; and that scaling statistics stand in the metadata or
        in a scaler among the version's files.
    Why it matters
        What the checkpoint does not say, the predictor assumes. Assumed column order and assumed
        head order are the two mistakes that no exception ever reports.
    How
        Follows the references of `artifacts.fields` into the metadata and other files of the
        version, and reads scaler objects in the artifacts without executing them.
    Limitations
        It sees that a field is there, not that it is true; CHK004 to CHK006 compare fields with
        each other and with the models. Where the source speaks of no scaling, that no statistics
        are kept is a note; `artifacts.fields.scaler_scale: null` says that none are wanted.
    Remediation
        Let the trainer write the field into the metadata of every version it saves.
    Sources
        The audit plan's checkpoint contract; M. Mitchell et al., Model cards for model reporting,
        FAT* 2019.
    """

    code = "CHK001"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    pure = True
    cites = ("fields",)

    def run(self, subject: Subject) -> Answers:
        """Report fields that are absent or empty."""
        rows, declared = [], {"heads": subject.parameters.heads}  # who audits knows them, at least
        elsewhere = guessed(subject.metadata, subject.version)
        usual = CheckpointFields().model_dump()
        for name, (tells, severity) in _WANTED.items():
            entry = field(subject, name)
            rows.append((name, entry.pointer, "present" if not entry.empty else _state(entry)))
            if entry.empty and name in elsewhere and entry.pointer == usual[name]:
                yield self.finding(
                    entry.location,
                    f"nothing is at {entry.pointer}; {elsewhere[name]} looks like {name}: write "
                    f"artifacts.fields.{name}: {elsewhere[name]}, so that other checks read it",
                    measured=elsewhere[name],
                    expected=entry.pointer,
                    key=f"{name} elsewhere",
                    severity=Severity.INFO,
                )
            elif entry.empty:
                yield self.finding(
                    entry.location,
                    f"the metadata does not say {tells}: {name} is {_state(entry)}"
                    + (f" at {entry.pointer}" if entry.pointer else ""),
                    measured=_state(entry),
                    expected=name,
                    key=name,
                    severity=Severity.MEDIUM if declared.get(name) else severity,
                )
        scale = field(subject, "scaler_scale")
        statistics = [s.source for s in scaling(subject)]
        rows.append(("scaling statistics", scale.pointer, ", ".join(statistics) or "absent"))
        if scale.pointer and not statistics:
            scales = any(_SCALES.search(f.text) for f in subject.source.files)
            yield self.finding(
                subject.metadata.location(),
                "neither the metadata nor any file of the version holds scaling statistics"
                + (
                    ""
                    if scales
                    else ", and the source speaks of none; if the model wants none, "
                    "write artifacts.fields.scaler_scale: null"
                ),
                measured="absent",
                expected="center and scale of every column",
                key="scaler",
                severity=Severity.HIGH if scales else Severity.INFO,
            )
        yield Evidence(
            "fields", "Fields of the metadata", ("field", "pointer", "found"), tuple(rows)
        )
        yield Examined(len(rows), "fields")


def _state(entry: Field) -> str:
    if not entry.pointer:
        return "declared absent"
    return "empty" if entry.present else "absent"
