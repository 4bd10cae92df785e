from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.labels.label_facts import HOOK
from audit_lib.probes.questions import samples
from audit_lib.probes.training.provenance import candidate_rows
from audit_lib.probes.training.target_statistics import recorded_statistics, sources


class LabelStatisticsComeFromTrainRows(Check):
    """Recorded spreads and levels of the labels come from train rows.

    What it checks
        Numbers in the version's metadata that are called a target's or label's standard
        deviation, scale, mean or median are reproduced from train rows, and not only from rows of
        the judged period.
    Why it matters
        Predictions are clipped, scaled and sized by these numbers. A spread that the holdout
        helped to make lets a crash of the judged period widen the limits before it happens.
    How
        Finds the numbers by name anywhere in the metadata and recomputes them for each label on
        train of each fold, train and test, test, and everything, all, complete and labelled rows.
        A number in a mapping called statistics, summary or the like describes the data, and is
        only shown.
    Limitations
        Names decide which numbers are meant. Where nothing reproduces a number that the model
        works with (a winsorised label, another sample), it is named and nothing is claimed.
    Remediation
        Compute them on the train rows that the model was fitted on.
    Sources
        Kaufman et al. (2012), Leakage in Data Mining, ACM TKDD 6(4); Kapoor and Narayanan (2023),
        Leakage and the reproducibility crisis, Patterns 4(9), L1.2.
    """

    code = "TGT006"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    needs = ("features.panel", HOOK)

    def run(self, subject: Subject) -> Answers:
        """Recompute every recorded number."""
        document = subject.metadata
        recorded = recorded_statistics(document.data)
        if not recorded:
            raise NotAssessed(f"{document.path} records no spread or level of a label")
        labels = samples.labels(subject)
        frame = labels
        if subject.has("features.build"):
            frame = samples.built(subject).reindex(labels.index)
        sets = candidate_rows(subject, frame.select_dtypes("number"))
        rows, judged_count = [], 0
        for one in recorded:
            origins = sources(one, labels, sets)
            best = min(origins, key=lambda s: s.rows.judged, default=None)
            if best is None:
                if one.used:
                    yield Gap(one.pointer, "no label on any set of rows reproduces it")
                continue
            judged_count += 1
            role = "works with it" if one.used else "describes"
            rows.append((one.pointer, one.value, best.label, best.statistic, best.rows.name, role))
            if best.rows.judged and one.used:
                yield self.finding(
                    document.location(one.pointer),
                    f"the recorded {best.statistic} of label {best.label!r} is that of "
                    f"{best.rows.name} ({best.rows.count} rows)",
                    measured=best.rows.name,
                    expected="train rows of a fold",
                    key=one.pointer,
                    evidence=("statistics",),
                )
        heads = ("number", "value", "label", "statistic", "rows", "the model")
        title = "Which rows made the recorded statistics of labels"
        yield Evidence("statistics", title, heads, tuple(rows))
        yield Examined(judged_count, "recorded statistics")
