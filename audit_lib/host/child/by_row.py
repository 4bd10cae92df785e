"""Hooks that answer one row at a time, called for a whole table in one go."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

BEFORE = inspect.Parameter("given", inspect.Parameter.POSITIONAL_OR_KEYWORD)


def for_tables(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that answers a function of one row, as a hook that takes tables; others as they are.

    The function is made once a call.  What it answers of each row becomes a row of the answer.
    """
    if getattr(hook, "each", "table") != "row":
        return hook

    def call(at: Any, given: Any, *beside: Any, **told: Any) -> Any:
        one = hook(at, *beside, **told)
        return _joined([one(given.iloc[[i]]) for i in range(len(given))], given.index)

    first, *others = inspect.signature(hook).parameters.values()
    call.__signature__ = inspect.Signature([first, BEFORE, *others])  # type: ignore[attr-defined]  # inspect reads it
    return call


def _joined(answers: list[Any], index: Any) -> Any:
    """Answers of single rows as the answer of all: frames, mappings, series, or arrays."""
    if answers and isinstance(answers[-1], dict) and "orders" in answers[-1]:
        orders = _joined([answer["orders"] for answer in answers], index)
        return {**answers[-1], "orders": orders}
    if answers and isinstance(answers[0], pd.DataFrame):
        table = pd.concat(answers)
        return table.set_axis(index, axis=0) if len(table) == len(index) else table
    if answers and isinstance(answers[0], np.ndarray):
        return np.vstack(answers)
    if any(not isinstance(answer, (dict, pd.Series)) for answer in answers):
        raise TypeError("a row is answered as a frame of one row, a mapping, a series or an array")
    return pd.DataFrame([dict(answer) for answer in answers], index=index)
