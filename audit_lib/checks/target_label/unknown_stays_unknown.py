"""TGT003."""

from __future__ import annotations

from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Gap, Severity, Task
from audit_lib.probes import samples
from audit_lib.probes.influence import manageable
from audit_lib.probes.label_facts import HOOK, measured_horizons
from audit_lib.probes.measured import where_named
from audit_lib.subject.subject import Subject


class UnknownLabelsStayUnknown(Check):
    """A label whose horizon reaches past the data is missing, not filled.

    What it checks
        The last bars of every asset, as many as the measured horizon, hold no label.
    Why it matters
        A label that is not known yet and yet has a value (0, the last return, "no move") teaches
        the model an outcome that never happened, and does so on the newest rows.
    How
        Takes the measured look-ahead h of each label and looks for values in the last h bars of
        each asset of the sample panel.
    Limitations
        A label that may end early (a barrier that was touched) can be known sooner; only labels
        where every asset's very last bar holds a value are called broken then.
    Remediation
        Leave the label missing until its last price is known, and drop such rows from training.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 3.3.
    """

    code = "TGT003"
    contract = Contract.TARGET_LABEL
    task = Task.T2
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("features.panel", HOOK)

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Look at the last bars of every asset."""
        horizons = measured_horizons(subject)
        panel = manageable(samples.panel(subject))
        built = samples.labels(subject).reindex(panel.index)
        for name, bars in horizons.items():
            if name not in built or bars == 0:
                yield Gap(name, "no look-ahead was measured")
                continue
            last = built[name].groupby(level=0).tail(1)
            tail = built[name].groupby(level=0).tail(bars)
            if last.notna().any():
                yield self.finding(
                    where_named(subject, name, HOOK),
                    f"label {name!r} has a value in {int(tail.notna().sum())} of the "
                    f"{len(tail)} rows whose outcome lies past the data",
                    measured=int(tail.notna().sum()),
                    expected=0,
                    key=name,
                )
        yield Examined(len(horizons), "labels")
