"""Hooks that the host makes of the subject's: watched, or run several at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from .capture import recorded
from .crashing import crashing
from .names import CRASHING, IN_TURN, TOGETHER, WATCHED, composed
from .sides import with_sides
from .together import together

if TYPE_CHECKING:
    from collections.abc import Callable


def derived(hooks: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """All hooks there are to call, by name."""
    called = {
        name: recorded(hook) if name.partition("[")[0] == WATCHED else with_sides(name, hooks)
        for name, hook in hooks.items()
    }
    composite = {
        name: _made_of(name, *(called[p] for p in parts)) for name, parts in composed(hooks).items()
    }
    for name, hook in hooks.items():
        composite |= {name + TOGETHER: together(hook), name + CRASHING: crashing(hook)}
    for name, hook in (called | composite).items():
        if name.partition("[")[0] == "predictor.predict":
            composite |= {name + IN_TURN: _in_turn(hook)}
        if name.partition("[")[0] == "registry.resolve":
            composite |= {name + IN_TURN: _around(hook, hooks)}
    return called | composite


def _in_turn(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook in one process: what it answers to these rows, to others, and to these again."""

    def call(at: Any, rows: Any, others: Any) -> Any:
        return [hook(at, table) for table in (rows, others, rows)]

    return call


def _around(hook: Callable[..., Any], hooks: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The hook in one process, before and after another process has called another hook."""

    def asked(at: Any, request: Any) -> Any:
        try:
            return hook(at, request)
        except sys.modules["audit_lib.hooks"].Refusal as refusal:
            return {"why": str(refusal)}

    def call(at: Any, request: Any, other: str, given: Any) -> Any:
        before = asked(at, request)
        return [before, *together(hooks[other])(at, [given]), asked(at, request)]

    return call


def _made_of(name: str, *parts: Callable[..., Any]) -> Callable[..., Any]:
    def predict(at: Any, features: Any, *beside: Any) -> Any:
        heads = parts[-1](at, parts[0](at, features, *beside))
        return heads.set_axis(features.index, axis=0)

    def interval(at: Any, residuals: Any, predictions: Any, alpha: float) -> Any:
        old, new = np.ones(len(residuals)), np.ones(len(predictions))
        return parts[0](at, residuals, old, predictions, new, alpha)

    return predict if name.startswith("predictor.") else interval
