"""FEA112."""

from __future__ import annotations

from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Severity, Task
from audit_lib.probes.leak_patterns import backward_fill, hits, related_files, suspicion, unread
from audit_lib.subject.subject import Subject


class NoBackwardFill(Check):
    """Feature code fills no gap from a later bar.

    What it checks
        No `bfill`, no two-sided `interpolate`, no `reindex` or `merge_asof` that takes the next or
        the nearest row.
    Why it matters
        The gap is filled with a price that was not known then. It shows only beside gaps, so most
        tests on clean data pass.
    How
        Walks the syntax trees of the subsystem and of files that build features; tests are left
        out, and so is code whose definition or variable says that it makes labels, which must look
        ahead. Where the features can be driven, the measured influence map decides: HIGH if some
        column reads ahead, INFO if none does, MEDIUM if nobody could measure.
    Limitations
        A backward fill on data that are never missing leaks nothing; the probe then clears it with
        gaps of its own making.
    Remediation
        Fill forward, or leave the gap missing.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA112"
    contract = Contract.FEATURE_VECTOR
    task = Task.T2
    severity = Severity.MEDIUM
    reads = Reads.CODE

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Look for the pattern, and let the probe say what it does."""
        for hit in hits(subject, backward_fill):
            severity, said = suspicion(subject)
            where = hit.symbol or "module level"
            yield self.finding(
                hit.file.location(hit.node, hit.symbol),
                f"{where} uses {hit.what}; {said}",
                measured=hit.what,
                expected="fills from earlier bars only",
                key=hit.key,
                severity=severity,
            )
        yield from unread(subject)
        yield Examined(len(related_files(subject)), "files")
