import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Margin, Severity, View
from audit_lib.probes.prediction.heads import HeadKind, declared_heads
from audit_lib.probes.questions.domain import quantile_mix
from audit_lib.probes.questions.samples import labels, numeric, predictions

STEPPED = 0.05
"""share of different values among the rows, below which a head has steps"""
HAIR = 1e-4
"""share of a probability within which all of its values are one"""
STUCK = 0.98
"""largest share of one value in a head of steps"""


class OutputsAreAlive(Check):
    """No head answers a constant, a handful of values, or its own limits.

    What it checks
        Over the sample, each head takes at least `least_values` values, or as many as its label
        does, and a probability not one within a hair; no single value fills more than `most_share`
        of the rows, or of a head of few steps more than 98 %; and a probability is not stuck at 0
        or 1.
    Why it matters
        A dead head (a tree of one leaf, a saturated sigmoid, a calibrator that maps everything
        to the base rate) passes every contract on type and range and carries no information.
    How
        Counts the values of `predictor.predict` over all complete rows of the sample. A head may
        step: a class of -1, 0 and 1, or a probability from an isotonic map, takes few values by
        design, and so does a head whose label does; a return or a volatility does not.
    Limitations
        A return that is predicted by few leaves takes few values by design: set the options for
        it, and name a head that is one number under `constant`. The shape of the distribution over
        time is the business of drift checks.
    Remediation
        Look at the training log and the scaler of the head: dead inputs make dead outputs.
    Sources
        Breck et al. (2017), The ML Test Score, section V (prediction monitoring).
    """

    code = "HED003"
    severity = Severity.HIGH
    needs = ("predictor.predict", "predictor.required")

    least_values: int = Field(10, ge=2, description="fewest different values of a live head")
    most_share: float = Field(0.5, gt=0, le=1, description="largest share of one value")
    rows: int = Field(100, ge=2, description="fewest rows that tell")
    constant: dict[str, str] = Field(
        {}, description="heads that are one number by design (a conformal width), each with why"
    )

    def run(self, subject: Subject) -> Answers:
        """Count the values of each head."""
        got = predictions(subject)
        if len(got) < self.rows:
            raise NotAssessed(f"{len(got)} rows of the sample are too few to tell ({self.rows})")
        kinds, columns = self._heads(subject)
        lines: list[tuple[float, float, str]] = []
        for name in (str(c) for c in got.columns if str(c) not in self.constant):
            values = numeric(got[[name]]).reshape(-1)
            finite = values[np.isfinite(values)]
            steps = quantile_mix(finite, 41)
            lines += [(step, float((finite <= step).mean()), name) for step in steps]
            kind = kinds.get(name, HeadKind.UNKNOWN)
            if kind is not HeadKind.OTHER:  # a code may well be the same in every row
                yield from self._dead(name, finite, kind, columns.get(name))
        yield Examined(got.size, "predictions")
        yield Evidence(
            "distribution",
            "Distribution of each head",
            ("x", "value", "series"),
            tuple(lines),
            View.LINES,
            "x: prediction; share of rows at or below it",
        )

    def _dead(self, name: str, values: Floats, kind: HeadKind, label: Floats | None) -> Answers:
        if not values.size:
            yield Margin(f"fewest values of a head, {name}", 0, 2, least=True)
            yield self._report(name, "no row gets a finite prediction", "none")
            return
        unique, counts = np.unique(values, return_counts=True)
        share = float(counts.max() / len(values))
        common = float(unique[int(np.argmax(counts))])
        least, most = self._least_variety(unique, len(values), kind, label)
        apart = float(unique[-1] - unique[0])
        constant = kind is HeadKind.PROBABILITY and apart <= HAIR * abs(unique[-1])
        count = 1 if constant else len(unique)
        yield Margin(f"fewest values of a head, {name}", count, least, least=True)
        yield Margin(f"largest share of one value in a head, {name}", share, most)
        if count == 1:
            text = f"answers {common:.6g} for every row" + (f", within {apart:.1g}" * (apart > 0))
            yield self._report(name, text, "constant")
        elif len(unique) < least:
            text = f"takes {len(unique)} values over {len(values)} rows"
            yield self._report(name, text, "few values")
        elif share > most:
            yield self._report(name, f"answers {common:.6g} in {share:.0%} of rows", "share")
        if kind is HeadKind.PROBABILITY and len(unique) > 1 and unique[0] >= 0:
            stuck = float(((values <= 1e-6) | (values >= 1 - 1e-6)).mean())
            yield Margin(f"rows in which a head is stuck at 0 or 1, {name}", stuck, self.most_share)
            if stuck > self.most_share:
                text = f"is stuck at 0 or 1 in {stuck:.0%} of rows"
                yield self._report(name, text, "saturated")

    def _least_variety(
        self, unique: Floats, rows: int, kind: HeadKind, label: Floats | None
    ) -> tuple[int, float]:
        """Fewest values, and the largest share of one of them."""
        classes = bool((unique == np.round(unique)).all())
        bounded = bool(unique[0] >= 0 and unique[-1] <= 1)
        least, most = self.least_values, self.most_share
        if kind is HeadKind.PROBABILITY or (kind is HeadKind.UNKNOWN and (classes or bounded)):
            least = 2
        if label is not None:
            values, counts = np.unique(label, return_counts=True)
            least = min(least, max(2, len(values)))
            most = max(most, float(counts.max() / len(label)))
        stepped = len(unique) < STEPPED * rows and least < self.least_values
        return least, max(most, STUCK) if stepped else most

    def _report(self, name: str, text: str, key: str) -> Answer:
        return self.departs(
            f"head {name} {text}",
            measured=text,
            expected=f"at least {self.least_values} values, none in over {self.most_share:.0%}",
            key=f"{name} {key}",
            evidence=("distribution",),
        )

    @staticmethod
    def _heads(subject: Subject) -> tuple[dict[str, HeadKind], dict[str, Floats]]:
        """Kind of each head, and the values of its label; those that are known."""
        try:
            heads = declared_heads(subject)
        except NotAssessed:
            return {}, {}
        kinds = {h.name: h.kind for h in heads}
        try:
            own = labels(subject)
        except (NotAssessed, NotApplicable):
            return kinds, {}
        columns = {h.name: numeric(own[[h.label]]).reshape(-1) for h in heads if h.label in own}
        finite = {name: values[np.isfinite(values)] for name, values in columns.items()}
        return kinds, {name: values for name, values in finite.items() if values.size}
