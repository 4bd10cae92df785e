import numpy as np

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Severity
from audit_lib.probes.labels.folds import HOOK, DrivenFold, DrivenFolds, drive_folds, timeline


class TrainAndTestAreApart(Check):
    """Within a fold, no row and no date is in train and in test.

    What it checks
        Train and test of a fold share no row and no date, whichever asset the rows belong to;
        no row is listed twice; the panel's rows are not repeated; every fold has both sides.
    Why it matters
        Assets move together. A model that saw every other asset on a test date has seen the test.
        A panel that is split by row, or by row number after a sort by asset, does just that, and
        duplicated rows put the same bar on both sides.
    How
        Compares the positions and the dates of the rows that `splits.folds` gives on the sample
        panel.
    Limitations
        Sees the folds of the sample panel; a splitter that behaves otherwise on other data is not
        seen. One asset of the panel held out on purpose (a split by asset) shares dates too.
    Remediation
        Split the sorted distinct dates, then take all rows of a date to one side.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.3; Bergmeir and
        Benitez (2012), On the use of cross-validation for time series predictor evaluation.
    """

    code = "SPL002"
    severity = Severity.CRITICAL
    needs = ("features.panel", HOOK)
    about = HOOK

    def run(self, subject: Subject) -> Answers:
        """Compare rows and dates of every fold."""
        driven = drive_folds(subject, 0)
        yield timeline(driven)
        if driven.duplicated:
            yield self.departs(
                f"{driven.duplicated} of {driven.rows} rows repeat an (asset, date) of the panel",
                hook="features.panel",
                measured=driven.duplicated,
                expected=0,
                key="panel",
                severity=Severity.HIGH,
            )
        for fold in driven.folds:
            yield from self._fold(driven, fold)
        yield Examined(len(driven.folds), "folds")

    def _fold(self, driven: DrivenFolds, fold: DrivenFold) -> Answers:
        name = f"fold {fold.number}"
        for side, rows in (("train", fold.train), ("test", fold.test)):
            repeated = len(rows) - len(np.unique(rows))
            if repeated or len(rows) == 0:
                yield self.departs(
                    f"{name} lists {repeated} {side} rows twice"
                    if repeated
                    else f"{name} has no {side} rows",
                    measured=repeated or "no rows",
                    expected="every row once",
                    key=f"{name} {side}",
                    cause=f"{side} rows twice" if repeated else f"no {side} rows",
                    severity=Severity.HIGH,
                )
        shared = len(np.intersect1d(fold.train, fold.test))
        if shared:
            yield self.departs(
                f"{name} trains on {shared} of its {len(fold.test)} test rows",
                measured=shared,
                expected=0,
                key=f"{name} rows",
                cause="test rows are trained on",
                evidence=("timeline",),
            )
            return
        dates = np.intersect1d(fold.train_at, fold.test_at)
        if len(dates):
            first = driven.date(int(dates[0]))
            total = len(np.unique(fold.test_at))
            yield self.departs(
                f"{name} has rows of {len(dates)} dates in train and in test, from {first}: the "
                "panel is split by row, not by date",
                measured=f"{len(dates)} of {total} test dates",
                expected="0 dates",
                key=f"{name} dates",
                cause="dates on both sides",
                evidence=("timeline",),
            )
