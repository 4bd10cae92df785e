"""FEA111."""

from __future__ import annotations

from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Severity, Task
from audit_lib.probes.leak_patterns import hits, negative_shift, related_files, suspicion, unread
from audit_lib.subject.subject import Subject


class NoNegativeShift(Check):
    """Feature code shifts no value backwards in time.

    What it checks
        No feature is made with `shift`, `diff`, `pct_change` or `roll` by a negative number.
    Why it matters
        A negative shift puts tomorrow's value on today's row: the plainest leak, and the commonest
        one when label code and feature code share a function.
    How
        Walks the syntax trees of the subsystem and of files that build features; tests are left
        out, and so is code whose definition or variable says that it makes labels, which must look
        ahead. Where the features can be driven, the measured influence map decides: HIGH if some
        column reads ahead, INFO if none does, MEDIUM if nobody could measure.
    Limitations
        A shift by a variable that happens to be negative is not seen; the probe sees it. Names tell
        labels from features, so a label made in a function called `features` is reported.
    Remediation
        Shift by a positive number, or move label code to a function named for it.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA111"
    contract = Contract.FEATURE_VECTOR
    task = Task.T2
    severity = Severity.MEDIUM
    reads = Reads.CODE

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Look for the pattern, and let the probe say what it does."""
        for hit in hits(subject, negative_shift):
            severity, said = suspicion(subject)
            where = hit.symbol or "module level"
            yield self.finding(
                hit.file.location(hit.node, hit.symbol),
                f"{where} uses {hit.what}; {said}",
                measured=hit.what,
                expected="shifts forward only",
                key=hit.key,
                severity=severity,
            )
        yield from unread(subject)
        yield Examined(len(related_files(subject)), "files")
