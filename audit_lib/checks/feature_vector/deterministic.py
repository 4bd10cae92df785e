from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.code.columns_made import where_made
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask_many, frame, reasons
from audit_lib.probes.questions.frames import unequal

HOOK = "features.build"


class FeaturesAreDeterministic(Check):
    """Building the same features from the same bars twice gives the same values.

    What it checks
        Three builds of the sample panel agree in every cell, but for rounding.
    Why it matters
        Features that change by themselves cannot be reproduced, hide leaks from every comparison,
        and make live inputs differ from those the model was trained on.
    How
        Compares the features of the sample, cell by cell with a relative tolerance of 1e-9, with
        two more calls of `features.build` on the same panel.
    Limitations
        Randomness that shows on other data only, or across processes and machines, is not seen.
    Remediation
        Seed every generator from the data or a constant, and give parallel reductions a fixed
        order.
    Sources
        Pineau et al. (2021), Improving Reproducibility in Machine Learning Research, JMLR 22.
    """

    code = "FEA102"
    severity = Severity.HIGH
    needs = ("features.panel", HOOK)

    def run(self, subject: Subject) -> Answers:
        """Build three times and compare."""
        first, panel = samples.built(subject), samples.panel(subject)
        replies = ask_many(subject.hook(HOOK), [(panel,)] * 2, into=frame)
        if not all(r.answered for r in replies):
            yield Gap(HOOK, reasons(replies))
            return
        others = [r.got for r in replies]
        rows: list[tuple[str, int, int]] = []
        for column in map(str, first.columns):
            differing = max(
                int(unequal(first[column], other[column], 1e-9).sum())
                if column in other and other.index.equals(first.index)
                else len(first)
                for other in others
            )
            if differing:
                rows.append((column, differing, len(first)))
        if rows:
            heads = ("column", "rows that differ", "rows")
            yield Evidence("unstable", "Columns that differ between builds", heads, tuple(rows))
        for column, differing, total in rows:
            yield self.finding(
                where_made(subject, column, HOOK),
                f"feature {column!r} differs in {differing} of {total} rows between equal builds",
                measured=differing,
                expected=0,
                related=subject.where(HOOK),
                key=column,
                evidence=("unstable",),
            )
        yield Examined(len(first.columns), "feature columns, built three times")
