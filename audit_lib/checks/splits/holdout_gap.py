import re

import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Margin, Severity, View
from audit_lib.probes.labels.folds import bars_between, calendar_of, ends_with_a_day, extent, iso
from audit_lib.probes.labels.label_facts import horizon_of

NO_LABELS = re.compile(r"scal|normali|standardi|imput|feature", re.I)
"""fits that read features only: their rows may end at the bar before the holdout"""


DAY = pd.Timedelta(days=1) - pd.Timedelta(1, "ns")


class FitsEndBeforeTheHoldout(Check):
    """Every fit's last label ends before the first decision of the holdout.

    What it checks
        Rows that the version records for its fits (train, scaler, calibrator, conformal residuals,
        any other) end before the judged period, by at least one bar less than the label's horizon
        where the fit reads labels; and none lies after it begins.
    Why it matters
        The holdout is the one number that people believe. A gap shorter than the horizon lets the
        last train labels, and most of all a calibrator fitted on the newest rows, contain returns
        of the days that are judged.
    How
        Reads first and last dates of each fit at `rows`, counts bars between the last one and
        the first judged date on the calendar of the sample panel (on weekdays, where there is no
        panel), and compares with the measured horizon, or with the declared one. Bars may be
        hours or minutes: a date alone then stands for all bars of that day. Offsets are turned to
        the clocks of the panel.
    Limitations
        Sees dates, not rows, and believes them; a fit named as a scaler or an imputer is taken
        to read no labels. Folds are judged by SPL001 and SPL004.
    Remediation
        End every fit at least one horizon before the holdout begins, and record its dates.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4.
    """

    code = "SPL008"
    severity = Severity.CRITICAL
    reads = Reads.ARTIFACTS
    cites = ("holdout",)

    rows: str = Field("/run/rows", description="pointer to a mapping of fit to its span of dates")
    judged: str = Field("judged", description="key of the judged period among them")

    def run(self, subject: Subject) -> Answers:
        """Compare the spans."""
        document = subject.metadata
        raw = document.get(self.rows)
        spans = (
            {str(k): extent(v, subject) for k, v in raw.items()} if isinstance(raw, dict) else {}
        )
        dated = {name: span for name, span in spans.items() if span is not None}
        holdout = dated.pop(self.judged, None)
        if holdout is None or not dated:
            missing = self.judged if holdout is None else "fit's dates"
            raise NotAssessed(
                f"{document.path} has no {missing} at {self.rows} (options.SPL008.rows)"
            )
        horizon, how = horizon_of(subject)
        calendar, drawn = calendar_of(subject), []
        for name, (first, last) in dated.items():
            needed = 0 if NO_LABELS.search(name) else horizon - 1
            whole = calendar is not None and not calendar.daily and ends_with_a_day(raw[name])
            end = last + DAY if whole else last
            gap = bars_between(end, holdout[0], calendar)
            drawn.append((name, iso(first), iso(last), "fitted"))
            if end < holdout[0]:
                what = f"gap between {name} and the judged period"
                yield Margin(what, gap, needed, "bars", least=True)
            if end >= holdout[0] and first <= holdout[1]:
                yield self.finding(
                    document.location(self.rows, name),
                    f"{name!r} was fitted on rows until {iso(last)}, past the begin of the judged "
                    f"period {iso(holdout[0])}",
                    measured=iso(last),
                    expected=f"before {iso(holdout[0])}",
                    key=name,
                )
            elif end < holdout[0] and gap < needed:
                yield self.finding(
                    document.location(self.rows, name),
                    f"labels that {name!r} was fitted on end {needed - gap} bars after the first "
                    f"judged decision {iso(holdout[0])} (gap {gap} bars, {how} horizon {horizon})",
                    measured=f"gap {gap} bars",
                    expected=f"gap of at least {needed} bars",
                    key=name,
                )
        drawn.append((self.judged, iso(holdout[0]), iso(holdout[1]), "test"))
        note = f"labels read {horizon} bars ahead ({how})"
        heads, title = ("lane", "start", "end", "kind"), "Rows of each fit and the judged period"
        yield Evidence("holdout", title, heads, tuple(drawn), View.TIMELINE, note)
        yield Examined(len(dated), "fits")
