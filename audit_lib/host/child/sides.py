"""Hands a hook the tables that stand beside its own, where it takes them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: hooks that may take tables beside their first, to the hook that makes these
BESIDE = {
    "features.build": "features.sides",
    "features.build_backtest": "features.sides",
    "features.build_live": "features.sides",
    "predictor.predict": "predictor.sides",
    "decisions.backtest": "predictor.sides",
    "decisions.live": "predictor.sides",
    "checkpoint_io.round_trip": "predictor.sides",
    "explain.stages": "predictor.sides",
    "explain.outcomes": "predictor.sides",
}


def with_sides(name: str, hooks: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The hook, taking one table, and the tables beside it where the judge has them.

    Where it has none, they are made anew from what the hook is given, by ``predictor.sides`` or
    ``features.sides`` of its own variant, or the plain one.
    """
    hook, (base, bracket, variant) = hooks[name], name.partition("[")
    maker = BESIDE.get(base, "")
    make = hooks.get(maker + bracket + variant) or hooks.get(maker)
    if make is None:
        return hook
    if not _takes_three(hook):
        return lambda at, given, sides=None: hook(at, given)

    def call(at: Any, given: Any, sides: dict[str, Any] | None = None) -> Any:
        return hook(at, given, make(at, given) if sides is None else sides)

    return call


def _takes_three(hook: Callable[..., Any]) -> bool:
    try:
        inspect.signature(hook).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True
