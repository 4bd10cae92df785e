"""Hooks that the host makes of the subject's: watched, or run several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .capture import recorded
from .crashing import crashing
from .sides import with_sides
from .together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WATCHED = "retrain.train"
#: hooks that are made of others, where they are not written themselves
MADE_OF = {
    "predictor.predict": ("predictor.outputs", "predictor.decode"),
    "conformal.interval": ("conformal.scaled_interval",),
}
TOGETHER = "@together"
"""behind the name of a hook: takes a list of calls, and makes them at once"""
CRASHING = "@crashing"
"""behind the name of a hook: takes a number before the arguments, and dies at that change"""


def plain(name: str) -> str:
    """The hook's name, without what the host makes of it."""
    return name.partition("@")[0]


def derived(hooks: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """All hooks there are to call, by name."""
    known = {
        name: recorded(hook) if name.partition("[")[0] == WATCHED else with_sides(name, hooks)
        for name, hook in hooks.items()
    }
    made = {
        name: _made_of(name, *(known[p] for p in parts)) for name, parts in composed(hooks).items()
    }
    for name, hook in hooks.items():
        made |= {name + TOGETHER: together(hook), name + CRASHING: crashing(hook)}
    return known | made


def composed(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Hooks that nobody wrote, to the written ones that they are made of.

    ``predictor.predict`` of outputs and their decoder, ``conformal.interval`` of one that takes
    scales: of each variant, with the plain one where a part has no such variant.
    """
    listed = list(names)
    written, found = set(listed), {}
    for name in listed:  # variants stay in the order of the file
        hook, bracket, variant = name.partition("[")
        for made, parts in MADE_OF.items():
            if hook not in parts or {made, made + bracket + variant} & written:
                continue
            own = [p + bracket + variant for p in parts]
            used = tuple(o if o in written else p for o, p in zip(own, parts, strict=True))
            if set(used) <= written:
                found[made + bracket + variant] = used
    return found


def _made_of(name: str, *parts: Callable[..., Any]) -> Callable[..., Any]:
    def predict(at: Any, features: Any, *beside: Any) -> Any:
        heads = parts[-1](at, parts[0](at, features, *beside))
        return heads.set_axis(features.index, axis=0)

    def interval(at: Any, residuals: Any, predictions: Any, alpha: float) -> Any:
        known, new = np.ones(len(residuals)), np.ones(len(predictions))
        return parts[0](at, residuals, known, predictions, new, alpha)

    return predict if name.startswith("predictor.") else interval
