import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Severity
from audit_lib.probes.questions import samples
from audit_lib.probes.training.provenance import recorded_numbers
from audit_lib.subject.checkpoint_fields import scaler_references


class ScalesFitTheFeatures(Check):
    """The recorded scales are of the size of the features they divide.

    What it checks
        Every recorded scale is finite and above 0, and is not far smaller or larger than the
        feature's own spread.
    Why it matters
        A scale near zero turns an input into the only thing the model sees; a huge one removes
        it.
    How
        Compares the scales at the pointer of the parameters with the spread of the built features
        on the sample.
    Limitations
        Floors for constant columns are rightly larger than the spread; a column that does not
        vary on the sample is left out.
    Remediation
        Put a floor under scales and drop constant columns.
    Sources
        Rousseeuw and Croux (1993), Alternatives to the Median Absolute Deviation, JASA 88.
    """

    code = "FEA105"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    needs = ("features.panel", "features.build")
    cites = ("scales",)

    ratio: float = Field(1000.0, gt=10, description="spread over scale, or the inverse, accepted")

    def run(self, subject: Subject) -> Answers:
        """Compare recorded scales with the features."""
        fields, document = subject.layout.fields, subject.metadata
        columns = [str(c) for c in document.get(fields.feature_cols, [])]
        _, at = scaler_references(subject, columns)
        scale = recorded_numbers(document, at, columns) if columns else None
        if scale is None:
            raise NotAssessed(f"no number a feature at {document.location(at)}")
        built = samples.built(subject).reindex(columns=columns)
        values = built.to_numpy(np.float64, na_value=np.nan)
        with np.errstate(all="ignore"):
            spread = np.nanstd(np.where(np.isfinite(values), values, np.nan), axis=0)
        place = document.location(at)
        rows = []
        for name, own, recorded in zip(columns, spread, scale, strict=True):
            comparable = np.isfinite(own) and own > 0 and recorded > 0
            apart = float(max(own / recorded, recorded / own)) if comparable else None
            rows.append((name, float(recorded), float(own) if np.isfinite(own) else None, apart))
            if not np.isfinite(recorded) or recorded <= 0:
                yield self.finding(
                    place,
                    f"the scale of {name!r} is {recorded:g}",
                    measured=float(recorded),
                    expected="above 0",
                    key=name,
                    cause="scales that are not positive",
                )
            elif own > 0 and not 1 / self.ratio <= own / recorded <= self.ratio:
                yield self.finding(
                    place,
                    f"{name!r} spreads {own:.3g} on the sample; its recorded scale is "
                    f"{recorded:.3g}",
                    measured=float(own / recorded),
                    expected=f"{1 / self.ratio:g} to {self.ratio:g}",
                    key=name,
                    cause="scales that do not fit",
                )
        heads = ("feature", "recorded scale", "spread on the sample", "times apart")
        title, bound = (
            "Recorded scales against the features",
            Bound("times apart", self.ratio, "times"),
        )
        yield Evidence("scales", title, heads, tuple(rows), bound=bound)
        yield Examined(len(columns), "recorded scales")
