from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Examined, Severity, Task
from audit_lib.subject.code import code_of
from audit_lib.subject.subject import Subject


class EveryFileParses(Check):
    """Every Python file of the repository is valid Python.

    What it checks
        That each file decodes by its own coding line and parses. Files under audit that do not are
        high, others medium.
    Why it matters
        A file that does not parse cannot be imported, and no check that reads code sees into it:
        its silence would be mistaken for a clean bill.
    How
        Parses every file of the system with the syntax of the running interpreter, without
        importing it.
    Limitations
        A file written for a newer Python than the one that audits is reported too. Templates with a
        `.py` ending can be left out with `source.exclude`.
    Remediation
        Correct the syntax at the line named, or exclude the file if it is no Python module.
    Sources
        The Python Language Reference, chapters 2 and 10; PEP 263.
    """

    code = "LED002"
    task = Task.T1
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Report every file that gave a syntax error."""
        under_audit = {f.path for f in subject.source.subsystem}
        files = code_of(subject.source).imports.files
        for file in files:
            error = file.parsed
            if isinstance(error, SyntaxError):
                yield self.finding(
                    file.location(error.lineno or 1),
                    f"does not parse: {error.msg}",
                    measured=error.msg,
                    expected="valid Python",
                    key="syntax",
                    severity=self.severity if file.path in under_audit else Severity.MEDIUM,
                )
        yield Examined(len(files), "files")
