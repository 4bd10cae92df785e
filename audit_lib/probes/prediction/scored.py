"""The version's scores with outcomes, from ``calibration.sample``, checked and split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from audit_lib.arrays import Flags, Floats, Integers
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, floats
from audit_lib.subject.subject import Subject

HOOK = "calibration.sample"
SERVED = "calibration.served"


@dataclass(frozen=True)
class Scored:
    """Raw scores, outcomes, who saw them, and the dates they belong to where these are known."""

    scores: Floats
    outcomes: Integers
    fitted: Flags
    dates: npt.NDArray[Any] | None

    def where(self, rows: Flags) -> Scored:
        """Some of the rows."""
        dates = None if self.dates is None else self.dates[rows]
        return Scored(self.scores[rows], self.outcomes[rows], self.fitted[rows], dates)

    @property
    def independent(self) -> int:
        """Number of dates, or of rows where dates are not known."""
        return len(self.scores) if self.dates is None else len(np.unique(self.dates))


def scored_sample(subject: Subject) -> Scored:
    """The sample that the hook answers.

    Raises:
        NotAssessed: there is no such hook, or its answer is not what the hook promises.
    """

    def make() -> Scored:
        return ask(subject.hook(HOOK, again=False), into=_scored).needed(f"{HOOK} gives no sample:")

    return samples.once(subject, HOOK, make)


def probabilities(subject: Subject, scores: Floats) -> Floats:
    """The version's own calibrator applied to raw scores.

    Raises:
        NotAssessed: the hook does not answer.
    """
    return ask(subject.hook(SERVED), scores, into=floats(len(scores))).needed(
        f"{SERVED} does not answer:"
    )


def _scored(raw: Any) -> Scored:
    if not isinstance(raw, dict):
        raise ValueError("wanted a mapping with scores, outcomes and fitted")
    scores = np.asarray(raw["scores"], dtype=np.float64)
    outcomes = np.asarray(raw["outcomes"], dtype=np.float64)
    fitted = np.asarray(raw["fitted"], dtype=bool)
    dates = None if raw.get("dates") is None else np.asarray(raw["dates"]).astype(str)
    sizes = {len(scores), len(outcomes), len(fitted), *([] if dates is None else [len(dates)])}
    if len(sizes) != 1 or scores.ndim != 1:
        raise ValueError("scores, outcomes, fitted and dates differ in length")
    if not set(np.unique(outcomes)) <= {0.0, 1.0}:
        raise ValueError("outcomes other than 0 and 1")
    finite = np.isfinite(scores)
    scored = Scored(scores, outcomes.astype(np.int64), fitted, dates)
    return scored.where(finite)
