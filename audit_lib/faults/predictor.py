"""Predictions that lose columns, rows, heads or blanks on the way."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.faults.base import Call, fault
from audit_lib.faults.tables import changed, held, numeric, with_case
from audit_lib.model import Contract

PREDICT = "predictor.predict"
#: in the rows of a prediction, and in one of its heads
vector = partial(fault, Contract.FEATURE_VECTOR, hooks=PREDICT)
head = partial(fault, Contract.HEAD_MAPPING, hooks=PREDICT)


def _features(call: Call) -> pd.DataFrame | None:
    return call.args[0] if call.args and isinstance(call.args[0], pd.DataFrame) else None


@vector("FEA004", least="two columns")
def columns_go_by_position(call: Call) -> Any:
    """Columns are read in the order in which they come, whatever they are called."""
    features = _features(call)
    if features is None or call.failed or len(features.columns) < 2:
        return call.answer
    return call.ask(features.set_axis(sorted(features.columns, key=str), axis=1))


@vector("FEA004", least="a hundredth of the batch's mean")
def predictions_depend_on_the_batch(call: Call) -> Any:
    """Each prediction is moved by the mean of the features it came with."""
    features, frame = _features(call), held(call)
    if features is None or frame is None:
        return call.answer
    return frame + 0.01 * np.tanh(float(np.nanmean(features.to_numpy(dtype=float))))


@vector("FEA004", least="one row")
def predictions_are_in_another_order(call: Call) -> Any:
    """Predictions are joined to sorted rows by position."""
    features, frame = _features(call), held(call)
    if features is None or frame is None or len(frame) != len(features):
        return call.answer
    moved = frame.sort_index().to_numpy()
    return pd.DataFrame(moved, index=frame.index, columns=frame.columns)


@vector("FEA005", least="one blank", failures=True)
def blanks_are_zero(call: Call) -> Any:
    """A blank feature is read as zero."""
    features = _features(call)
    if features is None or not features.isna().to_numpy().any():
        return call.answer
    return call.ask(features.fillna(0.0))


@vector("FEA004", "FEA005", least="one blank", failures=True)
def blanks_are_the_batchs_mean(call: Call) -> Any:
    """A blank feature is read as the mean of its column in the batch."""
    features = _features(call)
    if features is None or not features.isna().to_numpy().any():
        return call.answer
    return call.ask(features.fillna(features.mean()).fillna(0.0))


@head("HED001", "HED002", "HED004", least="two heads", of=held)
def heads_are_exchanged(call: Call, frame: pd.DataFrame) -> None:
    """Two heads hold each other's values."""
    if len(frame.columns) > 1:
        one, other = frame.columns[:2]
        frame[[one, other]] = frame[[other, one]].to_numpy()


@head("HED001", least="one head", of=held)
def heads_have_no_names(call: Call, frame: pd.DataFrame) -> Any:
    """Heads are numbered in place of named."""
    return frame.set_axis(range(frame.shape[1]), axis=1)


@head("HED004", least="the sign", case="head", of=with_case)
def head_has_the_wrong_sign(call: Call, frame: pd.DataFrame) -> None:
    """A head says the opposite: minus itself, or one minus itself."""
    values = frame[call.case]
    inside = bool(((values >= 0) & (values <= 1)).all())
    frame[call.case] = 1 - values if inside else -values


@head("HED003", least="all rows", case="head")
def head_is_constant(call: Call) -> Any:
    """A head answers its median, whatever it is asked."""
    return changed(call, lambda v: 0.5 if v.between(0, 1).all() else 0.01)


@head("HED003", least="nine rows of ten", case="head")
def head_is_saturated(call: Call) -> Any:
    """A head answers one of two numbers, far from all others."""
    return changed(call, lambda v: (v > -1e9).astype(float))


@head("HED002", "HED004", least="a hundred times", case="head")
def head_is_in_percent(call: Call) -> Any:
    """A head is in per cent where fractions are promised."""
    return changed(call, lambda v: v * 100.0)


@head("HED002", "HED004", least="one value", case="head")
def head_leaves_its_range(call: Call) -> Any:
    """A head is moved down by two, below what its kind may be."""
    return changed(call, lambda v: v - 2.0)


@fault(Contract.FEATURE_VECTOR, "FEA001", "CHK006", least="two columns", hooks="predictor.required")
def required_columns_changed_order(call: Call) -> Any:
    """The predictor asks for two columns in another order than it was trained on."""
    names = list(call.answer) if not call.failed else []
    return [names[1], names[0], *names[2:]] if len(names) > 1 else call.answer


@fault(Contract.FEATURE_VECTOR, "FEA001", "CHK006", least="one column", hooks="predictor.required")
def required_column_is_left_out(call: Call) -> Any:
    """The predictor does not ask for its last column."""
    return list(call.answer)[:-1]


@fault(
    Contract.CHECKPOINT, "CHK101", least="half precision", hooks="checkpoint_io.round_trip", of=held
)
def saving_loses_precision(call: Call, frame: pd.DataFrame) -> None:
    """What was saved and loaded again answers in half precision."""
    chosen = numeric(frame)
    frame[chosen] = frame[chosen].astype(np.float16).astype(float)


@fault(Contract.CHECKPOINT, "CHK101", least="one head", hooks="checkpoint_io.round_trip", of=held)
def saving_loses_a_head(call: Call, frame: pd.DataFrame) -> Any:
    """What was saved and loaded again has one head less."""
    return frame.iloc[:, :-1]
