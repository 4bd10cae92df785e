"""FEA105."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Severity, Task
from audit_lib.probes import samples
from audit_lib.probes.provenance import recorded_numbers
from audit_lib.subject.subject import Subject


class ScalesFitTheFeatures(Check):
    """The recorded scales are of the size of the features they divide.

    What it checks
        Every recorded scale is finite and above 0, is not far smaller or larger than the
        feature's own spread, and the scaler was not fitted on features already scaled.
    Why it matters
        A scale near zero turns an input into the only thing the model sees; a huge one removes
        it. Centres of 0 and scales of 1 for features that are not standardised show that the
        scaler saw scaled data, and live inputs are then scaled once too few.
    How
        Compares centre and scale at the pointers of the parameters with median and spread of the
        built features on the sample.
    Limitations
        Floors for constant columns are rightly larger than the spread; a column that does not
        vary on the sample is left out.
    Remediation
        Put a floor under scales, drop constant columns, and fit the scaler on raw features once.
    Sources
        Rousseeuw and Croux (1993), Alternatives to the Median Absolute Deviation, JASA 88.
    """

    code = "FEA105"
    contract = Contract.FEATURE_VECTOR
    task = Task.T2
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    needs = ("features.panel", "features.build")

    ratio: float = Field(1000.0, gt=10, description="spread over scale, or the inverse, accepted")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Compare recorded scales with the features."""
        if subject.parameters.artifacts is None:
            raise NotAssessed("the subject declares no artifact store, so no scaler is recorded")
        fields, document = subject.parameters.artifacts.fields, subject.metadata
        columns = [str(c) for c in document.get(fields.feature_cols, [])]
        scale = recorded_numbers(document, fields.scaler_scale, columns) if columns else None
        if scale is None:
            raise NotAssessed(f"{document.path} has no number a feature at {fields.scaler_scale}")
        built = samples.built(subject).reindex(columns=columns)
        values = built.to_numpy(np.float64, na_value=np.nan)
        with np.errstate(all="ignore"):
            spread = np.nanstd(np.where(np.isfinite(values), values, np.nan), axis=0)
        place = document.location(fields.scaler_scale)
        rows = []
        for name, own, recorded in zip(columns, spread, scale, strict=True):
            rows.append((name, float(recorded), float(own) if np.isfinite(own) else None))
            if not np.isfinite(recorded) or recorded <= 0:
                yield self.finding(
                    place,
                    f"the scale of {name!r} is {recorded:g}",
                    measured=float(recorded),
                    expected="above 0",
                    key=name,
                    evidence=("scales",),
                )
            elif own > 0 and not 1 / self.ratio <= own / recorded <= self.ratio:
                yield self.finding(
                    place,
                    f"{name!r} spreads {own:.3g} on the sample; its recorded scale is "
                    f"{recorded:.3g}",
                    measured=float(own / recorded),
                    expected=f"{1 / self.ratio:g} to {self.ratio:g}",
                    key=name,
                    evidence=("scales",),
                )
        centre = recorded_numbers(document, fields.scaler_center, columns)
        if centre is not None and _already_scaled(centre, scale, spread):
            yield self.finding(
                document.location(fields.scaler_center),
                f"centres are 0 and scales 1 for {len(columns)} features whose median spread is "
                f"{np.nanmedian(spread):.3g}: the scaler saw features already scaled",
                measured="centres 0, scales 1",
                expected=f"scales like {np.nanmedian(spread):.3g}",
                key="scaled twice",
                evidence=("scales",),
            )
        heads = ("feature", "recorded scale", "spread on the sample")
        yield Evidence("scales", "Recorded scales against the features", heads, tuple(rows))
        yield Examined(len(columns), "recorded scales")


def _already_scaled(centre: np.ndarray, scale: np.ndarray, spread: np.ndarray) -> bool:
    standard = np.abs(centre).max() < 0.05 and np.abs(scale - 1).max() < 0.1
    own = spread[np.isfinite(spread) & (spread > 0)]
    return bool(len(own) > 0 and standard and not 0.5 < np.median(own) < 2)
