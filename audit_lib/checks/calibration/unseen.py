"""CAL002."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Severity, Task
from audit_lib.probes.scored import HOOK, scored_sample
from audit_lib.subject.subject import Subject


class CalibratorIsJudgedOnUnseenRows(Check):
    """The calibrator is judged on rows that it was not fitted on.

    What it checks
        The version keeps scored rows that its calibrator never saw; and where the metadata record
        which dates the calibrator was fitted on and which it was judged on, these do not overlap.
    Why it matters
        An isotonic map fits its own rows perfectly. Judged on them it is flawless, whatever it
        does to new scores.
    How
        Reads the `fitted` flags of `calibration.sample`, and the two extents of dates in the
        metadata at `fitted_on` and `judged_on` (mappings with first and last date).
    Limitations
        Believes the flags; extents of dates cannot show rows that were thinned within them.
    Remediation
        Fit the calibrator on out-of-fold scores that end before the judged period begins.
    Sources
        Niculescu-Mizil and Caruana (2005), Predicting Good Probabilities with Supervised Learning,
        section 3.
    """

    code = "CAL002"
    contract = Contract.CALIBRATION
    task = Task.T2
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS

    fitted_on: str = Field("/run/rows/calibrator", description="pointer to the fitted extent")
    judged_on: str = Field("/run/rows/judged", description="pointer to the judged extent")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Look at flags and recorded extents."""
        looked, reasons = 0, []
        try:
            sample = scored_sample(subject)
        except (NotAssessed, NotApplicable) as error:
            if isinstance(error, NotApplicable):
                raise
            reasons.append(str(error))
        else:
            looked += len(sample.fitted)
            count = int(sample.fitted.sum())
            if len(sample.fitted) and count == len(sample.fitted):
                yield self.finding(
                    subject.where(HOOK),
                    f"the calibrator was fitted on all {count} scored rows, so none is left to "
                    "judge it",
                    measured=f"0 of {count} rows unseen",
                    expected="rows the calibrator was not fitted on",
                    key="flags",
                )
        try:
            extents = self._extents(subject)
        except NotAssessed as error:
            reasons.append(str(error))
        else:
            looked += 1
            (first, last), (begin, end) = extents
            rows = (
                ("fitted", str(first.date()), str(last.date())),
                ("judged", str(begin.date()), str(end.date())),
            )
            heads = ("rows", "first", "last")
            yield Evidence("extents", "Dates the calibrator was fitted and judged on", heads, rows)
            if last >= begin and first <= end:
                yield self.finding(
                    subject.metadata.location(self.fitted_on),
                    f"the calibrator was fitted on rows until {last.date()}, and judged on rows "
                    f"from {begin.date()}",
                    measured=f"fitted until {last.date()}",
                    expected=f"before {begin.date()}",
                    key="extents",
                    evidence=("extents",),
                )
        if not looked:
            raise NotAssessed("; ".join(reasons))
        yield Examined(looked, "flags and extents")

    def _extents(
        self, subject: Subject
    ) -> tuple[tuple[pd.Timestamp, pd.Timestamp], tuple[pd.Timestamp, pd.Timestamp]]:
        if subject.parameters.artifacts is None:
            raise NotAssessed("no artifact store, so no recorded extents")
        fitted = _extent(subject.metadata.get(self.fitted_on))
        judged = _extent(subject.metadata.get(self.judged_on))
        if fitted is None or judged is None:
            missing = self.fitted_on if fitted is None else self.judged_on
            raise NotAssessed(f"{subject.metadata.path} has no extent of dates at {missing}")
        return fitted, judged


def _extent(value: Any) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    if isinstance(value, dict):
        value = [value.get(k, value.get(o)) for k, o in (("first", "start"), ("last", "end"))]
    if not isinstance(value, list) or len(value) != 2:
        return None
    try:
        first, last = (pd.Timestamp(str(v)) for v in value)
    except ValueError:
        return None
    return first, last
