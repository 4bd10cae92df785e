"""What operators do to frames on the panel's index, asset by asset."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags
from audit_lib.faults.base import Call


def level(frame: pd.DataFrame) -> str | None:
    """Name of the level that tells assets apart; None for one series of bars."""
    names = list(frame.index.names or [])
    return "asset" if "asset" in names else None


def per_asset(frame: pd.DataFrame, column: str, change: Callable[[pd.Series], pd.Series]) -> None:
    """Change one column in place, asset by asset."""
    if column not in frame:
        return
    assets = level(frame)
    if assets is None:
        frame[column] = change(frame[column])
    else:
        frame[column] = frame.groupby(level=assets)[column].transform(change)


def ahead(values: pd.Series) -> pd.Series:
    """Each value a bar early; the last stays."""
    return values.shift(-1).where(lambda moved: moved.notna(), values)


def held(call: Call) -> pd.DataFrame | None:
    """The answer as a frame; None where it is none."""
    return call.answer if isinstance(call.answer, pd.DataFrame) else None


def with_case(call: Call) -> pd.DataFrame | None:
    """The answer as a frame; None where it is none, or has no column of the case."""
    frame = held(call)
    return frame if frame is not None and call.case in frame else None


def changed(call: Call, change: Callable[[pd.Series], Any], *, by_asset: bool = False) -> Any:
    """The answer, its case's column changed: as a whole, or asset by asset."""
    frame = with_case(call)
    if frame is not None and by_asset:
        per_asset(frame, call.case, change)
    elif frame is not None:
        frame[call.case] = change(frame[call.case])
    return call.answer


def numeric(frame: pd.DataFrame) -> list[str]:
    """Columns of numbers that vary."""
    columns = [c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])]
    return [c for c in columns if frame[c].nunique(dropna=True) > 1]


def wild(frame: pd.DataFrame, column: str, *, calm: bool = False) -> Flags:
    """Rows in the fifth of the sample where the column moves most, or least."""
    size = frame[column].diff().abs().to_numpy(dtype=float)
    finite = size[np.isfinite(size)]
    if not finite.size:
        return np.zeros(len(frame), dtype=bool)
    edge = np.quantile(finite, 0.2 if calm else 0.8)
    chosen = size <= edge if calm else size >= edge
    return np.asarray(chosen, dtype=bool)
