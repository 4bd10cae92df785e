"""FEA114."""

from __future__ import annotations

from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Severity, Task
from audit_lib.probes.leak_patterns import global_statistic, hits, related_files, suspicion, unread
from audit_lib.subject.subject import Subject


class NoGlobalStatistic(Check):
    """Feature code standardises by no statistic of the whole sample.

    What it checks
        No `(x - x.mean()) / x.std()`, `(x - x.min()) / (x.max() - x.min())` or `zscore` over time.
    Why it matters
        Mean and spread of the whole sample contain the test period, and change with every new bar,
        so that live values differ from those of training.
    How
        Walks the syntax trees of the subsystem and of files that build features; tests are left
        out, and so is code whose definition or variable says that it makes labels, which must look
        ahead. Where the features can be driven, the measured influence map decides: HIGH if some
        column reads ahead, INFO if none does, MEDIUM if nobody could measure.
    Limitations
        A statistic over assets at one date is fine and left out where the text tells: `axis=1`, a
        variable called `row`, what is applied to `groupby(...)` of a key called date, day, time
        or the like. Inside other groups or `rolling(...).apply` it does not, and the probe
        decides.
    Remediation
        Use rolling or expanding statistics, or fit a scaler inside each fold.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA114"
    contract = Contract.FEATURE_VECTOR
    task = Task.T2
    severity = Severity.MEDIUM
    reads = Reads.CODE

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Look for the pattern, and let the probe say what it does."""
        for hit in hits(subject, global_statistic, one_date_may=True):
            severity, said = suspicion(subject)
            where = hit.symbol or "module level"
            yield self.finding(
                hit.file.location(hit.node, hit.symbol),
                f"{where} uses {hit.what}; {said}",
                measured=hit.what,
                expected="statistics of earlier bars",
                key=hit.key,
                severity=severity,
            )
        yield from unread(subject)
        yield Examined(len(related_files(subject)), "files")
