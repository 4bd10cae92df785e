"""Changes that change nothing that matters: an audit that accuses them accuses right code.

Each hook's answers are given in another form, or as another implementation would give them that
agrees to the last bit but one.  The last bit follows from the value alone, so that the same
question has the same answer.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.faults.base import Fault
from audit_lib.hooks import HOOKS
from audit_lib.model import Contract

#: contract that a surface's answers belong to
_CONTRACTS = {
    "features": Contract.FEATURE_VECTOR,
    "targets": Contract.TARGET_LABEL,
    "splits": Contract.SPLITS,
    "predictor": Contract.HEAD_MAPPING,
    "decisions": Contract.INTERPRETATION,
    "registry": Contract.VERSIONING,
    "governance": Contract.GOVERNANCE,
    "retrain": Contract.RETRAIN,
    "drift": Contract.DRIFT,
    "calibration": Contract.CALIBRATION,
    "conformal": Contract.CONFORMAL,
    "pricing": Contract.PRICING,
    "neural": Contract.NEURAL,
    "online": Contract.ONLINE,
    "checkpoint_io": Contract.CHECKPOINT,
    "explain": Contract.INTERPRETATION,
}
#: hooks that a training is watched through, or that say a form rather than numbers
_LEFT = ("retrain.train", "features.panel")
#: hooks whose answers are compared column by column: in another order only all together
_TOGETHER = (
    ("features.build", "features.build_backtest", "features.build_live"),
    ("predictor.predict", "checkpoint_io.round_trip"),
)
#: surfaces whose checks ask most; they come last
_LONG = ("targets", "features", "predictor", "decisions")


def last_bit(answer: Any) -> Any:
    """Floats moved by one unit in the last place, up or down as the value itself says."""
    if isinstance(answer, pd.DataFrame):
        moved = answer.copy()
        for i, column in enumerate(moved.columns):
            if pd.api.types.is_float_dtype(moved[column]):
                moved.isetitem(i, _moved(moved[column].to_numpy()))
        return moved
    if isinstance(answer, np.ndarray) and answer.dtype.kind == "f":
        return _moved(answer)
    if isinstance(answer, float):
        return float(_moved(np.array([answer]))[0])
    return answer


def _moved(values: Any) -> Any:
    numbers = np.asarray(values, dtype=np.float64)
    # Exact numbers (0, 1, whole ones) are what they are: a side, a class, a bound.
    free = np.isfinite(numbers) & (numbers != np.round(numbers))
    up = (numbers.view(np.uint64) >> np.uint64(3)) & np.uint64(1)
    return np.where(free, np.nextafter(numbers, np.where(up == 1, np.inf, -np.inf)), numbers)


def another_form(answer: Any) -> Any:
    """Arrays in another memory layout, tuples as lists, numbers as NumPy's."""
    if isinstance(answer, pd.DataFrame):
        return pd.DataFrame({c: answer[c].to_numpy().copy() for c in answer}, index=answer.index)
    if isinstance(answer, np.ndarray):
        return np.asfortranarray(answer.copy())
    if isinstance(answer, bool):
        return np.bool_(answer)
    if isinstance(answer, float):
        return np.float64(answer)
    if isinstance(answer, dict):
        return {k: another_form(v) for k, v in answer.items()}
    return list(answer) if isinstance(answer, tuple) else answer


def another_order(answer: Any) -> Any:
    """Columns of frames and keys of mappings the other way round: both are known by name."""
    if isinstance(answer, pd.DataFrame):
        return answer[answer.columns[::-1]] if answer.columns.is_unique else answer
    return dict(reversed(answer.items())) if isinstance(answer, dict) else answer


def another_unit(answer: Any) -> Any:
    """Dates of an index counted in microseconds, not in nanoseconds, or the other way round."""
    if not isinstance(answer, pd.DataFrame):
        return answer
    index = answer.index
    if isinstance(index, pd.DatetimeIndex):
        return answer.set_axis(_recounted(index), axis=0)
    if not isinstance(index, pd.MultiIndex):
        return answer
    for number, level in enumerate(index.levels):
        if isinstance(level, pd.DatetimeIndex):
            index = index.set_levels(_recounted(level), level=number)
    return answer.set_axis(index, axis=0)


def _recounted(dates: pd.DatetimeIndex) -> Any:
    return dates.as_unit("us" if dates.unit == "ns" else "ns")


KINDS: dict[str, Callable[[Any], Any]] = {
    "the last bit": last_bit,
    "another form": another_form,
    "another order of names": another_order,
    "another unit of dates": another_unit,
}


def harmless() -> tuple[Fault, ...]:
    """Harmless changes, one of each kind for every hook, those that are told soonest first."""
    faults = []
    for hook in sorted((h for h in HOOKS if h not in _LEFT), key=_length):
        group = next((group for group in _TOGETHER if hook in group), (hook,))
        for kind, change in KINDS.items():
            hooks = group if change is another_order else (hook,)
            if hooks[0] == hook:
                faults.append(_fault(hook, hooks, kind, change))
    return tuple(faults)


def _fault(hook: str, hooks: tuple[str, ...], kind: str, change: Callable[[Any], Any]) -> Fault:
    return Fault(
        name=f"{hook} in {kind}",
        contract=_CONTRACTS[hook.split(".", maxsplit=1)[0]],
        sees=(),
        least="nothing",
        told=f"{hook} answers the same, in {kind}",
        hooks=hooks,
        spoil=lambda call: call.answer if call.failed else change(call.answer),
    )


def _length(hook: str) -> int:
    surface = hook.split(".", maxsplit=1)[0]
    return 1 + _LONG.index(surface) if surface in _LONG else 0
