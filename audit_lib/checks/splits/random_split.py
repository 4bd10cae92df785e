from collections import defaultdict

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.code.leaks.suspicions import (
    Hit,
    hits,
    in_time,
    related_files,
    surely_in_time,
    unread,
)

_UNSURE = {
    Severity.HIGH: "",
    Severity.MEDIUM: "; the function does not say that its rows are in time",
    Severity.LOW: "; nothing here speaks of time, so rows may have no order",
}


class SplitsAreNotShuffled(Check):
    """No split of market data shuffles its rows.

    What it checks
        The source calls no splitter that mixes rows of all dates: `train_test_split` without
        `shuffle=False`, k-fold with `shuffle=True`, shuffle splits, repeated k-fold.
    Why it matters
        Neighbouring bars and overlapping labels put nearly the same row on both sides; the test
        then measures memory.
    How
        Walks the syntax trees of the subsystem and of files that build features; tests are left
        out. All such calls of one function are one finding. Where no hook gives market data it is
        MEDIUM unless the function itself speaks of time or markets, since what it splits may be
        rows of another kind, and LOW where neither the file nor one file in ten does.
    Limitations
        A split of rows that are no time series (options of one day, say) may be shuffled; exempt
        it with the reason. Where `shuffle` comes from a variable or from `**options`, the text
        does not tell, and the place is named as not looked into. Shuffling by hand through
        permuted positions is not seen: the driven folds show it (SPL002).
    Remediation
        Split by date with a purge, and pass `shuffle=False` where a tail is held out.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.3; Bergmeir and
        Benitez (2012), On the use of cross-validation for time series predictor evaluation.
    """

    code = "SPL011"
    severity = Severity.HIGH
    reads = Reads.CODE

    def run(self, subject: Subject) -> Answers:
        """Look for splitters that shuffle."""
        alike: dict[tuple[str, str], list[Hit]] = defaultdict(list)
        for hit in hits(subject, "random split", labels_may=False):
            alike[hit.file.path, hit.symbol].append(hit)
        for places in alike.values():
            first, more = places[0], len(places) - 1
            level = self.severity
            if not in_time(subject, first.file):
                level = Severity.LOW
            elif not surely_in_time(subject, first.file, first.node):
                level = Severity.MEDIUM
            yield self.finding(
                first.file.location(first.node, first.symbol),
                f"{first.symbol or 'module level'} uses {first.what}"
                + (f", and {more} more such {'splits' if more > 1 else 'split'}" if more else "")
                + _UNSURE[level],
                measured=first.what,
                expected="a split by date",
                key=first.key,
                severity=level,
            )
        for hit in hits(subject, "open split", labels_may=False):
            yield Gap(str(hit.file.location(hit.node, hit.symbol)), hit.what)
        yield from unread(subject)
        yield Examined(len(related_files(subject)), "files")
