"""Made-up batches for online learners: a linear target with noise, in the subject's own columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.probes.questions.samples import required
from audit_lib.subject.subject import Subject


def batches(
    subject: Subject, *, count: int, rows: int, seed: int
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """``count`` batches of ``rows`` rows with ``y``, and a probe of as many rows without it.

    Columns are those the model requires where that is known, else ``x0`` to ``x4``. Features are
    standard normal; ``y`` is of the size of a daily return, with one shock in each batch.
    """
    requirement_declared = subject.has("predictor.required")
    columns = list(required(subject)) if requirement_declared else [f"x{i}" for i in range(5)]
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=len(columns)) * 0.01 / np.sqrt(len(columns))
    tables = []
    for i in range(count):
        x = rng.normal(size=(rows, len(columns)))
        table = pd.DataFrame(x, columns=columns)
        outcome = x @ weights + rng.normal(size=rows) * 0.01
        outcome[rows // 4] += 0.2  # a shock, so that what is known of usual errors matters
        table["y"] = outcome
        table.index = pd.RangeIndex(i * rows, (i + 1) * rows)
        tables.append(table)
    return tables, pd.DataFrame(rng.normal(size=(rows, len(columns))), columns=columns)


def spoilt(batch: pd.DataFrame, column: str, value: float) -> pd.DataFrame:
    """The batch with that value in its first row."""
    changed = batch.copy()
    changed.loc[changed.index[0], column] = value
    return changed


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Batches as one."""
    return pd.concat(list(parts))


def outputs(raw: Any) -> Floats:
    """Predictions for the probe, one a row."""
    values = np.asarray(raw, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"wanted one prediction a row, got shape {values.shape}")
    return values
