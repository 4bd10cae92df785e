from dataclasses import replace
from itertools import pairwise

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Finding, Gap, Location, Margin, Severity, View
from audit_lib.probes.labels.folds import (
    RecordedFold,
    bars_between,
    calendar_of,
    iso,
    recorded_folds,
)
from audit_lib.probes.labels.label_facts import horizon_of
from audit_lib.probes.labels.label_reach import ends_vary


class RecordedFoldsArePurged(Check):
    """The folds that the version was judged on keep train labels out of the test period.

    What it checks
        In the fold table of the version's metadata, every train period ends before its test
        period begins, by at least one bar less than the label's horizon; test periods do not
        overlap; the recorded purge is not less than that either.
    Why it matters
        The table says how this very version was judged. Metrics of folds that leak cannot be
        compared with anything, whatever the splitter does today.
    How
        Reads the table at `artifacts.fields.folds`, counts bars between train end and test start
        on the calendar of the sample panel (on weekdays, where there is no panel), and compares
        with the measured horizon, or with the declared one.
    Limitations
        Sees dates, not rows: rows missing inside a period, or shared by assets, are not seen.
        Where labels end at different times, a short gap may be right and is a gap of the check.
        Weekdays stand for bars where no panel covers the dates, so holidays may hide a bar.
    Remediation
        Retrain with a purge of at least the horizon less one bar, and record the folds again.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4.
    """

    code = "SPL004"
    severity = Severity.CRITICAL
    reads = Reads.ARTIFACTS

    def run(self, subject: Subject) -> Answers:
        """Compare the recorded periods."""
        folds = recorded_folds(subject)
        horizon, origin = horizon_of(subject)
        calendar = calendar_of(subject)
        rows, gaps = [], {}
        for fold in folds:
            lane = f"fold {fold.number}"
            rows.append((lane, iso(fold.train_start), iso(fold.train_end), "train"))
            rows.append((lane, iso(fold.test_start), iso(fold.test_end), "test"))
            if fold.train_end >= fold.test_start and fold.train_start <= fold.test_end:
                yield self._out_of_order(fold)
            elif fold.train_end < fold.test_start:
                gaps[fold.number] = bars_between(fold.train_end, fold.test_start, calendar)
        short = {number: gap for number, gap in gaps.items() if gap < horizon - 1}
        if gaps:
            what = "fewest bars between a fold's train and test period"
            yield Margin(what, min(gaps.values()), horizon - 1, "bars", least=True)
        if short and ends_vary(subject, horizon):
            yield Gap(
                "purge", "labels end at different times, and the table holds dates, not rows: "
                "see SPL001"
            )  # fmt: skip
        elif short:
            gap = min(short.values())
            numbers = ", ".join(map(str, short))
            yield self.finding(
                _table(folds[0]),
                f"{len(short)} of {len(folds)} folds train on labels that end up to "
                f"{horizon - gap - 1} bars after the first test decision (gap {gap} bars, {origin} "
                f"horizon {horizon}): fold {numbers}",
                measured=f"gap {gap} bars",
                expected=f"gap of at least {horizon - 1} bars",
                key="purge",
                evidence=("recorded",),
            )
        for one, other in pairwise(folds):
            if other.test_start <= one.test_end and one.test_start <= other.test_end:
                yield self.finding(
                    other.location,
                    f"the test period of fold {other.number} begins {iso(other.test_start)}, "
                    f"before that of fold {one.number} ends ({iso(one.test_end)})",
                    measured=iso(other.test_start),
                    expected=f"after {iso(one.test_end)}",
                    key="overlap",
                    related=_table(other),
                    cause="overlap",
                    severity=Severity.HIGH,
                )
        heads = ("lane", "start", "end", "kind")
        note = f"labels read {horizon} bars ahead ({origin})"
        yield Evidence("recorded", "Recorded folds", heads, tuple(rows), View.TIMELINE, note)
        yield Examined(len(folds), "recorded folds")

    def _out_of_order(self, fold: RecordedFold) -> Finding:
        return self.finding(
            fold.location,
            f"fold {fold.number} trains until {iso(fold.train_end)}, past the begin of its "
            f"test period {iso(fold.test_start)}",
            measured=iso(fold.train_end),
            expected=f"before {iso(fold.test_start)}",
            key="order",
            related=_table(fold),
            cause="order",
            evidence=("recorded",),
        )


def _table(fold: RecordedFold) -> Location:
    """Where the whole table stands."""
    return replace(fold.location, pointer=fold.location.pointer.rpartition("/")[0])
