import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity
from audit_lib.probes.code.columns_made import where_made
from audit_lib.probes.market.measured import influence_of, reach, research_only, witness_evidence
from audit_lib.probes.questions import samples
from audit_lib.probes.training.provenance import best_of, candidate_rows, matches, nearest
from audit_lib.subject.checkpoint_fields import scaler_references
from audit_lib.subject.documents import Document
from audit_lib.subject.pointers import pointer_to

HOOK = "features.build"
STATISTICS = ("median", "mean", "minimum")
CALLED = re.compile(r"imput|fill_?values?|fillna|feature_(medians|means)", re.I)


class GapsAreFilledFromThePast(Check):
    """What stands in for a missing value was known at that bar, and comes from train rows.

    What it checks
        No feature fills a gap of its inputs from later bars; and imputation values recorded in
        the version's metadata are statistics of train rows, none of them of the judged period.
    Why it matters
        A gap filled with the next known price, the mean of everything, or a median that the test
        rows helped to make, puts the future exactly where data is bad: at halts, before listings,
        around events. Tests on clean data cannot see it.
    How
        Blanks and removes bars of the sample panel, one field or all, and alters bars after the
        gap: a value at or before it that moves was filled from later bars (the measurement is
        FEA101's). Recorded values are found at `pointer`, or under names that speak of imputing,
        and recomputed as medians, means and minima of the features on train rows, train and
        test, and everything, as FEA104 does for scalers.
    Limitations
        A value that is the same for all features (0) tells no rows. Imputation inside the model
        is not seen; FEA005 shows what a missing feature does to a prediction.
    Remediation
        Fill forward or not at all, and fit imputation values on the train rows of each fold.
    Sources
        Kaufman et al. (2012), Leakage in Data Mining, ACM TKDD 6(4); Kapoor and Narayanan (2023),
        Leakage and the reproducibility crisis, Patterns 4(9), L1.2.
    """

    code = "FEA108"
    severity = Severity.HIGH
    needs = ("features.panel", HOOK)

    pointer: str = Field("", description="pointer to recorded imputation values; '': by name")
    share: float = Field(0.8, gt=0.5, le=1, description="columns that a set must reproduce")

    def run(self, subject: Subject) -> Answers:
        """Fill gaps of our making, then recompute the recorded values."""
        looked = 0
        try:
            influence = influence_of(subject, HOOK)
        except NotAssessed as error:
            yield Gap("filled gaps", str(error))
        else:
            looked += len(influence.columns)
            apart = research_only(subject)
            late = [c for c in influence.leaking() if c.at_gaps_only and c.column not in apart]
            ahead = max((c.look_ahead for c in late), default=0)
            yield Margin("bars that a fill reads ahead", ahead, 0, "bars")
            if late:
                yield witness_evidence(late, "gaps")
            for column in late:
                yield self.finding(
                    where_made(subject, column.column, HOOK),
                    f"feature {column.column!r} fills a gap with what it reads {reach(column)}",
                    measured=f"look-ahead {column.look_ahead} bars at gaps, 0 elsewhere",
                    expected="filled from earlier bars, or missing",
                    related=subject.where(HOOK),
                    key=column.column,
                    evidence=("gaps",),
                )
        for answer in self._recorded(subject):
            looked += answer.count if isinstance(answer, Examined) else 0
            yield answer
        yield Examined(looked, "columns and recorded values")

    def _recorded(self, subject: Subject) -> Answers:
        if subject.parameters.artifacts is None:
            return
        fields, document = subject.parameters.artifacts.fields, subject.metadata
        columns = [str(c) for c in document.get(fields.feature_cols, [])]
        scaler = scaler_references(subject, columns)
        rows, built = [], None
        for pointer, values in recorded_values(document, columns, self.pointer, scaler):
            if built is None:
                built = samples.built(subject).reindex(columns=columns)
            try:
                sets = candidate_rows(subject, built)
            except NotAssessed as error:
                yield Gap(pointer, str(error))
                return
            ranked = matches(built, values, sets, STATISTICS)
            rows += [
                (pointer, m.statistic, m.rows.name, m.rows.count, m.hits, m.columns)
                for m in ranked[:4]
            ]
            best = best_of(ranked, self.share)
            if best is None:
                yield Gap(pointer, f"no set of rows reproduces it; {nearest(ranked)}")
                continue
            yield Examined(best.columns, "recorded imputation values")
            if best.rows.judged:
                yield self.finding(
                    document.location(pointer),
                    f"the recorded values for missing features are, in {best.hits} of "
                    f"{best.columns}, the {best.statistic} of {best.rows.name} "
                    f"({best.rows.count} rows)",
                    measured=best.rows.name,
                    expected="train rows of a fold",
                    key=pointer,
                    evidence=("imputed",),
                )
        if rows:
            heads = ("numbers", "statistic", "rows", "n", "columns matched", "columns")
            title = "Which rows made the values for missing features"
            yield Evidence("imputed", title, heads, tuple(rows))


def recorded_values(
    document: Document, columns: list[str], pointer: str, scaler: tuple[str | None, str | None]
) -> Iterator[tuple[str, Floats]]:
    """Recorded imputation values: pointer, and one number a feature (NaN where there is none)."""
    places = [pointer] if pointer else [p for p in _named(document.data, "") if p not in scaler]
    for place in places:
        raw = document.get(place)
        if isinstance(raw, dict):
            raw = [raw.get(name) for name in columns]
        if not isinstance(raw, list) or len(raw) != len(columns) or not columns:
            continue
        try:
            values = np.array([np.nan if v is None else float(v) for v in raw])
        except (TypeError, ValueError):
            continue
        finite = values[np.isfinite(values)]
        if len(finite) >= len(columns) // 2 and pd.Series(finite).nunique() > 1:
            yield place, values


def _named(data: Any, pointer: str, depth: int = 4) -> Iterator[str]:
    """Pointers to lists and mappings whose name speaks of imputing."""
    for key, value in data.items() if isinstance(data, dict) and depth else ():
        here = pointer + pointer_to(str(key))
        if isinstance(value, (list, dict)) and CALLED.search(here):
            yield here
        yield from _named(value, here, depth - 1)
