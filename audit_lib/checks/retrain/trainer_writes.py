import re
from pathlib import Path

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.host import Isolation
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.training.steps import HOOK, attempted


class TrainingWritesToItsStoreOnly(Check):
    """A training that is given a store writes there and nowhere else.

    What it checks
        While the trainer runs with a scratch store, no file outside it is opened for writing.
    Why it matters
        A trainer that honours its folder in most places leaves the calibrator, the registry row
        or the monitoring file of one version in the folder of another. Research runs then change
        what live trading loads.
    How
        Drives the trainer once on made-up data (`retrain.train`) in the host, where the subject
        cannot be written to, and notes every attempt to write, make, move or remove a file through
        Python's audit events, whether it succeeded or not.
    Limitations
        Writes of compiled code are stopped but not seen. At the isolation level `audit_hook`,
        attempts are stopped before they are noted, so that the check cannot pass there.
    Remediation
        Pass the folder to every part that saves, and take the default only at the entry point.
    Sources
        PEP 578, Python Runtime Audit Hooks; the design rule that what runs in a directory writes
        only there.
    """

    code = "RET011"
    severity = Severity.HIGH
    needs = (HOOK,)

    def run(self, subject: Subject) -> Answers:
        """Look at what was opened for writing."""
        training = attempted(subject)
        strays = sorted({_shown(path, subject.root) for path in training.writes})
        inside = [p.as_posix() for p in training.written()]
        rows = tuple([(p, "outside its store") for p in strays] + [(p, "") for p in inside])
        yield Evidence("writes", "Files that training opened for writing", ("file", "where"), rows)
        for path in strays:
            yield self.departs(
                f"training with a store of its own writes {path}",
                measured=path,
                expected="files in the given store only",
                key=path,
                evidence=("writes",),
            )
        if subject.host.isolation is Isolation.AUDIT_HOOK:
            yield Gap("writes elsewhere", "this isolation stops them before they are noted")
        yield Examined(len(rows) or 1, "files written" if rows else "training without a file")


def _shown(path: Path, root: Path) -> str:
    """Relative to the subject where it lies there, else its name only: no path of a machine.

    Names that ``tempfile`` draws are the same in every run.
    """
    real = root.resolve()
    if path == real:
        return "a nameless file at its root"
    shown = path.relative_to(real).as_posix() if path.is_relative_to(real) else f"…/{path.name}"
    return re.sub(r"tmp[a-z0-9_]{8}", "tmp*", shown)
