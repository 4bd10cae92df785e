from typing import Any

import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.prediction.scored import HOOK, Scored, scored_sample

Extent = tuple[pd.Timestamp, pd.Timestamp]
Extents = tuple[Extent, Extent]


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
        Believes the flags; extents of dates cannot show rows that were thinned within them. A
        sample without rows of either kind tells nothing and is named as not looked into, unless
        nothing else shows that any row was kept apart.
    Remediation
        Fit the calibrator on out-of-fold scores that end before the judged period begins.
    Sources
        Niculescu-Mizil and Caruana (2005), Predicting Good Probabilities with Supervised Learning,
        section 3.
    """

    code = "CAL002"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS

    fitted_on: str = Field("/run/rows/calibrator", description="pointer to the fitted extent")
    judged_on: str = Field("/run/rows/judged", description="pointer to the judged extent")

    def run(self, subject: Subject) -> Answers:
        """Look at flags and recorded extents."""
        reasons, extents, sample = [], None, None
        try:
            extents = self._extents(subject)
        except NotAssessed as error:
            reasons.append(str(error))
        try:
            sample = scored_sample(subject)
        except NotAssessed as error:
            reasons.append(str(error))
        if sample is None and extents is None:
            raise NotAssessed("; ".join(reasons))
        if sample is not None:
            yield from self._flags(sample, extents)
        if extents is not None:
            yield from self._apart(subject, *extents)
        looked = (0 if sample is None else len(sample.fitted)) + (extents is not None)
        yield Examined(looked, "flags and extents")

    def _flags(self, sample: Scored, extents: Extents | None) -> Answers:
        """Both halves must be there: flags of one kind cannot tell what the calibrator saw."""
        total, fitted = len(sample.fitted), int(sample.fitted.sum())
        if fitted == 0:
            why = f"none of its {total} rows is flagged as fitted on, so the flags tell nothing"
            yield Gap(HOOK, why)
        elif fitted == total and extents is not None and not _overlap(*extents):
            why = (
                f"the calibrator was fitted on all its {total} rows; the judged rows that the "
                "metadata record are not in it"
            )
            yield Gap(HOOK, why)
        elif fitted == total:
            yield self.departs(
                f"the calibrator was fitted on all {total} scored rows, so none is left to judge "
                "it",
                hook=HOOK,
                measured=f"0 of {total} rows unseen",
                expected="rows the calibrator was not fitted on",
                key="flags",
            )

    def _apart(self, subject: Subject, fitted: Extent, judged: Extent) -> Answers:
        """The recorded extents do not overlap."""
        rows = tuple(
            (name, str(first.date()), str(last.date()))
            for name, (first, last) in (("fitted", fitted), ("judged", judged))
        )
        heads = ("rows", "first", "last")
        yield Evidence("extents", "Dates the calibrator was fitted and judged on", heads, rows)
        if _overlap(fitted, judged):
            last, begin = fitted[1].date(), judged[0].date()
            yield self.finding(
                subject.metadata.location(self.fitted_on),
                f"the calibrator was fitted on rows until {last}, and judged on rows from {begin}",
                measured=f"fitted until {last}",
                expected=f"before {begin}",
                key="extents",
                evidence=("extents",),
            )

    def _extents(self, subject: Subject) -> Extents:
        fitted = _extent(subject.metadata.get(self.fitted_on))
        judged = _extent(subject.metadata.get(self.judged_on))
        if fitted is None or judged is None:
            missing = self.fitted_on if fitted is None else self.judged_on
            raise NotAssessed(f"{subject.metadata.path} has no extent of dates at {missing}")
        return fitted, judged


def _overlap(fitted: Extent, judged: Extent) -> bool:
    return fitted[1] >= judged[0] and fitted[0] <= judged[1]


def _extent(value: Any) -> Extent | None:
    if isinstance(value, dict):
        value = [value.get(k, value.get(o)) for k, o in (("first", "start"), ("last", "end"))]
    if not isinstance(value, list) or len(value) != 2:
        return None
    try:
        first, last = (pd.Timestamp(str(v)) for v in value)
    except ValueError:
        return None
    return first, last
