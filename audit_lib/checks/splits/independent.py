from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Integers
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Finding, Gap, Severity
from audit_lib.probes.labels.folds import iso, label_ends
from audit_lib.probes.labels.label_facts import HOOK as LABELS
from audit_lib.probes.labels.label_facts import horizon_of, label_offsets
from audit_lib.probes.labels.label_reach import ends_vary, stated_ends
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask_many

HOOK = "splits.independent"


class IndependentDatesShareNoLabel(Check):
    """Dates that the subject counts as independent have labels that share no bar.

    What it checks
        Labels of most assets at a chosen date end no later than the next chosen date begins; no
        date is chosen twice, and every one is a date of the panel. On the sample panel, on one
        that lacks drawn dates, and on one too short for two labels.
    Why it matters
        Ten daily labels over ten bars hold hardly more than one. Counted as ten, they shrink every
        standard error by three, and a model without skill passes its test.
    How
        Drives `splits.independent`, and takes the measured horizon of the labels, in bars of each
        asset (or the ends of `targets.ends`), less the bars before the entry.
    Limitations
        Labels that end at barriers are judged with `targets.ends` only. Features that reach back
        over each other, and markets that remember for longer than a label, are not looked at; that
        fewer dates are chosen than could be costs power and is no finding.
    Remediation
        Step by bars, by the longest horizon among the labels, over the sorted distinct dates.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 4.2; Hansen and
        Hodrick (1980).
    """

    code = "SPL009"
    severity = Severity.HIGH
    offered = (HOOK,)

    seed: int = Field(31, description="of everything random")

    def run(self, subject: Subject) -> Answers:
        """Compare the label windows of neighbouring dates."""
        panel = samples.panel(subject)
        horizon, origin = horizon_of(subject)
        if not subject.has("targets.ends") and ends_vary(subject, horizon):
            raise NotAssessed("labels end row by row, and no hook targets.ends says when")
        entry = _entry(subject)
        panels = self._panels(panel, horizon)
        replies = ask_many(subject.hook(HOOK), [(p,) for p in panels.values()], into=_dates)
        rows: list[tuple[str, int, int, int]] = []
        findings: list[Finding] = []
        for (name, given), reply in zip(panels.items(), replies, strict=True):
            if not reply.answered:
                if name != "a short one":  # too few dates may well be refused
                    yield Gap(name, reply.why)
                continue
            chosen = reply.got
            calendar = given.index.get_level_values(1).unique().sort_values()
            at = calendar.get_indexer(chosen)
            repeated, strange = int(chosen.duplicated().sum()), int((at < 0).sum())
            at = np.unique(at[at >= 0])
            over = _overlaps(subject, given, at.astype(np.int64), horizon, entry)
            rows.append((name, len(at), len(over), repeated + strange))
            if len(over):
                one, two = (iso(calendar[at[over[0][0] + k]]) for k in (0, 1))
                text = (
                    f"{len(over)} of {len(at)} dates counted as independent have labels that reach "
                    f"over the next one, by up to {max(b for _, b in over)} bars ({origin} horizon "
                    f"{horizon}): first {one} and {two}"
                )
                findings.append(self._report(text, f"{len(over)} of {len(at)}", "overlap"))
            if repeated or strange:
                text = f"{repeated} dates are counted twice, {strange} are no dates of the panel"
                findings.append(self._report(text, f"{repeated + strange}", "dates"))
        yield Examined(sum(count for _, count, _, _ in rows), "independent dates")
        heads = ("panel", "dates", "overlapping", "twice or unknown")
        title, bound = "Dates counted as independent", Bound("overlapping", 0, "overlapping dates")
        yield Evidence("dates", title, heads, tuple(rows), bound=bound)
        yield from {f.key: f for f in reversed(findings)}.values()

    def _panels(self, panel: pd.DataFrame, horizon: int) -> dict[str, pd.DataFrame]:
        """The sample panel, and others that the subject could meet."""
        rng = np.random.default_rng(self.seed)
        dates = panel.index.get_level_values(1)
        calendar = dates.unique().sort_values()
        some_dates = calendar[np.sort(rng.permutation(len(calendar))[: int(0.7 * len(calendar))])]
        return {
            "the sample panel": panel,
            "without drawn dates": panel[dates.isin(some_dates)],
            "a short one": panel[dates.isin(calendar[: horizon + horizon // 2 + 1])],
        }

    def _report(self, text: str, measured: str, key: str) -> Finding:
        return self.departs(
            text,
            measured=measured,
            expected="labels that share no bar" if key == "overlap" else "dates of the panel, once",
            key=key,
            evidence=("dates",),
        )


def _dates(raw: Any) -> pd.Index:
    index = pd.Index(np.asarray(raw) if not isinstance(raw, (pd.Index, Sequence)) else raw)
    if len(index) and not isinstance(index, pd.DatetimeIndex):
        if index.dtype.kind in "iuf":
            raise ValueError("wanted dates, got numbers")
        return pd.DatetimeIndex(pd.to_datetime(index))
    return index


def _entry(subject: Subject) -> int:
    """Bars from the decision to the first price that any label reads; 0 where it is not known."""
    if not subject.has(LABELS):
        return 0
    try:
        offsets = label_offsets(subject)
    except NotAssessed:
        return 0
    first = [min(bars) for fields in offsets.values() for bars in fields.values() if bars]
    return max(0, min(first, default=0))


def _overlaps(
    subject: Subject, panel: pd.DataFrame, at: Integers, horizon: int, entry: int
) -> list[tuple[int, int]]:
    """Positions among the chosen dates whose labels reach over the next one, and by how much."""
    dates = panel.index.get_level_values(1)
    calendar = dates.unique().sort_values()
    places = np.asarray(calendar.get_indexer(dates), dtype=np.int64)
    ends = label_ends(panel, places, horizon)
    stated = stated_ends(subject, panel, calendar)
    if stated is not None:
        ends = np.where(stated >= 0, stated, ends)
    usual = pd.Series(ends).groupby(places).median()
    over = [int(usual[a]) - int(b) - entry for a, b in pairwise(at)]
    return [(k, bars) for k, bars in enumerate(over) if bars > 0]
