import sys

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import Field as Option

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.code.linter import newer
from audit_lib.subject.code import code_of
from audit_lib.subject.dependencies import Dependencies
from audit_lib.subject.source import SourceFile

_HERE = "{}.{}".format(*sys.version_info)


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
        importing it. What does not parse is shown to ruff, which knows newer syntax: a file of a
        newer Python is a gap, and a finding only where the repository says that it runs on this
        one (`requires-python`).
    Limitations
        Checks that read code see nothing of a file for a newer Python. Templates with a `.py`
        ending can be left out with `source.exclude`.
    Remediation
        Correct the syntax at the line named, or exclude the file if it is no Python module.
    Sources
        The Python Language Reference, chapters 2 and 10; PEP 263.
    """

    code = "LED002"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    seconds: float = Option(60, gt=0, description="how long the linter may take")

    def run(self, subject: Subject) -> Answers:
        """Report every file that gave a syntax error."""
        under_audit = {f.path for f in subject.source.subsystem}
        files = code_of(subject.source).imports.files
        broken = [(f, f.parsed) for f in files if isinstance(f.parsed, SyntaxError)]
        needs = self._newer([f for f, _ in broken])
        allowed = Dependencies(subject.source.root).python
        for file, error in broken:
            since = needs.get(file.path)
            if since and not _allows(allowed):
                yield Gap(
                    file.path,
                    f"is for Python {since}, and this audit runs on {_HERE}: install the workbook "
                    f"with Python {since}",
                )
                continue
            newer = f"is for Python {since}, and {_HERE} is promised ({allowed})" if since else ""
            yield self.finding(
                file.location(error.lineno or 1),
                newer or f"does not parse: {error.msg}",
                measured=error.msg,
                expected="valid Python",
                key="syntax",
                severity=self.severity if file.path in under_audit else Severity.MEDIUM,
            )
        yield Examined(len(files), "files")

    def _newer(self, files: list[SourceFile]) -> dict[str, str]:
        try:
            versions = newer(files, seconds=self.seconds)
        except NotAssessed:  # without ruff, what does not parse here does not parse
            return {}
        return {path: "{}.{}".format(*version) for path, version in versions.items()}


def _allows(specifier: str) -> bool:
    """True where a repository says that it runs on this Python."""
    try:
        return bool(specifier.strip()) and _HERE in SpecifierSet(specifier.strip(" ,"))
    except InvalidSpecifier:
        return False
