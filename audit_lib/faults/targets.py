"""Labels and folds that are not what they are called."""

from typing import Any

import numpy as np
import pandas as pd

from audit_lib.faults.base import Call, fault
from audit_lib.faults.tables import held, numeric, per_asset
from audit_lib.model import Contract

LABELS, SPLITS = Contract.TARGET_LABEL, Contract.SPLITS
BUILD, FOLDS = "targets.build", "splits.folds"


def _each(call: Call, change: Any) -> Any:
    frame = held(call)
    if frame is not None:
        for column in frame.columns:
            per_asset(frame, column, change)
    return call.answer


@fault(LABELS, "TGT001", least="one bar", hooks=BUILD)
def labels_are_a_bar_longer(call: Call) -> Any:
    """Each label is that of the next bar, and so ends a bar later than declared."""
    return _each(call, lambda v: v.shift(-1))


@fault(LABELS, "TGT001", "TGT002", least="one bar", hooks=BUILD)
def labels_are_a_bar_old(call: Call) -> Any:
    """Each label is that of the bar before."""
    return _each(call, lambda v: v.shift(1))


@fault(LABELS, "TGT003", least="the last bars", hooks=BUILD, of=held)
def unknown_labels_are_zero(call: Call, frame: pd.DataFrame) -> Any:
    """Labels that are not known yet are zero."""
    return frame.fillna(0)


@fault(LABELS, "TGT003", least="the last bars", hooks=BUILD)
def unknown_labels_are_carried_on(call: Call) -> Any:
    """Labels that are not known yet are the last known ones."""
    return _each(call, lambda v: v.ffill())


@fault(LABELS, "TGT004", least="percent for fraction", hooks=BUILD, of=held)
def labels_are_in_percent(call: Call, frame: pd.DataFrame) -> None:
    """Labels of returns are in per cent."""
    for column in numeric(frame):
        if frame[column].nunique() > 10:
            frame[column] = frame[column] * 100.0


@fault(LABELS, "TGT004", least="log for simple", hooks=BUILD, of=held)
def labels_are_of_the_other_kind(call: Call, frame: pd.DataFrame) -> None:
    """Simple returns are log returns."""
    for column in numeric(frame):
        if frame[column].nunique() > 10 and frame[column].min() > -1:
            frame[column] = np.log1p(frame[column])


@fault(LABELS, "TGT004", least="the classes", hooks=BUILD, of=held)
def classes_are_exchanged(call: Call, frame: pd.DataFrame) -> None:
    """Labels of two classes are inverted."""
    for column in numeric(frame):
        if frame[column].nunique() == 2:
            frame[column] = frame[column].max() + frame[column].min() - frame[column]


@fault(LABELS, "TGT005", least="all rows", hooks=BUILD)
def labels_are_constant(call: Call) -> Any:
    """Every label is the same."""
    return _each(call, lambda v: v.where(v.isna(), 0.0))


@fault(LABELS, "TGT001", "SPL003", "TGT007", least="one bar", hooks="targets.declared")
def declared_horizon_is_a_bar_short(call: Call) -> Any:
    """Every label is declared a bar shorter than it is."""
    if not isinstance(call.answer, dict):
        return call.answer
    return {
        name: {**spec, "horizon": spec["horizon"] - 1}
        if isinstance(spec, dict) and isinstance(spec.get("horizon"), int)
        else spec
        for name, spec in call.answer.items()
    }


@fault(LABELS, "TGT007", least="one bar", hooks="targets.preconditions")
def preconditions_hold_a_bar_longer(call: Call) -> Any:
    """The preconditions are locked to a holding period of one bar more."""
    if not isinstance(call.answer, dict) or "holding" not in call.answer:
        return call.answer
    return {**call.answer, "holding": call.answer["holding"] + 1}


# --- folds ------------------------------------------------------------------------------------
def _folds(call: Call) -> list[dict[str, Any]] | None:
    return call.answer if isinstance(call.answer, list) and call.answer else None


def _positions(panel: pd.DataFrame) -> Any:
    """Position of each row's date among the dates."""
    names = list(panel.index.names or [])
    dates = panel.index.get_level_values("date") if "date" in names else panel.index
    return pd.factorize(dates, sort=True)[0]


def _nearer(call: Call, bars: int | None) -> Any:
    """Trains on rows nearer to the test: by some bars, or right up to it."""
    folds = _folds(call)
    if folds is None or not isinstance(call.args[0], pd.DataFrame):
        return call.answer
    at = _positions(call.args[0])
    for fold in folds:
        train, test = np.asarray(fold["train"]), np.asarray(fold["test"])
        before = train[at[train] < at[test].min()]
        if not before.size:
            continue
        last, end = at[before].max(), at[test].min()
        edge = end - 1 if bars is None else min(last + bars, end - 1)
        more = np.flatnonzero((at > last) & (at <= edge))
        fold["train"] = np.union1d(train, more)
    return folds


@fault(SPLITS, "SPL001", "SPL003", least="one bar", hooks=FOLDS)
def purge_is_a_bar_short(call: Call) -> Any:
    """Each fold trains on one more date before its test."""
    return _nearer(call, 1)


@fault(SPLITS, "SPL001", least="the whole purge", hooks=FOLDS)
def nothing_is_purged(call: Call) -> Any:
    """Each fold trains up to the bar before its test."""
    return _nearer(call, None)


@fault(SPLITS, "SPL002", least="one row a fold", hooks=FOLDS, of=_folds)
def test_rows_are_trained_on(call: Call, folds: list[dict[str, Any]]) -> None:
    """Each fold trains on the first row of its own test."""
    for fold in folds:
        fold["train"] = np.union1d(np.asarray(fold["train"]), np.asarray(fold["test"])[:1])


@fault(SPLITS, "SPL001", "SPL002", "SPL005", least="all folds", hooks=FOLDS, of=_folds)
def folds_are_drawn_at_random(call: Call, folds: list[dict[str, Any]]) -> None:
    """Rows go to train and test at random."""
    for fold in folds:
        rows = np.concatenate([np.asarray(fold["train"]), np.asarray(fold["test"])])
        mixed = call.rng.permutation(rows)
        size = len(fold["train"])
        fold["train"], fold["test"] = np.sort(mixed[:size]), np.sort(mixed[size:])


@fault(SPLITS, "SPL005", "SPL003", least="one fold", hooks=FOLDS)
def a_fold_is_lost(call: Call) -> Any:
    """The middle fold is not made."""
    folds = _folds(call)
    if folds is None or len(folds) < 3:
        return call.answer
    return [f for i, f in enumerate(folds) if i != len(folds) // 2]


@fault(SPLITS, "SPL003", least="one bar", hooks="splits.declared")
def declared_purge_is_a_bar_longer(call: Call) -> Any:
    """More is declared to be purged than is."""
    if not isinstance(call.answer, dict) or "purge" not in call.answer:
        return call.answer
    return {**call.answer, "purge": call.answer["purge"] + 1}
