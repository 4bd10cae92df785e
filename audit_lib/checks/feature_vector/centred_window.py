"""FEA113."""

from __future__ import annotations

from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Severity, Task
from audit_lib.probes.leak_patterns import centred_window, hits, related_files, suspicion, unread
from audit_lib.subject.subject import Subject


class NoCentredWindow(Check):
    """Feature code uses no window that reaches past its bar.

    What it checks
        No `rolling(center=True)`, no zero-phase or smoothing filter, no convolution that keeps the
        size, no detection of turning points from both sides.
    Why it matters
        A smoother that sees both sides knows where the trend turns. Its output looks like a
        wonderfully early indicator.
    How
        Walks the syntax trees of the subsystem and of files that build features; tests are left
        out, and so is code whose definition or variable says that it makes labels, which must look
        ahead. Where the features can be driven, the measured influence map decides: HIGH if some
        column reads ahead, INFO if none does, MEDIUM if nobody could measure.
    Limitations
        Filters with other names are not known; the probe needs none.
    Remediation
        Use trailing windows or one-sided filters.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA113"
    contract = Contract.FEATURE_VECTOR
    task = Task.T2
    severity = Severity.MEDIUM
    reads = Reads.CODE

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Look for the pattern, and let the probe say what it does."""
        for hit in hits(subject, centred_window):
            severity, said = suspicion(subject)
            where = hit.symbol or "module level"
            yield self.finding(
                hit.file.location(hit.node, hit.symbol),
                f"{where} uses {hit.what}; {said}",
                measured=hit.what,
                expected="trailing windows",
                key=hit.key,
                severity=severity,
            )
        yield from unread(subject)
        yield Examined(len(related_files(subject)), "files")
