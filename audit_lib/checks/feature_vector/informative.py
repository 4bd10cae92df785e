import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Margin, Severity
from audit_lib.probes.code.columns_made import where_made
from audit_lib.probes.questions import samples

HOOK = "features.build"


class RequiredFeaturesVary(Check):
    """A feature that the model requires has values, and more than one.

    What it checks
        Each required feature (each built one, where nobody says what is required) is known in
        some rows of the sample, and no single value fills nearly all of them.
    Why it matters
        A column that is empty or constant is a broken input: a join that matched nothing, a
        default that replaced the data, a window longer than the history.
    How
        Builds the features on the sample panel and counts finite values and the share of the
        commonest one.
    Limitations
        A flag of a rare event may rightly be constant on a short sample; raise `share` for such a
        subject. Two assets with the same constant each are not told from one varying column.
    Remediation
        Mend the input behind the column, or drop it from the model's inputs.
    Sources
        Breck et al. (2017), The ML Test Score, section Data 1 to 7.
    """

    code = "FEA103"
    severity = Severity.MEDIUM
    needs = ("features.panel", HOOK)

    share: float = Field(0.999, gt=0.5, le=1, description="share of one value that is too much")

    def run(self, subject: Subject) -> Answers:
        """Count values of every column."""
        built = samples.built(subject)
        named = subject.has("predictor.required")
        names = samples.required(subject) if named else [str(c) for c in built.columns]
        widest = ("", 0.0)
        for name in names:
            if name not in built:
                yield Gap(name, f"{HOOK} answers no such column")
                continue
            column = built[name]
            present = column.dropna()
            if pd.api.types.is_float_dtype(present):
                present = present[np.isfinite(present.to_numpy(np.float64))]
            where = where_made(subject, name, HOOK)
            if present.empty:
                yield self.finding(
                    where,
                    f"feature {name!r} is empty in all {len(column)} rows",
                    measured=f"0 of {len(column)} rows known",
                    expected="known values",
                    related=subject.where(HOOK),
                    key=name,
                    severity=Severity.HIGH,
                )
                continue
            counts = present.value_counts(normalize=True)
            widest = max(widest, (name, float(counts.iloc[0])), key=lambda pair: pair[1])
            if float(counts.iloc[0]) >= self.share:
                yield self.finding(
                    where,
                    f"feature {name!r} is {counts.index[0]} in {counts.iloc[0]:.2%} of "
                    f"{len(present)} rows",
                    measured=float(counts.iloc[0]),
                    expected=f"below {self.share:g}",
                    related=subject.where(HOOK),
                    key=name,
                )
        if widest[0]:
            yield Margin(f"largest share of one value ({widest[0]})", widest[1], self.share)
        yield Examined(sum(n in built for n in names), "feature columns")
