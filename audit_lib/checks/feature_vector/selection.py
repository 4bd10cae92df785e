import re
from typing import Any

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity, View
from audit_lib.probes.code.calls import called
from audit_lib.probes.code.leaks.suspicions import related_files, walk
from audit_lib.probes.labels.folds import (
    Extent,
    RecordedFold,
    bars_between,
    calendar_of,
    extent,
    iso,
    recorded_folds,
)
from audit_lib.probes.labels.label_facts import horizon_of
from audit_lib.subject.documents import Document

SELECTOR = re.compile(
    r"^_*(select_?(k_?best|percentile|from_model|fdr|fpr|fwe)|rfe(cv)?|mutual_info_\w+"
    r"|(select|prune)\w*_features?|features?_selection|select_?features?\w*"
    r"|(filter|drop)_(correlated|collinear|redundant|unstable|weak)\w*"
    r"|sequential_?feature_?selector|f_(classif|regression)|variance_?threshold|boruta\w*)$",
    re.I,
)
PLACES = ("/feature_selection", "/selection", "/run/feature_selection", "/run/selection")


class FeaturesAreSelectedInsideTheFolds(Check):
    """Features were chosen on rows that end before the period which judges the choice.

    What it checks
        Where the version records on which rows its features were selected, once or for each fold,
        these rows and their labels end before the test period of every fold that was judged with
        the choice.
    Why it matters
        The best twenty of a thousand worthless columns predict the rows they were chosen on. A
        cross-validation after the choice cannot see it, and every fold looks skilled.
    How
        Reads the record at `pointer` (a span of dates, or a list of one a fold), and counts bars
        between its end and the recorded test periods; labels reach one horizon further. Where
        nothing is recorded, looks in the source for calls that select features.
    Limitations
        Believes the record. Features that people chose after looking at everything leave no
        trace. Where the source selects and nothing is recorded, the check says so and is not
        assessed.
    Remediation
        Select within each fold on its train rows, and record their dates with the columns.
    Sources
        Ambroise and McLachlan (2002), Selection bias in gene extraction, PNAS 99(10); Hastie,
        Tibshirani and Friedman (2009), The Elements of Statistical Learning, section 7.10.2.
    """

    code = "FEA109"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS

    pointer: str = Field("", description="pointer to the record of the selection; '': usual places")

    def run(self, subject: Subject) -> Answers:
        """Compare the selection's rows with the judged periods."""
        record = self._record(subject)
        if record is None:
            yield from self._unrecorded(subject)
            return
        document, pointer, raw = record
        folds, (horizon, origin) = recorded_folds(subject), horizon_of(subject)
        calendar = calendar_of(subject)
        spans = raw if isinstance(raw, list) and not extent(raw) else [raw] * len(folds)
        each = spans is raw
        rows, late = [], []
        for k, fold in enumerate(folds):
            span = extent(spans[k]) if k < len(spans) else None
            if span is None:
                yield Gap(f"fold {fold.number}", f"{document.path} {pointer} has no dates for it")
                continue
            rows.append((f"fold {fold.number}", iso(span[0]), iso(span[1]), "selection"))
            rows.append((f"fold {fold.number}", iso(fold.test_start), iso(fold.test_end), "test"))
            gap = bars_between(span[1], fold.test_start, calendar)
            if _meets(span, fold) or (span[1] < fold.test_start and gap < horizon - 1):
                late.append((fold, span))
        if late:
            newest = max(folds, key=lambda f: f.test_end)
            holdout = any(fold is newest for fold, _ in late)
            first = late[0]
            yield self.finding(
                document.location(pointer),
                f"features were selected on rows until {iso(first[1][1])}"
                f"{' of its own' if each else ''}, and fold {first[0].number} is judged from "
                f"{iso(first[0].test_start)}: {len(late)} of {len(folds)} folds judge a choice "
                f"that saw them ({origin} horizon {horizon})",
                measured=f"until {iso(first[1][1])}",
                expected=f"ends {horizon} bars before {iso(first[0].test_start)}",
                key="rows",
                severity=Severity.HIGH if holdout else Severity.MEDIUM,
                evidence=("selection",),
            )
        heads, title = ("lane", "start", "end", "kind"), "Rows of the selection and judged periods"
        yield Evidence("selection", title, heads, tuple(rows), View.TIMELINE)
        yield Examined(len(rows) // 2, "folds")

    def _record(self, subject: Subject) -> tuple[Document, str, Any] | None:
        if subject.parameters.artifacts is None:
            return None
        try:
            document = subject.metadata
        except NotAssessed:
            return None
        for pointer in [self.pointer] if self.pointer else PLACES:
            raw = document.get(pointer)
            if isinstance(raw, (list, dict)) and raw:
                return document, pointer, raw
        return None

    def _unrecorded(self, subject: Subject) -> Answers:
        files = related_files(subject)
        for file in files:
            for node, _ in walk(file.tree) if file.tree else ():
                name = called(node)
                if name and SELECTOR.match(name):
                    place = file.location(node)
                    raise NotAssessed(
                        f"{place} calls `{name}`, and the version records no rows that features "
                        f"were selected on (options.FEA109.pointer)"
                    )
        yield Examined(len(files), "files, none of which selects features")


def _meets(span: Extent, fold: RecordedFold) -> bool:
    return span[1] >= fold.test_start and span[0] <= fold.test_end
