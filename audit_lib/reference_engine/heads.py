"""Heads: what the models' outputs mean, by name and never by position alone.

The trainer stores its outputs in a fixed order; the head map of a checkpoint says which output
each named head reads.  ``kind`` says how a raw output becomes a value with a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .calibration import Calibrator
from .errors import ArtifactRefused
from .panel import Floats
from .targets import HORIZON, TARGETS

NEURAL = "volatility_neural"  # the output of the neural head; the others are tree models

#: Output to the label it is trained on, in the order in which the trainer stores the outputs.
LABELS = {
    "return": "return",
    "direction": "direction",
    "volatility": "volatility",
    NEURAL: "volatility",
}
KINDS = {"simple_return": "identity", "direction": "probability", "volatility": "exponential"}


@dataclass(frozen=True)
class Head:
    """One named head.

    Attributes:
        output: position of the output it reads.
        label: the label that output is trained on.
        kind: ``identity``, ``probability`` (logistic, then calibrated) or ``exponential``.
        unit: unit of the value.
        horizon: bars from the decision to the last close the label reads.
        thresholds: class edges of the label, as fractions.
    """

    output: int
    label: str
    kind: str
    unit: str
    horizon: int
    thresholds: tuple[float, ...]

    def as_data(self) -> dict[str, Any]:
        """The head as JSON data."""
        return {**asdict(self), "thresholds": list(self.thresholds)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Head:
        """The inverse of :meth:`as_data`.

        Raises:
            ArtifactRefused: a key is missing or unknown.
        """
        if set(data) != set(cls.__dataclass_fields__):
            raise ArtifactRefused(f"head: keys {sorted(data)} are not the expected ones")
        return cls(**{**data, "thresholds": tuple(data["thresholds"])})


def head_map(outputs: tuple[str, ...], reads: Mapping[str, str]) -> dict[str, Head]:
    """The head map of a checkpoint.

    Args:
        outputs: output names in stored order.
        reads: head name to the output it reads, where that is another than its namesake.
    """
    heads = {}
    for name in outputs:
        target = TARGETS[LABELS[name]]
        position = outputs.index(reads.get(name, name))
        unit = "probability" if target.kind == "direction" else target.unit
        heads[name] = Head(
            position, target.name, KINDS[target.kind], unit, HORIZON, target.thresholds
        )
    return heads


def output_value(name: str, raw: Floats) -> Floats:
    """The value of a raw output: a return, a score between 0 and 1, or a volatility.

    The link belongs to the output and is fixed by the label it was trained on.
    """
    kind = KINDS[TARGETS[LABELS[name]].kind]
    if kind == "probability":
        score: Floats = 1.0 / (1.0 + np.exp(-raw))
        return score
    return np.exp(raw) if kind == "exponential" else raw


def head_value(head: Head, value: Floats, calibrator: Calibrator) -> Floats:
    """What a head answers for its output's value: calibrated if it is a probability."""
    return calibrator.apply(value) if head.kind == "probability" else value
