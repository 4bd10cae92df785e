import ast
import unicodedata

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.model import Examined, Severity
from audit_lib.subject.code import code_of
from audit_lib.subject.source import SourceFile

#: embeddings, overrides and isolates; the plain marks of right-to-left text are left alone
_TURNS = {
    chr(c): unicodedata.name(chr(c)).lower()
    for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


class SourceReadsAsItRuns(Check):
    r"""The source shows a reviewer what Python executes.

    What it checks
        No file holds characters that turn the direction of text (embeddings, overrides, isolates),
        in code, comments or strings; and no name is written with characters that Python replaces
        by others.
    Why it matters
        After such a character an editor shows the rest of a line in another order: a comment that
        is code, a condition that is a comment. Python normalises names, so that `ｅval`, written
        with a wide letter, is `eval`, and no search finds it.
    How
        Looks for nine characters in the text of every file, and compares every name of the syntax
        tree as written with its normal form. The console and packets show such characters as
        escapes.
    Limitations
        Letters of other scripts that merely look alike are not told apart: they are different names
        to Python too. Characters written as escapes (`\u202e`) are visible and are not counted.
    Remediation
        Delete the character, or write it as an escape where a string needs it.
    Sources
        Boucher and Anderson (2023), Trojan Source: Invisible Vulnerabilities, USENIX Security;
        CVE-2021-42574; PEP 672; Unicode Standard Annex 9.
    """

    code = "SEC003"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Look through the text of every file."""
        under_audit = {f.path for f in subject.source.subsystem}
        files = code_of(subject.source).imports.files
        for file in files:
            severity = self.severity if file.path in under_audit else Severity.MEDIUM
            lines = file.text.splitlines()
            turned = [(n, c) for n, line in enumerate(lines, 1) for c in line if c in _TURNS]
            if turned:
                number, character = turned[0]
                more = f", and {len(turned) - 1} more" if len(turned) > 1 else ""
                yield self.finding(
                    file.location(number),
                    f"holds a {_TURNS[character]}{more}: it reads otherwise than it runs",
                    measured=len(turned),
                    expected="no characters that turn the direction of text",
                    key="direction",
                    severity=severity,
                )
            tree = file.parsed
            if not file.text.isascii() and isinstance(tree, ast.Module):
                yield from self._names(file, tree, severity)
        yield Examined(len(files), "files")

    def _names(self, file: SourceFile, tree: ast.Module, severity: Severity) -> Answers:
        reported = set()
        lines = file.text.splitlines()
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name) or node.id in reported:
                continue
            line = lines[node.lineno - 1].encode()
            written = line[node.col_offset : node.end_col_offset].decode(errors="replace")
            if written != node.id and unicodedata.normalize("NFKC", written) == node.id:
                reported.add(node.id)
                yield self.finding(
                    file.location(node.lineno),
                    f"{ascii(written)[1:-1]} is {node.id!r} to Python",
                    measured=ascii(written)[1:-1],
                    expected=node.id,
                    key=f"name {node.id}",
                    severity=severity,
                )
