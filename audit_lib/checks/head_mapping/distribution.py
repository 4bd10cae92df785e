"""HED003."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Severity, Task, View
from audit_lib.probes.domain import quantile_mix
from audit_lib.probes.heads import Kind, declared_heads
from audit_lib.probes.samples import numeric, predictions
from audit_lib.subject.subject import Subject

Floats = npt.NDArray[np.float64]


class OutputsAreAlive(Check):
    """No head answers a constant, a handful of values, or its own limits.

    What it checks
        Over the sample, each head takes more than `least_values` values, no single value fills
        more than `most_share` of the rows, and a probability is not stuck at 0 or 1.
    Why it matters
        A dead head (a tree of one leaf, a saturated sigmoid, a calibrator that maps everything
        to the base rate) passes every contract on type and range and carries no information.
    How
        Counts the values of `predictor.predict` over all complete rows of the sample.
    Limitations
        A classifier with few leaves takes few values by design: set the options for it. The
        shape of the distribution over time is the business of drift checks.
    Remediation
        Look at the training log and the scaler of the head: dead inputs make dead outputs.
    Sources
        Breck et al. (2017), The ML Test Score, section V (prediction monitoring).
    """

    code = "HED003"
    contract = Contract.HEAD_MAPPING
    task = Task.T3
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("predictor.predict", "predictor.required")

    least_values: int = Field(10, ge=2, description="fewest different values of a live head")
    most_share: float = Field(0.5, gt=0, le=1, description="largest share of one value")
    rows: int = Field(100, ge=2, description="fewest rows that tell")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Count the values of each head."""
        got = predictions(subject)
        if len(got) < self.rows:
            raise NotAssessed(f"{len(got)} rows of the sample are too few to tell ({self.rows})")
        kinds = self._kinds(subject)
        lines: list[tuple[float, float, str]] = []
        for name in got.columns:
            values = numeric(got[[name]]).reshape(-1)
            finite = values[np.isfinite(values)]
            levels = quantile_mix(finite, 41)
            lines += [(level, float((finite <= level).mean()), str(name)) for level in levels]
            yield from self._dead(subject, str(name), finite, kinds.get(str(name), Kind.UNKNOWN))
        yield Examined(got.size, "predictions")
        yield Evidence(
            "distribution",
            "Distribution of each head",
            ("x", "value", "series"),
            tuple(lines),
            View.LINES,
            "x: prediction; share of rows at or below it",
        )

    def _dead(self, subject: Subject, name: str, values: Floats, kind: Kind) -> Iterator[Answer]:
        if not values.size:
            yield self._found(subject, name, "no row gets a finite prediction", "none")
            return
        unique, counts = np.unique(values, return_counts=True)
        share = float(counts.max() / len(values))
        common = float(unique[int(np.argmax(counts))])
        if len(unique) == 1:
            yield self._found(subject, name, f"answers {common:.6g} for every row", "constant")
        elif len(unique) < self.least_values:
            text = f"takes {len(unique)} values over {len(values)} rows"
            yield self._found(subject, name, text, "few values")
        elif share > self.most_share:
            yield self._found(
                subject, name, f"answers {common:.6g} in {share:.0%} of rows", "share"
            )
        if kind is Kind.PROBABILITY and len(unique) > 1:
            stuck = float(((values <= 1e-6) | (values >= 1 - 1e-6)).mean())
            if stuck > self.most_share:
                text = f"is stuck at 0 or 1 in {stuck:.0%} of rows"
                yield self._found(subject, name, text, "saturated")

    def _found(self, subject: Subject, name: str, text: str, key: str) -> Answer:
        return self.finding(
            subject.where("predictor.predict"),
            f"head {name} {text}",
            measured=text,
            expected=f"at least {self.least_values} values, none in over {self.most_share:.0%}",
            key=f"{name} {key}",
            evidence=("distribution",),
        )

    @staticmethod
    def _kinds(subject: Subject) -> dict[str, Kind]:
        try:
            return {h.name: h.kind for h in declared_heads(subject)}
        except NotAssessed:
            return {}
