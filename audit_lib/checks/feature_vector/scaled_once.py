import re

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Finding, Gap, Margin, Severity
from audit_lib.probes.questions import samples
from audit_lib.probes.training.provenance import fitted_rows, recorded_numbers
from audit_lib.probes.training.scaling import Origin, origins, recorded_factor
from audit_lib.subject.checkpoint_fields import scaler_references
from audit_lib.subject.documents import Document

NORMAL = "median and MAD x 1.4826"


class ScalerSawRawFeaturesOnce(Check):
    """The recorded scaler was fitted on raw features, and its scales are what they are called.

    What it checks
        Centres and scales in the version's metadata are the statistics of the features as they
        are built, not of features that a scaler had scaled already; a scale that is called a MAD
        is the raw one, and a factor recorded beside it is not contained in it.
    Why it matters
        A scaler fitted on scaled data stores centres of 0 and scales of 1: served raw features
        then reach the model unscaled. A MAD that holds 1.4826 already is multiplied again by
        whoever believes its name, and every input shrinks by a third.
    How
        Recomputes the usual pairs (median and MAD, with and without 1.4826, mean and deviation,
        median and quartiles, minimum and range) on the rows that a fit may have used, raw; and,
        where none fits, on features scaled by each of them. The pair and the data that reproduce
        the numbers to five digits name which it is. Centres near 0 with scales near 1 for
        features of another spread are told as scaled, whatever the rows.
    Limitations
        Needs the training data as sample panel. Numbers that nothing reproduces are named, and
        nothing is claimed.
    Remediation
        Fit the scaler on raw features, store the raw MAD, and apply the factor in one place.
    Sources
        Rousseeuw and Croux (1993), Alternatives to the Median Absolute Deviation, JASA 88.
    """

    code = "FEA107"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    needs = ("features.panel", "features.build")
    cites = ("origins",)

    share: float = Field(0.8, gt=0.5, le=1, description="columns that an origin must reproduce")

    def run(self, subject: Subject) -> Answers:
        """Recompute the recorded pair on raw and on scaled features."""
        fields, document = subject.layout.fields, subject.metadata
        columns = [str(c) for c in document.get(fields.feature_cols, [])]
        at = scaler_references(subject, columns)
        centre, scale = (recorded_numbers(document, pointer, columns) for pointer in at)
        if not columns or centre is None or scale is None:
            where = at[centre is not None]
            raise NotAssessed(f"no number a feature at {document.location(where)}")
        built = samples.built(subject).reindex(columns=columns)
        ranked = origins(built, centre, scale, fitted_rows(subject, built), self.share)
        best = ranked[0]
        rows = tuple((o.scaler, o.data, o.rows, o.share) for o in ranked[:8])
        heads = ("recorded as", "of", "rows", "share of columns")
        yield Evidence("origins", "What the recorded centres and scales are", heads, rows)
        spread = _spread(built)
        if best.share >= self.share and best.before is not None:
            yield self._twice(document, at[0], best, spread)
        elif best.share >= self.share:
            yield from self._prescaled(document, at[1], best)
        elif _standard(centre, scale, spread):
            yield self._twice(document, at[0], None, spread)
        else:
            near = f"nearest are {best.scaler} of {best.data} ({best.share:.0%} of columns)"
            yield Gap("scaler", f"no usual scaler reproduces its numbers; {near}")
        yield Examined(2 * len(columns), "recorded centres and scales")

    def _twice(
        self, document: Document, pointer: str | None, best: Origin | None, spread: float
    ) -> Finding:
        """Scaled twice."""
        what = "centres are 0 and scales 1"
        if best is not None:
            what = f"centres and scales are {best.scaler} of {best.data}"
        return self.finding(
            document.location(pointer),
            f"{what}, while the features' median spread is {spread:.3g}: the scaler saw features "
            "already scaled",
            measured=best.data if best else "centres 0, scales 1",
            expected="raw features",
            key="scaled twice",
        )

    def _prescaled(self, document: Document, pointer: str | None, best: Origin) -> Answers:
        """A MAD that holds its factor already."""
        parent, _, name = (pointer or "").rpartition("/")
        factor = recorded_factor(document.get(parent))
        called = bool(re.search(r"(^|_)mad($|_)", name, re.I))
        if best.scaler != NORMAL or not (called or factor):
            what = "share that raw features reproduce"
            yield Margin(what, best.share, self.share, "of the columns", least=True)
            return
        again = f", and {factor[0]!r} beside it ({factor[1]:g}) is applied again" if factor else ""
        yield self.finding(
            document.location(pointer),
            f"{name!r} holds 1.4826 times the median absolute deviation of {best.rows}{again}",
            measured="MAD x 1.4826",
            expected="MAD" if called else "no further factor",
            key="factor",
            severity=Severity.HIGH if factor else Severity.MEDIUM,
        )


def _spread(built: pd.DataFrame) -> float:
    values = built.to_numpy(np.float64, na_value=np.nan)
    with np.errstate(all="ignore"):
        return float(np.nanmedian(np.nanstd(np.where(np.isfinite(values), values, np.nan), axis=0)))


def _standard(centre: Floats, scale: Floats, spread: float) -> bool:
    """Centres of 0 and scales of 1 where the features' own spread is another."""
    standard = np.abs(centre).max() < 0.05 and np.abs(scale - 1).max() < 0.1
    return bool(standard and spread > 0 and not 0.5 < spread < 2)
