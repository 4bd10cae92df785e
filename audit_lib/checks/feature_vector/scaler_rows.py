from pydantic import Field

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Finding, Gap, Location, Margin, Severity
from audit_lib.probes.questions import samples
from audit_lib.probes.training.provenance import (
    Match,
    best_of,
    candidate_rows,
    matches,
    nearest,
    recorded_numbers,
)
from audit_lib.subject.checkpoint_fields import scaler_references

CENTRES = ("median", "mean", "minimum")
SCALES = (
    "MAD",
    "MAD x 1.4826",
    "standard deviation",
    "standard deviation (n - 1)",
    "interquartile range",
    "range",
)


class ScalerSawTrainRowsOnly(Check):
    """The recorded scaler statistics come from train rows, none of them from the judged period.

    What it checks
        Centre and scale in the version's metadata are reproduced from the train rows of a
        recorded fold, column by column, and not from rows of the period it was judged on.
    Why it matters
        A scaler fitted on everything carries level and spread of the test period into every
        train row. It also shows that preprocessing stands outside the folds, where feature
        selection and imputation often stand too.
    How
        Recomputes means, medians, deviations and ranges of the built features on candidate sets
        of rows: train of each fold, train and test, test, everything; each with all, complete,
        and complete labelled rows. The set that reproduces the recorded numbers to six digits
        names the rows that were used. Where none does in the order of the columns, numbers are
        looked for at other positions.
    Limitations
        Needs the training data as sample panel and features that are built as then; where no set
        reproduces the numbers, the nearest is shown and nothing is claimed.
    Remediation
        Fit the scaler inside each fold, on its train rows only, and record their dates.
    Sources
        Kaufman et al. (2012), Leakage in Data Mining, ACM TKDD 6(4); Kapoor and Narayanan (2023),
        Leakage and the reproducibility crisis, Patterns 4(9), L1.2.
    """

    code = "FEA104"
    severity = Severity.CRITICAL
    reads = Reads.ARTIFACTS
    needs = ("features.panel", "features.build")
    cites = ("forensics",)

    share: float = Field(0.8, gt=0.5, le=1, description="columns that a set must reproduce")

    def run(self, subject: Subject) -> Answers:
        """Recompute the recorded numbers on every candidate set of rows."""
        fields, document = subject.layout.fields, subject.metadata
        columns = [str(c) for c in document.get(fields.feature_cols, [])]
        if not columns:
            raise NotAssessed(f"no feature columns at {document.location(fields.feature_cols)}")
        built = samples.built(subject)
        if missing := [c for c in columns if c not in built]:
            raise NotAssessed(f"features.build makes no column {missing[0]!r}")
        sets = candidate_rows(subject, built[columns])
        rows, compared = [], 0
        recorded_at = zip(scaler_references(subject, columns), (CENTRES, SCALES), strict=True)
        for pointer, statistics in ((p, s) for p, s in recorded_at if p is not None):
            recorded = recorded_numbers(document, pointer, columns)
            if recorded is None:
                yield Gap(pointer, f"no number a feature at {document.location(pointer)}")
                continue
            ranked = matches(built[columns], recorded, sets, statistics)
            fair = max((m.share for m in ranked if not m.rows.judged), default=0.0)
            what = f"share that train rows reproduce, {pointer}"
            yield Margin(what, fair, self.share, "of the columns", least=True)
            best = best_of(ranked, self.share)
            if best is None:
                shuffled = matches(built[columns], recorded, sets, statistics, any_order=True)
                best = best_of(shuffled, self.share)
                if best is not None and best.columns > 3:
                    ranked = shuffled
                    yield self._order(document.location(pointer), best)
                else:
                    best = None
            rows += [
                (pointer, m.statistic, m.rows.name, m.rows.count, m.hits, m.columns, m.error)
                for m in ranked[:6]
            ]
            if best is None:
                yield Gap(pointer, f"no set of rows reproduces it; {nearest(ranked)}")
                continue
            compared += best.columns
            if best.rows.judged:
                yield self.finding(
                    document.location(pointer),
                    f"the recorded {best.statistic} of {best.hits} of {best.columns} features is "
                    f"that of {best.rows.name} ({best.rows.count} rows)",
                    measured=best.rows.name,
                    expected="train rows of a fold",
                    key=pointer,
                )
        heads = ("numbers", "statistic", "rows", "n", "columns matched", "columns", "median error")
        note = "best six of each; error in standard deviations of the feature"
        yield Evidence("forensics", "Which rows made these numbers", heads, tuple(rows), note=note)
        yield Examined(compared, "recorded statistics")

    def _order(self, place: Location, best: Match) -> Finding:
        return self.finding(
            place,
            f"{best.hits} of {best.columns} numbers are the {best.statistic} of other features "
            "than those at their position",
            measured="another order of columns",
            expected="the order of feature_cols",
            key=f"{place.pointer} order",
        )
