from collections.abc import Iterator

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.training.record import Step, Training
from audit_lib.probes.training.steps import HOOK, trained
from audit_lib.subject.documents import read_document


class ColumnsAreRecordedAsFitted(Check):
    """The order of columns that training records is the order that its models were fitted on.

    What it checks
        Where a model is fitted on a table without names, the version that is stored then lists the
        columns in the order in which they stood in that table.
    Why it matters
        Weights know positions. A list that is sorted, made a set of, or taken from another place
        on its way into the metadata gives every weight to another feature, in every prediction,
        and nothing fails.
    How
        Drives the trainer once on made-up data (`retrain.train`), tells by ranks which feature each
        column of each fit follows, whatever scaled it, and reads the stored version's list where
        `artifacts.fields.feature_cols` points.
    Limitations
        Models of scikit-learn, LightGBM and XGBoost that are given names keep these, and count as
        right. Fits on fewer columns than are recorded, or on others, are not compared.
    Remediation
        Store the list that the table was made with, and make the table from the stored list.
    Sources
        Sculley et al. (2015), Hidden Technical Debt in Machine Learning Systems, section 6.
    """

    code = "FEA123"
    severity = Severity.CRITICAL
    needs = (HOOK,)

    def run(self, subject: Subject) -> Answers:
        """Compare the recorded list with the columns of every model."""
        training = trained(subject)
        recorded = _recorded(subject, training)
        rows, wrong = [], []
        for step in _models(training):
            names = [str(training.features.columns[i]) for i in step.order]
            if sorted(names) == sorted(recorded):
                rows.append((step.number, step.kind, ", ".join(names)))
                if names != recorded:
                    wrong.append((step, names))
        named = sum(step.op == "fit" and step.named for step in training.steps)
        if not rows and not named:
            raise NotAssessed(
                f"{HOOK} fitted no model on the {len(recorded)} columns that it records, as far as "
                "they could be told"
            )
        if wrong:
            step, names = wrong[-1]
            place = next(
                i for i, pair in enumerate(zip(names, recorded, strict=True)) if len(set(pair)) > 1
            )
            yield self.departs(
                f"{len(wrong)} of {len(rows)} fits had other columns at the recorded places: "
                f"column {place} of {step.kind} was {names[place]}, and {recorded[place]} is "
                "recorded for it",
                measured=", ".join(recorded),
                expected=", ".join(names),
                key="order",
                evidence=("fits",),
            )
        heads = ("step", "model", "columns in order")
        yield Evidence("fits", "Columns that models were fitted on", heads, tuple(rows))
        yield Examined(len(rows) + named, "fits whose columns are known")


def _models(training: Training) -> Iterator[Step]:
    """Fits of models on features that are all known, without names of their own."""
    scaling = {s.object for s in training.steps if s.op == "transform"}
    for step in training.steps:
        models = step.op == "fit" and step.object not in scaling and not step.chooses
        if models and step.order and -1 not in step.order and not step.named:
            yield step


def _recorded(subject: Subject, training: Training) -> list[str]:
    """The list of columns that the trained version stores."""
    artifacts = subject.parameters.artifacts
    if training.version is None or artifacts is None or not artifacts.metadata:
        raise NotAssessed(f"{HOOK} stored no version with metadata")
    pointer = artifacts.fields.feature_cols or ""
    folder = training.store / artifacts.version_dir.format(version=training.version)
    for file in sorted(folder.glob(artifacts.metadata)):
        names = read_document(file, path=file.name, base="artifacts").get(pointer)
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return names
    raise NotAssessed(f"the trained version lists no columns at {artifacts.metadata} {pointer}")
