from collections.abc import Callable

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity
from audit_lib.probes.questions.asking import ask, floats
from audit_lib.probes.statistics.inference import calibration_error

HOOK = "calibration.fit_apply"

#: name -> probability of the outcome, given the score in [0, 1]
LAWS: dict[str, Callable[[Floats], Floats]] = {
    "already calibrated": lambda s: s,
    "overconfident": lambda s: 0.5 + 0.4 * (s - 0.5),
    "underconfident": lambda s: 1 / (1 + (np.maximum(1 - s, 1e-12) / np.maximum(s, 1e-12)) ** 2.5),
    "shifted": lambda s: s**1.7,
    "uninformative": lambda s: np.full_like(s, 0.3),
}


class CalibratorLearnsTheFrequency(Check):
    """Fitted on many rows, the subject's calibrator finds the frequency of the outcome.

    What it checks
        On made-up scores whose true probabilities are known, the fitted map is calibrated on
        fresh rows (the base rate, where the score tells nothing), and answers each row whatever
        its neighbours.
    Why it matters
        A calibrator with its arguments swapped, too few knots, or a fit on sorted copies learns
        another map, which no single version's holdout is large enough to show.
    How
        Fits on 4,000 seeded rows and judges on 4,000 fresh ones under five laws (calibrated,
        over- and underconfident, shifted, uninformative); a finding needs the lower end of the
        error's interval above `tolerance`, at 99.9 % each (family-wise below 0.5 %). Then asks for
        one row alone and among the others.
    Limitations
        Calibrators that refuse made-up scores are named as not looked at. Two-parameter maps
        cannot follow every law; the laws here are within what a logistic map can approach.
    Remediation
        Check the order of arguments and the number of knots; map every row by itself.
    Sources
        Kull, Silva Filho and Flach (2017), Beta calibration, AISTATS; Gupta et al. (2021).
    """

    code = "CAL005"
    severity = Severity.HIGH
    needs = (HOOK,)

    tolerance: float = Field(0.02, gt=0, description="calibration error that is accepted")
    rows: int = Field(4000, ge=500, description="made-up rows to fit on, and to judge on")
    seed: int = Field(11, description="seed of the made-up rows")

    def run(self, subject: Subject) -> Answers:
        """Fit and judge under every law."""
        rng = np.random.default_rng(self.seed)
        hook = subject.hook(HOOK)
        rows, tried = [], 0
        for name, law in LAWS.items():
            fit, fresh = rng.beta(2, 2, self.rows), rng.beta(2, 2, self.rows)
            outcome = (rng.random(self.rows) < law(fit)).astype(np.int64)
            later = (rng.random(self.rows) < law(fresh)).astype(np.int64)
            reply = ask(hook, fit, outcome, fresh, into=floats(self.rows))
            if not reply.answered:
                yield Gap(f"the law {name!r}", reply.why)
                continue
            served, tried = reply.got, tried + 1
            if (none := np.flatnonzero(~((served >= 0) & (served <= 1)))).size:
                yield self.departs(
                    f"under the law {name!r} {len(none)} of {self.rows} fresh scores get no "
                    f"probability: {fresh[none[0]]:.6g} gets {served[none[0]]:.4g}, fitted on "
                    f"scores from {fit.min():.6g} to {fit.max():.6g}",
                    measured=f"{np.nanmin(served):.4g} to {np.nanmax(served):.4g}",
                    expected="0 to 1",
                    key=name,
                    cause="no probability",
                )
                continue
            error = calibration_error(served, later, rng)
            rows.append((name, error.error, error.low, error.high))
            if error.low > self.tolerance:
                yield self.departs(
                    f"under the law {name!r} fresh probabilities are off by {error.error:.3f} "
                    f"({error.low:.3f} to {error.high:.3f}) after {self.rows} rows",
                    measured=error.error,
                    expected=f"at most {self.tolerance:g}",
                    key=name,
                    evidence=("laws",),
                )
            alone = ask(hook, fit, outcome, fresh[:1], into=floats(1))
            if alone.answered and abs(alone.got[0] - served[0]) > 1e-9:
                yield self.departs(
                    f"under the law {name!r} a row served alone gets "
                    f"{alone.got[0]:.4f}, among others {served[0]:.4f}",
                    measured=float(alone.got[0]),
                    expected=float(served[0]),
                    key=f"{name} alone",
                )
        if rows:
            worst, _, low, high = max(rows, key=lambda row: row[2])
            what = f"calibration error under {worst!r}, at the least"
            yield Margin(what, max(0.0, low), self.tolerance, low=max(0.0, low), high=high)
        heads = ("law", "error", "low", "high")
        yield Evidence("laws", "Calibration error on fresh made-up rows", heads, tuple(rows))
        yield Examined(tried, "laws")
