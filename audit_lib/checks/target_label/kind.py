"""TGT004."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Gap, Severity, Task
from audit_lib.probes import samples
from audit_lib.probes.alignment import entry_and_exit, price_ratio, return_errors
from audit_lib.probes.influence import manageable
from audit_lib.probes.label_facts import HOOK, Declared, declared_labels, label_offsets
from audit_lib.subject.subject import Subject

RETURNS = ("simple_return", "log_return")
CLASSES = ("direction", "class")


class LabelsAreWhatTheyAreCalled(Check):
    """A label has the declared return type, alignment and thresholds.

    What it checks
        A label declared as a simple or log return equals that return between the prices it was
        measured to read. A class label follows that return, and its declared thresholds lie
        between the returns of neighbouring classes.
    Why it matters
        Log returns sized as simple ones, entries at a price that was never tradable, and
        thresholds off by a unit change what a signal means without any error.
    How
        Moves single bars in single fields to find which prices a label reads, takes the first as
        entry and the last as exit, recomputes the return, and compares. Between the largest
        return of one class and the smallest of the next lies the measured threshold.
    Limitations
        Labels of other kinds (volatility, barriers, ranks) are shown with the bars they read, but
        not recomputed. Costs subtracted from the return make it differ, and are reported.
    Remediation
        Make the declaration say what the label is, or the label what is declared.
    Sources
        Meucci (2010), Linear vs. Compounded Returns, GARP Risk Professional; Lopez de Prado
        (2018), Advances in Financial Machine Learning, section 3.2.
    """

    code = "TGT004"
    contract = Contract.TARGET_LABEL
    task = Task.T2
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("features.panel", HOOK)

    tolerance: float = Field(1e-6, gt=0, description="difference of returns that is rounding")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Recompute every declared return and class."""
        statements = declared_labels(subject)
        panel = manageable(samples.panel(subject))
        labels = samples.labels(subject).reindex(panel.index)
        try:
            offsets = label_offsets(subject)
        except NotAssessed as error:
            yield Gap(HOOK, str(error))
            return
        rows = [
            (name, field, min(bars), max(bars), len(bars))
            for name, by_field in offsets.items()
            for field, bars in by_field.items()
        ]
        heads = ("label", "field", "first bar ahead", "last bar ahead", "bars read")
        yield Evidence("alignment", "Which bars' values each label reads", heads, tuple(rows))
        compared = 0
        for said in statements:
            kind = said.facts.get("kind")
            if said.label not in labels or kind not in RETURNS + CLASSES:
                continue
            ends = entry_and_exit(offsets.get(said.label, {}), panel)
            if ends is None:
                yield Gap(said.label, "reads fewer than two prices")
                continue
            compared += 1
            ratio = price_ratio(panel, *ends)
            if kind in RETURNS:
                yield from self._returns(said, labels[said.label], ratio, ends)
            else:
                yield from self._classes(said, labels[said.label], ratio - 1.0)
        yield Examined(compared, "labels of a kind that can be recomputed")

    def _returns(
        self,
        said: Declared,
        label: pd.Series[float],
        ratio: pd.Series[float],
        ends: tuple[tuple[str, int], tuple[str, int]],
    ) -> Iterator[Answer]:
        off = return_errors(label, ratio)
        declared = str(said.facts["kind"])
        if off[declared] <= self.tolerance:
            return
        fits = [kind for kind, error in off.items() if error <= self.tolerance]
        (first, entry), (last, exit_) = ends
        span = f"from {first} {entry} bars ahead to {last} {exit_} bars ahead"
        what = (
            f"is the {fits[0]}" if fits else f"differs by up to {off[declared]:.3g} from the return"
        )
        yield self.finding(
            said.location,
            f"label {said.label!r} is declared as {declared} but {what} {span}",
            measured=fits[0] if fits else f"largest difference {off[declared]:.3g}",
            expected=declared,
            key=f"{said.label} kind",
            evidence=("alignment",),
        )

    def _classes(
        self, said: Declared, label: pd.Series[float], earned: pd.Series[float]
    ) -> Iterator[Answer]:
        known = label.notna() & earned.notna()
        groups = earned[known].groupby(label[known])
        low, high = groups.min(), groups.max()
        edges = list(zip(high.iloc[:-1], low.iloc[1:], strict=True))
        mixed = [k for k, (a, b) in enumerate(edges) if a > b + self.tolerance]
        if mixed:
            yield Gap(
                said.label, "its classes overlap in the return, so no threshold separates them"
            )
            return
        declared = [float(t) for t in said.facts.get("thresholds", [])]
        if declared and len(declared) != len(edges):
            yield self.finding(
                said.location,
                f"label {said.label!r} has {len(edges) + 1} classes; its {len(declared)} declared "
                f"thresholds make {len(declared) + 1}",
                measured=len(edges) + 1,
                expected=len(declared) + 1,
                key=f"{said.label} classes",
            )
            return
        for threshold, (below, above) in zip(sorted(declared), edges, strict=False):
            if not below - self.tolerance <= threshold <= above + self.tolerance:
                yield self.finding(
                    said.location,
                    f"label {said.label!r} changes class between returns {below:.6f} and "
                    f"{above:.6f}; the declared threshold is {threshold:g}",
                    measured=f"between {below:.6g} and {above:.6g}",
                    expected=threshold,
                    key=f"{said.label} threshold {threshold:g}",
                )
