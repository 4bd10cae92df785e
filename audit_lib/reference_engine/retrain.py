"""When to retrain: age, drift of the inputs, drift of the errors, decay of the live score.

Each trigger looks at what it is given and is silent about what it is not.  Any of them is enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from .drift import cusum
from .errors import Refused
from .governance import RANKING, gain
from .panel import Floats

MAX_AGE_DAYS = 400
MAX_PSI = 0.25
REFERENCE_ERRORS = 20  # fewest errors that can set the scale of the CUSUM
MAX_DECAY = 0.03  # tolerated loss of the ranking metric, in its unit
STANDARD_ERRORS = 2.0  # ... and the loss must exceed this many standard errors, 1 / sqrt(n) each


@dataclass(frozen=True)
class LiveState:
    """What is known about a model in use; None where it is not measured.

    Attributes:
        days_since_training: calendar days since the last training date.
        psi: population stability index of the feature that moved most.
        errors: outcome minus prediction, oldest first, any unit.
        live_score: the governance's ranking metric, measured live.
        training_score: the same metric on the holdout.
        n_samples: outcomes behind ``live_score``.
    """

    days_since_training: int | None = None
    psi: float | None = None
    errors: Sequence[float] | None = None
    live_score: float | None = None
    training_score: float | None = None
    n_samples: int | None = None

    @classmethod
    def of(cls, state: Mapping[str, object]) -> LiveState:
        """Take the keys known here from a mapping and leave the others."""
        return cls(**{f.name: state[f.name] for f in fields(cls) if f.name in state})  # type: ignore[arg-type]


def reasons_to_retrain(state: LiveState) -> list[str]:
    """Why the model should be retrained, one sentence a trigger; empty if it should not.

    Raises:
        Refused: a number given is not finite, or an age or count is negative.
    """
    _check(state)
    reasons = []
    if state.days_since_training is not None and state.days_since_training > MAX_AGE_DAYS:
        reasons.append(f"age: trained {state.days_since_training} days ago, limit {MAX_AGE_DAYS}")
    if state.psi is not None and state.psi > MAX_PSI:
        reasons.append(f"psi: {state.psi:.3f} exceeds {MAX_PSI}")
    if state.errors is not None and errors_have_shifted(np.asarray(state.errors, dtype="float64")):
        reasons.append("cusum: the prediction errors have shifted")
    if state.live_score is not None and state.training_score is not None:
        loss = -gain(RANKING, state.training_score, state.live_score)
        if loss > max(MAX_DECAY, noise(state.n_samples)):
            reasons.append(f"decay: {RANKING} is {loss:.4f} worse than on the holdout")
    return reasons


def noise(n_samples: int | None) -> float:
    """Loss of a rank correlation that chance explains with that many samples; 0 if not known."""
    if n_samples is None:
        return 0.0
    return STANDARD_ERRORS / math.sqrt(n_samples) if n_samples > 0 else math.inf


def errors_have_shifted(errors: Floats) -> bool:
    """Whether a CUSUM over the errors fires.

    The first half of the errors, which is nearer to the training, gives the mean and scale that
    the second half is held against, so the answer does not depend on the unit.  With fewer than
    twice :data:`REFERENCE_ERRORS` errors there is nothing to tell.
    """
    half = len(errors) // 2
    if half < REFERENCE_ERRORS:
        return False
    reference, recent = errors[:half], errors[half:]
    mean, spread = float(np.mean(reference)), float(np.std(reference, ddof=1))
    smallest = 1e-9 * max(1.0, abs(mean))  # a reference that never moved
    return cusum(recent, mean, max(spread, smallest)).alarm


def _check(state: LiveState) -> None:
    for f in fields(state):
        value = getattr(state, f.name)
        if value is not None and not np.isfinite(np.asarray(value, dtype="float64")).all():
            raise Refused(f"retrain state: {f.name!r} must be finite")
    for name in ("days_since_training", "n_samples", "psi"):
        value = getattr(state, name)
        if value is not None and value < 0:
            raise Refused(f"retrain state: {name!r} must not be negative")
