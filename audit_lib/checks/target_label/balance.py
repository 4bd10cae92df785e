from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.code.columns_made import where_made
from audit_lib.probes.labels.label_facts import HOOK
from audit_lib.probes.questions import samples

CLASSES = 12


class LabelsVary(Check):
    """A label takes more than one value, and no class of it is nearly absent.

    What it checks
        No label is constant; each class of a label of few values holds at least `share` of the
        rows; a label of many values has a spread.
    Why it matters
        A model fitted on one class predicts that class, with excellent accuracy. Thresholds that
        do not fit the market's moves are seen here first.
    How
        Builds the labels on the sample panel and counts values.
    Limitations
        The sample panel stands for the training data; a rare class may be rare on purpose, then
        lower `share`.
    Remediation
        Set thresholds by the spread of the returns, or widen the horizon.
    Sources
        Breck et al. (2017), The ML Test Score; Lopez de Prado (2018), section 3.4.
    """

    code = "TGT005"
    severity = Severity.MEDIUM
    needs = ("features.panel", HOOK)

    share: float = Field(0.02, ge=0, lt=0.5, description="smallest share of a class")

    def run(self, subject: Subject) -> Answers:
        """Count the values of every label."""
        built = samples.labels(subject)
        rows = []
        for name in map(str, built.columns):
            labelled = built[name].dropna()
            if labelled.empty:
                yield Gap(name, "holds no value on the sample panel")
                continue
            where = where_made(subject, name, HOOK)
            counts = labelled.value_counts(normalize=True)
            yield Margin(f"different values of a label, {name}", len(counts), 2, least=True)
            if len(counts) == 1:
                yield self.finding(
                    where,
                    f"label {name!r} is {counts.index[0]} in all {len(labelled)} rows",
                    measured=f"1 value in {len(labelled)} rows",
                    expected="at least 2",
                    related=subject.where(HOOK),
                    key=name,
                    severity=Severity.CRITICAL,
                )
            elif len(counts) <= CLASSES:
                rows += [(f"{name} = {v}", float(s), name) for v, s in counts.items()]
                for value, share in counts.items():
                    if share < self.share:
                        yield self.finding(
                            where,
                            f"class {value} of label {name!r} holds {share:.2%} of "
                            f"{len(labelled)} rows",
                            measured=float(share),
                            expected=f"at least {self.share:g}",
                            related=subject.where(HOOK),
                            key=f"{name} = {value}",
                            evidence=("balance",),
                        )
        if rows:
            heads = ("label", "value", "group")
            note = "share of the rows with a label"
            least = Bound("value", self.share, least=True)
            yield Evidence("balance", "Class balance", heads, tuple(rows), View.BARS, note, least)
        yield Examined(len(built.columns), "labels")
