import numpy as np
import pandas as pd

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.code.columns_made import where_made
from audit_lib.probes.labels.label_facts import HOOK
from audit_lib.probes.labels.label_reach import label_reach
from audit_lib.probes.market.responses import as_table
from audit_lib.probes.questions.asking import ask_many, frame

CUTS = (0.6, 0.8)
"""shares of the calendar at which the data are made to end"""


class UnknownLabelsStayUnknown(Check):
    """A label whose horizon reaches past the data is missing, not filled.

    What it checks
        A row whose label reads bars that are not there yet has no label.
    Why it matters
        A label that is not known yet and yet has a value (0, the last return, "no move") teaches
        the model an outcome that never happened, and does so on the newest rows.
    How
        Builds the labels as they would have been built on two earlier dates. Labels that read bars
        after such a date, as alterations of those bars show row by row, must be missing then.
    Limitations
        Sees labels that move with prices. A label that ended early (a barrier that was touched)
        may be known, and is told apart.
    Remediation
        Leave the label missing until its last price is known, and drop such rows from training.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 3.3.
    """

    code = "TGT003"
    severity = Severity.HIGH
    needs = ("features.panel", HOOK)

    def run(self, subject: Subject) -> Answers:
        """Build on data that end earlier, and look at rows whose outcome lies past their end."""
        reach = label_reach(subject)
        cuts = [int(share * len(reach.calendar)) for share in CUTS]
        reads = reach.by_label(cuts)
        filled: dict[str, tuple[int, int]] = {}
        told = {f.key for r in subject.so_far if r.code == "TGT001" for f in r.findings}
        questions = [(reach.until(cut),) for cut in cuts]
        for cut, early, answer in zip(
            cuts, reads, ask_many(subject.hook(HOOK), questions, into=frame), strict=True
        ):
            if not answer.answered:
                yield Gap(f"labels at {reach.calendar[cut]}", answer.why)
                continue
            index = reach.part.index
            assert isinstance(index, pd.MultiIndex)
            finite = np.isfinite(as_table(answer.got, index, reach.labels).values)
            for k, name in enumerate(reach.labels):
                due, made_up = int(early[:, k].sum()), int((early[:, k] & finite[:, k]).sum())
                filled[name] = max(filled.get(name, (0, 0)), (made_up, due))
        for name, (made_up, due) in filled.items():
            if not due:
                yield Gap(name, "no look-ahead was measured")
            elif made_up and (name not in told or due < len(reads[0]) / 2):  # all rows: one cause
                yield self.finding(
                    where_made(subject, name, HOOK),
                    f"label {name!r} has a value in {made_up} of the {due} rows whose outcome lies "
                    "past the data",
                    measured=made_up,
                    expected=0,
                    related=subject.where(HOOK),
                    key=name,
                )
        yield Examined(sum(due for _, due in filled.values()), "rows with an open outcome")
