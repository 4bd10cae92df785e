"""The frame of the checks that read a leak off the source and let the probe judge it."""

from typing import ClassVar

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.code.leaks.suspicions import (
    NOT_MEASURED,
    hits,
    related_files,
    suspicion,
    unmeasured,
    unread,
)


class SourceSuspicion(Check):
    """A pattern in feature code, and what the measured influence of the features says of it.

    Subclasses name the pattern, what would be right, and whether one date's rows may do it.  A
    pattern that the probe confirms is HIGH, one that it clears is INFO.  One that could not be
    measured is INFO too, and the check is then not assessed for the reason that kept the probe from
    it: the text alone proves neither.

    How
        Walks the syntax trees of the subsystem and of files that build features, once for all such
        checks; tests are left out, and so is code whose definition or variable says that it makes
        labels, which must look ahead. What is made is followed over names, fields, columns,
        arguments and answers to the columns that hold it: a label that a served column is made of
        counts too. Where the features can be driven, the measured influence of these columns
        decides: HIGH if one reads ahead, INFO if none does. What nobody could measure is told, and
        leaves the check not assessed.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    severity = Severity.HIGH
    reads = Reads.CODE

    kind: ClassVar[str]
    right: ClassVar[str]
    one_date_may: ClassVar[bool] = False

    def run(self, subject: Subject) -> Answers:
        """Look for the pattern, and let the probe say what it does."""
        rows = []
        for hit in hits(subject, self.kind, one_date_may=self.one_date_may):
            judgement, where = suspicion(subject, hit), hit.file.location(hit.node, hit.symbol)
            rows.append((str(where), hit.what, judgement.verdict, judgement.said))
            yield self.finding(
                where,
                f"{hit.symbol or 'module level'} uses {hit.what}{hit.served}; {judgement.said}",
                measured=hit.what,
                expected=self.right,
                key=hit.key,
                severity=judgement.severity,
                cause=f"{self.kind}: the probe clears it" if judgement.confirmed is False else "",
                evidence=("suspicions",),
            )
        if rows:
            heads = ("place", "pattern", "probe", "what it says")
            yield Evidence("suspicions", "Patterns and what the probe says", heads, tuple(rows))
        yield from unread(subject)
        yield Examined(len(related_files(subject)), "files")
        if any(verdict == NOT_MEASURED for _, _, verdict, _ in rows):
            raise NotAssessed(unmeasured(subject))
